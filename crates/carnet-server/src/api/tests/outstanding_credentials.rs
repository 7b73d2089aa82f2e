use std::time::Duration;

use serde_json::{Value, json};

use crate::jobs::sweep;
use crate::testing::{FakeAgent, Project, vault_report};

const PATH: &str = "/api/carnet/v1/organizations/acme/outstanding-credentials";

async fn listed(project: &Project) -> Vec<Value> {
    project.get(PATH).await["data"].as_array().expect("a list").clone()
}

/// A speculative run whose agent tells this and is never heard of again.
async fn abandoned(project: &Project, report: &Value) -> Value {
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run_of(&project.configuration(true).await, json!({})).await;
    let job = agent.claim().await;
    assert_eq!(job.tell_credentials(report).await.0, 204);
    run
}

#[tokio::test]
async fn what_a_lost_agent_held_is_listed_until_it_ends() {
    let project = Project::new().await;
    let run = abandoned(&project, &vault_report("outstanding")).await;
    assert!(listed(&project).await.is_empty(), "the agent still works with it");
    project.server.advance(Duration::from_secs(30));
    sweep(&project.server.app).await.expect("swept");
    let found = listed(&project).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["type"], "outstanding-credentials");
    assert_eq!(
        found[0]["attributes"],
        json!({
            "workspace-name": "net", "phase": "plan", "family": "vault", "tag": "blue",
            "address": "https://vault.example.com", "namespace": "team", "accessor": "acc-1",
            "ends-at": "2026-01-05T10:02:00Z", "revocation": "outstanding", "detail": "",
            "hint": "vault token revoke -address=https://vault.example.com -namespace=team -accessor acc-1",
        })
    );
    assert_eq!(found[0]["relationships"]["run"]["data"]["id"], run["id"]);
    assert_eq!(found[0]["relationships"]["workspace"]["data"]["id"], project.workspace.id.as_str());
    project.server.advance(Duration::from_secs(89));
    assert_eq!(listed(&project).await.len(), 1);
    project.server.advance(Duration::from_secs(1));
    assert!(listed(&project).await.is_empty(), "it has ended by itself");
}

#[tokio::test]
async fn what_failed_is_listed_and_what_was_revoked_is_not() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    project.run(json!({})).await;
    let job = agent.claim().await;
    let mut body = vault_report("revoked");
    let lease = |accessor: &str, revocation: &str, ends_at: Value| {
        json!({
            "address": "https://vault.example.com", "namespace": null, "accessor": accessor, "ends_at": ends_at,
            "revocation": revocation, "detail": "permission denied",
        })
    };
    body["entries"][0]["leases"] = json!([
        lease("one", "revoked", Value::Null),
        lease("two", "already_gone", Value::Null),
        lease("three", "ends_by_itself", Value::Null),
        lease("four", "failed", json!("2026-01-05T09:00:00Z")),
        lease("five", "failed", Value::Null),
        lease("", "failed", Value::Null),
    ]);
    assert_eq!(job.tell_credentials(&body).await.0, 204);
    assert_eq!(job.finish("failed", false).await, 204);
    project.server.advance(Duration::from_secs(365 * 24 * 3600));
    let found = listed(&project).await;
    let hints: Vec<&Value> = found.iter().map(|one| &one["attributes"]["hint"]).collect();
    let hint = json!("vault token revoke -address=https://vault.example.com -accessor five");
    assert_eq!(hints, [&hint, &Value::Null]);
}

#[tokio::test]
async fn only_owners_see_the_list_and_only_of_their_organization() {
    let project = Project::new().await;
    abandoned(&project, &vault_report("outstanding")).await;
    project.server.advance(Duration::from_secs(30));
    sweep(&project.server.app).await.expect("swept");
    let (user, token) = project.server.user("bob").await;
    project.server.organization("beta", &user).await;
    assert_eq!(project.server.request("GET", PATH, &token, Value::Null).await.0, 404);
    let beta = "/api/carnet/v1/organizations/beta/outstanding-credentials";
    let (status, answer) = project.server.request("GET", beta, &token, Value::Null).await;
    assert_eq!((status, &answer["data"]), (200, &json!([])));
    let agent = FakeAgent::new(&project.server).await;
    project.run_of(&project.configuration(true).await, json!({})).await;
    let job = agent.claim().await;
    assert_eq!(project.server.request("GET", PATH, &job.token("run"), Value::Null).await.0, 404);
}

#[tokio::test]
async fn the_list_has_pages() {
    let project = Project::new().await;
    let mut body = vault_report("outstanding");
    let lease = body["entries"][0]["leases"][0].clone();
    body["entries"][0]["leases"] = json!([lease.clone(), lease.clone(), lease]);
    abandoned(&project, &body).await;
    abandoned(&project, &vault_report("outstanding")).await;
    project.server.advance(Duration::from_secs(30));
    sweep(&project.server.app).await.expect("swept");
    let page = project.get(&format!("{PATH}?page%5Bsize%5D=3&page%5Bnumber%5D=2")).await;
    assert_eq!(page["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(page["meta"]["pagination"]["total-count"], 4);
    assert_eq!(page["meta"]["pagination"]["prev-page"], 1);
    let mut ids: Vec<Value> = listed(&project).await.iter().map(|one| one["id"].clone()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 4);
    assert_eq!(
        project
            .server
            .request("GET", &format!("{PATH}?page%5Bsize%5D=0"), &project.token, Value::Null)
            .await
            .0,
        400
    );
}
