//! Policies that are read from the service, and claims that are asked of the server.

use std::{os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use anyhow::Context as _;
use carnet_tests::{
    CarnetServer, CertificateAuthority, Iam, IamOptions, ServerOptions, Tool, carnet_binary, tool,
};
use serde_json::{Value, json};

use crate::site::Site;

const PROVIDER: &str = "arn:aws:iam::123456789012:oidc-provider/carnet.example.com";

/// A folder with `aws`, the command line of AWS.
async fn command_line(folder: &Path) -> anyhow::Result<()> {
    let python = tool(Tool::AwsCli).await?;
    let file = folder.join("aws");
    std::fs::write(&file, format!("#!/bin/sh\nexec '{}' -m awscli \"$@\"\n", python.display()))?;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755))?;
    Ok(())
}

// The command blocks its thread, and the stand-in answers it meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_and_its_provider_are_fetched_by_the_command_line_of_aws() -> anyhow::Result<()> {
    let ca = CertificateAuthority::new()?;
    let subject = "organization:acme:project:Default Project:workspace:net:run_phase:apply";
    let options = IamOptions {
        role: "net-plan".to_owned(),
        trust_policy: json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Federated": PROVIDER}, "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {
                "carnet.example.com:aud": "aws.workload.identity", "carnet.example.com:sub": subject}}}]}),
        provider_arn: PROVIDER.to_owned(),
        provider_url: "carnet.example.com".to_owned(),
        client_ids: vec!["aws.workload.identity.old".to_owned()],
    };
    let iam = Iam::start(&ca, options).await?;
    let folder = tempfile::tempdir()?;
    command_line(folder.path()).await?;
    let asked = |role: &str, phase: &str| {
        let source = format!("aws:{role}");
        let arguments = [
            "trust",
            "check",
            "aws",
            "--fetch",
            &source,
            "--url",
            "https://carnet.example.com",
            "--org",
            "acme",
            "--workspace",
            "net",
            "--phase",
            phase,
            "--format",
            "json",
        ];
        let path = format!("{}:/usr/bin:/bin", folder.path().display());
        let mut command = Command::new(carnet_binary()?);
        command.args(arguments).env_clear().env("PATH", path).env("HOME", folder.path());
        command.env("AWS_ENDPOINT_URL_IAM", iam.url()).env("AWS_CA_BUNDLE", ca.pem_file());
        command.env("AWS_DEFAULT_REGION", "us-east-1");
        command.env("AWS_ACCESS_KEY_ID", "AKIAAAAAAAAAAAAAAAAA").env("AWS_SECRET_ACCESS_KEY", "secret");
        anyhow::Ok(command.output()?)
    };

    // The provider was read, too: it is what refuses first.
    let output = asked("net-plan", "apply")?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let answer: Value = serde_json::from_slice(&output.stdout).context(said)?;
    assert_eq!(answer["findings"][0]["cause"], "other-audience", "{answer:#}");
    let requests: Vec<_> = iam.record().into_iter().map(|exchange| exchange.verdict).collect();
    assert_eq!(requests, ["accepted", "accepted"]);

    // What AWS says reaches the caller.
    let output = asked("net-other", "apply")?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("net-other cannot be found") && said.contains("aws iam get-role"), "{said}");

    std::fs::remove_file(folder.path().join("aws"))?;
    let output = asked("net-plan", "apply")?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("aws is not on PATH") && said.contains("--policy"), "{said}");
    Ok(())
}

#[tokio::test]
async fn the_server_says_what_a_workspace_presents() -> anyhow::Result<()> {
    let site = Site::start_with(ServerOptions::default()).await?;
    let workspace = site.trusted("net").await?;
    let url = site.server.url();
    let subject = "organization:acme:project:Default Project:workspace:net:run_phase:plan";
    let role = json!({
        "role_type": "jwt", "user_claim": "terraform_full_workspace",
        "bound_audiences": ["vault.workload.identity"], "bound_subject": subject,
    });
    let folder = tempfile::tempdir()?;
    let policy = folder.path().join("role.json");
    std::fs::write(&policy, role.to_string())?;
    let policy = policy.display().to_string();
    let check = async |server: &CarnetServer| {
        let arguments = [
            "trust",
            "check",
            "vault",
            "--policy",
            &policy,
            "--server",
            &url,
            "--org",
            "acme",
            "--workspace",
            "net",
            "--phase",
            "plan",
            "--format",
            "json",
        ];
        let output = server.command(&arguments).await?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        anyhow::Ok((output.status.code(), answer, said))
    };
    let (code, answer, said) = check(&site.server).await?;
    assert_eq!((code, &answer["verdict"]), (Some(0), &json!("accepted")), "{answer:#} {said}");

    // With another template the names alone would lead astray.
    let path = format!("/api/carnet/v1/workspaces/{workspace}/subject-settings");
    let settings = json!({"data": {"type": "subject-settings", "attributes": {"template": "name@id"}}});
    let changed = site.api.request("PUT", &path, Some(&settings)).await?;
    changed.success()?;
    let (code, answer, said) = check(&site.server).await?;
    assert_eq!((code, &answer["verdict"]), (Some(1), &json!("refused")), "{answer:#} {said}");
    assert!(answer.to_string().contains(&format!("net@{workspace}")), "{answer:#}");
    Ok(())
}
