use std::time::Duration;

use serde_json::{Value, json};

use crate::api::run_actions::tests::member;
use crate::testing::{FakeAgent, Project};

const QUEUE: &str = "/api/v2/organizations/acme/runs/queue";

fn rows(list: &Value) -> Vec<(Value, u64)> {
    let data = list["data"].as_array().expect("a list").iter();
    let position = |run: &Value| run["attributes"]["position-in-queue"].as_u64().expect("a number");
    data.map(|run| (run["id"].clone(), position(run))).collect()
}

#[tokio::test]
async fn what_executes_stands_before_what_waits_for_an_agent_and_that_before_what_waits_for_its_workspace() {
    let mut project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let waits = async |project: &Project| {
        project.server.advance(Duration::from_secs(1));
        project.run(json!({})).await["id"].clone()
    };
    let executes = waits(&project).await;
    let behind = waits(&project).await;
    let last = waits(&project).await;
    let reader = member(&project, "rita", "read").await;
    let net = project.workspace.clone();
    project.workspace = project.server.workspace(&project.organization, "other").await;
    let elsewhere = waits(&project).await;
    let _plan = agent.claim().await;
    let expected = [(executes.clone(), 0), (elsewhere.clone(), 1), (behind.clone(), 2), (last.clone(), 3)];
    let whole = project.get(QUEUE).await;
    assert_eq!(rows(&whole), expected);
    assert_eq!(whole["meta"]["pagination"]["total-count"], 4);
    let second = project.get(&format!("{QUEUE}?page%5Bsize%5D=2&page%5Bnumber%5D=2")).await;
    assert_eq!(rows(&second), expected[2..]);
    let path = format!("/api/v2/runs/{}", last.as_str().expect("an id"));
    assert_eq!(project.get(&path).await["data"]["attributes"]["position-in-queue"], 3);

    // Positions count what others see, too.
    let (status, seen) = project.server.request("GET", QUEUE, &reader, Value::Null).await;
    assert_eq!(status, 200);
    assert_eq!(rows(&seen), [(executes, 0), (behind, 2), (last, 3)]);
    assert_eq!(seen["meta"]["pagination"]["total-count"], 3);
    for run in seen["data"].as_array().expect("a list") {
        assert_eq!(run["relationships"]["workspace"]["data"]["id"], net.id.as_str());
    }
    let capacity = project.get("/api/v2/organizations/acme/capacity").await;
    assert_eq!(capacity["data"]["attributes"], json!({ "pending": 1, "running": 1 }));
}
