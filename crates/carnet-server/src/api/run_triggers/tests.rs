use carnet_model::Workspace;
use serde_json::{Value, json};

use crate::api::run_actions::tests::member;
use crate::testing::{FakeAgent, Project};

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn path(workspace: &Workspace) -> String {
    format!("/api/v2/workspaces/{}/run-triggers", workspace.id)
}

fn body(source: &Workspace) -> Value {
    let source = json!({ "data": { "type": "workspaces", "id": source.id.as_str() } });
    json!({ "data": { "type": "run-triggers", "relationships": { "sourceable": source } } })
}

/// Lets applies of the source queue runs of the workspace.
async fn connect(project: &Project, source: &Workspace, workspace: &Workspace) -> Value {
    let (status, made) = project.server.request("POST", &path(workspace), &project.token, body(source)).await;
    assert_eq!(status, 201, "{made}");
    made["data"].clone()
}

async fn refused(project: &Project, token: &str, workspace: &Workspace, body: Value, expected: (u16, &str)) {
    let (status, answer) = project.server.request("POST", &path(workspace), token, body).await;
    assert_eq!(status, expected.0, "{answer}");
    assert!(answer.to_string().contains(expected.1), "{answer}");
}

#[tokio::test]
async fn triggers_are_seen_from_both_ends() {
    let project = Project::new().await;
    let net = &project.workspace;
    let app = project.server.workspace(&project.organization, "app").await;
    let made = connect(&project, net, &app).await;
    assert_eq!(made["attributes"]["workspace-name"], "app");
    assert_eq!(made["attributes"]["sourceable-name"], "net");
    assert_eq!(
        made["relationships"]["sourceable"]["data"],
        json!({ "type": "workspaces", "id": net.id.as_str() })
    );
    let list = async |workspace: &Workspace, kind: &str| {
        let query = format!("filter%5Brun-trigger%5D%5Btype%5D={kind}&include=workspace,sourceable");
        project.get(&format!("{}?{query}", path(workspace))).await
    };
    for (workspace, kind, count) in
        [(&app, "inbound", 1), (net, "outbound", 1), (net, "inbound", 0), (&app, "outbound", 0)]
    {
        let found = list(workspace, kind).await;
        assert_eq!(found["data"].as_array().map(Vec::len), Some(count), "{kind} of {}", workspace.name);
        assert_eq!(found["meta"]["pagination"]["total-count"], count);
    }
    let included = list(&app, "inbound").await["included"].clone();
    let names: Vec<&str> =
        included.as_array().expect("a list").iter().map(|one| text(&one["attributes"]["name"])).collect();
    assert_eq!(names, ["app", "net"]);
    for query in ["", "?filter%5Brun-trigger%5D%5Btype%5D=both"] {
        let path = format!("{}{query}", path(&app));
        assert_eq!(project.server.request("GET", &path, &project.token, Value::Null).await.0, 400);
    }
    let one = format!("/api/v2/run-triggers/{}", text(&made["id"]));
    assert_eq!(project.get(&one).await["data"], made);
    assert_eq!(project.server.request("DELETE", &one, &project.token, Value::Null).await.0, 204);
    assert_eq!(project.server.request("GET", &one, &project.token, Value::Null).await.0, 404);
    let made = connect(&project, net, &app).await;
    let gone = format!("/api/v2/workspaces/{}", net.id);
    assert_eq!(project.server.request("DELETE", &gone, &project.token, Value::Null).await.0, 204);
    let one = format!("/api/v2/run-triggers/{}", text(&made["id"]));
    assert_eq!(project.server.request("GET", &one, &project.token, Value::Null).await.0, 404);
}

#[tokio::test]
async fn impossible_triggers_are_refused() {
    let project = Project::new().await;
    let net = &project.workspace;
    let app = project.server.workspace(&project.organization, "app").await;
    let token = &project.token;
    refused(&project, token, net, body(net), (422, "another workspace")).await;
    refused(&project, token, net, json!({ "data": {} }), (422, "Sourceable must exist")).await;
    connect(&project, net, &app).await;
    refused(&project, token, &app, body(net), (422, "already been taken")).await;
    let (other, other_token) = project.server.user("otto").await;
    let foreign = project.server.organization("other", &other).await;
    let foreign = project.server.workspace(&foreign, "foreign").await;
    refused(&project, token, &app, body(&foreign), (404, "not found")).await;
    refused(&project, &other_token, &app, body(&foreign), (404, "not found")).await;
    for number in 1..20 {
        let source = project.server.workspace(&project.organization, &format!("w{number}")).await;
        connect(&project, &source, &app).await;
    }
    let one_more = project.server.workspace(&project.organization, "one-more").await;
    refused(&project, token, &app, body(&one_more), (422, "at most 20")).await;
}

#[tokio::test]
async fn both_ends_are_asked_for_permission() {
    let mut project = Project::new().await;
    let writer = member(&project, "willy", "write").await;
    let admin = member(&project, "ada", "admin").await;
    let net = project.workspace.clone();
    let app = project.server.workspace(&project.organization, "app").await;
    refused(&project, &writer, &net, body(&app), (403, "settings of the workspace")).await;
    refused(&project, &admin, &net, body(&app), (404, "not found")).await;
    refused(&project, &admin, &app, body(&net), (404, "not found")).await;
    project.workspace = app.clone();
    let trigger = connect(&project, &app, &net).await;
    let one = format!("/api/v2/run-triggers/{}", text(&trigger["id"]));
    assert_eq!(project.server.request("GET", &one, &writer, Value::Null).await.0, 404, "it names the source");
    project.get(&one).await;
    assert_eq!(project.server.request("DELETE", &one, &writer, Value::Null).await.0, 403);
    assert_eq!(project.server.request("DELETE", &one, &admin, Value::Null).await.0, 204);
}

/// The runs of a workspace.
async fn runs(project: &Project, workspace: &Workspace) -> Vec<Value> {
    let list = project.get(&format!("/api/v2/workspaces/{}/runs", workspace.id)).await;
    list["data"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn an_apply_queues_runs_and_a_circle_ends() {
    let mut project = Project::new().await;
    let a = project.workspace.clone();
    let b = project.server.workspace(&project.organization, "b").await;
    let c = project.server.workspace(&project.organization, "c").await;
    let without = project.server.workspace(&project.organization, "without").await;
    for workspace in [&b, &c] {
        project.workspace = workspace.clone();
        project.configuration(false).await;
    }
    project.workspace = a.clone();
    for (source, workspace) in [(&a, &b), (&b, &c), (&c, &a), (&b, &a), (&a, &without)] {
        connect(&project, source, workspace).await;
    }
    let change = json!({ "data": { "attributes": { "auto-apply-run-trigger": true } } });
    let (status, answer) = project
        .server
        .request("PATCH", &format!("/api/v2/workspaces/{}", c.id), &project.token, change)
        .await;
    assert_eq!(status, 200, "{answer}");

    let agent = FakeAgent::new(&project.server).await;
    let first = project.run(json!({})).await;
    agent.claim().await.succeed().await;
    assert!(runs(&project, &b).await.is_empty(), "a plan triggers nothing");
    assert_eq!(project.act(&first, "apply").await, 202);
    agent.claim().await.succeed().await;
    assert!(runs(&project, &without).await.is_empty());

    let second = runs(&project, &b).await.remove(0);
    let attributes = &second["attributes"];
    assert_eq!(attributes["source"], "tfe-run-trigger");
    assert_eq!(attributes["auto-apply"], false);
    assert!(text(&attributes["message"]).contains(text(&first["id"])), "{attributes}");
    assert_eq!(second["relationships"]["triggering-run"]["data"]["id"], first["id"]);
    agent.claim().await.succeed().await;
    assert_eq!(project.status(&second).await, "planned");
    assert_eq!(project.act(&second, "apply").await, 202);
    agent.claim().await.succeed().await;

    let third = runs(&project, &c).await.remove(0);
    assert_eq!(third["attributes"]["auto-apply"], true);
    agent.claim().await.succeed().await;
    agent.claim().await.succeed().await;
    assert_eq!(project.status(&third).await, "applied");
    assert!(agent.try_claim().await.is_none(), "the circle goes on");
    assert_eq!(runs(&project, &a).await.len(), 1);
}

#[tokio::test]
async fn a_failed_apply_queues_nothing() {
    let mut project = Project::new().await;
    let a = project.workspace.clone();
    let b = project.server.workspace(&project.organization, "b").await;
    project.workspace = b.clone();
    project.configuration(false).await;
    project.workspace = a.clone();
    connect(&project, &a, &b).await;
    let agent = FakeAgent::new(&project.server).await;
    project.run(json!({ "auto-apply": true })).await;
    agent.claim().await.succeed().await;
    let apply = agent.claim().await;
    assert_eq!(apply.finish("failed", true).await, 204);
    assert!(runs(&project, &b).await.is_empty());
}
