use std::time::Duration;

use serde_json::{Value, json};

use crate::jobs::WaitingJobs;
use crate::testing::{FakeAgent, Project};

/// Lets time pass and checks which run is named in the log of the server.
async fn check_named(project: &Project, waiting: &mut WaitingJobs, seconds: u64, expected: Option<&Value>) {
    project.server.advance(Duration::from_secs(seconds));
    let named = waiting.look(&project.server.app).await.expect("looked");
    assert_eq!(named.as_ref().map(|id| id.as_str()), expected.map(|run| run["id"].as_str().expect("an id")));
}

#[tokio::test]
async fn a_run_that_no_agent_asks_for_is_named_once_a_minute() {
    let project = Project::new().await;
    let mut waiting = WaitingJobs::default();
    check_named(&project, &mut waiting, 0, None).await;
    let run = project.run(json!({})).await;
    check_named(&project, &mut waiting, 9, None).await;
    check_named(&project, &mut waiting, 1, Some(&run)).await;
    check_named(&project, &mut waiting, 59, None).await;
    check_named(&project, &mut waiting, 1, Some(&run)).await;
}

#[tokio::test]
async fn a_run_that_waits_for_a_busy_agent_is_not_named() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    project.run(json!({})).await;
    project.server.advance(Duration::from_secs(3600));
    let plan = agent.claim().await;
    let other = project.run_of(&project.configuration(true).await, json!({})).await;
    let mut waiting = WaitingJobs::default();
    for _ in 0..5 {
        check_named(&project, &mut waiting, 20, None).await;
        assert_eq!(plan.post("heartbeat", json!({})).await.0, 200);
    }
    check_named(&project, &mut waiting, 59, None).await;
    check_named(&project, &mut waiting, 1, Some(&other)).await;
}
