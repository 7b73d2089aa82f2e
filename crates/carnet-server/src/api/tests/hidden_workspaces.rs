//! What lists and counts tell of workspaces that the caller may not see.

use std::time::Duration;

use carnet_model::Workspace;
use serde_json::{Value, json};

use super::Site;
use super::upload_rights::{Member, ask, text};
use crate::testing::{FakeAgent, Project};

/// A member who reads one workspace, and another workspace beside it.
async fn site() -> (Site, Member, Workspace) {
    let site = Site::new().await;
    let member = Member::new(&site, "mia", "read").await;
    let secret = site.server.workspace(&site.organization, "secret").await;
    (site, member, secret)
}

async fn get(site: &Site, path: &str, token: &str) -> Value {
    let (status, answer) = site.server.request("GET", path, token, Value::Null).await;
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

#[tokio::test]
async fn run_triggers_to_hidden_workspaces_are_left_out() {
    let (site, member, secret) = site().await;
    let mut ids = Vec::new();
    for (workspace, source) in [(&site.workspace, &secret), (&secret, &site.workspace)] {
        let sourceable = json!({ "data": { "type": "workspaces", "id": source.id.as_str() } });
        let body = json!({ "data": { "relationships": { "sourceable": sourceable } } });
        let path = format!("/api/v2/workspaces/{}/run-triggers", workspace.id);
        ids.push(text(&ask(&site, "POST", &path, &site.owner, body, 201).await["id"]));
    }
    for kind in ["inbound", "outbound"] {
        let path = site.workspace_path(&format!("/run-triggers?filter%5Brun-trigger%5D%5Btype%5D={kind}"));
        for (token, count) in [(&site.owner, 1), (&member.token, 0)] {
            let found = get(&site, &path, token).await;
            assert_eq!(found["data"].as_array().map(Vec::len), Some(count), "{kind}");
            assert_eq!(found["meta"]["pagination"]["total-count"], count, "{kind}");
        }
    }
    for id in ids {
        let path = format!("/api/v2/run-triggers/{id}");
        assert_eq!(site.server.request("GET", &path, &member.token, Value::Null).await.0, 404);
        get(&site, &path, &site.owner).await;
    }
}

#[tokio::test]
async fn tags_count_what_the_caller_sees() {
    let (site, member, secret) = site().await;
    for workspace in [&site.workspace, &secret] {
        let path = format!("/api/v2/workspaces/{}/relationships/tags", workspace.id);
        let body = json!({ "data": [{ "type": "tags", "attributes": { "name": "blue" } }] });
        ask(&site, "POST", &path, &site.owner, body, 204).await;
    }
    for (token, count) in [(&site.owner, 2), (&member.token, 1)] {
        let tags = get(&site, "/api/v2/organizations/acme/tags", token).await;
        assert_eq!(tags["data"][0]["attributes"]["instance-count"], count);
    }
}

#[tokio::test]
async fn the_status_of_hidden_runs_is_told_by_no_list() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    project.run(json!({})).await;
    let _plan = agent.claim().await;
    project.run(json!({})).await;
    let Project { server, organization, workspace, token: owner } = project;
    let site = Site { server, organization, workspace, stranger: String::new(), owner };
    let member = Member::new(&site, "mia", "read").await;
    let list = "/api/v2/organizations/acme/workspaces?filter%5Bcurrent-run%5D%5Bstatus%5D=planning";
    let capacity = "/api/v2/organizations/acme/capacity";
    let check = async |token: &str, count: usize| {
        let found = get(&site, list, token).await;
        assert_eq!(found["data"].as_array().map(Vec::len), Some(count));
        assert_eq!(found["meta"]["pagination"]["total-count"], count);
        assert_eq!(get(&site, capacity, token).await["data"]["attributes"]["running"], count);
    };
    check(&site.owner, 1).await;
    check(&member.token, 1).await;
    let body =
        json!({ "data": { "attributes": { "access": "custom", "runs": "none", "variables": "read" } } });
    let path = format!("/api/v2/team-workspaces/{}", member.access);
    ask(&site, "PATCH", &path, &site.owner, body, 200).await;
    check(&member.token, 0).await;
    check(&site.owner, 1).await;
}

#[tokio::test]
async fn the_address_of_a_log_ends() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({})).await;
    agent.claim().await.write_log().await;
    let path = format!("/api/v2/runs/{}/plan", text(&run["id"]));
    let url = async || text(&project.get(&path).await["data"]["attributes"]["log-read-url"]);
    let read = async |url: &str| {
        project.server.send("GET", &format!("{url}?limit=65536&offset=0"), "", Vec::new()).await.status
    };
    let first = url().await;
    assert_eq!(read(&first).await, 200);
    project.server.advance(Duration::from_secs(25 * 3600));
    assert_eq!(read(&first).await, 200, "a long apply is read from one address");
    project.server.advance(Duration::from_secs(3600));
    assert_eq!(read(&first).await, 404);
    let second = url().await;
    assert_eq!(read(&second).await, 200);
    let end = |url: &str| url.rsplit('.').nth(1).expect("a moment").to_owned();
    assert_eq!(read(&first.replace(&end(&first), &end(&second))).await, 404, "a moment of one's own");
    assert_eq!(
        read(&second.replace(&text(&run["relationships"]["plan"]["data"]["id"]), "plan-x")).await,
        404
    );
}
