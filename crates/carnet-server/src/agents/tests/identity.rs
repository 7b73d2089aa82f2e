use std::time::Duration;

use carnet_issuer::{Expected, verify_token};
use serde_json::{Value, json};

use crate::jobs::sweep;
use crate::testing::{FakeAgent, FakeJob, Project, identity_request};

fn verified(project: &Project, reply: &Value) -> Value {
    let issuer = &project.server.app.issuer;
    let audience = "vault.workload.identity".parse().expect("an audience");
    let expected = Expected { issuer: issuer.url(), audience: &audience };
    let token = reply["token"].as_str().expect("a token");
    let verified =
        verify_token(token, &issuer.known().jwks(), expected, project.server.app.now()).expect("verified");
    serde_json::to_value(&verified.claims).expect("JSON")
}

async fn ledger(project: &Project) -> Vec<Value> {
    let path = format!("/api/carnet/v1/workspaces/{}/identity-tokens", project.workspace.id);
    project.get(&path).await.as_array().expect("a list").clone()
}

#[tokio::test]
async fn each_phase_gets_its_own_identity_and_no_other() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({})).await;
    let plan = agent.claim().await;
    let (status, reply) = plan.mint().await;
    assert_eq!(status, 201, "{reply}");
    let subject = "organization:acme:project:Default Project:workspace:net:run_phase:plan";
    assert_eq!(verified(&project, &reply)["sub"], subject);
    assert_eq!(plan.document["identity"]["subject"], subject);
    plan.succeed().await;
    assert_eq!(plan.mint().await.0, 410, "a finished job");
    assert_eq!(project.act(&run, "apply").await, 202);
    assert_eq!(plan.mint().await.0, 410, "the plan's job after the approval");
    let apply = agent.claim().await;
    assert_eq!(plan.mint().await.0, 410, "the plan's job while the apply runs");
    assert_eq!(apply.mint_with(&plan.token("control")).await.0, 404, "the plan's token for the apply's job");
    let (status, reply) = apply.mint().await;
    assert_eq!(status, 201, "{reply}");
    assert_eq!(
        verified(&project, &reply)["sub"],
        "organization:acme:project:Default Project:workspace:net:run_phase:apply"
    );
}

#[tokio::test]
async fn only_the_control_token_of_the_job_mints() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    project.run(json!({})).await;
    project.run_of(&project.configuration(true).await, json!({})).await;
    let (first, second) = (agent.claim().await, agent.claim().await);
    let refused = [
        (project.server.agent_token.clone(), 401),
        (project.token.clone(), 401),
        (crate::testing::ADMIN.to_owned(), 401),
        (first.token("run"), 401),
        (first.token("delivery"), 401),
        (second.token("control"), 404),
        (String::new(), 401),
    ];
    for (token, expected) in refused {
        assert_eq!(first.mint_with(&token).await.0, expected);
    }
    assert!(ledger(&project).await.is_empty());
    assert_eq!(first.mint().await.0, 201);
}

#[tokio::test]
async fn without_its_lease_a_job_mints_nothing() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    project.run(json!({})).await;
    let plan = agent.claim().await;
    project.server.advance(Duration::from_secs(30));
    assert_eq!(plan.mint().await.0, 410, "the lease has run out");
    assert_eq!(plan.post("heartbeat", json!({})).await.0, 200, "nobody has given the job up yet");
    assert_eq!(plan.mint().await.0, 201);
    project.server.advance(Duration::from_secs(30));
    sweep(&project.server.app).await.expect("swept");
    assert_eq!(plan.mint().await.0, 410, "a lost job");
    assert_eq!(ledger(&project).await.len(), 1);
}

#[tokio::test]
async fn every_token_is_in_the_ledger_with_all_it_says() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({})).await;
    let plan = agent.claim().await;
    let mut minted = Vec::new();
    for _ in 0..3 {
        let (_, reply) = plan.mint().await;
        minted.push((reply["jti"].clone(), verified(&project, &reply)));
        project.server.advance(Duration::from_secs(1));
    }
    let entries = ledger(&project).await;
    assert_eq!(entries.len(), 3);
    for (entry, (jti, claims)) in entries.iter().zip(&minted) {
        assert_eq!(&entry["jti"], jti);
        assert_eq!(&entry["claims"], claims);
        assert_eq!(
            entry["kid"],
            project.server.app.issuer.known().ring().current().expect("a key").kid().as_str()
        );
        assert_eq!((entry["family"].as_str(), entry["phase"].as_str()), (Some("plain"), Some("plan")));
        assert_eq!(entry["run_id"], run["id"]);
    }
    let path = format!("/api/carnet/v1/runs/{}/identity-tokens", run["id"].as_str().expect("an id"));
    assert_eq!(project.get(&path).await, Value::Array(entries));
    let (_, stranger) = project.server.user("mallory").await;
    assert_eq!(project.server.request("GET", &path, &stranger, Value::Null).await.0, 404);
}

async fn lifetime(job: &FakeJob<'_>, wanted: u64) -> i64 {
    let mut request = identity_request();
    request["lifetime_seconds"] = json!(wanted);
    let (status, reply) = job.post("identity-tokens", request).await;
    assert_eq!(status, 201, "{reply}");
    let moment = |name: &str| {
        reply[name].as_str().expect("a time").parse::<carnet_model::Timestamp>().expect("a time").as_second()
    };
    moment("expires_at") - moment("issued_at")
}

#[tokio::test]
async fn no_token_outlives_its_phase() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    project.run(json!({})).await;
    let plan = agent.claim().await;
    assert_eq!(lifetime(&plan, 600).await, 600);
    assert_eq!(lifetime(&plan, 1_000_000).await, 7200);
    project.server.advance(Duration::from_secs(20));
    assert_eq!(lifetime(&plan, 7200).await, 7180);
}

#[tokio::test]
async fn a_malformed_request_mints_nothing() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    project.run(json!({})).await;
    let plan = agent.claim().await;
    for (name, value) in [
        ("audience", json!("")),
        ("audience", json!("a b")),
        ("family", json!("")),
        ("tag", json!("a\nb")),
        ("lifetime_seconds", json!(0)),
    ] {
        let mut request = identity_request();
        request[name] = value;
        let (status, answer) = plan.post("identity-tokens", request).await;
        assert_eq!(status, 422, "{name}: {answer}");
    }
    assert_eq!(plan.post("identity-tokens", json!({ "audience": "x" })).await.0, 400);
    assert!(ledger(&project).await.is_empty());
}

#[tokio::test]
async fn a_stolen_run_token_reads_its_own_workspace_and_nothing_else() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let other = project.server.workspace(&project.organization, "other").await;
    project.run(json!({ "variables": [{ "key": "secret", "value": "\"s\"" }] })).await;
    let plan = agent.claim().await;
    let token = plan.token("run");
    let get = |path: String| {
        let (server, token) = (&project.server, token.clone());
        async move { server.request("GET", &path, &token, Value::Null).await }
    };
    assert_eq!(get(format!("/api/v2/workspaces/{}", project.workspace.id)).await.0, 200);
    for path in [
        format!("/api/v2/workspaces/{}", other.id),
        format!("/api/v2/workspaces/{}/runs", other.id),
        format!("/api/v2/workspaces/{}/vars", project.workspace.id),
        "/api/v2/organizations/acme".to_owned(),
        "/api/v2/account/details".to_owned(),
    ] {
        assert_eq!(get(path.clone()).await.0, 404, "{path}");
    }
    let (_, runs) = get(format!("/api/v2/workspaces/{}/runs", project.workspace.id)).await;
    assert_eq!(runs["data"][0]["attributes"]["variables"], json!([]));
    let run = runs["data"][0]["id"].as_str().expect("an id").to_owned();
    for action in ["apply", "discard", "cancel", "force-cancel"] {
        let path = format!("/api/v2/runs/{run}/actions/{action}");
        assert_eq!(project.server.request("POST", &path, &token, json!({})).await.0, 404, "{action}");
    }
    let body = project.run_body(&project.configuration(false).await, json!({}));
    assert_eq!(project.server.request("POST", "/api/v2/runs", &token, body).await.0, 404);
    plan.succeed().await;
    assert_eq!(get(format!("/api/v2/workspaces/{}", project.workspace.id)).await.0, 401, "after the job");
}
