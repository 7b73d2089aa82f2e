//! A run that reads the outputs of another workspace.

use serde_json::json;

use super::world::{ORGANIZATION, World};

const NETWORK: &str = r#"
resource "terraform_data" "network" {
  input = "10.0.0.0/16"
}

output "range" {
  value = terraform_data.network.output
}
"#;

/// A configuration that reads the outputs of the workspace `network`.
fn reader(host: &str) -> String {
    format!(
        "data \"terraform_remote_state\" \"network\" {{\n  backend = \"remote\"\n  config = {{\n    \
         hostname     = \"{host}\"\n    organization = \"{ORGANIZATION}\"\n    \
         workspaces   = {{ name = \"network\" }}\n  }}\n}}\n\n\
         output \"copied\" {{\n  value = \"copied ${{data.terraform_remote_state.network.outputs.range}}\"\n}}\n"
    )
}

#[tokio::test]
async fn the_state_of_a_workspace_is_read_by_the_runs_that_it_is_shared_with() -> anyhow::Result<()> {
    let world = World::start(&[]).await?;
    let network = world.api.create_workspace(ORGANIZATION, "network").await?;
    world.api.run_to_end(&network, NETWORK).await?;
    let app = world.api.create_workspace(ORGANIZATION, "app").await?;
    // The certificate authority of the server is private: its agent hands it to the run.
    let version = world.api.upload(&app, &reader(&world.server.host())).await?;
    let start = async || world.api.start_run_of(&app, &version, json!({"auto-apply": true})).await;

    let run = start().await?;
    world.api.wait_for_status(&run, &["errored"]).await?;
    let log = world.api.run_log(&run).await?;
    assert!(log.contains("data.terraform_remote_state.network"), "{log}");
    assert!(!log.contains("certificate") && !log.contains("10.0.0.0/16"), "{log}");

    let consumers = format!("workspaces/{network}/relationships/remote-state-consumers");
    world.api.post(&consumers, json!({"data": [{"type": "workspaces", "id": app}]})).await?;
    let run = start().await?;
    world.api.wait_for_status(&run, &["applied"]).await?;
    let state = world.api.current_state(&app).await?;
    assert_eq!(state["outputs"]["copied"]["value"], "copied 10.0.0.0/16");

    world
        .api
        .request("DELETE", &consumers, Some(&json!({"data": [{"type": "workspaces", "id": app}]})))
        .await?;
    let run = start().await?;
    world.api.wait_for_status(&run, &["errored"]).await?;

    let shared = json!({"data": {"type": "workspaces", "attributes": {"project-remote-state": true}}});
    world.api.patch(&format!("workspaces/{network}"), shared).await?;
    let run = start().await?;
    world.api.wait_for_status(&run, &["applied", "planned_and_finished"]).await?;
    Ok(())
}
