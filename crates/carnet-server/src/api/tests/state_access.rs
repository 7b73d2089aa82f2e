//! Who may read which part of a state, who may write it, and what a version brings along.

use bytes::Bytes;
use serde_json::{Value, json};

use super::Site;
use super::state_versions::{state, whole};
use crate::state::store_run_state;
use crate::testing::Project;

/// The token of a team with this access to states.
async fn team_token(site: &Site, name: &str, states: &str) -> String {
    let team = site.team(name, json!({}), &[]).await;
    let grant = json!({ "data": {
        "type": "team-workspaces",
        "attributes": { "access": "custom", "state-versions": states, "workspace-locking": true },
        "relationships": {
            "team": { "data": { "type": "teams", "id": team } },
            "workspace": { "data": { "type": "workspaces", "id": site.workspace.id.as_str() } },
        },
    } });
    let (status, answer) = site.server.request("POST", "/api/v2/team-workspaces", &site.owner, grant).await;
    assert_eq!(status, 201, "{answer}");
    let path = format!("/api/v2/teams/{team}/authentication-token");
    let (status, made) = site.server.request("POST", &path, &site.owner, Value::Null).await;
    assert_eq!(status, 201, "{made}");
    made["data"]["attributes"]["token"].as_str().expect("shown once").to_owned()
}

async fn status(site: &Site, path: &str, token: &str) -> u16 {
    site.server.call("GET", path, token, Value::Null).await.status
}

#[tokio::test]
async fn outputs_are_read_with_less_than_the_state() {
    let site = Site::new().await;
    site.lock().await;
    let (_, made) = site.post_state(whole(1, &state(1, "l-1", "x"))).await;
    let version = format!("/api/v2/state-versions/{}", made["data"]["id"].as_str().expect("an id"));
    let current = site.workspace_path("/current-state-version-outputs");
    let (_, listed) = site.server.request("GET", &current, &site.owner, Value::Null).await;
    let secret =
        format!("/api/v2/state-version-outputs/{}", listed["data"][1]["id"].as_str().expect("an id"));
    let (outputs, download) = (format!("{version}/outputs"), format!("{version}/download"));
    let list = "/api/v2/state-versions?filter%5Borganization%5D%5Bname%5D=acme\
        &filter%5Bworkspace%5D%5Bname%5D=net";

    let reader = team_token(&site, "readers", "read-outputs").await;
    for path in [&current, &outputs, &secret] {
        assert_eq!(status(&site, path, &reader).await, 200, "{path}");
    }
    let state_itself = site.workspace_path("/current-state-version");
    for path in [version.as_str(), &download, &state_itself, list] {
        assert_eq!(status(&site, path, &reader).await, 403, "{path}");
    }
    let none = team_token(&site, "others", "none").await;
    for path in [&current, &outputs, &secret, &version] {
        assert_eq!(status(&site, path, &none).await, 403, "{path}");
    }
    let writer = team_token(&site, "writers", "read").await;
    for path in [&current, &outputs, &secret, &version, &download] {
        assert_eq!(status(&site, path, &writer).await, 200, "{path}");
    }
    let body = json!({ "data": { "attributes": whole(2, &state(2, "l-1", "y")) } });
    let path = site.workspace_path("/state-versions");
    assert_eq!(site.server.request("POST", &path, &writer, body).await.0, 403);
}

#[tokio::test]
async fn a_team_writes_under_its_own_lock() {
    let site = Site::new().await;
    let token = team_token(&site, "writers", "write").await;
    let lock = site.workspace_path("/actions/lock");
    assert_eq!(site.server.request("POST", &lock, &token, json!({})).await.0, 200);
    let body = json!({ "data": { "attributes": whole(1, &state(1, "l-1", "x")) } });
    let path = site.workspace_path("/state-versions");
    assert_eq!(site.server.request("POST", &path, &site.owner, body.clone()).await.0, 409);
    let (status, answer) = site.server.request("POST", &path, &token, body).await;
    assert_eq!(status, 201, "{answer}");
}

#[tokio::test]
async fn for_organization_tokens_there_is_nothing_to_write() {
    let site = Site::new().await;
    let path = "/api/v2/organizations/acme/authentication-token";
    let (status, made) = site.server.request("POST", path, &site.owner, json!({ "data": {} })).await;
    assert_eq!(status, 201, "{made}");
    let token = made["data"]["attributes"]["token"].as_str().expect("shown once");
    site.lock().await;
    let body = json!({ "data": { "attributes": whole(1, &state(1, "l-1", "x")) } });
    for method in ["POST", "PATCH"] {
        let path = site.workspace_path("/state-versions");
        assert_eq!(site.server.request(method, &path, token, body.clone()).await.0, 404, "{method}");
    }
}

#[tokio::test]
async fn a_version_brings_its_run_with_what_belongs_to_it() {
    let project = Project::new().await;
    let run = project.run(json!({})).await;
    let id = run["id"].as_str().expect("an id").parse().expect("an id");
    let text = Bytes::from(state(1, "l-1", "x"));
    store_run_state(&project.server.app, &project.workspace.id, &id, text).await.expect("stored");
    let current = format!("/api/v2/workspaces/{}/current-state-version", project.workspace.id);
    let listed = "/api/v2/state-versions?filter%5Borganization%5D%5Bname%5D=acme\
        &filter%5Bworkspace%5D%5Bname%5D=net&include=run.created_by"
        .to_owned();
    for (path, expected) in [
        (format!("{current}?include=run"), vec!["runs"]),
        (format!("{current}?include=run,run.created_by"), vec!["runs", "users"]),
        (
            format!("{current}?include=run.configuration-version,run.created-by,outputs"),
            vec!["configuration-versions", "runs", "state-version-outputs", "state-version-outputs", "users"],
        ),
        (listed, vec!["runs", "users"]),
    ] {
        let answer = project.get(&path).await;
        let included = answer["included"].as_array().expect("a list").iter();
        let kinds: Vec<_> = included.map(|one| one["type"].as_str().unwrap_or_default()).collect();
        assert_eq!(kinds, expected, "{path}");
        assert!(!answer.to_string().contains("hush"), "{path}");
    }
}

#[tokio::test]
async fn outputs_and_versions_come_in_pages() {
    let site = Site::new().await;
    site.lock().await;
    let mut id = Value::Null;
    for serial in 1..=5 {
        let (status, made) = site.post_state(whole(serial, &state(serial, "l-1", "x"))).await;
        assert_eq!(status, 201);
        id = made["data"]["id"].clone();
    }
    let outputs = format!("/api/v2/state-versions/{}/outputs", id.as_str().expect("an id"));
    let (_, page) = site
        .server
        .request("GET", &format!("{outputs}?page%5Bsize%5D=1&page%5Bnumber%5D=2"), &site.owner, Value::Null)
        .await;
    assert_eq!(page["data"].as_array().expect("a list").len(), 1);
    assert_eq!(page["data"][0]["attributes"]["name"], "secret");
    assert_eq!(page["meta"]["pagination"]["total-count"], 2);
    let list = "/api/v2/state-versions?filter%5Borganization%5D%5Bname%5D=acme\
        &filter%5Bworkspace%5D%5Bname%5D=net&filter%5Bstatus%5D=finalized&page%5Bsize%5D=2&page%5Bnumber%5D=";
    for (number, expected) in [(1, vec![5, 4]), (3, vec![1]), (4, vec![])] {
        let (_, page) =
            site.server.request("GET", &format!("{list}{number}"), &site.owner, Value::Null).await;
        let versions = page["data"].as_array().expect("a list").iter();
        let serials: Vec<_> =
            versions.map(|one| one["attributes"]["serial"].as_i64().expect("a number")).collect();
        assert_eq!(serials, expected);
        assert_eq!(page["meta"]["pagination"]["total-count"], 5);
        assert_eq!(page["meta"]["pagination"]["current-page"], number);
    }
}

#[tokio::test]
async fn resources_that_stand_for_nothing_cost_nothing() {
    let site = Site::new().await;
    site.lock().await;
    let mut text: Value = serde_json::from_str(&state(1, "l-1", "x")).expect("JSON");
    let more = json!({ "mode": "managed", "type": "aws_vpc", "name": "v", "provider": "provider[\"x/aws\"]",
        "instances": [{}, {}, {}] });
    text["resources"].as_array_mut().expect("a list").push(more);
    let text = text.to_string();
    assert_eq!(site.post_state(whole(1, &text)).await.0, 201);
    assert_eq!(site.current().await["attributes"]["billable-rum-count"], 3);
    assert_eq!(site.current().await["attributes"]["resources-processed"], true);
    for name in ["vcs-commit-sha", "vcs-commit-url"] {
        assert_eq!(site.current().await["attributes"][name], Value::Null);
    }
}
