//! `terraform apply` with options that make it do less or something else: `-target`, `-replace`, `-refresh-only`.

use insta::assert_snapshot;

use super::{apply::MAIN, world::World};

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
