//! What was handed out for later counts only as long as the right that it stood for.

use std::time::Duration;

use serde_json::{Value, json};
use tar::EntryType;

use super::Site;
use super::configuration_versions::archive;
use super::state_versions::state;
use crate::state::file::md5_hex;
use crate::testing::FakeAgent;

/// A member of a team with this access to the workspace.
pub(super) struct Member {
    pub(super) token: String,
    membership: String,
    /// The id of the grant.
    pub(super) access: String,
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a text")).to_owned()
}

pub(super) async fn ask(
    site: &Site,
    method: &str,
    path: &str,
    token: &str,
    body: Value,
    expected: u16,
) -> Value {
    let (status, answer) = site.server.request(method, path, token, body).await;
    assert_eq!(status, expected, "{method} {path}: {answer}");
    answer["data"].clone()
}

impl Member {
    pub(super) async fn new(site: &Site, name: &str, access: &str) -> Self {
        let (id, token) = site.member(name).await;
        let team = site.team(&format!("{name}s"), json!({}), &[id.as_str()]).await;
        let body = json!({ "data": { "attributes": { "access": access }, "relationships": {
            "team": { "data": { "type": "teams", "id": team } },
            "workspace": { "data": { "type": "workspaces", "id": site.workspace.id.as_str() } } } } });
        let made = ask(site, "POST", "/api/v2/team-workspaces", &site.owner, body, 201).await;
        let list = "/api/v2/organizations/acme/organization-memberships";
        let all = ask(site, "GET", list, &site.owner, Value::Null, 200).await;
        let own = all
            .as_array()
            .expect("a list")
            .iter()
            .find(|one| one["relationships"]["user"]["data"]["id"] == id.as_str());
        let membership = text(&own.expect("a member")["id"]);
        Self { token, membership, access: text(&made["id"]) }
    }

    pub(super) async fn leave(&self, site: &Site) {
        let path = format!("/api/v2/organization-memberships/{}", self.membership);
        ask(site, "DELETE", &path, &site.owner, Value::Null, 204).await;
    }

    /// Asks for a place for an archive.
    async fn version(&self, site: &Site, attributes: Value) -> String {
        let body = json!({ "data": { "type": "configuration-versions", "attributes": attributes } });
        let path = site.workspace_path("/configuration-versions");
        let made = ask(site, "POST", &path, &self.token, body, 201).await;
        text(&made["attributes"]["upload-url"])
    }
}

async fn put(site: &Site, url: &str, body: impl Into<Vec<u8>>) -> u16 {
    site.server.send("PUT", url, "", body.into()).await.status
}

fn good() -> Vec<u8> {
    archive(&[(EntryType::Regular, "main.tf", "", b"# nothing\n")])
}

async fn set(site: &Site, attributes: Value) {
    let body = json!({ "data": { "type": "workspaces", "attributes": attributes } });
    ask(site, "PATCH", &site.workspace_path(""), &site.owner, body, 200).await;
}

async fn runs(site: &Site) -> Vec<Value> {
    let runs = ask(site, "GET", &site.workspace_path("/runs"), &site.owner, Value::Null, 200).await;
    runs.as_array().expect("a list").clone()
}

#[tokio::test]
async fn who_left_uploads_no_configuration() {
    let site = Site::new().await;
    set(&site, json!({ "auto-apply": true })).await;
    let member = Member::new(&site, "mia", "write").await;
    let url = member.version(&site, json!({})).await;
    member.leave(&site).await;
    assert_eq!(put(&site, &url, good()).await, 404);
    assert!(runs(&site).await.is_empty());
}

#[tokio::test]
async fn an_upload_counts_as_what_its_maker_may_do_when_it_comes() {
    let site = Site::new().await;
    set(&site, json!({ "auto-apply": true })).await;
    let member = Member::new(&site, "mia", "write").await;
    let before = member.version(&site, json!({})).await;
    assert_eq!(put(&site, &before, good()).await, 200);
    site.server.advance(Duration::from_secs(1));
    let demoted = member.version(&site, json!({})).await;
    let body = json!({ "data": { "attributes": { "access": "plan" } } });
    let path = format!("/api/v2/team-workspaces/{}", member.access);
    ask(&site, "PATCH", &path, &site.owner, body, 200).await;
    assert_eq!(put(&site, &demoted, good()).await, 200);
    let body = json!({ "data": { "attributes": { "access": "read" } } });
    let refused = member.version(&site, json!({})).await;
    ask(&site, "PATCH", &path, &site.owner, body, 200).await;
    assert_eq!(put(&site, &refused, good()).await, 404);

    let runs = runs(&site).await;
    let applies: Vec<&Value> = runs.iter().map(|run| &run["attributes"]["auto-apply"]).collect();
    assert_eq!(applies, [&json!(false), &json!(true)]);
    let path = format!("/api/v2/runs/{}/run-events?include=actor", text(&runs[0]["id"]));
    let (_, events) = site.server.request("GET", &path, &site.owner, Value::Null).await;
    assert_eq!(events["included"][0]["attributes"]["username"], "mia", "{events}");
    assert!(runs[0]["relationships"]["created-by"]["data"]["id"].is_string());
}

#[tokio::test]
async fn an_upload_ends_with_its_hour_and_with_the_token_that_asked() {
    let site = Site::new().await;
    let member = Member::new(&site, "mia", "write").await;
    let late = member.version(&site, json!({})).await;
    site.server.advance(Duration::from_secs(3601));
    assert_eq!(put(&site, &late, good()).await, 404);

    let in_time = member.version(&site, json!({})).await;
    site.server.advance(Duration::from_secs(3599));
    assert_eq!(put(&site, &in_time, good()).await, 200);

    let revoked = member.version(&site, json!({})).await;
    let account = ask(&site, "GET", "/api/v2/account/details", &member.token, Value::Null, 200).await;
    let tokens = format!("/api/v2/users/{}/authentication-tokens", text(&account["id"]));
    let list = ask(&site, "GET", &tokens, &member.token, Value::Null, 200).await;
    let path = format!("/api/v2/authentication-tokens/{}", text(&list[0]["id"]));
    ask(&site, "DELETE", &path, &member.token, Value::Null, 204).await;
    assert_eq!(put(&site, &revoked, good()).await, 404);
}

#[tokio::test]
async fn who_may_only_plan_reaches_no_apply_through_others() {
    let site = Site::new().await;
    set(&site, json!({ "auto-apply": true, "auto-apply-run-trigger": true })).await;
    let agent = FakeAgent::new(&site.server).await;
    let source = site.server.workspace(&site.organization, "source").await;
    let sourceable = json!({ "data": { "type": "workspaces", "id": source.id.as_str() } });
    let body = json!({ "data": { "relationships": { "sourceable": sourceable } } });
    ask(&site, "POST", &site.workspace_path("/run-triggers"), &site.owner, body, 201).await;
    let planner = Member::new(&site, "pia", "plan").await;
    let url = planner.version(&site, json!({ "auto-queue-runs": false })).await;
    assert_eq!(put(&site, &url, good()).await, 200);

    // An apply of the source workspace.
    let path = format!("/api/v2/workspaces/{}/configuration-versions", source.id);
    let body = json!({ "data": { "attributes": { "auto-queue-runs": false } } });
    let made = ask(&site, "POST", &path, &site.owner, body, 201).await;
    assert_eq!(put(&site, &text(&made["attributes"]["upload-url"]), good()).await, 200);
    let start = |workspace: &str, attributes: Value| {
        json!({ "data": { "attributes": attributes, "relationships": {
            "workspace": { "data": { "type": "workspaces", "id": workspace } } } } })
    };
    let body = start(source.id.as_str(), json!({ "auto-apply": true }));
    ask(&site, "POST", "/api/v2/runs", &site.owner, body, 201).await;
    agent.claim().await.succeed().await;
    agent.claim().await.succeed().await;
    let triggered = runs(&site).await[0].clone();
    assert_eq!(triggered["attributes"]["auto-apply"], false);
    agent.claim().await.succeed().await;
    assert!(agent.try_claim().await.is_none(), "an apply that nobody confirmed");

    // A run of an owner who names no configuration.
    let discard = format!("/api/v2/runs/{}/actions/discard", text(&triggered["id"]));
    assert_eq!(site.server.request("POST", &discard, &site.owner, json!({})).await.0, 202);
    for attributes in [json!({}), json!({ "auto-apply": true })] {
        let body = start(site.workspace.id.as_str(), attributes);
        let run = ask(&site, "POST", "/api/v2/runs", &site.owner, body, 201).await;
        assert_eq!(run["attributes"]["auto-apply"], false);
        agent.claim().await.succeed().await;
        assert!(agent.try_claim().await.is_none(), "an apply that nobody confirmed");
        let apply = format!("/api/v2/runs/{}/actions/apply", text(&run["id"]));
        if run["attributes"]["auto-apply"] == false && runs(&site).await.len() == 3 {
            // Whoever confirms it answers for the configuration.
            assert_eq!(site.server.request("POST", &apply, &site.owner, json!({})).await.0, 202);
            agent.claim().await.succeed().await;
        } else {
            let discard = format!("/api/v2/runs/{}/actions/discard", text(&run["id"]));
            assert_eq!(site.server.request("POST", &discard, &site.owner, json!({})).await.0, 202);
        }
    }
    let body = start(site.workspace.id.as_str(), json!({}));
    let run = ask(&site, "POST", "/api/v2/runs", &site.owner, body, 201).await;
    assert_eq!(run["attributes"]["auto-apply"], true, "a configuration that was confirmed before");
}

#[tokio::test]
async fn who_left_uploads_no_state() {
    let site = Site::new().await;
    let member = Member::new(&site, "mia", "write").await;
    ask(&site, "POST", &site.workspace_path("/actions/lock"), &member.token, json!({}), 200).await;
    let content = state(1, "l-1", "x");
    let attributes = json!({ "serial": 1, "md5": md5_hex(content.as_bytes()), "lineage": "l-1" });
    let body = json!({ "data": { "type": "state-versions", "attributes": attributes } });
    let path = site.workspace_path("/state-versions");
    let made = ask(&site, "POST", &path, &member.token, body.clone(), 201).await;
    let url = |made: &Value, name: &str| text(&made["attributes"][name]);
    let (raw, form) = (url(&made, "hosted-state-upload-url"), url(&made, "hosted-json-state-upload-url"));
    site.server.advance(Duration::from_secs(3601));
    assert_eq!(put(&site, &raw, content.clone()).await, 404, "after an hour");
    let made = ask(&site, "POST", &path, &member.token, body, 201).await;
    assert_eq!(put(&site, &form, "{}").await, 404, "given up");
    let (raw, form) = (url(&made, "hosted-state-upload-url"), url(&made, "hosted-json-state-upload-url"));
    member.leave(&site).await;
    assert_eq!(put(&site, &raw, content).await, 404);
    assert_eq!(put(&site, &form, "{}").await, 404);
    let current = site.workspace_path("/current-state-version");
    assert_eq!(site.server.request("GET", &current, &site.owner, Value::Null).await.0, 404);
}
