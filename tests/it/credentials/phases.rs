//! What an agent may have minted, asked for without an agent in between: only what its running job is.

use anyhow::Context;
use carnet_tests::{Answer, ApiClient, BOOTSTRAP_TOKEN, CarnetServer, EmbeddedAgent, ServerOptions};
use serde_json::{Value, json};

use crate::site::{ORGANIZATION, claims, script};

const BASE: &str = "/api/agent/v1";

/// What lets the workspace ask for a token for the audience `a`.
const VARIABLES: [(&str, &str); 4] = [
    ("TFC_VAULT_PROVIDER_AUTH", "true"),
    ("TFC_VAULT_ADDR", "https://vault.example.com"),
    ("TFC_VAULT_RUN_ROLE", "deploy"),
    ("TFC_VAULT_WORKLOAD_IDENTITY_AUDIENCE", "a"),
];

/// Somebody who speaks the protocol of agents with whatever token there is.
struct Caller<'a> {
    server: &'a CarnetServer,
}

impl Caller<'_> {
    async fn post(&self, token: &str, path: &str, body: Value) -> anyhow::Result<Answer> {
        self.server.api_as(token)?.request("POST", &format!("{BASE}/{path}"), Some(&body)).await
    }

    async fn mint(&self, token: &str, job: &str) -> anyhow::Result<Answer> {
        self.mint_for("a", token, job).await
    }

    async fn mint_for(&self, audience: &str, token: &str, job: &str) -> anyhow::Result<Answer> {
        let body = json!({"family": "vault", "tag": null, "audience": audience, "lifetime_seconds": 300,
                          "phase": "apply", "subject": "organization:acme"});
        self.post(token, &format!("jobs/{job}/identity-tokens"), body).await
    }

    /// Claims a job, if one waits.
    async fn claim(&self, agent_token: &str, agent: &str) -> anyhow::Result<Option<Value>> {
        let answer = self.post(agent_token, &format!("agents/{agent}/claim?wait=0"), json!({})).await?;
        if answer.status == 204 { Ok(None) } else { answer.success().map(Some) }
    }

    async fn finish(&self, job: &Value) -> anyhow::Result<()> {
        let report = json!({"outcome": "succeeded", "has_changes": true, "additions": 1, "changes": 0,
                            "destructions": 0, "imports": 0, "generated_configuration": false,
                            "terraform_version": null, "preparation_ms": 1, "steps": [], "unrevoked": []});
        let path = format!("jobs/{}/finish", text(&job["job_id"]));
        self.post(text(&job["control_token"]), &path, report).await?.success()?;
        Ok(())
    }
}

#[tokio::test]
async fn an_identity_exists_for_the_running_phase_only() -> anyhow::Result<()> {
    let server =
        CarnetServer::start(ServerOptions { agent: EmbeddedAgent::Off, ..Default::default() }).await?;
    let agent_token = server.agent_token().await?;
    let api = server.api()?;
    api.create_organization(ORGANIZATION).await?;
    let [net, other] =
        [api.create_workspace(ORGANIZATION, "net").await?, api.create_workspace(ORGANIZATION, "o").await?];
    api.set_environment(&net, &VARIABLES).await?;
    let caller = Caller { server: &server };
    let registration = json!({"name": "somebody", "version": "0"});
    let registered = caller.post(&agent_token, "agents", registration).await?.success()?;
    let agent = text(&registered["agent_id"]).to_owned();
    let run = api.start_run(&net, &script("x", "true"), json!({})).await?;

    let plan = caller.claim(&agent_token, &agent).await?.context("the plan waits for an agent")?;
    let plan_job = text(&plan["job_id"]);
    let others =
        [text(&plan["run_token"]), text(&plan["delivery_token"]), &agent_token, BOOTSTRAP_TOKEN, "nobody"];
    for token in others {
        let answer = caller.mint(token, plan_job).await?;
        assert!(matches!(answer.status, 401 | 404), "{}: {}", answer.status, answer.body);
    }
    let minted = caller.mint(text(&plan["control_token"]), plan_job).await?.success()?;
    let answer = caller.mint_for("b", text(&plan["control_token"]), plan_job).await?;
    assert_eq!(answer.status, 403, "nobody has configured this audience: {}", answer.body);
    // What the request says of a phase and a subject is not even looked at.
    assert_eq!(claims(text(&minted["token"]))?["terraform_run_phase"], "plan");
    let subject = "organization:acme:project:Default Project:workspace:net:run_phase:plan";
    assert_eq!(claims(text(&minted["token"]))?["sub"], subject);

    caller.finish(&plan).await?;
    api.wait_for_status(&run, &["planned"]).await?;
    refuse(caller.mint(text(&plan["control_token"]), plan_job).await?);
    assert!(caller.claim(&agent_token, &agent).await?.is_none(), "nothing waits before the approval");

    api.act(&run, "apply").await?;
    let apply = caller.claim(&agent_token, &agent).await?.context("the apply waits for an agent")?;
    let apply_job = text(&apply["job_id"]);
    refuse(caller.mint(text(&plan["control_token"]), apply_job).await?);
    refuse(caller.mint(text(&apply["control_token"]), plan_job).await?);
    let second = caller.mint(text(&apply["control_token"]), apply_job).await?.success()?;
    assert_eq!(claims(text(&second["token"]))?["terraform_run_phase"], "apply");
    caller.finish(&apply).await?;
    refuse(caller.mint(text(&apply["control_token"]), apply_job).await?);

    check_ledger(&api, &net, &[&minted, &second]).await?;
    assert!(api.identity_tokens(&other).await?.is_empty());
    Ok(())
}

/// Every token that left the server stands in the ledger, and nothing else does.
async fn check_ledger(api: &ApiClient, workspace: &str, minted: &[&Value]) -> anyhow::Result<()> {
    let ledger = api.identity_tokens(workspace).await?;
    let mut known: Vec<&str> = ledger.iter().map(|entry| text(&entry["jti"])).collect();
    let mut given: Vec<&str> = minted.iter().map(|reply| text(&reply["jti"])).collect();
    known.sort_unstable();
    given.sort_unstable();
    assert_eq!(known, given);
    Ok(())
}

#[track_caller]
fn refuse(answer: Answer) {
    assert!(matches!(answer.status, 401 | 404 | 410), "{}: {}", answer.status, answer.body);
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
