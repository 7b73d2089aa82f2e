use std::time::Duration;

use serde_json::{Value, json};

use crate::jobs::sweep;
use crate::testing::{FakeAgent, Project, report, vault_report};

async fn told(project: &Project, run: &Value) -> Vec<Value> {
    let path = format!("/api/carnet/v1/runs/{}/credentials", run["id"].as_str().expect("an id"));
    project.get(&path).await["data"].as_array().expect("a list").clone()
}

/// What the document of a run says was not revoked.
async fn unrevoked(project: &Project, run: &Value) -> Vec<String> {
    let document = project.get(&format!("/api/v2/runs/{}", run["id"].as_str().expect("an id"))).await;
    let list = document["data"]["attributes"]["unrevoked-credentials"].as_array().expect("a list").clone();
    list.iter().map(|text| text.as_str().expect("a text").to_owned()).collect()
}

async fn lose(project: &Project) {
    project.server.advance(Duration::from_secs(30));
    sweep(&project.server.app).await.expect("swept");
}

#[tokio::test]
async fn the_last_report_of_each_phase_is_read_at_the_run() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({ "auto-apply": true })).await;
    assert!(told(&project, &run).await.is_empty());
    let plan = agent.claim().await;
    assert_eq!(plan.tell_credentials(&vault_report("outstanding")).await.0, 204);
    assert_eq!(told(&project, &run).await[0]["attributes"]["leases"][0]["revocation"], "outstanding");
    assert_eq!(plan.tell_credentials(&vault_report("revoked")).await.0, 204);
    plan.succeed().await;
    let apply = agent.claim().await;
    let mut bare = vault_report("outstanding");
    bare["entries"][0]["tag"] = Value::Null;
    bare["entries"][0]["leases"] = json!([]);
    assert_eq!(apply.tell_credentials(&bare).await.0, 204);
    let found = told(&project, &run).await;
    assert_eq!(found.len(), 2);
    assert_eq!(found[0]["type"], "run-credentials");
    assert_eq!(
        found[0]["attributes"],
        json!({
            "phase": "plan", "family": "vault", "tag": "blue", "audience": "vault.workload.identity",
            "subject": "organization:acme:project:Default Project:workspace:net:run_phase:plan", "role": "deploy",
            // No token of the job has the id that was told.
            "jti": null, "life-seconds": 600, "renewals": 2, "expires-at": "2026-01-05T10:02:00Z",
            "outcome": "held", "detail": "", "identity": ["entity 1f", "policies default, deploy"],
            "leases": [{
                "address": "https://vault.example.com", "namespace": "team", "accessor": "acc-1",
                "ends-at": "2026-01-05T10:02:00Z", "revocation": "revoked", "detail": "",
            }],
        })
    );
    assert_eq!(
        (&found[1]["attributes"]["phase"], &found[1]["attributes"]["tag"]),
        (&json!("apply"), &Value::Null)
    );
    assert_ne!(found[0]["id"], found[1]["id"]);
    let path = format!("/api/carnet/v1/runs/{}/credentials", run["id"].as_str().expect("an id"));
    let (_, stranger) = project.server.user("mallory").await;
    assert_eq!(project.server.request("GET", &path, &stranger, Value::Null).await.0, 404);
}

#[tokio::test]
async fn a_job_that_was_asked_to_stop_still_tells_and_one_that_ended_does_not() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({})).await;
    let plan = agent.claim().await;
    assert_eq!(project.act(&run, "cancel").await, 202);
    assert_eq!(plan.tell_credentials(&vault_report("outstanding")).await.0, 204);
    project.server.advance(Duration::from_secs(10));
    assert_eq!(project.act(&run, "force-cancel").await, 202);
    assert_eq!(plan.tell_credentials(&vault_report("revoked")).await.0, 204);
    assert_eq!(plan.finish("canceled", false).await, 204);
    assert_eq!(plan.tell_credentials(&vault_report("failed")).await.0, 410);
    assert_eq!(told(&project, &run).await[0]["attributes"]["leases"][0]["revocation"], "revoked");
    assert!(unrevoked(&project, &run).await.is_empty());
}

#[tokio::test]
async fn only_the_control_token_of_the_job_tells() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({})).await;
    project.run_of(&project.configuration(true).await, json!({})).await;
    let (first, second) = (agent.claim().await, agent.claim().await);
    for (token, expected) in [
        (project.server.agent_token.clone(), 401),
        (project.token.clone(), 401),
        (first.token("run"), 401),
        (first.token("delivery"), 401),
        (second.token("control"), 404),
        (String::new(), 401),
    ] {
        let path = first.path("credentials");
        let (status, _) = project.server.request("PUT", &path, &token, vault_report("outstanding")).await;
        assert_eq!(status, expected);
    }
    assert!(told(&project, &run).await.is_empty());
}

#[tokio::test]
async fn a_report_with_names_that_are_none_is_refused() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({})).await;
    let plan = agent.claim().await;
    for (pointer, value) in [
        ("/entries/0/family", json!("")),
        ("/entries/0/family", json!("va ult")),
        ("/entries/0/tag", json!("a\nb")),
        ("/entries/0/audience", json!("a\u{7f}")),
        ("/entries/0/subject", json!("s\u{1b}[0m")),
        ("/entries/0/role", json!("r".repeat(2049))),
        ("/entries/0/jti", json!("\0")),
        ("/entries/0/outcome", json!("maybe")),
        ("/entries/0/identity", json!(vec!["x"; 1001])),
        ("/entries/0/leases/0/address", json!("https://a\r\n")),
        ("/entries/0/leases/0/namespace", json!("\u{85}")),
        ("/entries/0/leases/0/accessor", json!("a\tb")),
        ("/entries/0/leases/0/revocation", json!("gone")),
    ] {
        let mut body = vault_report("outstanding");
        *body.pointer_mut(pointer).expect("a place") = value;
        let (status, answer) = plan.tell_credentials(&body).await;
        assert_eq!((status, &answer["errors"][0]["source"]["pointer"]), (422, &json!(pointer)), "{answer}");
    }
    let many: Vec<Value> = vec![vault_report("revoked")["entries"][0].clone(); 1001];
    assert_eq!(plan.tell_credentials(&json!({ "entries": many })).await.0, 422);
    for body in [json!({}), json!([]), json!({ "entries": [{ "family": "vault" }] }), Value::Null] {
        assert_eq!(plan.tell_credentials(&body).await.0, 400, "{body}");
    }
    let long = json!({ "entries": [], "more": "x".repeat(1024 * 1024) });
    assert_eq!(plan.tell_credentials(&long).await.0, 413);
    assert!(told(&project, &run).await.is_empty());
}

#[tokio::test]
async fn words_of_providers_are_cleaned_and_never_a_reason_to_lose_a_report() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({})).await;
    let plan = agent.claim().await;
    let mut body = vault_report("failed");
    body["entries"][0]["detail"] = json!("two\nlines");
    body["entries"][0]["identity"] = json!(["a\u{1b}[31m"]);
    body["entries"][0]["leases"][0]["detail"] = json!("y".repeat(5000));
    assert_eq!(plan.tell_credentials(&body).await.0, 204);
    let entry = told(&project, &run).await[0]["attributes"].clone();
    assert_eq!((&entry["detail"], &entry["identity"][0]), (&json!("two lines"), &json!("a [31m")));
    assert_eq!(entry["leases"][0]["detail"].as_str().map(str::len), Some(2048));
}

#[tokio::test]
async fn a_run_says_what_its_agent_did_not_revoke() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({})).await;
    let plan = agent.claim().await;
    let mut body = vault_report("failed");
    body["entries"][0]["leases"][0]["detail"] = json!("permission denied");
    assert_eq!(plan.tell_credentials(&body).await.0, 204);
    assert!(unrevoked(&project, &run).await.is_empty(), "the phase still runs");
    assert_eq!(plan.finish("failed", false).await, 204);
    assert_eq!(
        unrevoked(&project, &run).await,
        [
            "vault (blue): the credential of https://vault.example.com could not be revoked: permission denied; \
          it works until 2026-01-05T10:02:00Z; to revoke it: \
          vault token revoke -address=https://vault.example.com -namespace=team -accessor acc-1"
        ]
    );
}

#[tokio::test]
async fn what_was_not_revoked_is_told_once() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let mut end = report("failed", false);
    end["unrevoked"] = json!(["the Vault token of https://vault.example.com"]);
    let silent = project.run(json!({})).await;
    assert_eq!(agent.claim().await.post("finish", end.clone()).await.0, 204);
    assert_eq!(unrevoked(&project, &silent).await, ["the Vault token of https://vault.example.com"]);

    let run = project.run(json!({})).await;
    let plan = agent.claim().await;
    assert_eq!(plan.tell_credentials(&vault_report("failed")).await.0, 204);
    assert_eq!(plan.post("finish", end).await.0, 204);
    let told = unrevoked(&project, &run).await;
    assert!(told.len() == 1 && told[0].contains("-accessor acc-1"), "{told:?}");
}

#[tokio::test]
async fn a_lost_agent_leaves_its_last_report_and_the_run_says_so() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let run = project.run(json!({})).await;
    let plan = agent.claim().await;
    assert_eq!(plan.tell_credentials(&vault_report("outstanding")).await.0, 204);
    lose(&project).await;
    assert_eq!(plan.tell_credentials(&vault_report("revoked")).await.0, 410);
    let entry = told(&project, &run).await[0]["attributes"].clone();
    assert_eq!(entry["leases"][0]["revocation"], "outstanding");
    let texts = unrevoked(&project, &run).await;
    assert_eq!(texts.len(), 1);
    assert!(
        texts[0].contains("is not known to be revoked; it works until 2026-01-05T10:02:00Z"),
        "{texts:?}"
    );

    let quiet = project.run(json!({})).await;
    let plan = agent.claim().await;
    let mut body = vault_report("outstanding");
    body["entries"][0]["leases"][0]["ends_at"] = json!("2026-01-05T10:00:45Z");
    assert_eq!(plan.tell_credentials(&body).await.0, 204);
    lose(&project).await;
    assert!(unrevoked(&project, &quiet).await.is_empty(), "it had ended by itself");
}
