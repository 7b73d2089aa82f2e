//! OpenBao, a Vault-compatible server, over TLS and with an audit log.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    certificate_authority::CertificateAuthority,
    json_client::{Answer, JsonClient},
    port::free_ports,
    process::{ChildProcess, Ending, Start, wait_for},
    tool::{Tool, tool},
};

const START_ATTEMPTS: usize = 5;

/// A running, unsealed OpenBao.
#[derive(Debug)]
pub struct OpenBao {
    process: ChildProcess,
    client: JsonClient,
    root_token: String,
    ca_pem: String,
    folder: TempDir,
}

/// A role of the JWT method that is bound to one subject and one audience.
#[derive(Debug, Clone)]
pub struct JwtRole<'a> {
    /// The role's name.
    pub name: &'a str,
    /// The audience a token must have.
    pub audience: &'a str,
    /// The subject a token must have; `*` stands for anything.
    pub subject: &'a str,
    /// The policies a token of the server gets.
    pub policies: &'a [&'a str],
}

/// A login that the audit log has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultLogin {
    /// The accessor of the token that was given out.
    pub accessor: String,
    /// The role.
    pub role: String,
    /// The policies, without `default`.
    pub policies: Vec<String>,
}

impl OpenBao {
    /// Starts a server with a certificate of `ca`, with a version 2 KV mount at `secret`.
    pub async fn start(ca: &CertificateAuthority) -> anyhow::Result<Self> {
        let program = tool(Tool::OpenBao).await?;
        for _ in 0..START_ATTEMPTS {
            if let Some(server) = Self::try_start(&program, ca).await? {
                server.set_up().await?;
                return Ok(server);
            }
        }
        bail!("openbao found no free port in {START_ATTEMPTS} attempts")
    }

    async fn try_start(program: &Path, ca: &CertificateAuthority) -> anyhow::Result<Option<Self>> {
        let folder = tempfile::tempdir()?;
        let [port] = free_ports()?;
        let (certificate, key) = ca.issue_into(folder.path())?;
        let file = folder.path().join("openbao.hcl");
        std::fs::write(&file, configuration(port, &certificate, &key, &folder.path().join("audit.log")))?;
        let mut command = Command::new(program);
        command.arg("server").arg("-config").arg(&file).env_clear();
        let log = folder.path().join("openbao.log");
        let mut process = ChildProcess::spawn("openbao", command, &log, Ending::Kill)?;
        let client = JsonClient::new(&format!("https://localhost:{port}"), Some(ca.pem()))?;
        let health = "/v1/sys/health?uninitcode=200";
        let probe =
            async || client.request("GET", health, None).await.is_ok_and(|answer| answer.status == 200);
        if process.until_ready(probe).await? == Start::PortTaken {
            return Ok(None);
        }
        let root_token = unseal(&client).await?;
        let client = client.with_header("x-vault-request", "true");
        Ok(Some(Self { process, client, root_token, ca_pem: ca.pem().to_owned(), folder }))
    }

    async fn set_up(&self) -> anyhow::Result<()> {
        self.admin("POST", "sys/mounts/secret", json!({"type": "kv", "options": {"version": "2"}})).await?;
        Ok(())
    }

    /// The address, as a run's `TFC_VAULT_ADDR`.
    pub fn address(&self) -> &str {
        self.client.base()
    }

    /// The certificate of the authority behind the server's own.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The token that may do everything.
    pub fn root_token(&self) -> &str {
        &self.root_token
    }

    /// The server's process.
    pub fn process(&mut self) -> &mut ChildProcess {
        &mut self.process
    }

    /// Sends a request with the given token, or none; `path` stands behind `/v1/`.
    pub async fn request(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> anyhow::Result<Answer> {
        let path = format!("/v1/{path}");
        match token {
            Some(token) => {
                self.client.clone().with_header("x-vault-token", token).request(method, &path, body).await
            }
            None => self.client.request(method, &path, body).await,
        }
    }

    /// Sends a request that must succeed, with the root token.
    pub async fn admin(&self, method: &str, path: &str, body: Value) -> anyhow::Result<Value> {
        let body = if body.is_null() { None } else { Some(&body) };
        let answer = self.request(method, path, Some(&self.root_token), body).await?;
        answer.success().with_context(|| format!("{method} {path}"))
    }

    /// Enables the JWT method at `mount` for the tokens of an issuer.
    pub async fn trust_issuer(&self, mount: &str, issuer_url: &str, issuer_ca: &str) -> anyhow::Result<()> {
        self.admin("POST", &format!("sys/auth/{mount}"), json!({"type": "jwt"})).await?;
        let configuration = json!({
            "oidc_discovery_url": issuer_url,
            "oidc_discovery_ca_pem": issuer_ca,
            "bound_issuer": issuer_url,
        });
        self.admin("POST", &format!("auth/{mount}/config"), configuration).await?;
        Ok(())
    }

    /// Writes a role of the JWT method at `mount`.
    pub async fn write_role(&self, mount: &str, role: &JwtRole<'_>) -> anyhow::Result<()> {
        let body = json!({
            "role_type": "jwt",
            "user_claim": "terraform_workspace_id",
            "bound_audiences": [role.audience],
            "bound_claims_type": "glob",
            "bound_claims": {"sub": role.subject},
            "token_policies": role.policies,
            "token_ttl": "20m",
        });
        self.admin("POST", &format!("auth/{mount}/role/{}", role.name), body).await?;
        Ok(())
    }

    /// Writes a policy that may read one secret of the mount `secret`.
    pub async fn write_reader_policy(&self, name: &str, secret: &str) -> anyhow::Result<()> {
        let policy = format!("path \"secret/data/{secret}\" {{ capabilities = [\"read\"] }}");
        self.admin("PUT", &format!("sys/policies/acl/{name}"), json!({"policy": policy})).await?;
        Ok(())
    }

    /// Writes a secret into the mount `secret`.
    pub async fn write_secret(&self, path: &str, data: Value) -> anyhow::Result<()> {
        let path = format!("secret/data/{path}");
        let body = json!({"data": data});
        // A new mount of version 2 refuses requests until it has finished its own preparations.
        wait_for("the KV mount", std::time::Duration::from_secs(10), async || {
            let answer = self.request("POST", &path, Some(&self.root_token), Some(&body)).await?;
            let is_preparing = answer.status == 400 && answer.body.to_string().contains("pgrading");
            if is_preparing { Ok(None) } else { answer.success().map(Some) }
        })
        .await?;
        Ok(())
    }

    /// Trades an identity token for a token of the server.
    pub async fn login(&self, mount: &str, role: &str, identity_token: &str) -> anyhow::Result<Answer> {
        let body = json!({"role": role, "jwt": identity_token});
        self.request("POST", &format!("auth/{mount}/login"), None, Some(&body)).await
    }

    /// Whether the token behind an accessor still exists.
    pub async fn is_live(&self, accessor: &str) -> anyhow::Result<bool> {
        let body = json!({"accessor": accessor});
        let path = "auth/token/lookup-accessor";
        let answer = self.request("POST", path, Some(&self.root_token), Some(&body)).await?;
        match answer.status {
            200 => Ok(true),
            // OpenBao answers 403 for an accessor it does not know, older servers 400 or 404.
            400 | 403 | 404 if answer.body.to_string().contains("invalid accessor") => Ok(false),
            _ => bail!("{path} answered {}: {}", answer.status, answer.body),
        }
    }

    /// The file of the audit log.
    pub fn audit_file(&self) -> PathBuf {
        self.folder.path().join("audit.log")
    }

    /// The entries of the audit log, oldest first.
    pub fn audit_log(&self) -> anyhow::Result<Vec<Value>> {
        let text = std::fs::read_to_string(self.audit_file())?;
        text.lines().map(|line| serde_json::from_str(line).context("the audit log is not JSON")).collect()
    }

    /// The logins that succeeded, oldest first.
    pub fn logins(&self) -> anyhow::Result<Vec<VaultLogin>> {
        Ok(self.audit_log()?.iter().filter_map(VaultLogin::from_audit_entry).collect())
    }
}

impl VaultLogin {
    fn from_audit_entry(entry: &Value) -> Option<Self> {
        let path = entry["request"]["path"].as_str()?;
        let auth = &entry["response"]["auth"];
        if !(path.starts_with("auth/") && path.ends_with("/login")) {
            return None;
        }
        let policies = auth["policies"].as_array()?.iter().filter_map(Value::as_str);
        Some(Self {
            accessor: auth["accessor"].as_str()?.to_owned(),
            role: auth["metadata"]["role"].as_str()?.to_owned(),
            policies: policies.filter(|policy| *policy != "default").map(str::to_owned).collect(),
        })
    }
}

fn configuration(port: u16, certificate: &Path, key: &Path, audit_log: &Path) -> String {
    // Accessors stay readable in the audit log, so that a test can ask for the token behind one; tokens are hashed.
    format!(
        r#"
        storage "inmem" {{}}
        listener "tcp" {{
            address       = "127.0.0.1:{port}"
            tls_cert_file = {certificate:?}
            tls_key_file  = {key:?}
        }}
        api_addr = "https://localhost:{port}"
        audit "file" "to-file" {{
            options {{
                file_path     = {audit_log:?}
                hmac_accessor = "false"
            }}
        }}
        "#
    )
}

async fn unseal(client: &JsonClient) -> anyhow::Result<String> {
    let shares = json!({"secret_shares": 1, "secret_threshold": 1});
    let made = client.request("PUT", "/v1/sys/init", Some(&shares)).await?.success()?;
    let key = made["keys"][0].as_str().context("the server gave no unseal key")?;
    client.request("PUT", "/v1/sys/unseal", Some(&json!({"key": key}))).await?.success()?;
    // The node that has just been unsealed needs a moment to become active.
    wait_for("openbao to become active", std::time::Duration::from_secs(30), async || {
        let answer = client.request("GET", "/v1/sys/health", None).await?;
        Ok((answer.status == 200).then_some(()))
    })
    .await?;
    Ok(made["root_token"].as_str().context("the server gave no root token")?.to_owned())
}
