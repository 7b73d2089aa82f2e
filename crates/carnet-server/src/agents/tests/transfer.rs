use serde_json::{Value, json};

use crate::testing::{FakeAgent, Project, TestServer, state};

#[tokio::test]
async fn a_log_grows_only_at_its_end() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({})).await;
    let plan = agent.claim().await;
    assert_eq!(plan.put("log?offset=0", b"\x02one").await.status, 204);
    assert_eq!(plan.put("log?offset=4", b"two").await.status, 204);
    for offset in [0, 4, 9] {
        let answer = plan.put(&format!("log?offset={offset}"), b"two").await;
        assert_eq!((answer.status, answer.json()), (409, json!({ "length": 7 })));
    }
    assert_eq!(plan.put("log", b"x").await.status, 400);
    assert_eq!(plan.put("log?offset=7", &vec![b'x'; 1024 * 1024 + 1]).await.status, 413);
    assert_eq!(project.log(&run, "plan").await, b"\x02onetwo");
}

#[tokio::test]
async fn a_log_is_read_in_pieces_and_behind_its_end_there_is_nothing() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({})).await;
    let plan = agent.claim().await;
    for (offset, piece) in [(0, "\u{2}abc"), (4, "def"), (7, "ghi")] {
        assert_eq!(plan.put(&format!("log?offset={offset}"), piece.as_bytes()).await.status, 204);
    }
    let document = project.get(&format!("/api/v2/runs/{}/plan", run["id"].as_str().expect("an id"))).await;
    let url = document["data"]["attributes"]["log-read-url"].as_str().expect("a URL").to_owned();
    assert!(url.starts_with("https://carnet.example.com/_logs/"));
    for (query, expected) in [
        ("limit=3&offset=2", "bcd"),
        ("limit=100&offset=6", "fghi"),
        ("limit=4&offset=0", "\u{2}abc"),
        ("limit=65536&offset=10", ""),
        ("limit=65536&offset=9999", ""),
        ("limit=0&offset=0", ""),
    ] {
        let answer = project.server.send("GET", &format!("{url}?{query}"), "", Vec::new()).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, expected), "{query}");
        assert_eq!(answer.headers["content-length"], expected.len().to_string().as_str(), "{query}");
    }
    let wrong = format!("{url}x?limit=1&offset=0");
    assert_eq!(project.server.send("GET", &wrong, "", Vec::new()).await.status, 404);
}

#[tokio::test]
async fn artifacts_stay_within_their_run() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    project.run(json!({ "auto-apply": true })).await;
    let plan = agent.claim().await;
    assert_eq!(plan.get("artifacts/plan").await.status, 404);
    assert_eq!(plan.put("artifacts/other", b"x").await.status, 404);
    plan.succeed().await;
    assert_eq!(plan.get("artifacts/plan").await.status, 410);
    let apply = agent.claim().await;
    assert_eq!(apply.put("artifacts/plan", b"another").await.status, 409);
    assert_eq!(apply.get("artifacts/plan").await.text(), r#"{"is":"plan"}"#);
    let speculative = project.configuration(true).await;
    project.run_of(&speculative, json!({})).await;
    assert_eq!(agent.claim().await.get("artifacts/plan").await.status, 404, "the plan of another run");
}

#[tokio::test]
async fn the_state_goes_both_ways() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({ "auto-apply": true })).await;
    let plan = agent.claim().await;
    assert_eq!(plan.get("state").await.status, 204);
    assert_eq!(plan.put("state", &state(1)).await.status, 409, "a plan writes no state");
    plan.succeed().await;
    let apply = agent.claim().await;
    assert_eq!(apply.put("state", &state(2)).await.status, 204);
    assert_eq!(apply.put("state", &state(2)).await.status, 204, "delivered twice");
    assert_eq!(apply.put("state", &state(1)).await.status, 409, "an older one");
    assert_eq!(apply.put("state", b"not a state").await.status, 422);
    assert_eq!(apply.get("state").await.body, state(2));
    let current =
        project.get(&format!("/api/v2/workspaces/{}/current-state-version", project.workspace.id)).await;
    let relations = &current["data"]["relationships"];
    assert_eq!(relations["run"]["data"]["id"], run["id"]);
    assert_eq!(relations["created-by"], run["relationships"]["created-by"], "who made the run");
}

#[tokio::test]
async fn the_job_document_merges_the_variables() {
    let project = Project::without_variables(TestServer::new().await).await;
    let agent = FakeAgent::new(&project.server).await;
    let path = format!("/api/v2/workspaces/{}/vars", project.workspace.id);
    for (key, value, category, sensitive) in [
        ("region", "eu", "terraform", true),
        ("size", "1", "terraform", false),
        ("region", "env", "env", false),
    ] {
        let attributes = json!({ "key": key, "value": value, "category": category, "sensitive": sensitive });
        let body = json!({ "data": { "type": "vars", "attributes": attributes } });
        assert_eq!(project.server.request("POST", &path, &project.token, body).await.0, 201);
    }
    project.run(json!({ "variables": [{ "key": "region", "value": "\"us\"" }] })).await;
    let job = agent.claim().await;
    let found: Vec<Value> = job.document["variables"].as_array().expect("a list").clone();
    let workspace = r#"workspace "net""#;
    let variable = |key: &str, value: &str, category: &str, is_of_run: bool, origin: &str| {
        json!({
            "key": key, "value": value, "category": category, "hcl": is_of_run, "sensitive": is_of_run, "origin": origin,
        })
    };
    assert_eq!(
        found,
        [
            variable("region", "\"us\"", "terraform", true, "the run"),
            variable("size", "1", "terraform", false, workspace),
            variable("region", "env", "env", false, workspace),
        ]
    );
}

#[tokio::test]
async fn the_job_document_names_the_variable_set_of_each_value() {
    let project = Project::without_variables(TestServer::new().await).await;
    let agent = FakeAgent::new(&project.server).await;
    let set = |name: &str, has_priority: bool, sensitive: bool| {
        let attributes =
            |key: &str| json!({ "key": key, "value": name, "category": "terraform", "sensitive": sensitive });
        let vars = ["region", "size"].map(|key| json!({ "type": "vars", "attributes": attributes(key) }));
        let workspace = json!({ "type": "workspaces", "id": project.workspace.id.as_str() });
        json!({ "data": {
            "attributes": { "name": name, "priority": has_priority },
            "relationships": { "workspaces": { "data": [workspace] }, "vars": { "data": vars } },
        } })
    };
    let path = format!("/api/v2/organizations/{}/varsets", project.organization.name);
    for body in [set("weak", false, true), set("strong", true, false)] {
        assert_eq!(project.server.request("POST", &path, &project.token, body).await.0, 201);
    }
    let run = json!([{ "key": "region", "value": "\"run\"" }, { "key": "zone", "value": "1" }]);
    project.run(json!({ "variables": run })).await;
    let job = agent.claim().await;
    let found = job.document["variables"].as_array().expect("a list");
    let told = found.iter().map(|one| json!([one["key"], one["value"], one["sensitive"], one["origin"]]));
    let strong = "variable set \"strong\"";
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            json!(["region", "strong", false, strong]),
            json!(["size", "strong", false, strong]),
            json!(["zone", "1", false, "the run"]),
        ]
    );
}

#[tokio::test]
async fn only_a_registered_agent_claims() {
    let project = Project::new().await;
    project.run(json!({})).await;
    let server = &project.server;
    let claim = |agent: &'static str, token: String| async move {
        let path = format!("/api/agent/v1/agents/{agent}/claim?wait=0");
        server.request("POST", &path, &token, Value::Null).await.0
    };
    assert_eq!(claim("agent-1", server.agent_token.clone()).await, 404);
    assert_eq!(claim("agent-1", project.token.clone()).await, 404);
    assert_eq!(claim("agent-1", String::new()).await, 401);
    let body = json!({ "name": "x", "version": "1" });
    assert_eq!(server.request("POST", "/api/agent/v1/agents", &project.token, body).await.0, 404);
}

#[tokio::test]
async fn a_waiting_agent_is_woken_by_a_new_run() {
    let project = Project::new().await;
    let server = &project.server;
    let body = json!({ "name": "x", "version": "1" });
    let (_, agent) = server.request("POST", "/api/agent/v1/agents", &server.agent_token, body).await;
    let path = format!("/api/agent/v1/agents/{}/claim?wait=60", agent["agent_id"].as_str().expect("an id"));
    let claim = server.request("POST", &path, &server.agent_token, Value::Null);
    let ((status, document), run) = tokio::join!(claim, project.run(json!({})));
    assert_eq!(status, 200);
    assert_eq!(document["identity"]["run_id"], run["id"]);
}
