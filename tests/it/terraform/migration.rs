//! A state that Terraform kept in a file moves to the server when a `cloud` block is added, and back.

use carnet_tests::{BOOTSTRAP_TOKEN, TerraformCli};
use serde_json::Value;

use super::world::{ORGANIZATION, World};

const MAIN: &str = r#"
resource "terraform_data" "network" {
  input = "10.0.0.0/16"
}

output "range" {
  value = terraform_data.network.output
}
"#;

#[tokio::test]
async fn a_local_state_moves_here_at_init() -> anyhow::Result<()> {
    let world = World::start(&[]).await?;
    let cli = TerraformCli::new(&world.server, BOOTSTRAP_TOKEN).await?;
    cli.write("main.tf", MAIN)?;
    cli.succeed(&["init"]).await?;
    cli.succeed(&["apply", "-auto-approve"]).await?;
    let file = std::fs::read_to_string(cli.directory().join("terraform.tfstate"))?;
    let before: Value = serde_json::from_str(&file)?;

    cli.write_cloud_block(&world.server, ORGANIZATION, "network")?;
    let mut init = cli.start(&["init"])?;
    init.wait_for_output("Should Terraform migrate your existing state?").await?;
    init.answer("yes").await?;
    let moved = init.finish().await?;
    assert_eq!(moved.code, Some(0), "{}", moved.stderr);
    assert!(moved.stdout.contains("HCP Terraform has been successfully initialized!"), "{}", moved.stdout);

    let path = format!("organizations/{ORGANIZATION}/workspaces/network");
    let workspace = world.api.get(&path).await?["data"].take();
    assert_eq!(workspace["attributes"]["locked"], false);
    let id = workspace["id"].as_str().unwrap_or_default();
    let after = world.api.current_state(id).await?;
    for part in ["resources", "outputs"] {
        assert_eq!(after[part], before[part], "{part}");
    }
    assert_eq!(cli.succeed(&["state", "list"]).await?.stdout, "terraform_data.network\n");
    assert_eq!(cli.succeed(&["output", "-raw", "range"]).await?.stdout, "10.0.0.0/16");
    // Terraform begins a new history of serials there, but the state describes what is there: a plan finds nothing to do.
    let planned = cli.run(&["plan", "-detailed-exitcode"]).await?;
    assert_eq!(planned.code, Some(0), "{}{}", planned.stdout, planned.stderr);
    Ok(())
}
