//! A server, a Vault that trusts it, and a witness: where most tests of credentials take place.

use std::path::Path;

use anyhow::{Context, ensure};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use carnet_tests::{
    ApiClient, CarnetServer, CertificateAuthority, OpenBao, ServerOptions, Tool, Witness, tool, wait_for,
};
use serde_json::{Value, json};
use std::time::Duration;

/// The organization of every test.
pub(crate) const ORGANIZATION: &str = "acme";

/// The secret in Vault that runs read.
pub(crate) const PASSWORD: &str = "correct horse/battery+staple";

/// A server, an OpenBao, and a listener of the test.
pub(crate) struct Site {
    pub(crate) ca: CertificateAuthority,
    pub(crate) bao: OpenBao,
    pub(crate) server: CarnetServer,
    pub(crate) api: ApiClient,
    pub(crate) witness: Witness,
    /// The path of the client `bao`.
    pub(crate) client: String,
}

/// Environment variables of a workspace.
pub(crate) type Variables = Vec<(String, String)>;

impl Site {
    /// Starts everything; Vault has a policy for a plan, one for an apply, and a secret that only the apply may read.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        Self::start_with(ServerOptions::default()).await
    }

    /// The same, with a server that is started in another way.
    pub(crate) async fn start_with(mut options: ServerOptions) -> anyhow::Result<Self> {
        options.arguments.extend(["--concurrency", "4"].map(str::to_owned));
        let ca = CertificateAuthority::new()?;
        let (bao, server, witness) =
            tokio::try_join!(OpenBao::start(&ca), CarnetServer::start(options), Witness::start())?;
        let api = server.api()?;
        api.create_organization(ORGANIZATION).await?;
        bao.write_secret("app", json!({"password": PASSWORD})).await?;
        bao.write_reader_policy("reader", "app").await?;
        bao.write_reader_policy("planner", "nothing").await?;
        let client = tool(Tool::OpenBao).await?.display().to_string();
        Ok(Self { ca, bao, server, api, witness, client })
    }

    /// Applies what `carnet trust vault` prints for a workspace; yields the variables that it prints.
    pub(crate) async fn trust(&self, workspace: &str, more: &[&str]) -> anyhow::Result<Variables> {
        let (url, issuer_ca) = (self.server.url(), self.server.ca_file().display().to_string());
        let vault_ca = self.ca.pem_file().display().to_string();
        let mut arguments = vec!["trust", "vault", "--format", "json", "--org", ORGANIZATION];
        arguments.extend(["--url", &url, "--workspace", workspace, "--issuer-ca-file", &issuer_ca]);
        arguments.extend(["--vault-addr", self.bao.address(), "--vault-ca-file", &vault_ca]);
        arguments.extend(["--policy-plan", "planner"]);
        if !more.contains(&"--policy-apply") {
            arguments.extend(["--policy-apply", "reader"]);
        }
        arguments.extend(more);
        let printed = self.server.command(&arguments).await?;
        ensure!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
        let trust: Value = serde_json::from_slice(&printed.stdout)?;
        for request in trust["requests"].as_array().context("there are no requests")? {
            self.apply(request).await?;
        }
        let variables = trust["variables"].as_array().context("there are no variables")?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(variables.iter().map(|variable| (text(&variable["key"]), text(&variable["value"]))).collect())
    }

    async fn apply(&self, request: &Value) -> anyhow::Result<()> {
        let method = request["method"].as_str().context("a request has a method")?;
        let path = request["path"].as_str().and_then(|path| path.strip_prefix("/v1/")).context("a path")?;
        let root = self.bao.root_token();
        let answer = self.bao.request(method, path, Some(root), Some(&request["body"])).await?;
        let is_there = answer.status == 400 && answer.body.to_string().contains("already in use");
        if request["may-exist"] == json!(true) && is_there {
            return Ok(());
        }
        answer.success().map(drop).with_context(|| format!("{method} {path}"))
    }

    /// Makes a workspace of the organization with environment variables; yields its id.
    pub(crate) async fn workspace(&self, name: &str, variables: &Variables) -> anyhow::Result<String> {
        workspace(&self.api, ORGANIZATION, name, variables).await
    }

    /// Makes a workspace that Vault trusts; yields its id.
    pub(crate) async fn trusted(&self, name: &str) -> anyhow::Result<String> {
        let variables = self.trust(name, &[]).await?;
        self.workspace(name, &variables).await
    }

    /// A command of a shell that reads the secret with the Vault token in the environment and shows its hash only.
    pub(crate) fn read_secret(&self) -> String {
        format!("printf %s \"$({} kv get -field=password secret/app)\" | sha256sum", self.client)
    }
}

/// Makes a workspace with environment variables; yields its id.
pub(crate) async fn workspace(
    api: &ApiClient,
    organization: &str,
    name: &str,
    variables: &Variables,
) -> anyhow::Result<String> {
    let id = api.create_workspace(organization, name).await?;
    let variables: Vec<(&str, &str)> = variables.iter().map(|(key, value)| (&**key, &**value)).collect();
    api.set_environment(&id, &variables).await?;
    Ok(id)
}

/// The variables with some set to other values, and some added.
pub(crate) fn with(variables: &Variables, changes: &[(&str, &str)]) -> Variables {
    let is_kept = |(key, _): &&(String, String)| changes.iter().all(|(changed, _)| changed != key);
    let kept = variables.iter().filter(is_kept).cloned();
    kept.chain(changes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))).collect()
}

/// The variables without some.
pub(crate) fn without(variables: &Variables, names: &[&str]) -> Variables {
    variables.iter().filter(|(key, _)| !names.contains(&&**key)).cloned().collect()
}

/// A resource whose creation runs a script of a shell.
pub(crate) fn script(name: &str, script: &str) -> String {
    format!(
        "resource \"terraform_data\" \"{name}\" {{\n  provisioner \"local-exec\" {{\n    command = <<-EOT\n{script}\n\
         EOT\n  }}\n}}\n"
    )
}

/// What `sha256sum` says of a text.
pub(crate) async fn sha256(text: &str) -> anyhow::Result<String> {
    let mut command = tokio::process::Command::new("sh");
    let output = command.args(["-c", "printf %s \"$1\" | sha256sum", "sh", text]).output().await?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// The claims of a token, without a check of its signature.
pub(crate) fn claims(token: &str) -> anyhow::Result<Value> {
    let payload = token.split('.').nth(1).context("a token has three parts")?;
    Ok(serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload)?)?)
}

/// The status of a run document.
pub(crate) fn status(run: &Value) -> &str {
    run["data"]["attributes"]["status"].as_str().unwrap_or_default()
}

/// The id of a run document.
pub(crate) fn id(run: &Value) -> &str {
    run["data"]["id"].as_str().unwrap_or_default()
}

/// The accessors of the Vault tokens that a log names as given out.
pub(crate) fn accessors(log: &str) -> Vec<String> {
    let lines = log.lines().filter(|line| line.contains(": logged in at "));
    lines.filter_map(|line| Some(line.rsplit_once(", accessor ")?.1.trim().to_owned())).collect()
}

/// Waits until nothing of any run is left in a folder of homes.
pub(crate) async fn wait_until_empty(work_root: &Path) -> anyhow::Result<()> {
    let what = format!("{} to be empty", work_root.display());
    wait_for(&what, Duration::from_secs(60), async || {
        Ok(std::fs::read_dir(work_root)?.next().is_none().then_some(()))
    })
    .await
}
