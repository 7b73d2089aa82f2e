mod races;

use std::time::Duration;

use serde_json::{Value, json};

use crate::api::organizations::join_organization;
use crate::testing::{FakeAgent, Project};

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// A member whose team has a named level of access to the workspace.
pub(in crate::api) async fn member(project: &Project, name: &str, level: &str) -> String {
    let (id, token) = project.server.user(name).await;
    let mut tx = project.server.app.store.write().await.expect("a transaction");
    join_organization(&mut tx, &project.organization.id, &id, project.server.app.now())
        .await
        .expect("stored");
    tx.commit().await.expect("committed");
    let send = async |path: &str, body: Value| {
        let (status, answer) = project.server.request("POST", path, &project.token, body).await;
        assert!(matches!(status, 200 | 201 | 204), "{answer}");
        answer
    };
    let team = json!({ "data": { "attributes": { "name": format!("team-of-{name}") } } });
    let team = send("/api/v2/organizations/acme/teams", team).await["data"]["id"].clone();
    let users = json!({ "data": [{ "type": "users", "id": id.as_str() }] });
    send(&format!("/api/v2/teams/{}/relationships/users", text(&team)), users).await;
    if level != "none" {
        let grant = json!({ "data": {
            "attributes": { "access": level },
            "relationships": {
                "team": { "data": { "type": "teams", "id": team } },
                "workspace": { "data": { "type": "workspaces", "id": project.workspace.id.as_str() } },
            },
        } });
        send("/api/v2/team-workspaces", grant).await;
    }
    token
}

/// The token of the organization.
pub(in crate::api) async fn organization_token(project: &Project) -> String {
    let path = "/api/v2/organizations/acme/authentication-token";
    let (status, answer) = project.server.request("POST", path, &project.token, json!({ "data": {} })).await;
    assert_eq!(status, 201, "{answer}");
    text(&answer["data"]["attributes"]["token"]).to_owned()
}

async fn act(project: &Project, token: &str, run: &Value, action: &str) -> (u16, Value) {
    let path = format!("/api/v2/runs/{}/actions/{action}", text(&run["id"]));
    project.server.request("POST", &path, token, json!({})).await
}

async fn run_by(project: &Project, token: &str, attributes: Value) -> Value {
    let body = project.run_body(&project.configuration(false).await, attributes);
    let (status, answer) = project.server.request("POST", "/api/v2/runs", token, body).await;
    assert_eq!(status, 201, "{answer}");
    answer["data"].clone()
}

#[tokio::test]
async fn who_may_only_plan_gives_up_plans_of_their_own() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let planner = member(&project, "paula", "plan").await;
    let reader = member(&project, "rita", "read").await;
    let nobody = member(&project, "nora", "none").await;

    let own = run_by(&project, &planner, json!({})).await;
    let permissions = &own["attributes"]["permissions"];
    for (name, expected) in [
        ("can-apply", false),
        ("can-cancel", true),
        ("can-comment", true),
        ("can-discard", true),
        ("can-force-cancel", false),
        ("can-force-execute", false),
        ("can-override-policy-check", false),
    ] {
        assert_eq!(permissions[name], expected, "{name}");
    }
    let others = project.run(json!({})).await;
    for action in ["apply", "discard", "cancel", "force-cancel", "force-execute"] {
        assert_eq!(act(&project, &reader, &own, action).await.0, 403, "{action}");
        assert_eq!(act(&project, &nobody, &own, action).await.0, 404, "{action}");
    }
    assert_eq!(act(&project, &planner, &others, "cancel").await.0, 403);
    let (status, answer) = act(&project, &planner, &others, "discard").await;
    assert_eq!(status, 403);
    assert!(answer.to_string().contains("apply runs of the workspace"), "{answer}");
    let speculative = project.run_of(&project.configuration(true).await, json!({})).await;
    assert_eq!(act(&project, &planner, &speculative, "cancel").await.0, 202);

    agent.claim().await.succeed().await;
    assert_eq!(project.status(&own).await, "planned");
    for action in ["apply", "discard"] {
        assert_eq!(act(&project, &planner, &own, action).await.0, 403, "{action} of a plan that is made");
    }
    assert_eq!(project.act(&own, "discard").await, 202);
    let own = run_by(&project, &planner, json!({})).await;
    assert_eq!(act(&project, &planner, &own, "cancel").await.0, 202);
    assert_eq!(project.status(&own).await, "canceled");
}

#[tokio::test]
async fn the_token_of_the_organization_runs_nothing() {
    let project = Project::new().await;
    let token = organization_token(&project).await;
    let run = project.run(json!({})).await;
    for action in ["apply", "discard", "cancel", "force-cancel", "force-execute"] {
        assert_eq!(act(&project, &token, &run, action).await.0, 404, "{action}");
    }
    let body = project.run_body(&project.configuration(false).await, json!({}));
    assert_eq!(project.server.request("POST", "/api/v2/runs", &token, body).await.0, 404);
    let versions = format!("/api/v2/workspaces/{}/configuration-versions", project.workspace.id);
    let body = json!({ "data": { "attributes": {} } });
    assert_eq!(project.server.request("POST", &versions, &token, body).await.0, 404);
    let path = format!("/api/v2/runs/{}?include=apply,plan", text(&run["id"]));
    let (status, shown) = project.server.request("GET", &path, &token, Value::Null).await;
    assert_eq!(status, 200);
    let included = shown["included"].as_array().expect("a list");
    assert!(
        included.iter().all(|one| one["type"] == "plans"),
        "applies are not for this token: {included:?}"
    );
    for permission in shown["data"]["attributes"]["permissions"].as_object().expect("an object").values() {
        assert_eq!(*permission, json!(false));
    }
}

#[tokio::test]
async fn a_run_goes_first_by_force() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let first = project.run(json!({})).await;
    project.server.advance(Duration::from_secs(1));
    let second = project.run(json!({})).await;
    project.server.advance(Duration::from_secs(1));
    let third = project.run(json!({})).await;
    let (status, _) = act(&project, &project.token, &third, "force-execute").await;
    assert_eq!(status, 409, "the holder waits for an agent: it can be canceled, not discarded");
    agent.claim().await.succeed().await;
    assert_eq!(act(&project, &project.token, &first, "force-execute").await.0, 403, "it does not wait");
    assert_eq!(act(&project, &project.token, &third, "force-execute").await.0, 202);
    assert_eq!(project.status(&first).await, "discarded");
    assert_eq!(project.status(&second).await, "pending");
    assert_eq!(project.status(&third).await, "plan_queued");
    let workspace = project.get(&format!("/api/v2/workspaces/{}", project.workspace.id)).await;
    let relations = &workspace["data"]["relationships"];
    assert_eq!(relations["locked-by"]["data"]["id"], third["id"]);
    assert_eq!(relations["current-run"]["data"]["id"], third["id"]);
    let events = project.get(&format!("/api/v2/runs/{}/run-events", text(&third["id"]))).await;
    assert!(events.to_string().contains("force_executed"));
    assert_eq!(project.act(&third, "cancel").await, 202);
    assert_eq!(project.status(&second).await, "plan_queued", "the one that waited goes on");
}

#[tokio::test]
async fn behind_the_lock_of_a_person_nothing_goes_first() {
    let project = Project::new().await;
    let lock = format!("/api/v2/workspaces/{}/actions/lock", project.workspace.id);
    assert_eq!(project.server.request("POST", &lock, &project.token, json!({})).await.0, 200);
    let run = project.run(json!({})).await;
    let (status, answer) = act(&project, &project.token, &run, "force-execute").await;
    assert_eq!(status, 403, "{answer}");
}

#[tokio::test]
async fn the_words_of_an_action_are_a_comment() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({})).await;
    agent.claim().await.succeed().await;
    let id = text(&run["id"]);
    let apply = format!("/api/v2/runs/{id}/actions/apply");
    let body = json!({ "comment": "looks good" });
    assert_eq!(project.server.request("POST", &apply, &project.token, body).await.0, 202);
    let comments = project.get(&format!("/api/v2/runs/{id}/comments")).await;
    assert_eq!(comments["data"][0]["attributes"]["body"], "looks good");
    let shown = project.get(&format!("/api/v2/runs/{id}")).await["data"].clone();
    assert_eq!(shown["relationships"]["comments"]["data"][0]["id"], comments["data"][0]["id"]);
    assert!(shown["relationships"]["confirmed-by"]["data"]["id"].is_string());
    let body = json!({ "comment": "x".repeat(10_001) });
    let cancel = format!("/api/v2/runs/{id}/actions/cancel");
    assert_eq!(project.server.request("POST", &cancel, &project.token, body).await.0, 422);
    assert_eq!(project.status(&run).await, "apply_queued");
}

#[tokio::test]
async fn the_body_of_an_action_has_the_right_types_or_nothing_happens() {
    let project = Project::new().await;
    let run = project.run(json!({})).await;
    let path = format!("/api/v2/runs/{}/actions/cancel", text(&run["id"]));
    for (body, pointer) in [
        (json!({ "comment": 5 }), "/comment"),
        (json!({ "comment": ["a"] }), "/comment"),
        (json!({ "data": { "attributes": { "comment": {} } } }), "/data/attributes/comment"),
        (json!({ "data": { "attributes": [] } }), "/data/attributes"),
        (json!({ "data": 5 }), "/data"),
        (json!(["comment"]), ""),
    ] {
        let (status, answer) = project.server.request("POST", &path, &project.token, body.clone()).await;
        assert_eq!(status, 422, "{body}: {answer}");
        assert_eq!(answer["errors"][0]["source"]["pointer"], pointer, "{body}");
    }
    let lock = format!("/api/v2/workspaces/{}/actions/lock", project.workspace.id);
    let (status, answer) =
        project.server.request("POST", &lock, &project.token, json!({ "reason": true })).await;
    assert_eq!((status, &answer["errors"][0]["source"]["pointer"]), (422, &json!("/reason")));
    let body = json!({ "comment": null });
    assert_eq!(project.server.request("POST", &path, &project.token, body).await.0, 202);
}

#[tokio::test]
async fn a_run_that_ended_cannot_be_stopped_by_force_and_says_so() {
    let project = Project::new().await;
    let run = project.run(json!({})).await;
    assert_eq!(act(&project, &project.token, &run, "cancel").await.0, 202);
    let (status, answer) = act(&project, &project.token, &run, "force-cancel").await;
    let detail = &answer["errors"][0]["detail"];
    assert_eq!(
        (status, detail),
        (409, &json!("a run that is canceled cannot be stopped by force: it has ended"))
    );
}
