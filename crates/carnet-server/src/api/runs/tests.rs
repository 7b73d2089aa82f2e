mod lists;

use serde_json::{Value, json};

use crate::api::run_actions::tests::member;
use crate::testing::{FakeAgent, Project, state};

async fn refused(project: &Project, attributes: Value, status: u16, text: &str) {
    let body = project.run_body(&project.configuration(false).await, attributes);
    let (found, answer) = project.server.request("POST", "/api/v2/runs", &project.token, body).await;
    assert_eq!(found, status, "{answer}");
    assert!(answer.to_string().contains(text), "{answer}");
}

#[tokio::test]
async fn a_fresh_run_has_everything_that_clients_read() {
    let project = Project::new().await;
    let run =
        project.run(json!({ "variables": [{ "key": "a", "value": "\"b\"" }], "is-destroy": true })).await;
    let attributes = &run["attributes"];
    for name in ["is-cancelable", "is-confirmable", "is-discardable", "is-force-cancelable"] {
        assert!(attributes["actions"][name].is_boolean(), "{name}");
    }
    for name in [
        "can-apply",
        "can-cancel",
        "can-comment",
        "can-discard",
        "can-force-cancel",
        "can-force-execute",
        "can-override-policy-check",
    ] {
        assert!(attributes["permissions"][name].is_boolean(), "{name}");
    }
    assert_eq!(attributes["variables"], json!([{ "key": "a", "value": "\"b\"" }]));
    assert_eq!(
        (attributes["is-destroy"].as_bool(), attributes["refresh"].as_bool()),
        (Some(true), Some(true))
    );
    assert_eq!(
        (attributes["source"].as_str(), attributes["message"].as_str()),
        (Some("tfe-api"), Some("Triggered via API"))
    );
    assert_eq!(attributes["created-at"], "2026-01-05T10:00:00Z");
    let relations = &run["relationships"];
    for name in ["workspace", "plan", "apply", "configuration-version", "created-by"] {
        assert!(relations[name]["data"]["id"].is_string(), "{name}");
    }
    assert_eq!(relations["confirmed-by"]["data"], Value::Null);
    assert_ne!(relations["run-events"]["data"], json!([]));
    assert_eq!(relations["task-stages"]["data"], json!([]));
    let id = run["id"].as_str().expect("an id");
    for list in ["task-stages", "policy-checks"] {
        assert_eq!(project.get(&format!("/api/v2/runs/{id}/{list}")).await["data"], json!([]));
    }
    let apply = relations["apply"]["data"]["id"].as_str().expect("an id");
    let document = project.get(&format!("/api/v2/applies/{apply}")).await;
    assert!(
        document["data"]["attributes"]["log-read-url"]
            .as_str()
            .is_some_and(|url| url.starts_with("https://"))
    );
    let path = format!("/api/v2/applies/{apply}/errored-state");
    assert_eq!(project.server.request("GET", &path, &project.token, Value::Null).await.0, 404);
}

#[tokio::test]
async fn the_form_of_the_log_follows_the_client() {
    let project = Project::new().await;
    let configuration = project.configuration(true).await;
    let body = serde_json::to_vec(&project.run_body(&configuration, json!({}))).expect("JSON");
    for (headers, source, structured) in [
        (
            vec![("x-terraform-integration", "cloud"), ("terraform-version", "1.11.4")],
            "terraform+cloud",
            true,
        ),
        (
            vec![("x-terraform-integration", "cloud"), ("terraform-version", "1.3.9")],
            "terraform+cloud",
            false,
        ),
        (vec![("terraform-version", "1.11.4")], "tfe-api", false),
        (vec![], "tfe-api", true),
    ] {
        let answer =
            project.server.send_with("POST", "/api/v2/runs", &project.token, &headers, body.clone()).await;
        let run = answer.json();
        assert_eq!(run["data"]["attributes"]["source"], source, "{headers:?}");
        let path = format!("/api/v2/runs/{}/plan", run["data"]["id"].as_str().expect("an id"));
        let plan = project.get(&path).await;
        let found = &plan["data"]["attributes"]["structured-run-output-enabled"];
        assert_eq!(found, structured, "{headers:?}");
    }
}

#[tokio::test]
async fn contradictions_are_refused() {
    let project = Project::new().await;
    refused(&project, json!({ "is-destroy": true, "refresh-only": true }), 422, "destroy").await;
    refused(&project, json!({ "refresh": false, "refresh-only": true }), 422, "refresh").await;
    refused(&project, json!({ "terraform-version": "1.0.0" }), 422, "Terraform version").await;
    refused(&project, json!({ "terraform-version": "newest", "plan-only": true }), 422, "like 1.11.4").await;
    refused(&project, json!({ "variables": [{ "key": "a b", "value": "1" }] }), 422, "Key").await;
    refused(&project, json!({ "target-addrs": [""] }), 422, "address").await;
    refused(&project, json!({ "target-addrs": ["x".repeat(1001)] }), 422, "address").await;
    refused(&project, json!({ "message": "x".repeat(10_001) }), 422, "Message").await;
    refused(&project, json!({ "is-destroy": "yes" }), 422, "invalid attribute").await;
}

#[tokio::test]
async fn a_workspace_may_forbid_destroy_plans() {
    let project = Project::new().await;
    let path = format!("/api/v2/workspaces/{}", project.workspace.id);
    let change = json!({ "data": { "attributes": { "allow-destroy-plan": false, "auto-apply": true } } });
    assert_eq!(project.server.request("PATCH", &path, &project.token, change).await.0, 200);
    refused(&project, json!({ "is-destroy": true }), 422, "destroy").await;
    assert_eq!(project.run(json!({})).await["attributes"]["auto-apply"], true);
    assert_eq!(project.run(json!({ "auto-apply": false })).await["attributes"]["auto-apply"], false);
    assert_eq!(project.run(json!({ "save-plan": true })).await["attributes"]["auto-apply"], false);
}

#[tokio::test]
async fn a_run_needs_a_workspace_and_a_configuration() {
    let project = Project::new().await;
    let send = |body: Value| {
        let (server, token) = (&project.server, &project.token);
        async move { server.request("POST", "/api/v2/runs", token, body).await }
    };
    let of = |workspace: &str| json!({ "data": { "relationships": { "workspace": { "data": { "type": "workspaces", "id": workspace } } } } });
    assert_eq!(send(json!({ "data": {} })).await.0, 422);
    assert_eq!(send(of("ws-unknown")).await.0, 404);
    let (status, answer) = send(of(project.workspace.id.as_str())).await;
    assert_eq!(status, 422);
    assert!(answer.to_string().contains("Configuration version is missing"), "{answer}");
    project.configuration(true).await;
    assert_eq!(send(of(project.workspace.id.as_str())).await.0, 422, "only a speculative one is there");
    let configuration = project.configuration(false).await;
    let (status, answer) = send(of(project.workspace.id.as_str())).await;
    assert_eq!(status, 201, "{answer}");
    let found = &answer["data"]["relationships"]["configuration-version"]["data"]["id"];
    assert_eq!(found, configuration.as_str());
    let (_, stranger) = project.server.user("mallory").await;
    let body = project.run_body(&configuration, json!({}));
    assert_eq!(project.server.request("POST", "/api/v2/runs", &stranger, body).await.0, 404);
}

#[tokio::test]
async fn nothing_applies_by_itself_for_who_may_only_plan() {
    let project = Project::new().await;
    let planner = member(&project, "paula", "plan").await;
    let reader = member(&project, "rita", "read").await;
    let path = format!("/api/v2/workspaces/{}", project.workspace.id);
    let change = json!({ "data": { "attributes": { "auto-apply": true } } });
    assert_eq!(project.server.request("PATCH", &path, &project.token, change).await.0, 200);
    let configuration = project.configuration(false).await;
    let send = async |token: &str, attributes: Value| {
        let body = project.run_body(&configuration, attributes);
        project.server.request("POST", "/api/v2/runs", token, body).await
    };
    assert_eq!(send(&reader, json!({})).await.0, 403);
    let (status, answer) = send(&planner, json!({ "auto-apply": true })).await;
    assert_eq!(status, 403, "{answer}");
    let (status, made) = send(&planner, json!({})).await;
    assert_eq!((status, &made["data"]["attributes"]["auto-apply"]), (201, &json!(false)));
    assert_eq!(send(&planner, json!({ "auto-apply": true, "plan-only": true })).await.0, 201);
}

#[tokio::test]
async fn an_empty_plan_is_applied_on_request() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let plain = project.run(json!({})).await;
    assert_eq!(agent.claim().await.finish("succeeded", false).await, 204);
    assert_eq!(project.status(&plain).await, "planned_and_finished");
    let empty = project.run(json!({ "allow-empty-apply": true })).await;
    assert_eq!(agent.claim().await.finish("succeeded", false).await, 204);
    let shown = project.get(&format!("/api/v2/runs/{}", empty["id"].as_str().expect("an id"))).await;
    let attributes = &shown["data"]["attributes"];
    assert_eq!((&attributes["status"], &attributes["has-changes"]), (&json!("planned"), &json!(false)));
    assert_eq!(attributes["actions"]["is-confirmable"], true);
    assert_eq!(project.act(&empty, "apply").await, 202);
    agent.claim().await.succeed().await;
    assert_eq!(project.status(&empty).await, "applied");
}

#[tokio::test]
async fn every_wish_reaches_the_run_and_the_agent() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let wishes = json!({
        "message": "why", "refresh": false, "target-addrs": ["a.b"], "replace-addrs": ["c.d"], "debugging-mode": true,
        "allow-config-generation": true, "save-plan": true, "auto-apply": true,
    });
    let run = project.run(wishes).await;
    let attributes = &run["attributes"];
    assert_eq!((&attributes["message"], &attributes["refresh"]), (&json!("why"), &json!(false)));
    assert_eq!((&attributes["save-plan"], &attributes["auto-apply"]), (&json!(true), &json!(false)));
    assert_eq!((&attributes["debugging-mode"], &attributes["plan-only"]), (&json!(true), &json!(false)));
    assert_eq!(attributes["target-addrs"], json!(["a.b"]));
    assert_eq!(attributes["replace-addrs"], json!(["c.d"]));
    let job = agent.claim().await;
    let variables = job.document["variables"].as_array().expect("a list");
    let level = variables.iter().find(|one| one["key"] == "TF_LOG").expect("the level of logs");
    assert_eq!((&level["value"], &level["category"]), (&json!("TRACE"), &json!("env")));
    refused(&project, json!({ "invoke-action-addrs": ["action.a.b"] }), 422, "actions").await;
}

#[tokio::test]
async fn a_phase_names_its_agent() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({})).await;
    let path = format!("/api/v2/runs/{}/plan", run["id"].as_str().expect("an id"));
    let details = async || project.get(&path).await["data"]["attributes"]["execution-details"].clone();
    assert_eq!(details().await["agent-name"], Value::Null);
    agent.claim().await.succeed().await;
    let found = details().await;
    assert_eq!((&found["mode"], &found["agent-name"]), (&json!("remote"), &json!("fake")));
    assert!(found["agent-id"].as_str().is_some_and(|id| id.starts_with("agent-")));
    assert_eq!(found["agent-pool-id"], Value::Null);
    let moments = &project.get(&path).await["data"]["attributes"]["status-timestamps"];
    for name in ["pending-at", "queued-at", "started-at", "finished-at"] {
        assert!(moments[name].is_string(), "{name}: {moments}");
    }
}

#[tokio::test]
async fn a_state_that_may_not_become_current_is_kept_with_its_apply() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    project.run(json!({ "auto-apply": true })).await;
    agent.claim().await.succeed().await;
    let apply = agent.claim().await;
    assert_eq!(apply.put("state", &state(3)).await.status, 204);
    apply.write_log().await;
    assert_eq!(apply.finish("succeeded", true).await, 204);
    let run = project.run(json!({ "auto-apply": true })).await;
    agent.claim().await.succeed().await;
    let apply = agent.claim().await;
    assert_eq!(apply.put("state", &state(2)).await.status, 409);
    let id = run["relationships"]["apply"]["data"]["id"].as_str().expect("an id");
    let path = format!("/api/v2/applies/{id}/errored-state");
    let answer = project.server.call("GET", &path, &project.token, Value::Null).await;
    assert_eq!((answer.status, answer.body), (200, state(2)));
    let reader = member(&project, "nora", "none").await;
    assert_eq!(project.server.call("GET", &path, &reader, Value::Null).await.status, 404);
}
