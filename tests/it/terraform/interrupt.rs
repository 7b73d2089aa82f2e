//! The log while it grows, and Ctrl-C in the middle.

use std::{path::Path, time::Duration};

use anyhow::Context;
use carnet_tests::{JsonClient, Witness, wait_for};
use insta::assert_snapshot;

use super::{
    masked::{masked, without_ceremony},
    world::{Desk, World},
};

/// Names a time to sleep that marks the processes of a test among all others of the machine.
pub(super) fn nap(seconds: u32) -> String {
    format!("{seconds}.{:07}", std::process::id())
}

const PATIENCE: Duration = Duration::from_secs(60);

fn slow_apply(nap: &str) -> String {
    format!(
        r#"
resource "terraform_data" "network" {{}}

resource "terraform_data" "subnet" {{
  depends_on = [terraform_data.network]

  provisioner "local-exec" {{
    command = "for number in 1 2 3; do echo tick $number; sleep 1; done; sleep {nap}"
  }}
}}
"#
    )
}

/// A configuration whose plan reads the state at this address.
pub(super) fn reading(address: &str) -> String {
    format!(
        r#"
data "terraform_remote_state" "other" {{
  backend = "http"
  config = {{
    address = "{address}"
  }}
}}
"#
    )
}

#[tokio::test]
async fn an_apply_shows_its_log_at_once_and_is_interrupted() -> anyhow::Result<()> {
    let world = World::start(&[]).await?;
    let nap = nap(86_401);
    let desk = world.initialized("network", &slow_apply(&nap)).await?;
    let running = desk.cli.start(&["apply", "-auto-approve"])?;
    for number in 1..=3 {
        running.wait_for_output(&format!("tick {number}")).await?;
    }
    let (run, status) = desk.newest_run().await?;
    assert_eq!(status, "applying");
    wait_for("the command of the apply", PATIENCE, async || Ok(is_running(&nap).then_some(()))).await?;
    readers_agree(&world, &run).await?;

    running.interrupt()?;
    let shown = without_ceremony(&masked(&running.finish().await?));
    assert_snapshot!(shown.replace(&nap, "NAP"), @r#"
    exit code 0
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
    terraform_data.subnet: (local-exec): Executing: ["/bin/sh" "-c" "for number in 1 2 3; do echo tick $number; sleep 1; done; sleep NAP"]
    terraform_data.subnet: (local-exec): tick 1
    terraform_data.subnet: (local-exec): tick 2
    terraform_data.subnet: (local-exec): tick 3

    Interrupt received.
    Please wait for Terraform to exit or data loss may occur.
    Gracefully shutting down...


    The remote operation was successfully cancelled.
    "#);
    desk.api.wait_for_status(&run, &["canceled"]).await?;
    assert!(!is_running(&nap), "the command of the apply was stopped");
    assert_eq!(desk.resources().await?, "terraform_data.network\nterraform_data.subnet\n");
    assert!(!desk.is_locked().await?);
    let log = desk.api.run_log(&run).await?;
    assert!(log.contains("Interrupt received"), "{log}");
    Ok(())
}

#[tokio::test]
async fn an_interrupt_leaves_a_plan_running_and_cancels_an_apply_that_plans() -> anyhow::Result<()> {
    let world = World::start(&[]).await?;
    let witness = Witness::start().await?;
    let desk = world.initialized("network", &reading(&witness.state_behind("plan"))).await?;

    let running = desk.cli.start(&["plan"])?;
    witness.wait_for_arrivals("plan", 1).await?;
    running.wait_for_output("data.terraform_remote_state.other: Refreshing...").await?;
    running.interrupt()?;
    assert_snapshot!(without_ceremony(&masked(&running.finish().await?)), @r#"
    exit code 1
    ----- stdout
    (a remote plan starts)
    data.terraform_remote_state.other: Refreshing...

    Interrupt received.
    Please wait for Terraform to exit or data loss may occur.
    Gracefully shutting down...
    "#);
    let (run, status) = desk.newest_run().await?;
    assert_eq!(status, "planning");
    witness.open("plan");
    desk.api.wait_for_status(&run, &["planned_and_finished"]).await?;

    desk.cli.write("main.tf", &reading(&witness.state_behind("apply")))?;
    let mut running = desk.cli.start(&["apply"])?;
    witness.wait_for_arrivals("apply", 1).await?;
    running.wait_for_output("data.terraform_remote_state.other: Refreshing...").await?;
    running.interrupt()?;
    running.wait_for_output("Enter a value:").await?;
    running.answer("yes").await?;
    assert_snapshot!(without_ceremony(&masked(&running.finish().await?)), @r#"
    exit code 0
    ----- stdout
    (a remote apply starts)
    data.terraform_remote_state.other: Refreshing...

    Interrupt received.
    Please wait for Terraform to exit or data loss may occur.
    Gracefully shutting down...


    Do you want to cancel the remote operation?
      Only 'yes' will be accepted to cancel.

      Enter a value:
    The remote operation was successfully cancelled.
    "#);
    let (run, _) = desk.newest_run().await?;
    was_interrupted(&desk, &run).await?;
    witness.open("apply");
    desk.api.wait_for_status(&run, &["canceled"]).await?;
    assert!(!desk.is_locked().await?);
    let plan = desk.api.get(&format!("runs/{run}/plan")).await?;
    assert_eq!(plan["data"]["attributes"]["status"], "canceled");
    Ok(())
}

#[tokio::test]
async fn a_run_that_waits_for_approval_is_interrupted() -> anyhow::Result<()> {
    let world = World::start(&[]).await?;
    let desk = world.initialized("network", "resource \"terraform_data\" \"network\" {}\n").await?;
    let running = desk.cli.start(&["apply"])?;
    running.wait_for_output("Enter a value:").await?;
    running.interrupt()?;
    // What the CLI says depends on which part of it notices the signal first.
    running.finish().await?;
    let (run, status) = desk.newest_run().await?;
    assert_eq!(status, "planned", "nobody has decided");
    assert!(desk.is_locked().await?);
    desk.api.act(&run, "discard").await?;
    assert!(!desk.is_locked().await?);
    Ok(())
}

/// Two readers of the log of an apply, from different offsets, see the same bytes.
async fn readers_agree(world: &World, run: &str) -> anyhow::Result<()> {
    let apply = world.api.get(&format!("runs/{run}/apply")).await?;
    let address = apply["data"]["attributes"]["log-read-url"].as_str().context("no log-read-url")?;
    let read = async |client: &JsonClient, offset: usize| -> anyhow::Result<String> {
        let address = format!("{address}?limit=65536&offset={offset}");
        let text = client.request("GET", &address, None).await?.success()?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    };
    let (first, second) = (world.server.anonymous()?, world.server.anonymous()?);
    let whole = read(&first, 0).await?;
    assert!(whole.starts_with('\u{2}') && whole.contains("tick 3"), "{whole}");
    let half = whole.len() / 2;
    let rest = read(&second, half).await?;
    assert_eq!(whole.get(half..), rest.get(..whole.len() - half));
    Ok(())
}

async fn was_interrupted(desk: &Desk, run: &str) -> anyhow::Result<()> {
    wait_for("terraform to notice the interrupt", PATIENCE, async || {
        Ok(desk.api.run_log(run).await?.contains("Interrupt received").then_some(()))
    })
    .await
}

/// Whether a process of this machine has this argument.
pub(super) fn is_running(argument: &str) -> bool {
    let processes = Path::new("/proc").read_dir().into_iter().flatten().flatten();
    let mut command_lines =
        processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    command_lines.any(|line| String::from_utf8_lossy(&line).split('\0').any(|part| part == argument))
}
