//! Two callers at the same moment: one wins, and nothing is lost.

use serde_json::{Value, json};

use super::{act, text};
use crate::testing::{FakeAgent, Project};

const ROUNDS: usize = 20;

/// Both answers, whichever of the two began first.
async fn at_once<A, B>(
    round: usize,
    first: impl Future<Output = A>,
    second: impl Future<Output = B>,
) -> (A, B) {
    if round.is_multiple_of(2) {
        tokio::join!(first, second)
    } else {
        let (second, first) = tokio::join!(second, first);
        (first, second)
    }
}

fn sorted(one: u16, two: u16) -> [u16; 2] {
    [one.min(two), one.max(two)]
}

#[tokio::test]
async fn two_applies_of_a_run_are_one() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    for round in 0..ROUNDS {
        let run = project.run(json!({})).await;
        agent.claim().await.succeed().await;
        let (one, two) = at_once(round, project.act(&run, "apply"), project.act(&run, "apply")).await;
        assert_eq!(sorted(one, two), [202, 409]);
        agent.claim().await.succeed().await;
        assert_eq!(project.status(&run).await, "applied");
        assert!(agent.try_claim().await.is_none(), "a second apply");
        let events = project.get(&format!("/api/v2/runs/{}/run-events", text(&run["id"]))).await;
        let confirmed = events["data"].as_array().expect("a list").iter();
        let confirmed = confirmed.filter(|event| event["attributes"]["action"] == "confirmed").count();
        assert_eq!(confirmed, 1);
    }
}

#[tokio::test]
async fn a_cancel_and_the_end_of_a_plan_agree() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    for round in 0..ROUNDS {
        let run = project.run(json!({})).await;
        let plan = agent.claim().await;
        plan.write_log().await;
        let (canceled, finished) =
            at_once(round, project.act(&run, "cancel"), plan.finish("succeeded", true)).await;
        assert_eq!(finished, 204);
        match (canceled, project.status(&run).await.as_str()) {
            (202, "canceled") => {}
            (409, "planned") => assert_eq!(project.act(&run, "discard").await, 202),
            other => panic!("{other:?}"),
        }
        let log = project.log(&run, "plan").await;
        assert_eq!(log.iter().filter(|byte| **byte == 3).count(), 1, "one end of the log");
        assert!(agent.try_claim().await.is_none());
    }
}

#[tokio::test]
async fn a_deleted_workspace_has_no_run() {
    let mut project = Project::new().await;
    for round in 0..ROUNDS {
        project.workspace = project.server.workspace(&project.organization, &format!("w{round}")).await;
        let body = project.run_body(&project.configuration(false).await, json!({}));
        let path = format!("/api/v2/workspaces/{}", project.workspace.id);
        let create = project.server.request("POST", "/api/v2/runs", &project.token, body);
        let delete = project.server.request("DELETE", &path, &project.token, Value::Null);
        let ((made, answer), (deleted, _)) = at_once(round, create, delete).await;
        assert_eq!(deleted, 204);
        match made {
            201 => {
                let run = format!("/api/v2/runs/{}", text(&answer["data"]["id"]));
                assert_eq!(project.server.request("GET", &run, &project.token, Value::Null).await.0, 404);
            }
            404 => {}
            other => panic!("{other}: {answer}"),
        }
        let agent = FakeAgent::new(&project.server).await;
        assert!(agent.try_claim().await.is_none(), "a job without a workspace");
    }
    let runs = project.get("/api/v2/organizations/acme/runs").await;
    assert_eq!(runs["meta"]["pagination"]["total-count"], 0);
}

#[tokio::test]
async fn of_two_runs_one_goes_first() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    for round in 0..ROUNDS {
        let holder = project.run(json!({})).await;
        agent.claim().await.succeed().await;
        let (left, right) = (project.run(json!({})).await, project.run(json!({})).await);
        let force = async |run: &Value| act(&project, &project.token, run, "force-execute").await.0;
        let (one, two) = at_once(round, force(&left), force(&right)).await;
        assert_eq!(sorted(one, two), [202, 409]);
        let (winner, loser) = if one == 202 { (&left, &right) } else { (&right, &left) };
        assert_eq!(project.status(&holder).await, "discarded");
        assert_eq!(project.status(winner).await, "plan_queued");
        assert_eq!(project.status(loser).await, "pending");
        assert_eq!(project.act(loser, "cancel").await, 202);
        assert_eq!(project.act(winner, "cancel").await, 202);
        assert!(agent.try_claim().await.is_none());
    }
}
