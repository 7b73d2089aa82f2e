//! Phases that take longer than they may.

use carnet_tests::Witness;
use insta::assert_snapshot;

use super::{
    interrupt::{is_running, nap, reading},
    masked::{masked, without_ceremony},
    world::World,
};

#[tokio::test]
async fn a_phase_that_takes_too_long_is_stopped_and_says_so() -> anyhow::Result<()> {
    let world = World::start(&["--apply-timeout", "4s", "--plan-timeout", "4s"]).await?;
    tokio::try_join!(apply(&world), plan(&world))?;
    Ok(())
}

async fn apply(world: &World) -> anyhow::Result<()> {
    let nap = nap(86_402);
    let main = format!(
        "resource \"terraform_data\" \"network\" {{}}\n\nresource \"terraform_data\" \"subnet\" {{\n  \
         depends_on = [terraform_data.network]\n\n  provisioner \"local-exec\" {{\n    command = \"trap '' INT; sleep {nap}\"\n  }}\n}}\n"
    );
    let desk = world.initialized("applied", &main).await?;
    let shown = desk.shows(&["apply", "-auto-approve"]).await?;
    assert_snapshot!(in_any_order(&shown.replace(&nap, "NAP")), @r#"
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
      # terraform_data.subnet will be created
      + resource "terraform_data" "subnet" {
          + id = (known after apply)
        }
    Plan: 2 to add, 0 to change, 0 to destroy.
    terraform_data.network: Creating...
    terraform_data.network: Creation complete after 0s [id=UUID]
    terraform_data.subnet: Creating...
    terraform_data.subnet: Provisioning with 'local-exec'...
    terraform_data.subnet: (local-exec): Executing: ["/bin/sh" "-c" "trap '' INT; sleep NAP"]
    Stopping: the apply has reached its time limit of 4s
    Interrupt received.
    Please wait for Terraform to exit or data loss may occur.
    Gracefully shutting down...
    ╷
    │ Error: local-exec provisioner error
    │
    │   with terraform_data.subnet,
    │   on main.tf line 6, in resource "terraform_data" "subnet":
    │    6:   provisioner "local-exec" {
    │
    │ Error running command 'trap '' INT; sleep NAP': signal: killed.
    │ Output:
    ╵
    ╷
    │ Error: execution halted
    │
    │
    ╵
    ╷
    │ Error: execution halted
    │
    │
    ╵
    Operation failed: the apply has reached its time limit of 4s
    "#);
    assert_eq!(desk.newest_run().await?.1, "errored");
    assert!(!is_running(&nap));
    assert_eq!(desk.resources().await?, "terraform_data.network\nterraform_data.subnet\n");
    assert!(!desk.is_locked().await?);
    Ok(())
}

async fn plan(world: &World) -> anyhow::Result<()> {
    let witness = Witness::start().await?;
    let desk = world.initialized("planned", &reading(&witness.state_behind("plan"))).await?;
    let running = desk.cli.start(&["plan"])?;
    witness.wait_for_arrivals("plan", 1).await?;
    running.wait_for_output("Interrupt received").await?;
    witness.open("plan");
    assert_snapshot!(in_any_order(&without_ceremony(&masked(&running.finish().await?))), @r#"
    exit code 1
    ----- stdout
    (a remote plan starts)
    data.terraform_remote_state.other: Refreshing...
    Stopping: the plan has reached its time limit of 4s
    Interrupt received.
    Please wait for Terraform to exit or data loss may occur.
    Gracefully shutting down...
    data.terraform_remote_state.other: Refresh complete after 0s
    ╷
    │ Error: execution halted
    │
    │
    ╵
    Operation failed: the plan has reached its time limit of 4s
    (the plan is not saved)
    "#);
    assert_eq!(desk.newest_run().await?.1, "errored");
    Ok(())
}

/// Terraform notices the interrupt in two places, and either may speak first.
fn in_any_order(shown: &str) -> String {
    let lines: Vec<&str> =
        shown.lines().filter(|line| !line.is_empty() && *line != "Stopping operation...").collect();
    lines.join("\n")
}
