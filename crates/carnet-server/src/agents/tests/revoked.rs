//! What an agent may still do whose token was revoked, or that comes back late.

use std::time::Duration;

use serde_json::{Value, json};

use crate::jobs::sweep;
use crate::testing::{FakeAgent, FakeJob, Project, state};
use crate::{create_agent_token, renew_agent_token};

/// Replaces the token of all agents of the test.
async fn revoke(project: &Project) {
    let server = &project.server;
    create_agent_token(&server.app.store, "tests", server.app.now()).await.expect("another token");
}

/// An apply that is under way.
async fn apply<'a>(project: &Project, agent: &FakeAgent<'a>) -> (Value, FakeJob<'a>) {
    let run = project.run(json!({ "auto-apply": true })).await;
    agent.claim().await.succeed().await;
    (run, agent.claim().await)
}

async fn lose(project: &Project, run: &Value) {
    project.server.advance(Duration::from_secs(60));
    sweep(&project.server.app).await.expect("swept");
    assert_eq!(project.status(run).await, "errored");
}

async fn deliver(project: &Project, job: &FakeJob<'_>, serial: u64) -> u16 {
    project.server.send("PUT", &job.path("state"), &job.token("delivery"), state(serial)).await.status
}

async fn current_serial(project: &Project) -> Value {
    let path = format!("/api/v2/workspaces/{}/current-state-version", project.workspace.id);
    let (_, answer) = project.server.request("GET", &path, &project.token, Value::Null).await;
    answer["data"]["attributes"]["serial"].clone()
}

async fn errored_state(project: &Project, run: &Value) -> Vec<u8> {
    let apply = run["relationships"]["apply"]["data"]["id"].as_str().expect("an id");
    let path = format!("/api/v2/applies/{apply}/errored-state");
    project.server.send("GET", &path, &project.token, Vec::new()).await.body
}

#[tokio::test]
async fn a_revoked_token_stops_its_jobs() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({ "auto-apply": true })).await;
    let plan = agent.claim().await;
    assert_eq!(plan.mint().await.0, 201);
    revoke(&project).await;
    assert_eq!(plan.mint().await.0, 410);
    for what in ["configuration", "state"] {
        assert_eq!(plan.get(what).await.status, 410, "{what}");
    }
    assert_eq!(plan.put("artifacts/plan", b"plan").await.status, 410);
    let own = format!("/api/v2/workspaces/{}", project.workspace.id);
    assert_eq!(project.server.request("GET", &own, &plan.token("run"), Value::Null).await.0, 401);
    let (status, reply) = plan.post("heartbeat", json!({})).await;
    assert_eq!((status, &reply["signal"]), (200, &json!("interrupt")));
    plan.write_log().await;
    assert_eq!(plan.finish("succeeded", true).await, 204);
    assert_eq!(project.status(&run).await, "errored");
    let log = String::from_utf8(project.log(&run, "plan").await).expect("text");
    assert!(log.contains("agent token with which this job was claimed was revoked"), "{log}");
}

#[tokio::test]
async fn an_agent_that_does_not_stop_loses_its_job() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let (run, job) = apply(&project, &agent).await;
    revoke(&project).await;
    let mut signals = Vec::new();
    for _ in 0..12 {
        let (status, reply) = job.post("heartbeat", json!({})).await;
        signals.push(if status == 200 { reply["signal"].clone() } else { json!(status) });
        project.server.advance(Duration::from_secs(20));
        sweep(&project.server.app).await.expect("swept");
    }
    assert_eq!(signals.first(), Some(&json!("interrupt")));
    assert_eq!(signals.last(), Some(&json!(410)), "{signals:?}");
    assert!(signals.contains(&json!("kill")), "{signals:?}");
    assert_eq!(project.status(&run).await, "errored");
    let log = String::from_utf8(project.log(&run, "apply").await).expect("text");
    assert!(log.contains("was revoked"), "{log}");
}

#[tokio::test]
async fn a_renewed_token_keeps_its_jobs() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    project.run(json!({})).await;
    let plan = agent.claim().await;
    let server = &project.server;
    renew_agent_token(&server.app.store, "tests", server.app.now()).await.expect("renewed");
    assert_eq!(plan.mint().await.0, 201);
    let body = json!({ "name": "x", "version": "1" });
    assert_eq!(server.request("POST", "/api/agent/v1/agents", &server.agent_token, body).await.0, 401);
}

#[tokio::test]
async fn an_apply_that_succeeded_delivers_nothing_more() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let (run, job) = apply(&project, &agent).await;
    job.succeed().await;
    assert_eq!(project.status(&run).await, "applied");
    assert_eq!(deliver(&project, &job, 2).await, 410);
    assert_eq!(current_serial(&project).await, 1);
}

#[tokio::test]
async fn a_late_state_does_not_overtake_who_holds_the_workspace() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let (run, job) = apply(&project, &agent).await;
    lose(&project, &run).await;
    let path = |rest: &str| format!("/api/v2/workspaces/{}/actions/{rest}", project.workspace.id);
    let act =
        async |what: &str| project.server.request("POST", &path(what), &project.token, json!({})).await.0;
    assert_eq!(act("lock").await, 200);
    assert_eq!(deliver(&project, &job, 2).await, 409);
    assert_eq!(errored_state(&project, &run).await, state(2), "it is not lost");
    assert_eq!(act("unlock").await, 200);
    assert_eq!(deliver(&project, &job, 2).await, 204, "nothing happened since");

    let (next, next_job) = apply(&project, &agent).await;
    assert_eq!(deliver(&project, &job, 3).await, 409, "another run holds the workspace");
    assert_eq!(next_job.put("state", &state(5)).await.status, 204);
    assert_eq!(next_job.finish("succeeded", true).await, 204);
    assert_eq!(project.status(&next).await, "applied");
    assert_eq!(deliver(&project, &job, 9).await, 409, "another state was stored since");
    assert_eq!(errored_state(&project, &run).await, state(9));
    assert_eq!(current_serial(&project).await, 5);
}

#[tokio::test]
async fn a_late_state_of_a_revoked_agent_is_set_aside() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let (run, job) = apply(&project, &agent).await;
    lose(&project, &run).await;
    revoke(&project).await;
    assert_eq!(deliver(&project, &job, 1).await, 409);
    assert_eq!(errored_state(&project, &run).await, state(1));
    assert_eq!(current_serial(&project).await, Value::Null);
    project.server.advance(Duration::from_secs(7 * 24 * 3600 + 1));
    assert_eq!(deliver(&project, &job, 2).await, 410, "after a week");
    assert_eq!(errored_state(&project, &run).await, state(1));
}
