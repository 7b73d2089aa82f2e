use std::time::Duration;

use carnet_model::{ApiToken, TokenId, TokenKind};
use carnet_store::{NewToken, TokenHash};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use crate::api::tests::Site;
use crate::api::tests::state_versions::{state, whole};
use crate::app::{entropy, new_secret};
use crate::testing::{FakeAgent, Project};

const PATH: &str = "/api/v2/organization/audit-trail";

/// A token that reads the audit trail of the site's organization.
async fn reader(site: &Site) -> String {
    let secret: SecretString = new_secret("carnet-").expect("randomness");
    let token = ApiToken {
        id: TokenId::from_entropy(entropy().expect("randomness")),
        kind: TokenKind::AuditTrail,
        user_id: None,
        team_id: None,
        organization_id: Some(site.organization.id.clone()),
        agent_pool_id: None,
        created_by: None,
        description: "tests".to_owned(),
        created_at: site.server.app.now(),
        expires_at: None,
        last_used_at: None,
    };
    let mut tx = site.server.app.store.write().await.expect("a transaction");
    tx.insert_token(NewToken { token: &token, hash: &TokenHash::of(&secret) }).await.expect("stored");
    tx.commit().await.expect("committed");
    secret.expose_secret().to_owned()
}

async fn trail(site: &Site, token: &str, query: &str) -> Value {
    let (status, body) = site.server.request("GET", &format!("{PATH}{query}"), token, Value::Null).await;
    assert_eq!(status, 200, "{body}");
    body
}

async fn add_variable(site: &Site, key: &str, value: &str) -> (u16, Value) {
    let attributes = json!({ "key": key, "value": value, "category": "env", "sensitive": true });
    let body = json!({ "data": { "type": "vars", "attributes": attributes } });
    site.server.request("POST", &site.workspace_path("/vars"), &site.owner, body).await
}

#[tokio::test]
async fn a_change_is_an_entry_without_what_was_written() {
    let site = Site::new().await;
    let token = reader(&site).await;
    let (status, made) = add_variable(&site, "PASSWORD", "hunter2-hunter2").await;
    assert_eq!(status, 201);
    let body = trail(&site, &token, "").await;
    let entry = &body["data"][0];
    assert_eq!(
        entry["resource"],
        json!({
            "id": made["data"]["id"], "type": "var", "action": "create", "meta": null
        })
    );
    assert_eq!((&entry["version"], &entry["type"]), (&json!("0"), &json!("Resource")));
    let auth = &entry["auth"];
    assert_eq!((&auth["type"], &auth["description"]), (&json!("Client"), &json!("olga")));
    assert_eq!((&auth["token_kind"], &auth["impersonator_id"]), (&json!("user"), &Value::Null));
    assert_eq!(auth["organization_id"], site.organization.id.as_str());
    assert!(auth["accessor_id"].as_str().is_some_and(|id| id.starts_with("user-")), "{auth}");
    assert!(auth["token_id"].as_str().is_some_and(|id| id.starts_with("at-")), "{auth}");
    assert_eq!(entry["request"]["id"].as_str().map(str::len), Some(36));
    assert_eq!(
        body["pagination"],
        json!({
            "current_page": 1, "prev_page": null, "next_page": null, "total_pages": 1, "total_count": 1
        })
    );
    assert!(!body.to_string().contains("hunter2"), "{body}");
}

#[tokio::test]
async fn the_entry_names_the_request_of_the_answer() {
    let site = Site::new().await;
    let token = reader(&site).await;
    let path = site.workspace_path("/actions/lock");
    let answer = site.server.call("POST", &path, &site.owner, json!({ "reason": "r" })).await;
    assert_eq!(answer.status, 200);
    let body = trail(&site, &token, "").await;
    assert_eq!(body["data"][0]["request"]["id"], answer.headers["x-request-id"].to_str().expect("text"));
    let resource = &body["data"][0]["resource"];
    assert_eq!((&resource["type"], &resource["action"]), (&json!("workspace"), &json!("lock")));
    assert_eq!(resource["id"], site.workspace.id.as_str());
}

#[tokio::test]
async fn what_was_refused_or_only_read_is_no_entry() {
    let site = Site::new().await;
    let token = reader(&site).await;
    assert_eq!(add_variable(&site, "a b", "v").await.0, 422);
    let path = site.workspace_path("/vars");
    assert_eq!(site.server.request("POST", &path, &site.stranger, json!({"data": {}})).await.0, 404);
    assert_eq!(site.server.request("GET", &path, &site.owner, Value::Null).await.0, 200);
    assert_eq!(trail(&site, &token, "").await["pagination"]["total_count"], 0);
}

#[tokio::test]
async fn pages_follow_time_and_since_cuts() {
    let site = Site::new().await;
    let token = reader(&site).await;
    for key in ["A", "B", "C"] {
        site.server.advance(Duration::from_secs(60));
        assert_eq!(add_variable(&site, key, "v").await.0, 201);
    }
    let body = trail(&site, &token, "?page[size]=2&page[number]=2").await;
    assert_eq!(body["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(body["data"][0]["timestamp"], "2026-01-05T10:03:00Z");
    assert_eq!(body["pagination"]["prev_page"], 1);
    let body = trail(&site, &token, "?since=2026-01-05T10:01:00.000Z").await;
    assert_eq!(body["pagination"]["total_count"], 2);
    for query in ["?since=yesterday", "?page[size]=0", "?page[number]=x"] {
        let (status, _) = site.server.request("GET", &format!("{PATH}{query}"), &token, Value::Null).await;
        assert_eq!(status, 400, "{query}");
    }
}

#[tokio::test]
async fn only_tokens_of_the_organization_read_it() {
    let site = Site::new().await;
    let token = reader(&site).await;
    assert_eq!(add_variable(&site, "A", "v").await.0, 201);
    for (caller, expected) in
        [(site.owner.as_str(), 404), (crate::testing::ADMIN, 404), ("", 401), ("x", 401)]
    {
        assert_eq!(site.server.request("GET", PATH, caller, Value::Null).await.0, expected);
    }
    let path = site.workspace_path("");
    assert_eq!(site.server.request("GET", &path, &token, Value::Null).await.0, 404, "it opens nothing else");
    let (other, _) = site.server.user("otto").await;
    let elsewhere = Site { organization: site.server.organization("other", &other).await, ..site };
    let token = reader(&elsewhere).await;
    assert_eq!(trail(&elsewhere, &token, "").await["pagination"]["total_count"], 0);
}

#[tokio::test]
async fn a_minted_identity_token_is_an_entry() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({})).await;
    let (status, minted) = agent.claim().await.mint().await;
    assert_eq!(status, 201, "{minted}");
    let mut tx = project.server.app.store.read().await.expect("a transaction");
    let (events, _) = tx.audit_events(&project.organization.id, None, (0, 100)).await.expect("read");
    let event = events.iter().find(|event| event.act.resource_type == "identity_token").expect("an entry");
    assert_eq!((event.actor_kind.as_str(), event.act.action.as_str()), ("job", "create"));
    assert_eq!(event.act.resource_id.as_deref(), minted["jti"].as_str());
    assert!(event.description.contains(run["id"].as_str().expect("an id")), "{}", event.description);
}

/// Type, action and id of every entry, the oldest first.
async fn acts(site: &Site, token: &str) -> Vec<(String, String, String)> {
    let body = trail(site, token, "").await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let resources = body["data"].as_array().expect("a list").iter().map(|entry| &entry["resource"]);
    resources.map(|one| (text(&one["type"]), text(&one["action"]), text(&one["id"]))).collect()
}

async fn answered(site: &Site, method: &str, path: &str, body: Value, status: u16) -> String {
    site.server.advance(Duration::from_secs(1));
    let (found, answer) = site.server.request(method, path, &site.owner, body).await;
    assert_eq!(found, status, "{method} {path}: {answer}");
    answer["data"]["id"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn every_way_to_write_a_state_is_an_entry() {
    let site = Site::new().await;
    let token = reader(&site).await;
    let path = site.workspace_path("/state-versions");
    let attributes = |attributes: Value| json!({ "data": { "attributes": attributes } });
    site.lock().await;
    let first = whole(1, &state(1, "l-1", "x"));
    let made = answered(&site, "POST", &path, attributes(first.clone()), 201).await;
    answered(&site, "POST", &path, attributes(first), 201).await;
    let body = json!({ "data": { "relationships": {
        "rollback-state-version": { "data": { "type": "state-versions", "id": made } } } } });
    let back = answered(&site, "PATCH", &path, body, 201).await;
    let mut waits = whole(3, &state(3, "l-1", "y"));
    waits.as_object_mut().expect("an object").remove("state");
    let announced = answered(&site, "POST", &path, attributes(waits), 201).await;
    let refused = whole(1, &state(1, "l-2", "z"));
    answered(&site, "POST", &path, attributes(refused), 409).await;
    let expected = [
        ("workspace", "lock", site.workspace.id.as_str()),
        // Sending the same again changed nothing.
        ("state_version", "create", &made),
        ("state_version", "roll_back", &back),
        ("state_version", "create", &announced),
    ];
    let expected = expected.map(|(kind, action, id)| (kind.to_owned(), action.to_owned(), id.to_owned()));
    assert_eq!(acts(&site, &token).await, expected);
}

#[tokio::test]
async fn entries_name_the_variable_of_a_set() {
    let site = Site::new().await;
    let token = reader(&site).await;
    let body = json!({ "data": { "attributes": { "name": "shared", "global": false } } });
    let set = answered(&site, "POST", "/api/v2/organizations/acme/varsets", body, 201).await;
    let path = format!("/api/v2/varsets/{set}/relationships/vars");
    let body =
        |value: &str| json!({ "data": { "attributes": { "key": "A", "value": value, "category": "env" } } });
    let var = answered(&site, "POST", &path, body("1"), 201).await;
    answered(&site, "PATCH", &format!("{path}/{var}"), body("2"), 200).await;
    answered(&site, "DELETE", &format!("{path}/{var}"), Value::Null, 204).await;
    let found = acts(&site, &token).await;
    let expected =
        ["create", "update", "destroy"].map(|action| ("var".to_owned(), action.to_owned(), var.clone()));
    assert_eq!(found[found.len() - 3..], expected);
}

#[tokio::test]
async fn the_entry_of_a_comment_names_the_comment() {
    let project = Project::new().await;
    let run = project.run(json!({})).await;
    let path = format!("/api/v2/runs/{}/comments", run["id"].as_str().expect("an id"));
    let body = json!({ "data": { "attributes": { "body": "looks good" } } });
    let (status, made) = project.server.request("POST", &path, &project.token, body).await;
    assert_eq!(status, 201, "{made}");
    let mut tx = project.server.app.store.read().await.expect("a transaction");
    let (events, _) = tx.audit_events(&project.organization.id, None, (0, 100)).await.expect("read");
    let event = events.iter().find(|event| event.act.resource_type == "comment").expect("an entry");
    assert_eq!(event.act.resource_id.as_deref(), made["data"]["id"].as_str());
}
