//! `terraform plan`: it shows what would be done and can do nothing.

use insta::assert_snapshot;
use serde_json::json;

use super::{masked::masked, world::World};

const MAIN: &str = r#"
resource "terraform_data" "network" {
  input = { range = "10.0.0.0/16" }
}

resource "terraform_data" "subnet" {
  count = 1
  input = cidrsubnet(terraform_data.network.output.range, 8, count.index)
}

output "subnets" {
  value = terraform_data.subnet[*].output
}
"#;

const GROWN: &str = r#"
resource "terraform_data" "network" {
  input = { range = "10.0.0.0/16" }
}

resource "terraform_data" "subnet" {
  count = 2
  input = "${count.index} of ${terraform_data.network.output.range}"
}

output "count" {
  value = length(terraform_data.subnet)
}
"#;

#[tokio::test]
async fn a_plan_shows_every_change_and_cannot_be_applied() -> anyhow::Result<()> {
    let world = World::start(&[]).await?;
    let desk = world.initialized("network", MAIN).await?;

    assert_snapshot!(masked(&desk.cli.run(&["plan"]).await?), @r#"
    exit code 0
    ----- stdout
    Running plan in HCP Terraform. Output will stream here. Pressing Ctrl-C
    will stop streaming the logs, but will not stop the plan running remotely.

    Preparing the remote plan...

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
          + input  = {
              + range = "10.0.0.0/16"
            }
          + output = (known after apply)
        }

      # terraform_data.subnet[0] will be created
      + resource "terraform_data" "subnet" {
          + id     = (known after apply)
          + input  = (known after apply)
          + output = (known after apply)
        }

    Plan: 2 to add, 0 to change, 0 to destroy.

    Changes to Outputs:
      + subnets = [
          + (known after apply),
        ]

    ─────────────────────────────────────────────────────────────────────────────

    Note: You didn't use the -out option to save this plan, so Terraform can't
    guarantee to take exactly these actions if you run "terraform apply" now.
    "#);
    assert_snapshot!(desk.shows(&["plan", "-detailed-exitcode", "-target=terraform_data.network"]).await?, @r#"
    exit code 2
    ----- stdout
    (a remote plan starts)
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
          + input  = {
              + range = "10.0.0.0/16"
            }
          + output = (known after apply)
        }

    Plan: 1 to add, 0 to change, 0 to destroy.

    (the plan is not saved)
    "#);
    let (run, status) = desk.newest_run().await?;
    assert_eq!(status, "planned_and_finished");
    assert!(!desk.is_locked().await?);
    let path = format!("runs/{run}/actions/apply");
    let answer = desk.api.request("POST", &path, Some(&json!({}))).await?;
    assert_eq!(answer.status, 409, "{}", answer.body);

    desk.cli.succeed(&["apply", "-auto-approve"]).await?;
    assert_snapshot!(desk.shows(&["plan", "-detailed-exitcode"]).await?, @r#"
    exit code 0
    ----- stdout
    (a remote plan starts)
    terraform_data.network: Refreshing state... [id=UUID]
    terraform_data.subnet[0]: Refreshing state... [id=UUID]

    No changes. Your infrastructure matches the configuration.

    Terraform has compared your real infrastructure against your configuration
    and found no differences, so no changes are needed.

    (the plan is not saved)
    "#);
    assert_snapshot!(desk.shows(&["plan", "-replace=terraform_data.network"]).await?, @r#"
    exit code 0
    ----- stdout
    (a remote plan starts)
    terraform_data.network: Refreshing state... [id=UUID]
    terraform_data.subnet[0]: Refreshing state... [id=UUID]

    Terraform used the selected providers to generate the following execution
    plan. Resource actions are indicated with the following symbols:
      ~ update in-place
    -/+ destroy and then create replacement

    Terraform will perform the following actions:

      # terraform_data.network will be replaced, as requested
    -/+ resource "terraform_data" "network" {
          ~ id     = "UUID" -> (known after apply)
          ~ output = {
              - range = "10.0.0.0/16"
            } -> (known after apply)
            # (1 unchanged attribute hidden)
        }

      # terraform_data.subnet[0] will be updated in-place
      ~ resource "terraform_data" "subnet" {
            id     = "UUID"
          ~ input  = "10.0.0.0/24" -> (known after apply)
          ~ output = "10.0.0.0/24" -> (known after apply)
        }

    Plan: 1 to add, 1 to change, 1 to destroy.

    Changes to Outputs:
      ~ subnets = [
          ~ "10.0.0.0/24" -> (known after apply),
        ]

    (the plan is not saved)
    "#);
    assert_snapshot!(desk.shows(&["plan", "-destroy"]).await?, @r#"
    exit code 0
    ----- stdout
    (a remote plan starts)
    terraform_data.network: Refreshing state... [id=UUID]
    terraform_data.subnet[0]: Refreshing state... [id=UUID]

    Terraform used the selected providers to generate the following execution
    plan. Resource actions are indicated with the following symbols:
      - destroy

    Terraform will perform the following actions:

      # terraform_data.network will be destroyed
      - resource "terraform_data" "network" {
          - id     = "UUID" -> null
          - input  = {
              - range = "10.0.0.0/16"
            } -> null
          - output = {
              - range = "10.0.0.0/16"
            } -> null
        }

      # terraform_data.subnet[0] will be destroyed
      - resource "terraform_data" "subnet" {
          - id     = "UUID" -> null
          - input  = "10.0.0.0/24" -> null
          - output = "10.0.0.0/24" -> null
        }

    Plan: 0 to add, 0 to change, 2 to destroy.

    Changes to Outputs:
      - subnets = [
          - "10.0.0.0/24",
        ] -> null

    (the plan is not saved)
    "#);
    assert_snapshot!(desk.shows(&["plan", "-refresh-only"]).await?, @r#"
    exit code 0
    ----- stdout
    (a remote plan starts)
    terraform_data.network: Refreshing state... [id=UUID]
    terraform_data.subnet[0]: Refreshing state... [id=UUID]

    No changes. Your infrastructure still matches the configuration.

    Terraform has checked that the real remote objects still match the result of
    your most recent changes, and found no differences.

    (the plan is not saved)
    "#);

    desk.cli.write("main.tf", GROWN)?;
    assert_snapshot!(desk.shows(&["plan", "-detailed-exitcode"]).await?, @r#"
    exit code 2
    ----- stdout
    (a remote plan starts)
    terraform_data.network: Refreshing state... [id=UUID]
    terraform_data.subnet[0]: Refreshing state... [id=UUID]

    Terraform used the selected providers to generate the following execution
    plan. Resource actions are indicated with the following symbols:
      + create
      ~ update in-place

    Terraform will perform the following actions:

      # terraform_data.subnet[0] will be updated in-place
      ~ resource "terraform_data" "subnet" {
            id     = "UUID"
          ~ input  = "10.0.0.0/24" -> "0 of 10.0.0.0/16"
          ~ output = "10.0.0.0/24" -> (known after apply)
        }

      # terraform_data.subnet[1] will be created
      + resource "terraform_data" "subnet" {
          + id     = (known after apply)
          + input  = "1 of 10.0.0.0/16"
          + output = (known after apply)
        }

    Plan: 1 to add, 1 to change, 0 to destroy.

    Changes to Outputs:
      + count   = 2
      - subnets = [
          - "10.0.0.0/24",
        ] -> null

    (the plan is not saved)
    "#);
    assert_snapshot!(desk.shows(&["plan", "-refresh-only"]).await?, @r#"
    exit code 0
    ----- stdout
    (a remote plan starts)
    terraform_data.network: Refreshing state... [id=UUID]
    terraform_data.subnet[0]: Refreshing state... [id=UUID]

    Changes to Outputs:
      + count   = 1
      - subnets = [
          - "10.0.0.0/24",
        ] -> null

    You can apply this plan to save these new output values to the Terraform
    state, without changing any real infrastructure.

    (the plan is not saved)
    "#);
    assert_snapshot!(desk.shows(&["plan", "-refresh=false", "-target=terraform_data.network"]).await?, @r#"
    exit code 0
    ----- stdout
    (a remote plan starts)
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

    No changes. Your infrastructure matches the configuration.

    Terraform has compared your real infrastructure against your configuration
    and found no differences, so no changes are needed.

    (the plan is not saved)
    "#);
    Ok(())
}
