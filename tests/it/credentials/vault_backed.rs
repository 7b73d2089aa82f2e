//! Credentials of clouds that a run reads from Vault: a version 1 KV mount answers a reading as a secrets engine does.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use carnet_tests::{Tool, tool, wait_for};
use serde_json::{Value, json};

use crate::site::{Site, accessors, id, script, sha256, status, wait_until_empty, with};

const GCP_DECLARATION: &str = r#"
variable "tfc_vault_backed_gcp_dynamic_credentials" {
  type = object({
    default = object({
      credentials  = string
      access_token = string
    })
    aliases = map(object({
      credentials  = string
      access_token = string
    }))
  })
}
"#;

const KEY_FILE: &str = r#"{"type":"service_account","private_key":"-----BEGIN PRIVATE KEY----- of a test"}"#;

/// All three engines; AWS with a role for each phase, Google with an alias.
const THREE_ENGINES: [(&str, &str); 13] = [
    ("TFC_VAULT_BACKED_AWS_AUTH", "true"),
    ("TFC_VAULT_BACKED_AWS_AUTH_TYPE", "iam_user"),
    ("TFC_VAULT_BACKED_AWS_PLAN_VAULT_ROLE", "viewer"),
    ("TFC_VAULT_BACKED_AWS_APPLY_VAULT_ROLE", "writer"),
    ("TFC_VAULT_BACKED_AZURE_AUTH", "true"),
    ("TFC_VAULT_BACKED_AZURE_RUN_VAULT_ROLE", "web"),
    ("TFC_VAULT_BACKED_AZURE_SLEEP_SECONDS", "1"),
    ("TFC_VAULT_BACKED_GCP_AUTH", "true"),
    ("TFC_VAULT_BACKED_GCP_AUTH_TYPE", "roleset/access_token"),
    ("TFC_VAULT_BACKED_GCP_RUN_VAULT_ROLESET", "web"),
    ("TFC_VAULT_BACKED_GCP_AUTH_Signer", "true"),
    ("TFC_VAULT_BACKED_GCP_AUTH_TYPE_Signer", "static_account/service_account_key"),
    ("TFC_VAULT_BACKED_GCP_RUN_VAULT_STATIC_ACCOUNT_Signer", "signer"),
];

/// A site whose Vault has engines at these mounts, and a policy `clouds` that lets these paths be read.
async fn clouds(mounts: &[&str], readable: &[&str]) -> anyhow::Result<Site> {
    let site = Site::start().await?;
    for mount in mounts {
        let body = json!({"type": "kv", "options": {"version": "1"}});
        site.bao.admin("POST", &format!("sys/mounts/{mount}"), body).await?;
    }
    let rule = |path: &&str| format!("path \"{path}\" {{ capabilities = [\"read\"] }}\n");
    let policy: String = readable.iter().map(rule).collect();
    site.bao.admin("PUT", "sys/policies/acl/clouds", json!({"policy": policy})).await?;
    Ok(site)
}

/// Who has read a path, as the accessors of the tokens, in order.
fn readers(site: &Site, path: &str) -> anyhow::Result<Vec<String>> {
    let is_reading = |entry: &&Value| {
        entry["type"] == "response"
            && entry["request"]["path"] == path
            && entry["request"]["operation"] == "read"
            && entry["error"].is_null()
    };
    let accessor = |entry: &Value| entry["auth"]["accessor"].as_str().map(str::to_owned);
    Ok(site.bao.audit_log()?.iter().filter(is_reading).filter_map(accessor).collect())
}

#[tokio::test]
async fn a_run_uses_what_three_engines_give() -> anyhow::Result<()> {
    let paths = ["aws/creds/viewer", "aws/creds/writer", "azure/creds/web", "gcp/roleset/web/token"];
    let key_path = "gcp/static-account/signer/key";
    let site = clouds(&["aws", "azure", "gcp"], &[&paths[..], &[key_path]].concat()).await?;
    let write = async |path: &str, data: Value| site.bao.admin("POST", path, data).await;
    write(paths[0], json!({"access_key": "AKIAVIEWER", "secret_key": "secret/of+viewer"})).await?;
    write(paths[1], json!({"access_key": "AKIAWRITER", "secret_key": "secret/of+writer"})).await?;
    write(paths[2], json!({"client_id": "web-client", "client_secret": "web~client.secret"})).await?;
    write(paths[3], json!({"token": "ya29.web-token", "ttl": "26h"})).await?;
    write(key_path, json!({"private_key_data": BASE64_STANDARD.encode(KEY_FILE)})).await?;
    let trust = site.trust("net", &["--policy-plan", "clouds", "--policy-apply", "clouds"]).await?;
    let variables = with(&trust, &THREE_ENGINES);
    let workspace = site.workspace("net", &variables).await?;

    let google = "${var.tfc_vault_backed_gcp_dynamic_credentials";
    let shown = format!(
        "sha256sum < \"$AWS_SHARED_CREDENTIALS_FILE\"\nprintf '%s %s' \"$ARM_CLIENT_ID\" \"$ARM_CLIENT_SECRET\" | sha256sum\n\
         sha256sum < \"{google}.default.access_token}}\"\nsha256sum < \"{google}.aliases[\"Signer\"].credentials}}\"\n\
         echo GOOGLE-VARIABLES: $(env | grep -c '^GOOGLE_' || true)"
    );
    let run =
        site.api.run_to_end(&workspace, &format!("{GCP_DECLARATION}{}", script("clouds", &shown))).await?;
    let log = site.api.run_log(id(&run)).await?;
    assert_eq!(status(&run), "applied", "{log}");
    let aws = "[default]\naws_access_key_id = AKIAWRITER\naws_secret_access_key = secret/of+writer\n";
    for expected in [aws, "web-client web~client.secret", "ya29.web-token", KEY_FILE] {
        assert!(log.contains(&sha256(expected).await?), "{expected:?} has not reached the run:\n{log}");
    }
    assert!(log.contains("GOOGLE-VARIABLES: 0"), "beside an alias a token is not in the environment:\n{log}");
    for secret in ["secret/of+", "web~client.secret", "ya29.web-token", "PRIVATE KEY"] {
        assert!(!log.contains(secret), "{log}");
    }

    // Each phase has read with its own token what is its own, and the tokens are gone.
    let given = accessors(&log);
    assert_eq!(given.len(), 2, "{log}");
    for (path, expected) in [
        (paths[0], &given[..1]),
        (paths[1], &given[1..]),
        (paths[2], &given[..]),
        (paths[3], &given[..]),
        (key_path, &given[..]),
    ] {
        assert_eq!(readers(&site, path)?, expected, "{path}");
    }
    for accessor in &given {
        assert!(!site.bao.is_live(accessor).await?, "{log}");
    }
    wait_until_empty(&site.server.work_root()).await
}

/// A program with the AWS SDK that waits between two looks at its keys.
fn two_looks(python: &str, site: &Site) -> String {
    format!(
        "{python} - <<'PROGRAM'\nimport boto3, subprocess\ncredentials = boto3.Session().get_credentials()\n\
         first = credentials.get_frozen_credentials()\nsubprocess.run(\"\"\"{}\"\"\", shell=True, check=True)\n\
         second = credentials.get_frozen_credentials()\n\
         seen = ' '.join([credentials.method, first.access_key, second.access_key, second.token])\n\
         subprocess.run(\"\"\"{}\"\"\", shell=True, check=True, input=seen.encode())\nPROGRAM",
        site.witness.wait_at("rotation"),
        site.witness.hear("keys")
    )
}

#[tokio::test]
async fn an_sdk_that_runs_finds_the_keys_that_were_read_again() -> anyhow::Result<()> {
    let path = "aws/sts/deploy";
    let site = clouds(&["aws"], &[path]).await?;
    // A member `ttl` becomes the lease: the keys end long before the phase may.
    let session = |number: u32| {
        json!({"access_key": format!("ASIASESSION{number}"), "secret_key": format!("secret-of-session-{number}"),
               "session_token": format!("token-of-session-{number}"), "ttl": "10s"})
    };
    site.bao.admin("POST", path, session(1)).await?;
    let trust = site.trust("net", &["--policy-plan", "clouds", "--policy-apply", "clouds"]).await?;
    let variables = with(
        &trust,
        &[
            ("TFC_VAULT_BACKED_AWS_AUTH", "true"),
            ("TFC_VAULT_BACKED_AWS_AUTH_TYPE", "assumed_role"),
            ("TFC_VAULT_BACKED_AWS_RUN_VAULT_ROLE", "deploy"),
            ("TFC_VAULT_BACKED_AWS_RUN_ROLE_ARN", "arn:aws:iam::123456789012:role/deploy"),
        ],
    );
    let workspace = site.workspace("net", &variables).await?;
    let python = tool(Tool::Boto3).await?.display().to_string();
    let configuration = script("sdk", &two_looks(&python, &site));
    let run = site.api.start_run(&workspace, &configuration, json!({"auto-apply": true})).await?;
    site.witness.wait_for_arrivals("rotation", 1).await?;
    site.bao.admin("POST", path, session(2)).await?;
    let so_far = readers(&site, path)?.len();
    // The second reading after the change began after it.
    wait_for("two more readings", Duration::from_secs(60), async || {
        Ok((readers(&site, path)?.len() >= so_far + 2).then_some(()))
    })
    .await?;
    site.witness.open("rotation");

    let run = site.api.wait_for_status(&run, &["applied", "errored"]).await?;
    let log = site.api.run_log(id(&run)).await?;
    assert_eq!(status(&run), "applied", "{log}");
    let seen = site.witness.statement("keys").await?;
    assert_eq!(seen, "custom-process ASIASESSION1 ASIASESSION2 token-of-session-2", "{log}");
    assert!(!log.contains("-of-session-"), "{log}");
    Ok(())
}

#[tokio::test]
async fn a_token_at_its_longest_life_is_replaced_and_everything_read_again() -> anyhow::Result<()> {
    let path = "azure/creds/web";
    let site = clouds(&["azure"], &[path]).await?;
    site.bao
        .admin("POST", path, json!({"client_id": "web-client", "client_secret": "web~client.secret"}))
        .await?;
    let policies = ["--policy-plan", "clouds", "--policy-apply", "clouds"];
    let trust = site.trust("net", &[&policies[..], &["--token-ttl", "4s"]].concat()).await?;
    let role = "auth/jwt/role/carnet-acme-net-apply";
    let mut written = site.bao.admin("GET", role, Value::Null).await?["data"].clone();
    written["token_max_ttl"] = json!(8);
    site.bao.admin("POST", role, written).await?;
    let variables = with(
        &trust,
        &[("TFC_VAULT_BACKED_AZURE_AUTH", "true"), ("TFC_VAULT_BACKED_AZURE_RUN_VAULT_ROLE", "web")],
    );
    let workspace = site.workspace("net", &variables).await?;

    let look_up = format!(
        "VAULT_TOKEN=$(cat \"$HOME/tfc-vault-token\") {} token lookup -field=accessor | {}",
        site.client,
        site.witness.hear("accessor")
    );
    let configuration = script("slow", &format!("{}\n{look_up}", site.witness.wait_at("work")));
    let run = site.api.start_run(&workspace, &configuration, json!({"auto-apply": true})).await?;
    site.witness.wait_for_arrivals("work", 1).await?;
    // The plan's login, the apply's first one and two that replaced it.
    let logins = wait_for("two new logins", Duration::from_secs(60), async || {
        let logins = site.bao.logins()?;
        Ok((logins.len() >= 4).then_some(logins))
    })
    .await?;
    site.witness.open("work");

    let run = site.api.wait_for_status(&run, &["applied", "errored"]).await?;
    let log = site.api.run_log(id(&run)).await?;
    assert_eq!(status(&run), "applied", "{log}");
    assert!(log.contains("the longest life of the token is reached"), "{log}");
    let used = site.witness.statement("accessor").await?;
    let late: Vec<&str> = logins[2..].iter().map(|login| &*login.accessor).collect();
    let all: Vec<String> = site.bao.logins()?.into_iter().map(|login| login.accessor).collect();
    assert!(all[2..].iter().any(|accessor| *accessor == used.trim()), "{used} is none of {late:?}\n{log}");
    assert_eq!(readers(&site, path)?, all, "each login has read once");
    for accessor in &all {
        assert!(!site.bao.is_live(accessor).await?, "{log}");
    }
    Ok(())
}

#[tokio::test]
async fn a_policy_that_forbids_the_reading_stops_the_run_and_is_named() -> anyhow::Result<()> {
    let site = clouds(&["aws"], &["aws/creds/somebody-else"]).await?;
    let trust = site.trust("net", &["--policy-plan", "clouds", "--policy-apply", "clouds"]).await?;
    let variables = with(
        &trust,
        &[
            ("TFC_VAULT_BACKED_AWS_AUTH", "true"),
            ("TFC_VAULT_BACKED_AWS_AUTH_TYPE", "iam_user"),
            ("TFC_VAULT_BACKED_AWS_RUN_VAULT_ROLE", "deploy"),
        ],
    );
    let workspace = site.workspace("net", &variables).await?;
    let run = site.api.run_to_end(&workspace, &script("never", "true")).await?;
    let log = site.api.run_log(id(&run)).await?;
    assert_eq!(status(&run), "errored", "{log}");
    for text in [
        "Operation failed: failed reading Vault-backed AWS credentials from Vault path aws/creds/deploy",
        "permission denied",
        "lack read on aws/creds/deploy",
    ] {
        assert!(log.contains(text), "{text:?} is not in the log:\n{log}");
    }
    assert!(!log.contains("Initializing"), "{log}");
    let logins = site.bao.logins()?;
    assert_eq!(logins.len(), 1);
    assert!(!site.bao.is_live(&logins[0].accessor).await?, "{log}");
    wait_until_empty(&site.server.work_root()).await
}
