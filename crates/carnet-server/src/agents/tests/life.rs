use serde_json::{Value, json};

use crate::testing::{FakeAgent, Project, report};

#[tokio::test]
async fn a_run_lives_from_pending_to_applied() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({})).await;
    assert_eq!(project.status(&run).await, "plan_queued");
    let plan = agent.claim().await;
    assert_eq!(
        (plan.document["phase"].as_str(), plan.document["run"]["is_destroy"].as_bool()),
        (Some("plan"), Some(false))
    );
    assert_eq!(project.status(&run).await, "planning");
    plan.succeed().await;
    assert_eq!(project.status(&run).await, "planned");
    assert!(agent.try_claim().await.is_none(), "an apply before its approval");
    assert_eq!(project.act(&run, "apply").await, 202);
    assert_eq!(project.status(&run).await, "apply_queued");
    let apply = agent.claim().await;
    assert_eq!(apply.document["phase"], "apply");
    assert_eq!(apply.get("artifacts/plan").await.text(), r#"{"is":"plan"}"#);
    apply.succeed().await;
    assert_eq!(project.status(&run).await, "applied");
}

#[tokio::test]
async fn an_applied_run_tells_its_whole_story() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({})).await;
    let id = run["id"].as_str().expect("an id");
    agent.claim().await.succeed().await;
    assert_eq!(project.act(&run, "apply").await, 202);
    agent.claim().await.succeed().await;
    let document = project.get(&format!("/api/v2/runs/{id}?include=workspace,plan,apply,created_by")).await;
    let attributes = &document["data"]["attributes"];
    assert_eq!(
        (attributes["status"].as_str(), attributes["terraform-version"].as_str()),
        (Some("applied"), Some("1.11.4"))
    );
    let moments: Vec<&String> =
        attributes["status-timestamps"].as_object().expect("moments").keys().collect();
    assert_eq!(
        moments,
        [
            "applied-at",
            "apply-queued-at",
            "applying-at",
            "confirmed-at",
            "plan-queueable-at",
            "plan-queued-at",
            "planned-at",
            "planning-at"
        ]
    );
    let kinds: Vec<&str> = document["included"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one["type"].as_str())
        .collect();
    assert_eq!(kinds, ["workspaces", "plans", "applies", "users"]);
    assert_eq!(document["included"][0]["attributes"]["structured-run-output-enabled"], true);
    assert_eq!(document["included"][0]["attributes"]["locked"], false);
    assert_eq!(
        document["included"][2]["relationships"]["state-versions"]["data"].as_array().map(Vec::len),
        Some(1)
    );
    let events = project.get(&format!("/api/v2/runs/{id}/run-events")).await;
    let actions: Vec<&str> = events["data"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|event| event["attributes"]["action"].as_str())
        .collect();
    assert_eq!(
        actions,
        ["created", "plan_queued", "planning", "planned", "confirmed", "apply_queued", "applying", "applied"]
    );
}

#[tokio::test]
async fn with_the_last_byte_of_the_log_everything_else_is_there() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({})).await;
    let redacted = format!("/api/v2/runs/{}/plan/json-output-redacted", run["id"].as_str().expect("an id"));
    let plan = agent.claim().await;
    plan.write_log().await;
    for artifact in ["plan", "plan-json-redacted"] {
        assert_eq!(plan.put(&format!("artifacts/{artifact}"), b"{}").await.status, 204);
    }
    assert!(!project.log(&run, "plan").await.ends_with(b"\x03"));
    assert_eq!(project.server.call("GET", &redacted, &project.token, Value::Null).await.status, 204);
    assert_eq!(plan.finish("succeeded", true).await, 204);
    let log = project.log(&run, "plan").await;
    assert_eq!(log, b"\x02Terraform v1.11.4\n\x03");
    let answer = project.server.call("GET", &redacted, &project.token, Value::Null).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "{}"));
    let path = format!("/api/v2/runs/{}?include=plan", run["id"].as_str().expect("an id"));
    let document = project.get(&path).await;
    assert_eq!(document["data"]["attributes"]["has-changes"], true);
    assert_eq!(document["data"]["attributes"]["status"], "planned");
    assert_eq!(document["data"]["attributes"]["actions"]["is-confirmable"], true);
    let phase = &document["included"][0]["attributes"];
    assert_eq!((phase["status"].as_str(), phase["resource-additions"].as_u64()), (Some("finished"), Some(1)));
    // Of an apply that was not approved there is an empty log, not none.
    assert_eq!(project.log(&run, "apply").await, b"");
}

#[tokio::test]
async fn an_end_that_is_reported_again_changes_nothing() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({})).await;
    let plan = agent.claim().await;
    plan.write_log().await;
    assert_eq!(plan.finish("succeeded", true).await, 204);
    assert_eq!(plan.finish("failed", false).await, 204);
    assert_eq!(project.status(&run).await, "planned");
    assert_eq!(plan.put("log?offset=0", b"more").await.status, 410);
    assert_eq!(plan.put("artifacts/plan", b"another").await.status, 410);
    assert_eq!(plan.post("heartbeat", json!({})).await.0, 410);
}

#[tokio::test]
async fn a_failed_plan_ends_the_run_and_a_wrong_outcome_ends_nothing() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({})).await;
    let plan = agent.claim().await;
    plan.write_log().await;
    assert_eq!(plan.finish("exploded", false).await, 422);
    assert_eq!(plan.finish("failed", false).await, 204);
    assert_eq!(project.status(&run).await, "errored");
    assert_eq!(project.act(&run, "apply").await, 409);
    let id = run["id"].as_str().expect("an id");
    let apply = project.get(&format!("/api/v2/runs/{id}/apply")).await;
    assert_eq!(apply["data"]["attributes"]["status"], "unreachable");
    assert_eq!(project.log(&run, "apply").await, b"\x02\x03");
}

#[tokio::test]
async fn a_run_with_auto_apply_approves_itself_and_an_event_says_so() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({ "auto-apply": true })).await;
    agent.claim().await.succeed().await;
    assert_eq!(project.status(&run).await, "apply_queued");
    let events =
        project.get(&format!("/api/v2/runs/{}/run-events", run["id"].as_str().expect("an id"))).await;
    let confirmed = events["data"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|event| event["attributes"]["action"] == "confirmed")
        .expect("an event");
    assert!(confirmed["attributes"]["description"].as_str().expect("text").contains("auto-apply"));
    agent.claim().await.succeed().await;
    assert_eq!(project.status(&run).await, "applied");
}

#[tokio::test]
async fn a_plan_without_changes_ends_there() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({ "auto-apply": true })).await;
    let plan = agent.claim().await;
    plan.write_log().await;
    assert_eq!(plan.finish("succeeded", false).await, 204);
    assert_eq!(project.status(&run).await, "planned_and_finished");
    let empty = project.run(json!({ "allow-empty-apply": true })).await;
    let plan = agent.claim().await;
    assert_eq!(plan.finish("succeeded", false).await, 204);
    assert_eq!(project.status(&empty).await, "planned");
}

#[tokio::test]
async fn a_speculative_plan_can_never_be_applied() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let configuration = project.configuration(true).await;
    let run = project
        .run_of(&configuration, json!({ "plan-only": false, "auto-apply": true, "save-plan": true }))
        .await;
    assert_eq!(run["attributes"]["plan-only"], true);
    agent.claim().await.succeed().await;
    assert_eq!(project.status(&run).await, "planned_and_finished");
    assert_eq!(project.act(&run, "apply").await, 409);
    assert!(agent.try_claim().await.is_none());
}

#[tokio::test]
async fn what_could_not_be_revoked_is_told() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({})).await;
    let mut report = report("failed", false);
    report["unrevoked"] = json!(["the Vault token of TFC_VAULT_ADDR https://vault.example.com"]);
    assert_eq!(agent.claim().await.post("finish", report).await.0, 204);
    let events =
        project.get(&format!("/api/v2/runs/{}/run-events", run["id"].as_str().expect("an id"))).await;
    let told = events["data"].as_array().expect("a list").iter().any(|event| {
        event["attributes"]["action"] == "credentials_not_revoked"
            && event["attributes"]["description"]
                .as_str()
                .is_some_and(|text| text.contains("vault.example.com"))
    });
    assert!(told, "{events}");
}
