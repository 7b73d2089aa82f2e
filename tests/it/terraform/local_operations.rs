//! A workspace of execution mode `local`: the server keeps the state, the CLI does the rest.

use insta::assert_snapshot;
use serde_json::json;

use super::world::World;

const MAIN: &str = r#"
variable "note" { default = "none" }

resource "terraform_data" "network" {
  input = var.note
}

output "note" {
  value = terraform_data.network.output
}
"#;

#[tokio::test]
async fn the_cli_runs_and_the_server_keeps_the_state() -> anyhow::Result<()> {
    let world = World::start(&[]).await?;
    let desk = world.initialized("network", MAIN).await?;
    desk.change_workspace(json!({"execution-mode": "local"})).await?;

    assert_snapshot!(desk.shows(&["plan", "-detailed-exitcode"]).await?, @r#"
    exit code 2
    ----- stdout
    Terraform used the selected providers to generate the following execution
    plan. Resource actions are indicated with the following symbols:
      + create

    Terraform will perform the following actions:

      # terraform_data.network will be created
      + resource "terraform_data" "network" {
          + id     = (known after apply)
          + input  = "none"
          + output = (known after apply)
        }

    Plan: 1 to add, 0 to change, 0 to destroy.

    Changes to Outputs:
      + note = (known after apply)

    (the plan is not saved)
    "#);
    assert_snapshot!(desk.shows(&["apply", "-auto-approve", "-var=note=first"]).await?, @r#"
    exit code 0
    ----- stdout
    Terraform used the selected providers to generate the following execution
    plan. Resource actions are indicated with the following symbols:
      + create

    Terraform will perform the following actions:

      # terraform_data.network will be created
      + resource "terraform_data" "network" {
          + id     = (known after apply)
          + input  = "first"
          + output = (known after apply)
        }

    Plan: 1 to add, 0 to change, 0 to destroy.

    Changes to Outputs:
      + note = (known after apply)
    terraform_data.network: Creating...
    terraform_data.network: Creation complete after 0s [id=UUID]

    Apply complete! Resources: 1 added, 0 changed, 0 destroyed.

    Outputs:

    note = "first"
    "#);
    assert_eq!(desk.newest_run().await?.0, "", "nothing ran on the server");
    assert_snapshot!(desk.shows(&["output"]).await?, @r#"
    exit code 0
    ----- stdout
    note = "first"
    "#);

    let second = world.initialized("network", MAIN).await?;
    assert_snapshot!(second.shows(&["state", "show", "terraform_data.network"]).await?, @r#"
    exit code 0
    ----- stdout
    # terraform_data.network:
    resource "terraform_data" "network" {
        id     = "UUID"
        input  = "first"
        output = "first"
    }
    "#);
    let id = desk.workspace_id().await?;
    desk.api.post(&format!("workspaces/{id}/actions/lock"), json!({"reason": "holidays"})).await?;
    assert_snapshot!(second.shows(&["apply", "-auto-approve"]).await?, @r#"
    exit code 1
    ----- stderr
    ╷
    │ Error: Error acquiring the state lock
    │
    │ Error message: workspace already locked (lock ID: "acme/network")
    │ Lock Info:
    │   ID:        UUID
    │   Path:
    │   Operation: OperationTypeApply
    │   Who: …
    │   Version:   VERSION
    │   Created: …
    │   Info:
    │
    │
    │ Terraform acquires a state lock to protect the state from being written
    │ by multiple users at the same time. Please resolve the issue above and try
    │ again. For most commands, you can disable locking with the "-lock=false"
    │ flag, but this is not recommended.
    ╵
    "#);
    assert_snapshot!(second.shows(&["force-unlock", "-force", "acme/network"]).await?, @r#"
    exit code 0
    ----- stdout
    Terraform state has been successfully unlocked!

    The state has been unlocked, and Terraform commands should now be able to
    obtain a new lock on the remote state.
    "#);
    assert_snapshot!(second.shows(&["destroy", "-auto-approve"]).await?, @r#"
    exit code 0
    ----- stdout
    terraform_data.network: Refreshing state... [id=UUID]

    Terraform used the selected providers to generate the following execution
    plan. Resource actions are indicated with the following symbols:
      - destroy

    Terraform will perform the following actions:

      # terraform_data.network will be destroyed
      - resource "terraform_data" "network" {
          - id     = "UUID" -> null
          - input  = "first" -> null
          - output = "first" -> null
        }

    Plan: 0 to add, 0 to change, 1 to destroy.

    Changes to Outputs:
      - note = "first" -> null
    terraform_data.network: Destroying... [id=UUID]
    terraform_data.network: Destruction complete after 0s

    Destroy complete! Resources: 1 destroyed.
    "#);
    assert_eq!(desk.resources().await?, "");
    assert!(!desk.is_locked().await?);
    Ok(())
}
