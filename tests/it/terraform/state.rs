//! Commands that read and change the state of a workspace whose runs are remote.

use insta::assert_snapshot;
use serde_json::Value;

use super::world::World;

const MAIN: &str = r#"
resource "terraform_data" "network" {
  input = "10.0.0.0/16"
}

resource "terraform_data" "subnet" {
  input = terraform_data.network.output
}

output "range" {
  value = terraform_data.network.output
}
"#;

#[tokio::test]
async fn the_state_is_read_and_changed() -> anyhow::Result<()> {
    let world = World::start(&[]).await?;
    let desk = world.initialized("network", MAIN).await?;
    assert_snapshot!(desk.shows(&["state", "list"]).await?, @r#"
    exit code 1
    ----- stderr
    No state file was found!

    State management commands require a state file. Run this command
    in a directory where Terraform has been run or use the -state flag
    to point the command to a specific state location.
    "#);
    assert_snapshot!(desk.shows(&["show"]).await?, @r#"
    exit code 0
    ----- stdout
    The state file is empty. No resources are represented.
    "#);
    desk.cli.succeed(&["apply", "-auto-approve"]).await?;

    assert_snapshot!(desk.shows(&["state", "list"]).await?, @r#"
    exit code 0
    ----- stdout
    terraform_data.network
    terraform_data.subnet
    "#);
    assert_snapshot!(desk.shows(&["state", "show", "terraform_data.subnet"]).await?, @r#"
    exit code 0
    ----- stdout
    # terraform_data.subnet:
    resource "terraform_data" "subnet" {
        id     = "UUID"
        input  = "10.0.0.0/16"
        output = "10.0.0.0/16"
    }
    "#);
    assert_snapshot!(desk.shows(&["show"]).await?, @r#"
    exit code 0
    ----- stdout
    # terraform_data.network:
    resource "terraform_data" "network" {
        id     = "UUID"
        input  = "10.0.0.0/16"
        output = "10.0.0.0/16"
    }

    # terraform_data.subnet:
    resource "terraform_data" "subnet" {
        id     = "UUID"
        input  = "10.0.0.0/16"
        output = "10.0.0.0/16"
    }


    Outputs:

    range = "10.0.0.0/16"
    "#);

    assert_snapshot!(desk.shows(&["taint", "terraform_data.network"]).await?, @r#"
    exit code 0
    ----- stdout
    Resource instance terraform_data.network has been marked as tainted.
    "#);
    assert_snapshot!(desk.shows(&["untaint", "terraform_data.network"]).await?, @r#"
    exit code 0
    ----- stdout
    Resource instance terraform_data.network has been successfully untainted.
    "#);
    assert_snapshot!(desk.shows(&["state", "mv", "terraform_data.subnet", "terraform_data.part"]).await?, @r#"
    exit code 0
    ----- stdout
    Move "terraform_data.subnet" to "terraform_data.part"
    Successfully moved 1 object(s).
    "#);
    assert_snapshot!(desk.shows(&["state", "rm", "terraform_data.part"]).await?, @r#"
    exit code 0
    ----- stdout
    Removed terraform_data.part
    Successfully removed 1 resource instance(s).
    "#);
    assert_eq!(desk.resources().await?, "terraform_data.network\n");
    assert!(!desk.is_locked().await?);

    let pulled = desk.cli.succeed(&["state", "pull"]).await?.stdout;
    let mut state: Value = serde_json::from_str(&pulled)?;
    let serial = state["serial"].as_u64().unwrap_or_default();
    assert_eq!(state["outputs"]["range"]["value"], "10.0.0.0/16");
    state["outputs"]["range"]["value"] = "10.1.0.0/16".into();
    state["serial"] = (serial + 1).into();
    desk.cli.write("changed.json", &state.to_string())?;
    assert_snapshot!(desk.shows(&["state", "push", "changed.json"]).await?, @"exit code 0");
    assert_snapshot!(desk.shows(&["output", "range"]).await?, @r#"
    exit code 0
    ----- stdout
    "10.1.0.0/16"
    "#);
    desk.cli.write("old.json", &pulled)?;
    assert_snapshot!(desk.shows(&["state", "push", "old.json"]).await?, @r#"
    exit code 1
    ----- stderr
    Failed to write state: cannot import state with serial 7 over newer state with serial 9
    "#);
    assert!(!desk.is_locked().await?);
    assert_snapshot!(desk.shows(&["plan"]).await?, @r#"
    exit code 0
    ----- stdout
    (a remote plan starts)
    terraform_data.network: Refreshing state... [id=UUID]

    Terraform used the selected providers to generate the following execution
    plan. Resource actions are indicated with the following symbols:
      + create

    Terraform will perform the following actions:

      # terraform_data.subnet will be created
      + resource "terraform_data" "subnet" {
          + id     = (known after apply)
          + input  = "10.0.0.0/16"
          + output = (known after apply)
        }

    Plan: 1 to add, 0 to change, 0 to destroy.

    Changes to Outputs:
      ~ range = "10.1.0.0/16" -> "10.0.0.0/16"

    (the plan is not saved)
    "#);
    Ok(())
}
