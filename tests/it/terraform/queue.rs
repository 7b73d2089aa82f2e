//! Runs that wait: for another run, for a person's lock.

use insta::assert_snapshot;
use serde_json::json;

use super::{
    masked::{masked, without_ceremony},
    world::World,
};

const MAIN: &str = r#"
resource "terraform_data" "network" {}
"#;

#[tokio::test]
async fn a_run_waits_for_the_one_before_it() -> anyhow::Result<()> {
    let world = World::start(&[]).await?;
    let desk = world.initialized("network", MAIN).await?;
    let mut first = desk.cli.start(&["apply"])?;
    first.wait_for_output("Enter a value:").await?;

    let second = desk.cli.start(&["apply", "-auto-approve"])?;
    second.wait_for_output("Waiting for 1 run(s) to finish before being queued...").await?;
    assert_snapshot!(desk.shows(&["plan"]).await?, @r#"
    exit code 0
    ----- stdout
    (a remote plan starts)

    Terraform used the selected providers to generate the following execution
    plan. Resource actions are indicated with the following symbols:
      + create

    Terraform will perform the following actions:

      # terraform_data.network will be created
      + resource "terraform_data" "network" {
          + id = (known after apply)
        }

    Plan: 1 to add, 0 to change, 0 to destroy.

    (the plan is not saved)
    "#);

    first.answer("no").await?;
    assert_snapshot!(without_ceremony(&masked(&first.finish().await?)), @r#"
    exit code 1
    ----- stdout
    (a remote apply starts)

    Terraform used the selected providers to generate the following execution
    plan. Resource actions are indicated with the following symbols:
      + create

    Terraform will perform the following actions:

      # terraform_data.network will be created
      + resource "terraform_data" "network" {
          + id = (known after apply)
        }

    Plan: 1 to add, 0 to change, 0 to destroy.

    Do you want to perform these actions in workspace "network"?
      Terraform will perform the actions described above.
      Only 'yes' will be accepted to approve.

      Enter a value:
    ----- stderr
    ╷
    │ Error: Apply discarded.
    │
    │
    ╵
    "#);
    assert_snapshot!(without_ceremony(&masked(&second.finish().await?)), @r#"
    exit code 0
    ----- stdout
    Running apply in HCP Terraform. Output will stream here. Pressing Ctrl-C
    will cancel the remote apply if it's still pending. If the apply started it
    will stop streaming the logs, but will not stop the apply running remotely.

    Preparing the remote apply...

    To view this run in a browser, visit:
    https://localhost:PORT/app/acme/network/runs/run-ID

    Waiting for 1 run(s) to finish before being queued...

    Terraform VERSION
    on PLATFORM
    Carnet agent embedded, run-ID
    Initializing plugins and modules...

    Terraform used the selected providers to generate the following execution
    plan. Resource actions are indicated with the following symbols:
      + create

    Terraform will perform the following actions:

      # terraform_data.network will be created
      + resource "terraform_data" "network" {
          + id = (known after apply)
        }

    Plan: 1 to add, 0 to change, 0 to destroy.

    terraform_data.network: Creating...
    terraform_data.network: Creation complete after 0s [id=UUID]

    Apply complete! Resources: 1 added, 0 changed, 0 destroyed.
    "#);
    Ok(())
}

#[tokio::test]
async fn a_run_waits_until_a_person_unlocks_the_workspace() -> anyhow::Result<()> {
    let world = World::start(&[]).await?;
    let desk = world.initialized("network", MAIN).await?;
    let id = desk.workspace_id().await?;
    desk.api.post(&format!("workspaces/{id}/actions/lock"), json!({"reason": "holidays"})).await?;

    let running = desk.cli.start(&["apply", "-auto-approve"])?;
    running.wait_for_output("manually locked").await?;
    assert_eq!(desk.newest_run().await?.1, "pending");
    assert_snapshot!(desk.shows(&["state", "rm", "terraform_data.network"]).await?, @r#"
    exit code 1
    ----- stderr
    ╷
    │ Error: Error acquiring the state lock
    │
    │ Error message: workspace already locked (lock ID: "acme/network")
    │ Lock Info:
    │   ID:        UUID
    │   Path:
    │   Operation: state-rm
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

    desk.api.post(&format!("workspaces/{id}/actions/unlock"), json!({})).await?;
    assert_snapshot!(without_ceremony(&masked(&running.finish().await?)), @r#"
    exit code 0
    ----- stdout
    Running apply in HCP Terraform. Output will stream here. Pressing Ctrl-C
    will cancel the remote apply if it's still pending. If the apply started it
    will stop streaming the logs, but will not stop the apply running remotely.

    Preparing the remote apply...

    To view this run in a browser, visit:
    https://localhost:PORT/app/acme/network/runs/run-ID

    Waiting for the manually locked workspace to be unlocked...

    Terraform VERSION
    on PLATFORM
    Carnet agent embedded, run-ID
    Initializing plugins and modules...

    Terraform used the selected providers to generate the following execution
    plan. Resource actions are indicated with the following symbols:
      + create

    Terraform will perform the following actions:

      # terraform_data.network will be created
      + resource "terraform_data" "network" {
          + id = (known after apply)
        }

    Plan: 1 to add, 0 to change, 0 to destroy.

    terraform_data.network: Creating...
    terraform_data.network: Creation complete after 0s [id=UUID]

    Apply complete! Resources: 1 added, 0 changed, 0 destroyed.
    "#);
    assert!(!desk.is_locked().await?);
    Ok(())
}
