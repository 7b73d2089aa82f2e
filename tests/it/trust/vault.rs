//! The trust of Vault, applied to OpenBao by its own command line and through its API.

use anyhow::{Context, ensure};
use carnet_tests::BOOTSTRAP_TOKEN;
use serde_json::{Value, json};
use tokio::process::Command;

use super::printed;
use crate::site::{ORGANIZATION, PASSWORD, Site, id, script, sha256, status};

/// A run reads the secret in the apply only, as the role of the apply.
async fn check_run(site: &Site, name: &str, workspace: &str) -> anyhow::Result<()> {
    let before = site.bao.logins()?.len();
    let run = site.api.run_to_end(workspace, &script("reader", &site.read_secret())).await?;
    let log = site.api.run_log(id(&run)).await?;
    assert_eq!(status(&run), "applied", "{log}");
    assert!(log.contains(&sha256(PASSWORD).await?), "{log}");
    let logins = site.bao.logins()?;
    let roles: Vec<&str> = logins[before..].iter().map(|login| &*login.role).collect();
    let expected = ["plan", "apply"].map(|phase| format!("carnet-{ORGANIZATION}-{name}-{phase}"));
    assert_eq!(roles, expected);
    Ok(())
}

#[tokio::test]
async fn the_script_makes_the_trust_and_the_variables_and_may_run_again() -> anyhow::Result<()> {
    let site = Site::start().await?;
    let workspace = site.api.create_workspace(ORGANIZATION, "net").await?;
    let (url, ca) = (site.server.url(), site.server.ca_file().display().to_string());
    let vault_ca = site.ca.pem_file().display().to_string();
    let mut arguments =
        vec!["vault", "--url", &url, "--org", ORGANIZATION, "--workspace", "net", "--format", "cli"];
    arguments.extend([
        "--issuer-ca-file",
        &ca,
        "--vault-ca-file",
        &vault_ca,
        "--vault-addr",
        site.bao.address(),
    ]);
    arguments.extend(["--policy-plan", "planner", "--policy-apply", "reader"]);
    let trust = printed(&site.server, &arguments).await?;
    for word in ["is written", "is updated"] {
        let output = run_script(&site, &trust, &ca).await?;
        assert_eq!(output.matches(word).count(), 5, "{output}");
    }
    check_run(&site, "net", &workspace).await
}

/// The whole organization by one role, and its variables in a set.
#[tokio::test]
async fn the_script_of_a_wider_scope_serves_every_workspace() -> anyhow::Result<()> {
    let site = Site::start().await?;
    let workspace = site.api.create_workspace(ORGANIZATION, "any").await?;
    let (url, ca) = (site.server.url(), site.server.ca_file().display().to_string());
    let vault_ca = site.ca.pem_file().display().to_string();
    for scope in ["organization", "project"] {
        let mut arguments =
            vec!["vault", "--url", &url, "--org", ORGANIZATION, "--scope", scope, "--format", "cli"];
        arguments.extend([
            "--issuer-ca-file",
            &ca,
            "--vault-ca-file",
            &vault_ca,
            "--vault-addr",
            site.bao.address(),
        ]);
        arguments.extend(["--policy-plan", "planner", "--policy-apply", "reader"]);
        let trust = printed(&site.server, &arguments).await?;
        assert!(trust.contains("# WIDE: every workspace"), "{trust}");
        run_script(&site, &trust, &ca).await?;
        run_script(&site, &trust, &ca).await?;
        let run = site.api.run_to_end(&workspace, &script(scope, &site.read_secret())).await?;
        assert_eq!(status(&run), "applied", "{}", site.api.run_log(id(&run)).await?);
        let login = site.bao.logins()?.pop().context("a login")?;
        assert!(login.role.contains(scope) && login.role.ends_with("-apply"), "{}", login.role);
    }
    let sets = site.api.get(&format!("organizations/{ORGANIZATION}/varsets")).await?;
    assert_eq!(sets["data"].as_array().map(Vec::len), Some(2), "one for each scope: {sets}");
    Ok(())
}

async fn run_script(site: &Site, trust: &str, ca: &str) -> anyhow::Result<String> {
    let output = Command::new("sh")
        .args(["-c", trust])
        .env("VAULT", &site.client)
        .env("BAO_ADDR", site.bao.address())
        .env("BAO_TOKEN", site.bao.root_token())
        .env("BAO_CACERT", site.ca.pem_file())
        .env("CARNET_TOKEN", BOOTSTRAP_TOKEN)
        .env("CURL_CA_BUNDLE", ca)
        .output()
        .await?;
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{trust}\n{text}");
    Ok(text)
}

#[tokio::test]
async fn what_the_api_answers_makes_the_trust() -> anyhow::Result<()> {
    let site = Site::start().await?;
    let workspace = site.api.create_workspace(ORGANIZATION, "net").await?;
    let attributes = json!({
        "family": "vault",
        "format": "json",
        "issuer-ca": std::fs::read_to_string(site.server.ca_file())?,
        "options": {
            "vault-addr": site.bao.address(),
            "policy-plan": ["planner"],
            "policy-apply": ["reader"],
            "encoded-ca": base64::Engine::encode(&base64::prelude::BASE64_STANDARD, site.bao.ca_pem()),
        },
    });
    let path = format!("/api/carnet/v1/workspaces/{workspace}/trust");
    let body = json!({"data": {"type": "trust", "attributes": attributes}});
    let answer = site.api.request("POST", &path, Some(&body)).await?.success()?;
    let text = answer["data"]["attributes"]["text"].as_str().context("a text")?;
    let trust: Value = serde_json::from_str(text)?;
    for request in trust["requests"].as_array().context("requests")? {
        let path = request["path"].as_str().and_then(|path| path.strip_prefix("/v1/")).context("a path")?;
        site.bao.admin("POST", path, request["body"].clone()).await?;
    }
    let variables = trust["variables"].as_array().context("variables")?;
    let variables: Vec<(&str, &str)> = variables
        .iter()
        .filter_map(|variable| Some((variable["key"].as_str()?, variable["value"].as_str()?)))
        .collect();
    site.api.set_environment(&workspace, &variables).await?;
    check_run(&site, "net", &workspace).await
}
