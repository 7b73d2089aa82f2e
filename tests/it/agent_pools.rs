//! Agents of a pool beside the embedded agent of the site.

use std::time::Duration;

use anyhow::Context;
use carnet_tests::{ApiClient, CarnetAgent, CarnetServer, ServerOptions, wait_for};
use serde_json::{Value, json};

use crate::site::ORGANIZATION;

const MAIN: &str = r#"
resource "terraform_data" "thing" {
  input = "made by an agent"
}
"#;

/// Makes a pool and a token of it.
async fn make_pool(api: &ApiClient, name: &str) -> anyhow::Result<(String, String)> {
    let body = json!({"data": {"type": "agent-pools", "attributes": {"name": name}}});
    let made = api.post(&format!("organizations/{ORGANIZATION}/agent-pools"), body).await?;
    let id = made["data"]["id"].as_str().context("an id")?.to_owned();
    let body = json!({"data": {"type": "agent-tokens", "attributes": {"description": "rack 7"}}});
    let made = api.post(&format!("agent-pools/{id}/authentication-tokens"), body).await?;
    let token = made["data"]["attributes"]["token"].as_str().context("a token")?.to_owned();
    Ok((id, token))
}

/// Makes a workspace whose runs the agents of a pool execute.
async fn make_workspace(api: &ApiClient, name: &str, pool: &str) -> anyhow::Result<String> {
    let id = api.create_workspace(ORGANIZATION, name).await?;
    let attributes = json!({"execution-mode": "agent", "agent-pool-id": pool});
    let body = json!({"data": {"type": "workspaces", "attributes": attributes}});
    api.patch(&format!("workspaces/{id}"), body).await?;
    Ok(id)
}

async fn agents(api: &ApiClient, pool: &str) -> anyhow::Result<Vec<Value>> {
    let list = api.get(&format!("agent-pools/{pool}/agents")).await?;
    Ok(list["data"].as_array().context("a list")?.clone())
}

#[tokio::test]
async fn the_agents_of_a_pool_execute_its_runs_and_nobody_else_does() -> anyhow::Result<()> {
    let server = CarnetServer::start(ServerOptions::default()).await?;
    let api = server.api()?;
    api.create_organization(ORGANIZATION).await?;
    let (pool, token) = make_pool(&api, "data-centre").await?;
    let (other, other_token) = make_pool(&api, "other").await?;
    let workspace = make_workspace(&api, "inside", &pool).await?;

    // The embedded agent is free, takes another run, and an agent of another pool is there, too.
    let _other_agent = CarnetAgent::start_with(&server, other_token).await?;
    let registered = async || Ok((!agents(&api, &other).await?.is_empty()).then_some(()));
    wait_for("the agent of the other pool", Duration::from_secs(30), registered).await?;
    let run = api.start_run(&workspace, MAIN, json!({"auto-apply": true})).await?;
    let outside = api.create_workspace(ORGANIZATION, "outside").await?;
    api.run_to_end(&outside, MAIN).await?;
    let waiting = api.wait_for_status(&run, &["plan_queued"]).await?;
    assert_eq!(waiting["data"]["attributes"]["status"], "plan_queued");

    let mut agent = CarnetAgent::start_with(&server, token).await?;
    api.wait_for_status(&run, &["applied"]).await?;
    let state = api.current_state(&workspace).await?;
    assert_eq!(state["resources"][0]["type"], "terraform_data");
    for phase in ["plan", "apply"] {
        let document = api.get(&format!("runs/{run}/{phase}")).await?;
        let details = &document["data"]["attributes"]["execution-details"];
        assert_eq!(details["mode"], "agent", "{details}");
        assert_eq!(details["agent-pool-id"], pool.as_str(), "{details}");
        assert_eq!(details["agent-id"], agents(&api, &pool).await?[0]["id"], "{details}");
    }
    assert_eq!(agents(&api, &pool).await?[0]["attributes"]["status"], "idle");

    let refused = api.request("DELETE", &format!("agent-pools/{pool}"), None).await?;
    assert_eq!(refused.status, 422, "a workspace has chosen the pool");
    agent.terminate().await?;
    assert_eq!(agents(&api, &pool).await?[0]["attributes"]["status"], "exited");
    Ok(())
}
