//! `terraform apply` and `terraform destroy`: what is approved is done, nothing else.

use insta::assert_snapshot;

use super::{
    masked::{masked, without_ceremony},
    world::World,
};

/// Two resources, one behind the other, and two outputs, one of them a secret.
pub(super) const MAIN: &str = r#"
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
async fn a_session_from_the_first_apply_to_the_last_destroy() -> anyhow::Result<()> {
    let world = World::start(&[]).await?;
    let desk = world.initialized("network", MAIN).await?;

    assert_snapshot!(desk.shows(&["output"]).await?, @r#"
    exit code 1
    ----- stderr
    ╷
    │ Error: could not read state version outputs: resource not found
    │
    │
    ╵
    "#);
    assert_snapshot!(masked(&desk.answers(&["apply"], "no").await?), @r#"
    exit code 1
    ----- stdout
    Running apply in HCP Terraform. Output will stream here. Pressing Ctrl-C
    will cancel the remote apply if it's still pending. If the apply started it
    will stop streaming the logs, but will not stop the apply running remotely.

    Preparing the remote apply...

    To view this run in a browser, visit:
    https://localhost:PORT/app/acme/network/runs/run-ID

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
    assert_eq!(desk.newest_run().await?.1, "discarded");
    assert!(!desk.is_locked().await?);

    assert_snapshot!(without_ceremony(&masked(&desk.answers(&["apply"], "yes").await?)), @r#"
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

    Do you want to perform these actions in workspace "network"?
      Terraform will perform the actions described above.
      Only 'yes' will be accepted to approve.

      Enter a value:
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
    assert_eq!(desk.newest_run().await?.1, "applied");
    assert_snapshot!(desk.shows(&["apply"]).await?, @r#"
    exit code 0
    ----- stdout
    (a remote apply starts)
    terraform_data.network: Refreshing state... [id=UUID]
    terraform_data.subnet: Refreshing state... [id=UUID]

    No changes. Your infrastructure matches the configuration.

    Terraform has compared your real infrastructure against your configuration
    and found no differences, so no changes are needed.
    "#);
    assert_eq!(desk.newest_run().await?.1, "planned_and_finished");

    assert_snapshot!(desk.shows(&["output"]).await?, @r#"
    exit code 0
    ----- stdout
    password = <sensitive>
    range = "10.0.0.0/16"
    "#);
    assert_snapshot!(desk.shows(&["output", "-json"]).await?, @r#"
    exit code 0
    ----- stdout
    {
      "password": {
        "sensitive": true,
        "type": "string",
        "value": "open sesame"
      },
      "range": {
        "sensitive": false,
        "type": "string",
        "value": "10.0.0.0/16"
      }
    }
    "#);
    assert_snapshot!(desk.shows(&["output", "-raw", "password"]).await?, @r#"
    exit code 0
    ----- stdout
    open sesame
    "#);

    assert_snapshot!(without_ceremony(&masked(&desk.answers(&["destroy"], "yes").await?)), @r#"
    exit code 0
    ----- stdout
    (a remote apply starts)
    terraform_data.network: Refreshing state... [id=UUID]
    terraform_data.subnet: Refreshing state... [id=UUID]

    Terraform used the selected providers to generate the following execution
    plan. Resource actions are indicated with the following symbols:
      - destroy

    Terraform will perform the following actions:

      # terraform_data.network will be destroyed
      - resource "terraform_data" "network" {
          - id     = "UUID" -> null
          - input  = "10.0.0.0/16" -> null
          - output = "10.0.0.0/16" -> null
        }

      # terraform_data.subnet will be destroyed
      - resource "terraform_data" "subnet" {
          - id     = "UUID" -> null
          - input  = "10.0.0.0/16 in part" -> null
          - output = "10.0.0.0/16 in part" -> null
        }

    Plan: 0 to add, 0 to change, 2 to destroy.

    Changes to Outputs:
      - password = (sensitive value) -> null
      - range    = "10.0.0.0/16" -> null

    Do you really want to destroy all resources in workspace "network"?
      Terraform will destroy all your managed infrastructure, as shown above.
      There is no undo. Only 'yes' will be accepted to confirm.

      Enter a value:
    terraform_data.subnet: Destroying... [id=UUID]
    terraform_data.subnet: Destruction complete after 0s
    terraform_data.network: Destroying... [id=UUID]
    terraform_data.network: Destruction complete after 0s

    Apply complete! Resources: 0 added, 0 changed, 2 destroyed.
    "#);
    assert_eq!(desk.newest_run().await?.1, "applied");
    assert_eq!(desk.resources().await?, "");
    assert_snapshot!(desk.shows(&["apply", "-destroy", "-auto-approve"]).await?, @r#"
    exit code 0
    ----- stdout
    (a remote apply starts)

    No changes. No objects need to be destroyed.

    Either you have not created any objects yet or the existing objects were
    already deleted outside of Terraform.
    "#);
    Ok(())
}
