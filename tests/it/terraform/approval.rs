//! Who may answer the question of an apply.

use insta::assert_snapshot;
use serde_json::json;

use super::{
    masked::{masked, without_ceremony},
    world::{Desk, World},
};

const MAIN: &str = r#"
resource "terraform_data" "network" {
  input = "10.0.0.0/16"
}

resource "terraform_data" "subnet" {
  input = "${terraform_data.network.output} in part"

  provisioner "local-exec" {
    command = "echo made; echo warned >&2"
  }
}

output "range" {
  value = terraform_data.network.output
}

output "password" {
  value     = "open sesame"
  sensitive = true
}
"#;

#[tokio::test]
async fn somebody_else_decides_while_the_question_is_open() -> anyhow::Result<()> {
    let world = World::start(&[]).await?;
    let approved = world.initialized("approved", MAIN).await?;
    let rejected = world.initialized("rejected", MAIN).await?;
    let (approved, rejected) = tokio::try_join!(decide(&approved, "apply"), decide(&rejected, "discard"))?;
    assert_snapshot!(approved, @r#"
    exit code 0
    ----- stdout
    (a remote apply starts)

    Terraform used the selected providers to generate the following execution
    plan. Resource actions are indicated with the following symbols:
      + create

    Terraform will perform the following actions:

      # terraform_data.network will be created
      + resource "terraform_data" "network" {
          + id     = (known after apply)
          + input  = "10.0.0.0/16"
          + output = (known after apply)
        }

      # terraform_data.subnet will be created
      + resource "terraform_data" "subnet" {
          + id     = (known after apply)
          + input  = (known after apply)
          + output = (known after apply)
        }

    Plan: 2 to add, 0 to change, 0 to destroy.

    Changes to Outputs:
      + password = (sensitive value)
      + range    = (known after apply)

    Do you want to perform these actions in workspace "approved"?
      Terraform will perform the actions described above.
      Only 'yes' will be accepted to approve.

      Enter a value: approved using the UI or API

    terraform_data.network: Creating...
    terraform_data.network: Creation complete after 0s [id=UUID]
    terraform_data.subnet: Creating...
    terraform_data.subnet: Provisioning with 'local-exec'...
    terraform_data.subnet: (local-exec): Executing: ["/bin/sh" "-c" "echo made; echo warned >&2"]
    terraform_data.subnet: (local-exec): made
    terraform_data.subnet: (local-exec): warned
    terraform_data.subnet: Creation complete after 0s [id=UUID]

    Apply complete! Resources: 2 added, 0 changed, 0 destroyed.

    Outputs:
    password = (sensitive value)
    range = "10.0.0.0/16"
    "#);
    assert_snapshot!(rejected, @r#"
    exit code 1
    ----- stdout
    (a remote apply starts)

    Terraform used the selected providers to generate the following execution
    plan. Resource actions are indicated with the following symbols:
      + create

    Terraform will perform the following actions:

      # terraform_data.network will be created
      + resource "terraform_data" "network" {
          + id     = (known after apply)
          + input  = "10.0.0.0/16"
          + output = (known after apply)
        }

      # terraform_data.subnet will be created
      + resource "terraform_data" "subnet" {
          + id     = (known after apply)
          + input  = (known after apply)
          + output = (known after apply)
        }

    Plan: 2 to add, 0 to change, 0 to destroy.

    Changes to Outputs:
      + password = (sensitive value)
      + range    = (known after apply)

    Do you want to perform these actions in workspace "rejected"?
      Terraform will perform the actions described above.
      Only 'yes' will be accepted to approve.

      Enter a value: discarded using the UI or API
    ----- stderr
    ╷
    │ Error: Apply discarded.
    │
    │
    ╵
    "#);
    Ok(())
}

async fn decide(desk: &Desk, action: &str) -> anyhow::Result<String> {
    let running = desk.cli.start(&["apply"])?;
    running.wait_for_output("Enter a value:").await?;
    let (run, _) = desk.newest_run().await?;
    desk.api.post(&format!("runs/{run}/actions/{action}"), json!({"comment": "from the browser"})).await?;
    let said = match action {
        "apply" => "approved using the UI or API",
        _ => "discarded using the UI or API",
    };
    running.wait_for_output(said).await?;
    Ok(without_ceremony(&masked(&running.finish().await?)))
}
