//! The trust of AWS, read and applied by the real Terraform with the real provider, and its policies judged by a token service.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, ensure};
use carnet_tests::{
    Access, AwsClient, CarnetServer, SeaweedFs, SeaweedOptions, ServerOptions, Tool, TrustedRole, aws_client,
    tool,
};
use carnet_trust::setup::{Phases, Scope, TrustFormat, TrustRequest, Variables as TrustVariables, write};
use serde_json::{Value, json};
use tokio::process::Command;

use super::{printed, request};
use crate::site::{ORGANIZATION, id, script, status, with, workspace};

/// The provider against a server that is not AWS.
const PROVIDER: &str = "provider \"aws\" {\n  region                      = \"us-east-1\"\n  \
                        skip_requesting_account_id  = true\n  skip_credentials_validation = true\n  \
                        skip_metadata_api_check     = true\n}\n";

/// A directory with a configuration for the real Terraform.
struct Directory {
    folder: tempfile::TempDir,
    program: std::path::PathBuf,
    environment: Vec<(&'static str, String)>,
}

impl Directory {
    async fn new(configuration: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("main.tf"), configuration)?;
        std::fs::write(folder.path().join("provider.tf"), PROVIDER)?;
        Ok(Self { folder, program: tool(Tool::Terraform).await?, environment: Vec::new() })
    }

    async fn terraform(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.envs([
            ("PATH", "/usr/bin:/bin"),
            ("CHECKPOINT_DISABLE", "1"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]);
        command
            .env("HOME", self.folder.path())
            .envs(self.environment.iter().map(|(name, value)| (*name, value)));
        let output = command.stdin(Stdio::null()).output().await?;
        let text =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "terraform {arguments:?}\n{text}");
        Ok(text)
    }

    async fn init(&self, mirror: &Path) -> anyhow::Result<()> {
        let mirror = format!("-plugin-dir={}", mirror.display());
        self.terraform(&["init", "-input=false", "-no-color", &mirror]).await.map(drop)
    }
}

/// The configuration alone, without the `tfe` provider, which is not at hand.
fn shown(change: impl FnOnce(TrustRequest) -> TrustRequest, options: Value) -> anyhow::Result<String> {
    let request = TrustRequest { variables: TrustVariables::Show, ..change(request("aws", options)) };
    Ok(write(&request, TrustFormat::Terraform)?)
}

#[tokio::test]
async fn the_provider_takes_every_form_of_the_configuration() -> anyhow::Result<()> {
    let AwsClient::Provider { mirror } = aws_client().await? else {
        // Without the provider there is nobody to ask; the others' schemas are checked in any case.
        return Ok(());
    };
    let policies = json!({"policy-arns-plan": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
                          "policy-arns-apply": ["arn:aws:iam::aws:policy/PowerUserAccess"]});
    let directory = Directory::new("").await?;
    let mut modules = String::new();
    for scope in [Scope::Workspace, Scope::Project, Scope::Organization] {
        for phases in [Phases::Plan, Phases::Apply, Phases::Both] {
            for knows_issuer in [false, true] {
                let change = |request| TrustRequest { scope, phases, knows_issuer, ..request };
                let name = format!("{scope:?}_{phases:?}_{knows_issuer}");
                let folder = directory.folder.path().join(&name);
                std::fs::create_dir(&folder)?;
                std::fs::write(folder.join("main.tf"), shown(change, policies.clone())?)?;
                modules.push_str(&format!("module \"{name}\" {{\n  source = \"./{name}\"\n}}\n"));
            }
        }
    }
    // One start of the provider for all of them.
    std::fs::write(directory.folder.path().join("main.tf"), modules)?;
    directory.init(&mirror).await?;
    directory.terraform(&["validate", "-no-color"]).await?;
    directory.terraform(&["fmt", "-check", "-diff", "-recursive", "-no-color"]).await?;
    Ok(())
}

fn seaweed_options(server: &CarnetServer, roles: Vec<TrustedRole>) -> SeaweedOptions {
    SeaweedOptions {
        issuer_url: server.url(),
        jwks_url: format!("{}/.well-known/jwks", server.url()),
        issuer_ca: server.ca_file(),
        audience: "aws.workload.identity".to_owned(),
        roles,
    }
}

/// SeaweedFS makes identity providers, but not roles: these are planned.
#[tokio::test]
async fn terraform_makes_the_identity_provider_and_plans_the_roles() -> anyhow::Result<()> {
    let AwsClient::Provider { mirror } = aws_client().await? else {
        return Ok(());
    };
    let server = CarnetServer::start(ServerOptions::default()).await?;
    let seaweed = SeaweedFs::start(&seaweed_options(&server, Vec::new())).await?;
    let url = server.url();
    let arguments =
        ["aws", "--url", &url, "--org", ORGANIZATION, "--workspace", "net", "--variables", "show"];
    let mut directory = Directory::new(&printed(&server, &arguments).await?).await?;
    let (key, secret) = seaweed.administrator();
    directory.environment = vec![
        ("AWS_ENDPOINT_URL_IAM", seaweed.endpoint().to_owned()),
        ("AWS_ACCESS_KEY_ID", key.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", secret.to_owned()),
    ];
    directory.init(&mirror).await?;
    let plan = directory.terraform(&["plan", "-input=false", "-no-color"]).await?;
    assert!(plan.contains("Plan: 3 to add"), "{plan}");
    let target = "-target=aws_iam_openid_connect_provider.carnet";
    directory.terraform(&["apply", "-input=false", "-auto-approve", "-no-color", target]).await?;
    let state = directory
        .terraform(&["state", "show", "-no-color", "aws_iam_openid_connect_provider.carnet"])
        .await?;
    assert!(state.contains("aws.workload.identity"), "{state}");
    assert!(state.contains(url.trim_start_matches("https://")), "{state}");
    Ok(())
}

/// The trust policies as they are printed let the phase in that they name, and no other.
#[tokio::test]
async fn a_run_assumes_the_roles_of_the_printed_policies() -> anyhow::Result<()> {
    let arguments = ["--concurrency", "4"].map(str::to_owned).to_vec();
    let server = CarnetServer::start(ServerOptions { arguments, ..Default::default() }).await?;
    let url = server.url();
    for (scope, name) in [("workspace", "net"), ("project", "dns")] {
        let mut arguments =
            vec!["aws", "--url", &url, "--org", ORGANIZATION, "--scope", scope, "--format", "json"];
        arguments.extend(["--account-id", "123456789012"]);
        if scope == "workspace" {
            arguments.extend(["--workspace", name]);
        }
        let trust: Value = serde_json::from_str(&printed(&server, &arguments).await?)?;
        let variables = trust["variables"].as_array().context("variables")?;
        let variables: Vec<(String, String)> = variables
            .iter()
            .filter_map(|one| Some((one["key"].as_str()?.to_owned(), one["value"].as_str()?.to_owned())))
            .collect();
        let role = |place: usize| variables[place].1.rsplit('/').next().unwrap_or_default().to_owned();
        let (plan, apply) = (role(1), role(2));
        let trusted =
            |name: &String, access| TrustedRole { name: name.clone(), subject: "nobody".to_owned(), access };
        let options =
            seaweed_options(&server, vec![trusted(&plan, Access::Read), trusted(&apply, Access::Write)]);
        let documents = trust["documents"].as_array().context("documents")?;
        let policies = [(&*plan, &documents[1]["body"]), (&*apply, &documents[2]["body"])];
        let seaweed = SeaweedFs::start_with_policies(&options, &policies).await?;
        check_runs(&server, &seaweed, name, &variables).await?;
    }
    Ok(())
}

/// A run whose apply gets credentials, and one that asks for the role of the other phase.
async fn check_runs(
    server: &CarnetServer,
    seaweed: &SeaweedFs,
    name: &str,
    variables: &Vec<(String, String)>,
) -> anyhow::Result<()> {
    let api = server.api()?;
    // It is there already for the second of the scopes.
    let _made = api.create_organization(ORGANIZATION).await;
    let endpoint = seaweed.endpoint();
    let workspace =
        workspace(&api, ORGANIZATION, name, &with(variables, &[("AWS_REGION", "us-east-1")])).await?;
    let assume = |arn: &str| {
        format!(
            "curl -sS {endpoint}/ -d Action=AssumeRoleWithWebIdentity -d Version=2011-06-15 -d RoleSessionName=own \
             --data-urlencode RoleArn={arn} --data-urlencode WebIdentityToken@\"$AWS_WEB_IDENTITY_TOKEN_FILE\" | \
             grep -o -e AccessDenied -e '<AccessKeyId>' | head -n 1 | tr -d '<>'"
        )
    };
    let (plan, apply) = (&variables[1].1, &variables[2].1);
    let configuration =
        script("assume", &format!("echo \"own: $({})\"\necho \"other: $({})\"", assume(apply), assume(plan)));
    let run = api.run_to_end(&workspace, &configuration).await?;
    let log = api.run_log(id(&run)).await?;
    assert_eq!(status(&run), "applied", "{log}");
    assert!(log.contains("own: AccessKeyId"), "{log}");
    assert!(log.contains("other: AccessDenied"), "{log}");
    Ok(())
}
