//! How long a Vault token lives: as long as its phase, however short its lease is, and not longer.

use std::time::Duration;

use carnet_tests::wait_for;
use serde_json::{Value, json};

use crate::site::{ORGANIZATION, PASSWORD, Site, id, script, sha256, status, wait_until_empty};

#[tokio::test]
async fn a_token_outlives_its_lease_in_a_long_apply() -> anyhow::Result<()> {
    let site = Site::start().await?;
    let variables = site.trust("net", &["--token-ttl", "5s"]).await?;
    let workspace = site.workspace("net", &variables).await?;

    let wait = site.witness.wait_at("long-work");
    let configuration = script("slow", &format!("{wait}\n{}", site.read_secret()));
    let run = site.api.start_run(&workspace, &configuration, json!({"auto-apply": true})).await?;
    site.witness.wait_for_arrivals("long-work", 1).await?;
    let accessor = site.bao.logins()?.pop().map(|login| login.accessor).unwrap_or_default();
    // Each renewal comes at half the lease: after three the first lease is over.
    let given = wait_for("three renewals", Duration::from_secs(30), async || {
        let given = renewals(&site, &accessor)?;
        Ok((given.len() >= 3).then_some(given))
    })
    .await?;
    assert!(given.iter().all(|lease| *lease == 5), "each renewal gives the whole lease again: {given:?}");
    site.witness.open("long-work");

    let run = site.api.wait_for_status(&run, &["applied"]).await?;
    let log = site.api.run_log(id(&run)).await?;
    assert!(log.contains(&sha256(PASSWORD).await?), "the token does not work at the end:\n{log}");
    assert!(!site.bao.is_live(&accessor).await?);
    Ok(())
}

#[tokio::test]
async fn a_canceled_apply_gives_its_token_back() -> anyhow::Result<()> {
    let site = Site::start().await?;
    let workspace = site.trusted("net").await?;

    let configuration = script("slow", &site.witness.wait_at("never"));
    let run = site.api.start_run(&workspace, &configuration, json!({"auto-apply": true})).await?;
    site.witness.wait_for_arrivals("never", 1).await?;
    let accessor = site.bao.logins()?.pop().map(|login| login.accessor).unwrap_or_default();
    assert!(site.bao.is_live(&accessor).await?);
    site.api.act(&run, "cancel").await?;

    let run = site.api.wait_for_status(&run, &["canceled"]).await?;
    assert_eq!(status(&run), "canceled");
    assert!(!site.bao.is_live(&accessor).await?, "{}", site.api.run_log(id(&run)).await?);
    let log = site.api.phase_log(id(&run), "apply").await?;
    assert!(log.contains(&format!("the token with accessor {accessor} is revoked")), "{log}");
    wait_until_empty(&site.server.work_root()).await
}

/// The leases that renewals of a token have given.
fn renewals(site: &Site, accessor: &str) -> anyhow::Result<Vec<u64>> {
    let is_renewal = |entry: &&Value| {
        let given = &entry["response"]["auth"]["accessor"];
        entry["request"]["path"] == "auth/token/renew-self" && *given == json!(accessor)
    };
    let lease = |entry: &Value| entry["response"]["auth"]["token_ttl"].as_u64();
    Ok(site.bao.audit_log()?.iter().filter(is_renewal).filter_map(lease).collect())
}

#[tokio::test]
async fn a_token_that_cannot_be_given_back_is_reported_and_fails_no_run() -> anyhow::Result<()> {
    let mut site = Site::start().await?;
    let workspace = site.trusted("net").await?;
    let configuration = script("slow", &site.witness.wait_at("work"));
    let run = site.api.start_run(&workspace, &configuration, json!({"auto-apply": true})).await?;
    site.witness.wait_for_arrivals("work", 1).await?;
    let accessor = site.bao.logins()?.pop().map(|login| login.accessor).unwrap_or_default();
    site.bao.process().kill().await?;
    site.witness.open("work");

    let run = site.api.wait_for_status(&run, &["applied"]).await?;
    let log = site.api.phase_log(id(&run), "apply").await?;
    let expected = format!("the token with accessor {accessor} could not be revoked");
    assert!(log.contains(&expected), "{log}");
    let jobs = site.api.get(&format!("/api/carnet/v1/runs/{}/jobs", id(&run))).await?;
    assert!(jobs.to_string().contains(&expected), "{jobs}");
    assert!(!log.contains("eyJ"), "{log}");
    wait_until_empty(&site.server.work_root()).await
}

#[tokio::test]
async fn a_token_whose_policies_lack_every_right_over_itself_is_not_taken_for_gone() -> anyhow::Result<()> {
    let site = Site::start().await?;
    let workspace = site.trusted("net").await?;
    let role = format!("auth/jwt/role/carnet-{ORGANIZATION}-net-apply");
    let found = site.bao.request("GET", &role, Some(site.bao.root_token()), None).await?.success()?;
    let mut changed = found["data"].clone();
    changed["token_no_default_policy"] = json!(true);
    site.bao.admin("POST", &role, changed).await?;

    let run = site.api.run_to_end(&workspace, &script("holder", "true")).await?;
    let log = site.api.phase_log(id(&run), "apply").await?;
    let accessor = site.bao.logins()?.pop().map(|login| login.accessor).unwrap_or_default();
    assert!(site.bao.is_live(&accessor).await?, "nobody could revoke it");
    assert!(log.contains("could not be revoked"), "{log}");
    assert!(log.contains("the policies of the role lack update on auth/token/revoke-self"), "{log}");
    let path = format!("/api/carnet/v1/organizations/{ORGANIZATION}/outstanding-credentials");
    let outstanding = site.api.get(&path).await?;
    assert!(outstanding.to_string().contains(&accessor), "{outstanding}");
    Ok(())
}
