use std::time::Duration;

use serde_json::{Value, json};

use crate::jobs::sweep;
use crate::testing::{FakeAgent, FakeJob, Project};

async fn actions(project: &Project, run: &Value) -> Value {
    let path = format!("/api/v2/runs/{}", run["id"].as_str().expect("an id"));
    project.get(&path).await["data"]["attributes"]["actions"].clone()
}

async fn signal(job: &FakeJob<'_>) -> String {
    let (status, reply) = job.post("heartbeat", json!({})).await;
    assert_eq!(status, 200, "{reply}");
    reply["signal"].as_str().expect("a signal").to_owned()
}

#[tokio::test]
async fn a_run_that_no_agent_has_is_canceled_at_once() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let (queued, pending) = (project.run(json!({})).await, project.run(json!({})).await);
    assert_eq!(project.act(&pending, "cancel").await, 202);
    assert_eq!(project.status(&pending).await, "canceled");
    assert_eq!(project.act(&queued, "cancel").await, 202);
    assert_eq!(project.status(&queued).await, "canceled");
    assert!(agent.try_claim().await.is_none(), "the job of a canceled run");
    let log = String::from_utf8(project.log(&queued, "plan").await).expect("text");
    assert_eq!(log, "\u{2}\nThe run was canceled before an agent took it.\n\u{3}");
    assert_eq!(project.act(&queued, "cancel").await, 409);

    let run = project.run(json!({})).await;
    agent.claim().await.succeed().await;
    assert_eq!(project.act(&run, "cancel").await, 409, "a planned run is discarded, not canceled");
    assert_eq!(project.act(&run, "apply").await, 202);
    assert_eq!(project.act(&run, "cancel").await, 202);
    assert_eq!(project.status(&run).await, "canceled");
    assert!(agent.try_claim().await.is_none());
    let log = String::from_utf8(project.log(&run, "apply").await).expect("text");
    assert_eq!(log.lines().nth(4), Some("The run was canceled before an agent took it."), "{log:?}");
}

#[tokio::test]
async fn a_planning_run_is_interrupted_and_canceled_when_it_has_ended() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({})).await;
    let plan = agent.claim().await;
    plan.write_log().await;
    assert_eq!(signal(&plan).await, "none");
    assert_eq!(project.act(&run, "cancel").await, 202);
    let status = project.get(&format!("/api/v2/runs/{}", run["id"].as_str().expect("an id"))).await;
    let attributes = &status["data"]["attributes"];
    assert_eq!(attributes["status"], "planning");
    assert_eq!(attributes["canceled-at"], "2026-01-05T10:00:00Z");
    assert_eq!(attributes["force-cancel-available-at"], "2026-01-05T10:00:10Z");
    assert_eq!(actions(&project, &run).await["is-cancelable"], false);
    assert_eq!(signal(&plan).await, "interrupt");
    assert_eq!(project.act(&run, "cancel").await, 409);
    assert_eq!(plan.finish("canceled", false).await, 204);
    assert_eq!(project.status(&run).await, "canceled");
}

#[tokio::test]
async fn an_applying_run_can_be_canceled_and_what_it_did_is_the_truth() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({ "auto-apply": true })).await;
    agent.claim().await.succeed().await;
    let apply = agent.claim().await;
    assert_eq!(project.act(&run, "cancel").await, 202);
    assert_eq!(signal(&apply).await, "interrupt");
    apply.succeed().await;
    assert_eq!(project.status(&run).await, "applied");
}

#[tokio::test]
async fn a_plan_that_ended_before_the_interrupt_is_not_applied() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({ "auto-apply": true })).await;
    let plan = agent.claim().await;
    assert_eq!(project.act(&run, "cancel").await, 202);
    plan.succeed().await;
    assert_eq!(project.status(&run).await, "canceled");
    assert!(agent.try_claim().await.is_none());
}

#[tokio::test]
async fn force_needs_a_cancel_and_its_time_and_ends_even_a_deaf_agent() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({})).await;
    let plan = agent.claim().await;
    assert_eq!(project.act(&run, "force-cancel").await, 409);
    assert_eq!(project.act(&run, "cancel").await, 202);
    assert_eq!(project.act(&run, "force-cancel").await, 409);
    project.server.advance(Duration::from_secs(10));
    assert_eq!(signal(&plan).await, "interrupt");
    assert_eq!(actions(&project, &run).await["is-force-cancelable"], true);
    assert_eq!(project.act(&run, "force-cancel").await, 202);
    assert_eq!(plan.mint().await.0, 410, "a job that is being killed");
    for _ in 0..4 {
        assert_eq!(signal(&plan).await, "kill");
        project.server.advance(Duration::from_secs(8));
    }
    sweep(&project.server.app).await.expect("swept");
    assert_eq!(project.status(&run).await, "canceled");
    assert_eq!(plan.post("heartbeat", json!({})).await.0, 410);
}

#[tokio::test]
async fn a_final_run_takes_no_decision() {
    let project = Project::new().await;
    let run = project.run(json!({})).await;
    assert_eq!(project.act(&run, "cancel").await, 202);
    for action in ["apply", "discard", "cancel", "force-cancel"] {
        assert_eq!(project.act(&run, action).await, 409, "{action}");
    }
}
