use serde_json::{Value, json};

use crate::testing::{FakeAgent, FakeJob, Project, identity_request};

const ROLE: &str = "arn:aws:iam::123456789012:role/deploy";

fn aws_request() -> Value {
    json!({ "family": "aws", "tag": null, "audience": "aws.workload.identity", "lifetime_seconds": 600 })
}

async fn with_aws() -> Project {
    let project = Project::new().await;
    project.set_env("TFC_AWS_PROVIDER_AUTH", "true").await;
    project.set_env("TFC_AWS_PLAN_ROLE_ARN", "arn:aws:iam::123456789012:role/plan-net").await;
    project.set_env("TFC_AWS_APPLY_ROLE_ARN", ROLE).await;
    project
}

async fn ask(job: &FakeJob<'_>, request: Value) -> (u16, String) {
    let (status, answer) = job.post("identity-tokens", request).await;
    (status, answer["errors"][0]["detail"].as_str().unwrap_or_default().to_owned())
}

async fn put_policy(project: &Project, statements: Value) {
    let body = json!({ "data": { "attributes": { "statements": statements } } });
    let path = "/api/carnet/v1/organizations/acme/issuance-policy";
    let (status, answer) = project.server.request("PUT", path, &project.token, body).await;
    assert!([200, 201].contains(&status), "{answer}");
}

async fn refusals(project: &Project) -> Vec<String> {
    let mut tx = project.server.app.store.read().await.expect("a transaction");
    let events = tx.audit_events(&project.organization.id, None, (0, 100)).await.expect("read").0;
    let refused = events.into_iter().filter(|event| event.act.action == "refuse");
    refused.map(|event| event.description).collect()
}

#[tokio::test]
async fn a_token_is_only_for_what_the_variables_lead_to() {
    let project = with_aws().await;
    let agent = FakeAgent::new(&project.server).await;
    project.run(json!({})).await;
    let plan = agent.claim().await;
    assert_eq!(ask(&plan, aws_request()).await.0, 201);
    assert_eq!(ask(&plan, identity_request()).await.0, 201);
    for (name, value) in [
        ("audience", json!("sts.amazonaws.com")),
        ("audience", json!("vault.workload.identity")),
        ("family", json!("gcp")),
        ("family", json!("plain")),
        ("tag", json!("BLUE")),
    ] {
        let mut request = aws_request();
        request[name] = value;
        let (status, detail) = ask(&plan, request).await;
        assert_eq!(status, 403, "{name}: {detail}");
        assert!(
            detail.starts_with("the variables that this plan was given lead to no token of the family "),
            "{detail}"
        );
        assert!(
            detail.contains("plain for vault.workload.identity, aws for aws.workload.identity"),
            "{detail}"
        );
    }
    let ledger = format!("/api/carnet/v1/workspaces/{}/identity-tokens", project.workspace.id);
    assert_eq!(project.get(&ledger).await.as_array().map(Vec::len), Some(2));
    assert_eq!(refusals(&project).await.len(), 5);
}

#[tokio::test]
async fn variables_that_change_meanwhile_count_from_the_next_phase_on() {
    let project = with_aws().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({})).await;
    let plan = agent.claim().await;
    project.set_env("TFC_AWS_WORKLOAD_IDENTITY_AUDIENCE", "sts.amazonaws.com").await;
    assert_eq!(ask(&plan, aws_request()).await.0, 201, "the variables of the claim");
    let mut other = aws_request();
    other["audience"] = json!("sts.amazonaws.com");
    assert_eq!(ask(&plan, other.clone()).await.0, 403, "not those that came later");
    plan.succeed().await;
    assert_eq!(project.act(&run, "apply").await, 202);
    let apply = agent.claim().await;
    assert_eq!(ask(&apply, other).await.0, 201);
    assert_eq!(ask(&apply, aws_request()).await.0, 403);
}

#[tokio::test]
async fn a_policy_counts_at_once_and_its_refusal_is_explained_and_recorded() {
    let project = with_aws().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({})).await;
    let plan = agent.claim().await;
    put_policy(
        &project,
        json!([
            { "name": "plans", "phases": ["plan"], "roles": ["arn:aws:iam::*:role/plan-*"] },
            { "name": "applies", "phases": ["apply"], "approval": "another-person", "max-life-seconds": 60 },
        ]),
    )
    .await;
    assert_eq!(ask(&plan, aws_request()).await.0, 201);
    let (status, detail) = ask(&plan, identity_request()).await;
    assert_eq!(status, 403);
    assert!(
        detail.contains("allows the roles arn:aws:iam::*:role/plan-*, and the role here is none"),
        "{detail}"
    );
    assert!(detail.lines().count() >= 2, "{detail}");
    plan.succeed().await;
    assert_eq!(project.act(&run, "apply").await, 202);
    let apply = agent.claim().await;
    let (status, detail) = ask(&apply, aws_request()).await;
    assert_eq!(status, 403);
    assert!(detail.contains("is by alice, who started the run"), "{detail}");
    let recorded = refusals(&project).await;
    assert!(recorded.iter().any(|text| text.contains("is by alice, who started the run")), "{recorded:?}");
    put_policy(
        &project,
        json!([{ "name": "all", "approval": "confirmed", "phases": ["apply"], "max-life-seconds": 60 }]),
    )
    .await;
    let (status, answer) = apply.post("identity-tokens", aws_request()).await;
    assert_eq!(status, 201, "{answer}");
    let moment = |name: &str| {
        answer[name].as_str().expect("a time").parse::<carnet_model::Timestamp>().expect("a time")
    };
    assert_eq!(moment("expires_at").duration_since(moment("issued_at")).as_secs(), 60);
}

#[tokio::test]
async fn the_project_of_the_workspace_narrows_too() {
    let project = with_aws().await;
    let agent = FakeAgent::new(&project.server).await;
    project.run(json!({})).await;
    let plan = agent.claim().await;
    let path = format!("/api/carnet/v1/projects/{}/issuance-policy", project.workspace.project_id);
    let body =
        json!({ "data": { "attributes": { "statements": [{ "name": "vault", "families": ["plain"] }] } } });
    assert_eq!(project.server.request("PUT", &path, &project.token, body).await.0, 201);
    assert_eq!(ask(&plan, identity_request()).await.0, 201);
    let (status, detail) = ask(&plan, aws_request()).await;
    assert_eq!(status, 403);
    assert!(detail.contains("of the issuance policy of the project is for the families plain"), "{detail}");
    assert_eq!(project.server.request("DELETE", &path, &project.token, Value::Null).await.0, 204);
    assert_eq!(ask(&plan, aws_request()).await.0, 201);
    put_policy(&project, json!([])).await;
    assert!(ask(&plan, aws_request()).await.1.contains("has no statement"));
}

#[tokio::test]
async fn a_job_of_an_earlier_version_is_judged_by_the_variables_of_now() {
    let project = with_aws().await;
    let agent = FakeAgent::new(&project.server).await;
    project.run(json!({})).await;
    let plan = agent.claim().await;
    let mut tx = project.server.app.store.write().await.expect("a transaction");
    tx.set_token_grants(&plan.id().parse().expect("an id"), None).await.expect("written");
    tx.commit().await.expect("committed");
    assert_eq!(ask(&plan, aws_request()).await.0, 201);
    let mut other = aws_request();
    other["audience"] = json!("x");
    assert_eq!(ask(&plan, other).await.0, 403);
}

async fn set_sensitive(project: &Project, key: &str, value: &str) {
    let attributes = json!({ "key": key, "value": value, "category": "env", "sensitive": true });
    let body = json!({ "data": { "type": "vars", "attributes": attributes } });
    let path = format!("/api/v2/workspaces/{}/vars", project.workspace.id);
    let (status, answer) = project.server.request("POST", &path, &project.token, body).await;
    assert_eq!(status, 201, "{answer}");
}

async fn ledger(project: &Project) -> Vec<Value> {
    let page = project.get("/api/carnet/v1/organizations/acme/ledger").await;
    let entries = page["entries"].as_array().expect("a list").iter();
    entries.map(|one| one["entry"].clone()).collect()
}

#[tokio::test]
async fn what_a_sensitive_variable_says_is_told_nowhere() {
    let project = Project::new().await;
    project.set_env("TFC_AWS_PROVIDER_AUTH", "true").await;
    set_sensitive(&project, "TFC_AWS_RUN_ROLE_ARN", "arn:aws:iam::123456789012:role/hush").await;
    set_sensitive(&project, "TFC_AWS_WORKLOAD_IDENTITY_AUDIENCE", "hush.example.com").await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({})).await;
    let plan = agent.claim().await;
    let mut request = aws_request();
    request["audience"] = json!("hush.example.com");
    assert_eq!(ask(&plan, request.clone()).await.0, 201);
    put_policy(&project, json!([{ "name": "other", "roles": ["arn:aws:iam::*:role/other"] }])).await;
    let (status, detail) = ask(&plan, request.clone()).await;
    assert_eq!(status, 403);
    assert!(detail.contains("(sensitive)") && !detail.contains("hush"), "{detail}");
    request["family"] = json!("gcp");
    let (status, detail) = ask(&plan, request).await;
    assert_eq!(status, 403);
    assert!(!detail.contains("hush"), "{detail}");
    let entries = ledger(&project).await;
    let jti = &entries.iter().find(|one| one["kind"] == "mint").expect("an entry")["jti"];
    let report = json!({ "entries": [{
        "family": "aws", "tag": null, "audience": "hush.example.com", "subject": "s",
        "role": "arn:aws:iam::123456789012:role/hush", "jti": jti, "life_seconds": 60, "renewals": 0,
        "expires_at": null, "outcome": "refused", "detail": "no role arn:aws:iam::123456789012:role/hush",
        "identity": ["arn:aws:iam::123456789012:role/hush"], "leases": [],
    }] });
    assert_eq!(plan.put("credentials", report.to_string().as_bytes()).await.status, 204);
    let entries = ledger(&project).await;
    let minted = entries.iter().find(|one| one["kind"] == "mint").expect("an entry");
    assert_eq!((&minted["role"], &minted["audience"]), (&json!("(sensitive)"), &json!("(sensitive)")));
    assert_eq!(entries.iter().filter(|one| one["kind"] == "refusal").count(), 3);
    assert!(!format!("{entries:?}").contains("hush"), "{entries:?}");
    let recorded = refusals(&project).await;
    assert_eq!(recorded.len(), 2);
    assert!(!format!("{recorded:?}").contains("hush"), "{recorded:?}");
    let tokens =
        project.get(&format!("/api/carnet/v1/workspaces/{}/identity-tokens", project.workspace.id)).await;
    assert!(!tokens.to_string().contains("hush"), "{tokens}");
    let run = run["id"].as_str().expect("an id");
    let credentials = project.get(&format!("/api/carnet/v1/runs/{run}/credentials")).await;
    assert!(!credentials.to_string().contains("hush"), "{credentials}");
}

#[tokio::test]
async fn who_asks_in_vain_without_end_does_not_fill_the_ledger() {
    let project = with_aws().await;
    let agent = FakeAgent::new(&project.server).await;
    project.run(json!({})).await;
    let plan = agent.claim().await;
    let mut request = aws_request();
    request["audience"] = json!("x");
    for _ in 0..130 {
        assert_eq!(ask(&plan, request.clone()).await.0, 403);
    }
    let entries = ledger(&project).await;
    let refused: Vec<_> = entries.iter().filter(|one| one["kind"] == "refusal").collect();
    assert_eq!(refused.len(), 21);
    assert_eq!((&refused[19]["count"], &refused[20]["count"]), (&json!("20"), &json!("100")));
    assert_eq!(refusals(&project).await.len(), 21);
    // Another kind has a count of its own.
    plan.succeed().await;
    assert_eq!(ask(&plan, request).await.0, 410);
    assert_eq!(ledger(&project).await.last().expect("an entry")["outcome"], "refused_out_of_turn");
}

#[tokio::test]
async fn a_change_of_a_policy_tells_what_was_there_and_what_is() {
    let project = with_aws().await;
    put_policy(&project, json!([{ "name": "one", "phases": ["plan"] }])).await;
    put_policy(&project, json!([{ "name": "two" }])).await;
    let path = "/api/carnet/v1/organizations/acme/issuance-policy";
    assert_eq!(project.server.request("DELETE", path, &project.token, Value::Null).await.0, 204);
    let path = "/api/v2/organizations/acme/token-ttl-policies";
    let body = json!({ "data": [{ "token-type": "team", "max-ttl-ms": 3_600_000 }] });
    assert_eq!(project.server.request("PATCH", path, &project.token, body).await.0, 200);
    let entries = ledger(&project).await;
    let policies: Vec<_> = entries.iter().filter(|one| one["kind"] == "policy").collect();
    let has = |place: usize, name: &str, part: &str| {
        policies[place][name].as_str().is_some_and(|text| text.contains(part))
    };
    assert_eq!(policies.len(), 4, "{entries:?}");
    assert!(policies[0]["before"].is_null() && has(0, "after", "\"one\""), "{policies:?}");
    assert!(has(1, "before", "\"one\"") && has(1, "after", "\"two\""), "{policies:?}");
    assert!(has(2, "before", "\"two\"") && policies[2]["after"].is_null(), "{policies:?}");
    assert!(has(3, "after", "3600000"), "{policies:?}");
}
