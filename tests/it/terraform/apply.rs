//! `terraform apply` and `terraform destroy`: what is approved is done, nothing else.

use insta::assert_snapshot;

use super::{
    masked::{masked, without_ceremony},
    world::World,
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

#[tokio::test]
async fn an_apply_can_be_narrowed_or_widened() -> anyhow::Result<()> {
    let world = World::start(&[]).await?;
    let desk = world.initialized("network", MAIN).await?;

    assert_snapshot!(desk.shows(&["apply", "-auto-approve", "-target=terraform_data.network"]).await?, @r#"
    exit code 0
    ----- stdout
    (a remote apply starts)
    ╷
    │ Warning: Resource targeting is in effect
    │
    │ You are creating a plan with the -target option, which means that the
    │ result of this plan may not represent all of the changes requested by the
    │ current configuration.
    │
    │ The -target option is not for routine use, and is provided only for
    │ exceptional situations such as recovering from errors or mistakes, or when
    │ Terraform specifically suggests to use it as part of an error message.
    ╵

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

    Plan: 1 to add, 0 to change, 0 to destroy.

    Changes to Outputs:
      + range = (known after apply)

    terraform_data.network: Creating...
    terraform_data.network: Creation complete after 0s [id=UUID]
    ╷
    │ Warning: Applied changes may be incomplete
    │
    │ The plan was created with the -target option in effect, so some changes
    │ requested in the configuration may have been ignored and the output values
    │ may not be fully updated. Run the following command to verify that no other
    │ changes are pending:
    │     terraform plan
    │
    │ Note that the -target option is not suitable for routine use, and is
    │ provided only for exceptional situations such as recovering from errors or
    │ mistakes, or when Terraform specifically suggests to use it as part of an
    │ error message.
    ╵

    Apply complete! Resources: 1 added, 0 changed, 0 destroyed.

    Outputs:
    range = "10.0.0.0/16"
    "#);
    assert_eq!(desk.resources().await?, "terraform_data.network\n");

    desk.cli.succeed(&["apply", "-auto-approve"]).await?;
    assert_snapshot!(desk.shows(&["apply", "-auto-approve", "-replace=terraform_data.network"]).await?, @r#"
    exit code 0
    ----- stdout
    (a remote apply starts)
    terraform_data.network: Refreshing state... [id=UUID]
    terraform_data.subnet: Refreshing state... [id=UUID]

    Terraform used the selected providers to generate the following execution
    plan. Resource actions are indicated with the following symbols:
      ~ update in-place
    -/+ destroy and then create replacement

    Terraform will perform the following actions:

      # terraform_data.network will be replaced, as requested
    -/+ resource "terraform_data" "network" {
          ~ id     = "UUID" -> (known after apply)
          ~ output = "10.0.0.0/16" -> (known after apply)
            # (1 unchanged attribute hidden)
        }

      # terraform_data.subnet will be updated in-place
      ~ resource "terraform_data" "subnet" {
            id     = "UUID"
          ~ input  = "10.0.0.0/16 in part" -> (known after apply)
          ~ output = "10.0.0.0/16 in part" -> (known after apply)
        }

    Plan: 1 to add, 1 to change, 1 to destroy.

    Changes to Outputs:
      ~ range    = "10.0.0.0/16" -> (known after apply)

    terraform_data.network: Destroying... [id=UUID]
    terraform_data.network: Destruction complete after 0s
    terraform_data.network: Creating...
    terraform_data.network: Creation complete after 0s [id=UUID]

    Apply complete! Resources: 1 added, 0 changed, 1 destroyed.

    Outputs:
    password = (sensitive value)
    range = "10.0.0.0/16"
    "#);

    desk.cli.write("main.tf", &format!("{MAIN}\noutput \"note\" {{\n  value = \"kept\"\n}}\n"))?;
    assert_snapshot!(desk.shows(&["apply", "-auto-approve", "-refresh-only"]).await?, @r#"
    exit code 0
    ----- stdout
    (a remote apply starts)
    terraform_data.network: Refreshing state... [id=UUID]
    terraform_data.subnet: Refreshing state... [id=UUID]

    Changes to Outputs:
      + note     = "kept"

    You can apply this plan to save these new output values to the Terraform
    state, without changing any real infrastructure.


    Apply complete! Resources: 0 added, 0 changed, 0 destroyed.

    Outputs:
    note = "kept"
    password = (sensitive value)
    range = "10.0.0.0/16"
    "#);
    assert_snapshot!(desk.shows(&["refresh"]).await?, @r#"
    exit code 0
    ----- stdout
    Proceeding with 'terraform apply -refresh-only -auto-approve'.

    (a remote apply starts)
    terraform_data.network: Refreshing state... [id=UUID]
    terraform_data.subnet: Refreshing state... [id=UUID]

    No changes. Your infrastructure still matches the configuration.

    Terraform has checked that the real remote objects still match the result of
    your most recent changes, and found no differences.
    "#);
    assert_snapshot!(desk.shows(&["apply", "-input=false", "-replace=terraform_data.network"]).await?, @r#"
    exit code 1
    ----- stdout
    (a remote apply starts)
    terraform_data.network: Refreshing state... [id=UUID]
    terraform_data.subnet: Refreshing state... [id=UUID]

    Terraform used the selected providers to generate the following execution
    plan. Resource actions are indicated with the following symbols:
      ~ update in-place
    -/+ destroy and then create replacement

    Terraform will perform the following actions:

      # terraform_data.network will be replaced, as requested
    -/+ resource "terraform_data" "network" {
          ~ id     = "UUID" -> (known after apply)
          ~ output = "10.0.0.0/16" -> (known after apply)
            # (1 unchanged attribute hidden)
        }

      # terraform_data.subnet will be updated in-place
      ~ resource "terraform_data" "subnet" {
            id     = "UUID"
          ~ input  = "10.0.0.0/16 in part" -> (known after apply)
          ~ output = "10.0.0.0/16 in part" -> (known after apply)
        }

    Plan: 1 to add, 1 to change, 1 to destroy.

    Changes to Outputs:
      ~ range    = "10.0.0.0/16" -> (known after apply)
    ----- stderr
    ╷
    │ Error: Cannot confirm apply due to -input=false. Please handle run confirmation in the UI.
    │
    │
    ╵
    "#);
    Ok(())
}
