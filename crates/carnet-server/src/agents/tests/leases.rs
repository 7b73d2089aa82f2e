use std::time::Duration;

use serde_json::json;

use crate::jobs::sweep;
use crate::testing::{FakeAgent, Project, state};

#[tokio::test]
async fn a_lost_agent_ends_its_run_and_frees_the_workspace() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let (first, second) = (project.run(json!({})).await, project.run(json!({})).await);
    let plan = agent.claim().await;
    plan.write_log().await;
    project.server.advance(Duration::from_secs(29));
    sweep(&project.server.app).await.expect("swept");
    assert_eq!(project.status(&first).await, "planning");
    project.server.advance(Duration::from_secs(1));
    sweep(&project.server.app).await.expect("swept");
    assert_eq!(project.status(&first).await, "errored");
    assert_eq!(project.status(&second).await, "plan_queued");
    let log = String::from_utf8(project.log(&first, "plan").await).expect("text");
    assert!(log.contains("the agent stopped answering") && log.ends_with('\u{3}'), "{log}");
    assert_eq!(plan.post("heartbeat", json!({})).await.0, 410);
    assert_eq!(plan.finish("succeeded", true).await, 410);
    assert_eq!(project.status(&first).await, "errored");
}

#[tokio::test]
async fn heartbeats_keep_a_job_alive() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({})).await;
    let plan = agent.claim().await;
    for _ in 0..10 {
        project.server.advance(Duration::from_secs(20));
        assert_eq!(plan.post("heartbeat", json!({ "terraform_version": "1.11.4" })).await.0, 200);
        sweep(&project.server.app).await.expect("swept");
    }
    let document = project.get(&format!("/api/v2/runs/{}", run["id"].as_str().expect("an id"))).await;
    assert_eq!(document["data"]["attributes"]["status"], "planning");
    assert_eq!(document["data"]["attributes"]["terraform-version"], "1.11.4");
}

#[tokio::test]
async fn the_state_of_a_lost_apply_is_still_delivered() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({ "auto-apply": true })).await;
    let plan = agent.claim().await;
    plan.succeed().await;
    let apply = agent.claim().await;
    project.server.advance(Duration::from_secs(60));
    sweep(&project.server.app).await.expect("swept");
    assert_eq!(project.status(&run).await, "errored");
    assert_eq!(apply.put("state", &state(1)).await.status, 401, "the control token of a job that ended");
    let deliver = |job: String, token: String| {
        let server = &project.server;
        async move { server.send("PUT", &job, &token, state(1)).await.status }
    };
    assert_eq!(deliver(plan.path("state"), plan.token("delivery")).await, 409, "a plan writes no state");
    assert_eq!(deliver(plan.path("state"), apply.token("delivery")).await, 404, "another job");
    assert_eq!(deliver(apply.path("state"), apply.token("run")).await, 401);
    assert_eq!(deliver(apply.path("state"), apply.token("delivery")).await, 204);
    let path = format!("/api/v2/workspaces/{}/current-state-version", project.workspace.id);
    assert_eq!(project.get(&path).await["data"]["attributes"]["serial"], 1);
}

#[tokio::test]
async fn a_phase_that_takes_too_long_is_interrupted_then_killed() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({})).await;
    let plan = agent.claim().await;
    let beat = || async {
        sweep(&project.server.app).await.expect("swept");
        plan.post("heartbeat", json!({})).await.1["signal"].as_str().expect("a signal").to_owned()
    };
    for _ in 0..(2 * 3600 / 20 - 1) {
        project.server.advance(Duration::from_secs(20));
        assert_eq!(beat().await, "none");
    }
    project.server.advance(Duration::from_secs(20));
    assert_eq!(beat().await, "interrupt");
    assert_eq!(plan.mint().await.0, 410, "no time is left for a token");
    assert_eq!(plan.finish("canceled", false).await, 204);
    assert_eq!(project.status(&run).await, "errored");
    let log = String::from_utf8(project.log(&run, "plan").await).expect("text");
    assert!(log.contains("time limit"), "{log}");
}
