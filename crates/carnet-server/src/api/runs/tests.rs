use serde_json::{Value, json};

use crate::testing::Project;

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
