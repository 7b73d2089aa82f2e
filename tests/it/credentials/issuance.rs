//! An organization says which identities its runs may have; what it refuses stops the phase before Terraform starts.

use anyhow::{Context, ensure};
use carnet_tests::ApiClient;
use serde_json::{Value, json};

use crate::site::{ORGANIZATION, Site, accessors, script};

const POLICY: &str = "/api/carnet/v1/organizations/acme/issuance-policy";

/// Makes or replaces the policy of the organization.
async fn put_policy(api: &ApiClient, statements: Value) -> anyhow::Result<()> {
    let body = json!({"data": {"type": "issuance-policies", "attributes": {"statements": statements}}});
    api.request("PUT", POLICY, Some(&body)).await?.success().map(drop)
}

/// What the audit trail tells of identity tokens: action and description.
async fn recorded(site: &Site) -> anyhow::Result<Vec<(String, String)>> {
    let path = format!("/api/v2/organizations/{ORGANIZATION}/authentication-token?token=audit-trails");
    let made = site.api.request("POST", &path, Some(&json!({}))).await?.success()?;
    let token = made["data"]["attributes"]["token"].as_str().context("a token is shown once")?;
    let trail = site.server.api_as(token)?.get("/api/v2/organization/audit-trail").await?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let events = trail["data"].as_array().context("there are no entries")?.iter();
    let tokens = events.filter(|event| event["resource"]["type"] == "identity_token");
    Ok(tokens
        .map(|event| (text(&event["resource"]["action"]), text(&event["auth"]["description"])))
        .collect())
}

#[tokio::test]
async fn an_apply_gets_its_identity_only_as_the_organization_says() -> anyhow::Result<()> {
    let site = Site::start().await?;
    let net = site.trusted("net").await?;
    let configuration = script("reader", &site.read_secret());
    put_policy(
        &site.api,
        json!([
            {"name": "plans", "phases": ["plan"], "roles": ["carnet-acme-*-plan"]},
            {"name": "applies", "phases": ["apply"], "approval": "another-person", "sources": ["tfe-api"]},
        ]),
    )
    .await?;

    // Who started the run approves it.
    check_own_approval(&site.api, &net, &configuration).await?;

    // Another person does.
    let data = site.server.data_dir().display().to_string();
    let arguments =
        ["admin", "create-user", "bea", "--email", "bea@example.com", "--site-admin", "--data", &data];
    let made = site.server.command(&arguments).await?;
    ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let bea = site.server.api_as(String::from_utf8(made.stdout)?.trim())?;
    let other = site.api.start_run(&net, &configuration, json!({})).await?;
    site.api.wait_for_status(&other, &["planned"]).await?;
    bea.act(&other, "apply").await?;
    site.api.wait_for_status(&other, &["applied"]).await?;

    // A role that no statement allows stops the plan.
    put_policy(&site.api, json!([{"name": "nets", "roles": ["carnet-acme-web-*"]}])).await?;
    let third = site.api.start_run(&net, &configuration, json!({})).await?;
    site.api.wait_for_status(&third, &["errored"]).await?;
    let log = site.api.phase_log(&third, "plan").await?;
    let cause = "allows the roles carnet-acme-web-*, and the role here is carnet-acme-net-plan";
    assert!(log.contains(cause) && !log.contains("Initializing"), "{log}");

    // Each refusal is one entry, in the words of the server: no provider was asked.
    let ledger =
        site.api.get(&format!("/api/carnet/v1/organizations/{ORGANIZATION}/ledger?limit=500")).await?;
    let entries = ledger["entries"].as_array().context("a list")?.iter().map(|one| &one["entry"]);
    let refusals: Vec<&Value> = entries.filter(|entry| entry["kind"] == "refusal").collect();
    assert_eq!(refusals.len(), 2, "{refusals:#?}");
    for refusal in refusals {
        assert_eq!(
            (&refusal["outcome"], &refusal["source"]),
            (&json!("refused_by_policy"), &json!("server"))
        );
    }

    let recorded = recorded(&site).await?;
    let count = |action: &str| recorded.iter().filter(|(found, _)| found == action).count();
    assert_eq!((count("create"), count("refuse")), (3, 2), "{recorded:?}");
    assert!(
        recorded.iter().any(|(action, text)| action == "refuse" && text.contains("approval another-person"))
    );
    Ok(())
}

/// The apply of somebody who approves the own run stops with an explanation, and without an identity.
async fn check_own_approval(api: &ApiClient, net: &str, configuration: &str) -> anyhow::Result<()> {
    let own = api.start_run(net, configuration, json!({})).await?;
    api.wait_for_status(&own, &["planned"]).await?;
    api.act(&own, "apply").await?;
    api.wait_for_status(&own, &["errored"]).await?;
    let log = api.phase_log(&own, "apply").await?;
    for text in [
        "Operation failed: Vault: this run may not have an identity token",
        "tried:      an identity token for the audience vault.workload.identity, for the role carnet-acme-net-apply",
        "as:         organization:acme:project:Default Project:workspace:net:run_phase:apply",
        "cause:      statement \"applies\" of the issuance policy of the organization asks for the approval another-person",
        "who started the run",
        "likely fix: start the run again, and have another person than who started it approve the apply",
        "or: an owner of the organization can change the policy",
    ] {
        assert!(log.contains(text), "{text:?} is not in the log:\n{log}");
    }
    assert!(!log.contains("reader: Creating"), "terraform was started:\n{log}");
    assert!(accessors(&log).is_empty(), "{log}");
    assert_eq!(api.identity_tokens(net).await?.len(), 1, "only the plan got one");
    Ok(())
}
