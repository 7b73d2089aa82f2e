//! Which runs may read the state of another workspace.

use carnet_model::Workspace;
use serde_json::{Value, json};

use super::document;
use crate::testing::{FakeAgent, Project};

/// A run of the project's workspace, and another workspace of the organization.
async fn run_and_other() -> (Project, Workspace, String) {
    let project = Project::new().await;
    let other = project.server.workspace(&project.organization, "other").await;
    project.run(json!({})).await;
    let agent = FakeAgent::new(&project.server).await;
    let token = agent.claim().await.token("run");
    (project, other, token)
}

async fn ask(project: &Project, method: &str, path: &str, token: &str, body: Value) -> u16 {
    project.server.request(method, path, token, body).await.0
}

#[tokio::test]
async fn a_run_reads_the_states_that_are_shared_with_it() {
    let (project, other, token) = run_and_other().await;
    let path = format!("/api/v2/workspaces/{}", other.id);
    let named = "/api/v2/organizations/acme/workspaces/other";
    let consumers = format!("{path}/relationships/remote-state-consumers");
    let reader = json!({ "data": [{ "type": "workspaces", "id": project.workspace.id.as_str() }] });
    let reads = async || {
        let by_id = ask(&project, "GET", &path, &token, Value::Null).await;
        assert_eq!(ask(&project, "GET", named, &token, Value::Null).await, by_id);
        by_id == 200
    };
    let share = async |name: &str, value: bool| {
        let body = document(json!({ name: value }));
        assert_eq!(ask(&project, "PATCH", &path, &project.token, body).await, 200);
    };
    assert!(!reads().await);
    for name in ["global-remote-state", "project-remote-state"] {
        share(name, true).await;
        assert!(reads().await, "{name}");
        for hidden in ["/vars", "/runs", "/relationships/remote-state-consumers"] {
            let status = ask(&project, "GET", &format!("{path}{hidden}"), &token, Value::Null).await;
            assert!(status == 404 || hidden.ends_with("consumers"), "{hidden}: {status}");
        }
        assert_eq!(ask(&project, "PATCH", &path, &token, document(json!({}))).await, 404);
        share(name, false).await;
        assert!(!reads().await, "{name}");
    }
    assert_eq!(ask(&project, "POST", &consumers, &project.token, reader.clone()).await, 204);
    assert!(reads().await);
    let (_, listed) = project.server.request("GET", &consumers, &project.token, Value::Null).await;
    assert_eq!(listed["data"][0]["id"], project.workspace.id.as_str());
    assert_eq!(listed["meta"]["pagination"]["total-count"], 1);
    assert_eq!(ask(&project, "PATCH", &consumers, &project.token, json!({ "data": [] })).await, 204);
    assert!(!reads().await);
    assert_eq!(ask(&project, "PATCH", &consumers, &project.token, reader.clone()).await, 204);
    assert_eq!(ask(&project, "DELETE", &consumers, &project.token, reader).await, 204);
    assert!(!reads().await);
    let unknown = json!({ "data": [{ "type": "workspaces", "id": "ws-1" }] });
    assert_eq!(ask(&project, "POST", &consumers, &project.token, unknown).await, 422);
}

#[tokio::test]
async fn the_objects_of_the_current_state_are_listed() {
    let (project, other, _) = run_and_other().await;
    let path = format!("/api/v2/workspaces/{}", other.id);
    let resources = format!("{path}/resources?page[size]=2");
    let (status, none) = project.server.request("GET", &resources, &project.token, Value::Null).await;
    assert_eq!((status, &none["data"]), (200, &json!([])));
    let state = json!({ "version": 4, "serial": 1, "lineage": "l", "terraform_version": "1.11.4", "resources": [
        { "mode": "managed", "type": "terraform_data", "name": "many",
          "provider": "provider[\"terraform.io/builtin/terraform\"]",
          "instances": [{ "index_key": "a" }, { "index_key": "b" }, { "index_key": "c" }] }] });
    let bytes = serde_json::to_vec(&state).expect("JSON");
    let body = document(json!({ "serial": 1, "md5": crate::state::file::md5_hex(&bytes),
        "state": base64::Engine::encode(&base64::prelude::BASE64_STANDARD, &bytes) }));
    assert_eq!(ask(&project, "POST", &format!("{path}/actions/lock"), &project.token, json!({})).await, 200);
    assert_eq!(ask(&project, "POST", &format!("{path}/state-versions"), &project.token, body).await, 201);
    let (_, found) = project.server.request("GET", &resources, &project.token, Value::Null).await;
    assert_eq!(found["meta"]["pagination"]["total-count"], 3);
    let attributes = &found["data"][1]["attributes"];
    assert_eq!(attributes["address"], "terraform_data.many[\"b\"]");
    assert_eq!((&attributes["name-index"], &attributes["module"]), (&json!("b"), &json!("root")));
    assert_eq!(attributes["created-at"], "2026-01-05");
}
