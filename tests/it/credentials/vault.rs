//! A run reads a secret from OpenBao with a token that did not exist before it, and does not after.

use anyhow::Context;
use serde_json::{Value, json};

use crate::site::{ORGANIZATION, PASSWORD, Site, accessors, id, script, sha256, status};

#[tokio::test]
async fn plan_and_apply_are_two_identities_that_end_with_their_phases() -> anyhow::Result<()> {
    let site = Site::start().await?;
    let workspace = site.trusted("net").await?;

    let run = site.api.run_to_end(&workspace, &script("reader", &site.read_secret())).await?;
    let log = site.api.run_log(id(&run)).await?;
    assert_eq!(status(&run), "applied", "{log}");
    assert!(log.contains(&sha256(PASSWORD).await?), "{log}");
    assert!(!log.contains(PASSWORD), "{log}");
    // The configuration declares no variable for its credentials, and nobody bothers the person with that.
    assert!(!log.contains("undeclared") && !log.contains("tfc_vault_dynamic_credentials"), "{log}");

    let logins = site.bao.logins()?;
    let roles: Vec<_> = logins.iter().map(|login| (&*login.role, login.policies.join(","))).collect();
    let expected = [("plan", "planner"), ("apply", "reader")];
    let expected =
        expected.map(|(phase, policy)| (format!("carnet-{ORGANIZATION}-net-{phase}"), policy.to_owned()));
    assert_eq!(roles, [(&*expected[0].0, expected[0].1.clone()), (&*expected[1].0, expected[1].1.clone())]);
    let given: Vec<&str> = logins.iter().map(|login| &*login.accessor).collect();
    assert_eq!(accessors(&log), given, "the log names both tokens by their accessors");

    for (login, phase) in logins.iter().zip(["plan", "apply"]) {
        assert!(!site.bao.is_live(&login.accessor).await?, "the token of the {phase} is not revoked");
        assert!(log.contains(&format!("the token with accessor {} is revoked", login.accessor)), "{log}");
        let metadata = login_metadata(&site, &login.accessor)?;
        assert_eq!(metadata["terraform_run_phase"], phase);
        assert_eq!(metadata["terraform_run_id"], id(&run));
    }
    assert_eq!(readers(&site)?, [given[1]], "only the apply's token has read the secret");
    Ok(())
}

#[tokio::test]
async fn plans_that_cannot_be_applied_have_the_identity_of_a_plan() -> anyhow::Result<()> {
    let site = Site::start().await?;
    let workspace = site.trusted("net").await?;
    for attributes in [json!({"plan-only": true}), json!({"plan-only": true, "is-destroy": true})] {
        let run = site.api.start_run(&workspace, &script("reader", "true"), attributes).await?;
        let run = site.api.wait_for_status(&run, &["planned_and_finished"]).await?;
        let log = site.api.run_log(id(&run)).await?;
        let login = site.bao.logins()?.pop().context("a login")?;
        assert_eq!(login.role, format!("carnet-{ORGANIZATION}-net-plan"), "{log}");
        assert_eq!(login_metadata(&site, &login.accessor)?["terraform_run_phase"], "plan");
    }
    let ledger = site.api.identity_tokens(&workspace).await?;
    assert!(ledger.len() == 2 && ledger.iter().all(|entry| entry["phase"] == "plan"), "{ledger:?}");
    Ok(())
}

/// The metadata that OpenBao keeps beside a token.
fn login_metadata(site: &Site, accessor: &str) -> anyhow::Result<Value> {
    let entries = site.bao.audit_log()?;
    let found = entries.iter().find(|entry| entry["response"]["auth"]["accessor"] == json!(accessor));
    Ok(found.map_or(Value::Null, |entry| entry["response"]["auth"]["metadata"].clone()))
}

/// The accessors of the tokens with which the secret was read.
fn readers(site: &Site) -> anyhow::Result<Vec<String>> {
    let is_read = |entry: &&Value| {
        entry["type"] == "response"
            && entry["request"]["path"] == "secret/data/app"
            && entry["request"]["operation"] == "read"
            && entry["error"].is_null()
    };
    let entries = site.bao.audit_log()?;
    let accessor = |entry: &Value| entry["auth"]["accessor"].as_str().map(str::to_owned);
    Ok(entries.iter().filter(is_read).filter_map(accessor).collect())
}
