//! Workspaces that the CLI deletes: only without resources, unless it is forced.

use carnet_tests::{BOOTSTRAP_TOKEN, TerraformCli};
use serde_json::json;

use super::world::{ORGANIZATION, World};

#[tokio::test]
async fn a_workspace_with_resources_is_deleted_by_force_only() -> anyhow::Result<()> {
    let world = World::start(&[]).await?;
    let cli = TerraformCli::new(&world.server, BOOTSTRAP_TOKEN).await?;
    let host = world.server.host();
    cli.write(
        "cloud.tf",
        &format!(
            "terraform {{\n  cloud {{\n    hostname     = \"{host}\"\n    organization = \"{ORGANIZATION}\"\n    \
             workspaces {{ tags = [\"app\"] }}\n  }}\n}}\n"
        ),
    )?;
    cli.write("main.tf", "resource \"terraform_data\" \"network\" {}\n")?;
    let mut init = cli.start(&["init"])?;
    init.wait_for_output("Enter a value:").await?;
    init.answer("empty").await?;
    let made = init.finish().await?;
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    cli.succeed(&["workspace", "new", "full"]).await?;
    let full = format!("organizations/{ORGANIZATION}/workspaces/full");
    let attributes = json!({"data": {"type": "workspaces", "attributes": {"execution-mode": "local"}}});
    world.api.patch(&full, attributes).await?;
    cli.succeed(&["apply", "-auto-approve"]).await?;
    cli.succeed(&["workspace", "new", "other"]).await?;

    let refused = cli.run(&["workspace", "delete", "full"]).await?;
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("Workspace is not empty"), "{}", refused.stderr);
    let workspace = world.api.get(&full).await?["data"].take();
    assert_eq!(workspace["attributes"]["locked"], false);
    let id = workspace["id"].as_str().unwrap_or_default().to_owned();
    world.api.post(&format!("workspaces/{id}/actions/lock"), json!({})).await?;
    assert_eq!(cli.run(&["workspace", "delete", "full"]).await?.code, Some(1));
    world.api.post(&format!("workspaces/{id}/actions/unlock"), json!({})).await?;

    let deleted = cli.succeed(&["workspace", "delete", "-force", "full"]).await?;
    assert!(deleted.stdout.contains("Deleted workspace \"full\"!"), "{}", deleted.stdout);
    let deleted = cli.succeed(&["workspace", "delete", "empty"]).await?;
    assert!(deleted.stdout.contains("Deleted workspace \"empty\"!"), "{}", deleted.stdout);
    assert_eq!(cli.succeed(&["workspace", "list"]).await?.stdout.trim(), "* other");
    assert_eq!(world.api.request("GET", &format!("/api/v2/{full}"), None).await?.status, 404);
    Ok(())
}
