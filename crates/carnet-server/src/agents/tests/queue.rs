use carnet_model::{Lock, LockOwner};
use serde_json::{Value, json};

use crate::jobs::schedule;
use crate::testing::{FakeAgent, Project};

async fn workspace(project: &Project) -> Value {
    project.get(&format!("/api/v2/workspaces/{}", project.workspace.id)).await["data"].clone()
}

#[tokio::test]
async fn the_second_run_waits_for_the_first() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let (first, second) = (project.run(json!({})).await, project.run(json!({})).await);
    assert_eq!(project.status(&second).await, "pending");
    let shown = workspace(&project).await;
    assert_eq!(shown["attributes"]["locked"], true);
    assert_eq!(shown["relationships"]["locked-by"]["data"], json!({ "type": "runs", "id": first["id"] }));
    assert_eq!(shown["relationships"]["current-run"]["data"]["id"], first["id"]);
    agent.claim().await.succeed().await;
    assert!(agent.try_claim().await.is_none(), "the workspace is still taken");
    let queue = project.get("/api/v2/organizations/acme/runs/queue").await;
    assert_eq!(queue["data"][0]["id"], second["id"]);
    assert_eq!(queue["data"][0]["attributes"]["position-in-queue"], 0);
    assert_eq!(project.act(&first, "discard").await, 202);
    assert_eq!(project.status(&first).await, "discarded");
    assert_eq!(project.status(&second).await, "plan_queued");
    assert_eq!(workspace(&project).await["relationships"]["current-run"]["data"]["id"], second["id"]);
    let capacity = project.get("/api/v2/organizations/acme/capacity").await;
    assert_eq!(capacity["data"]["attributes"], json!({ "pending": 1, "running": 0 }));
}

#[tokio::test]
async fn behind_a_lock_a_run_waits_and_is_shown_as_current() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let user = project.get("/api/v2/account/details").await["data"]["id"].as_str().expect("an id").to_owned();
    let lock = Lock { owner: LockOwner::User(user.parse().expect("an id")), reason: "mine".to_owned() };
    let app = &project.server.app;
    let mut tx = app.store.write().await.expect("a transaction");
    assert!(tx.lock_workspace(&project.workspace.id, &lock).await.expect("locked"));
    tx.commit().await.expect("committed");
    let run = project.run(json!({})).await;
    assert_eq!(project.status(&run).await, "pending");
    assert_eq!(workspace(&project).await["relationships"]["current-run"]["data"]["id"], run["id"]);
    assert!(agent.try_claim().await.is_none());
    let speculative = project.run_of(&project.configuration(true).await, json!({})).await;
    assert_eq!(project.status(&speculative).await, "plan_queued");
    let mut tx = app.store.write().await.expect("a transaction");
    tx.unlock_workspace(&project.workspace.id).await.expect("unlocked");
    schedule(&mut tx, app, &project.workspace.id, app.now()).await.expect("scheduled");
    tx.commit().await.expect("committed");
    assert_eq!(project.status(&run).await, "plan_queued");
}

#[tokio::test]
async fn a_saved_plan_holds_nothing_and_dies_with_the_state_it_was_made_for() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let save = json!({ "save-plan": true, "auto-apply": true });
    let (first, second) = (project.run(save.clone()).await, project.run(save).await);
    agent.claim().await.succeed().await;
    agent.claim().await.succeed().await;
    for run in [&first, &second] {
        assert_eq!(project.status(run).await, "planned_and_saved");
    }
    assert_eq!(workspace(&project).await["attributes"]["locked"], false);
    assert_eq!(project.act(&first, "apply").await, 202);
    agent.claim().await.succeed().await;
    assert_eq!(project.status(&first).await, "applied");
    assert_eq!(project.status(&second).await, "discarded");
    assert_eq!(project.act(&second, "apply").await, 409);
}

#[tokio::test]
async fn plan_only_runs_are_listed_only_when_asked_for() {
    let project = Project::new().await;
    let (first, second) = (project.run(json!({ "message": "one" })).await, project.run(json!({})).await);
    let speculative = project.run_of(&project.configuration(true).await, json!({})).await;
    let base = format!("/api/v2/workspaces/{}/runs", project.workspace.id);
    let ids = |list: Value| -> Vec<String> {
        list["data"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|run| run["id"].as_str().expect("an id").to_owned())
            .collect()
    };
    let id = |run: &Value| run["id"].as_str().expect("an id").to_owned();
    let mut all = ids(project.get(&base).await);
    all.sort();
    let mut expected = vec![id(&first), id(&second)];
    expected.sort();
    assert_eq!(all, expected);
    assert_eq!(
        ids(project.get(&format!("{base}?filter%5Boperation%5D=plan_only")).await),
        [id(&speculative)]
    );
    assert_eq!(ids(project.get(&format!("{base}?search%5Bbasic%5D=one")).await), [id(&first)]);
    assert_eq!(ids(project.get(&format!("{base}?filter%5Bstatus%5D=pending,applied")).await), [id(&second)]);
    assert!(ids(project.get(&format!("{base}?filter%5Bstatus%5D=cost_estimated")).await).is_empty());
    assert!(ids(project.get(&format!("{base}?filter%5Bstatus_group%5D=final")).await).is_empty());
    let page = project.get(&format!("{base}?page%5Bsize%5D=1")).await;
    assert_eq!(page["meta"]["pagination"]["total-count"], 2);
    let of_organization = "/api/v2/organizations/acme/runs?filter%5Bworkspace_names%5D=net";
    assert_eq!(ids(project.get(of_organization).await).len(), 2);
    let of_another = "/api/v2/organizations/acme/runs?filter%5Bworkspace_names%5D=other";
    assert!(ids(project.get(of_another).await).is_empty());
}
