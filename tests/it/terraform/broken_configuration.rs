//! What a person sees when the configuration, its values or the world are wrong.

use insta::assert_snapshot;

use super::world::World;

const UNDECLARED: &str = r#"
resource "terraform_data" "network" {
  input = terraform_data.missing.output
}
"#;

const NO_VALUE: &str = r#"
variable "region" {
  type = string
}

output "region" {
  value = var.region
}
"#;

const BROKEN_PROMISE: &str = r#"
variable "size" { default = 1 }

resource "terraform_data" "network" {
  input = "10.0.0.0/16"

  lifecycle {
    precondition {
      condition     = var.size > 2
      error_message = "${var.size} is not more than two."
    }
  }
}
"#;

const UNHEALTHY: &str = r#"
resource "terraform_data" "network" {
  input = "10.0.0.0/16"
}

check "health" {
  assert {
    condition     = terraform_data.network.output == "10.1.0.0/16"
    error_message = "The network is ${terraform_data.network.output}."
  }
}
"#;

const FAILING: &str = r#"
resource "terraform_data" "network" {}

resource "terraform_data" "subnet" {
  depends_on = [terraform_data.network]

  provisioner "local-exec" {
    command = "echo trying; exit 3"
  }
}
"#;

#[tokio::test]
async fn mistakes_are_shown_where_they_were_made() -> anyhow::Result<()> {
    let world = World::start(&[]).await?;
    tokio::try_join!(
        undeclared(&world),
        no_value(&world),
        broken_promise(&world),
        unhealthy(&world),
        failing(&world)
    )?;
    Ok(())
}

async fn undeclared(world: &World) -> anyhow::Result<()> {
    let desk = world.initialized("undeclared", UNDECLARED).await?;
    assert_snapshot!(desk.shows(&["plan"]).await?, @r#"
    exit code 1
    ----- stdout
    (a remote plan starts)
    ╷
    │ Error: Reference to undeclared resource
    │
    │   on main.tf line 3, in resource "terraform_data" "network":
    │    3:   input = terraform_data.missing.output
    │
    │ A managed resource "terraform_data" "missing" has not been declared in the
    │ root module.
    ╵
    Operation failed: terraform plan failed (exit code 1)

    (the plan is not saved)
    "#);
    assert_eq!(desk.newest_run().await?.1, "errored");
    desk.cli.write("main.tf", "resource {\n")?;
    assert_snapshot!(desk.shows(&["plan"]).await?, @r#"
    exit code 1
    ----- stderr
    ╷
    │ Error: Unclosed configuration block
    │
    │   on main.tf line 1, in resource:
    │    1: resource {
    │
    │ There is no closing brace for this block before the end of the file. This
    │ may be caused by incorrect brace nesting elsewhere in this file.
    ╵
    ╷
    │ Error: Missing type for resource
    │
    │   on main.tf line 1, in resource:
    │    1: resource {
    │
    │ All resource blocks must have 2 labels (type, name).
    ╵
    "#);
    Ok(())
}

async fn no_value(world: &World) -> anyhow::Result<()> {
    let desk = world.initialized("no-value", NO_VALUE).await?;
    assert_snapshot!(desk.shows(&["plan"]).await?, @r#"
    exit code 1
    ----- stdout
    (a remote plan starts)
    ╷
    │ Error: No value for required variable
    │
    │   on main.tf line 2:
    │    2: variable "region" {
    │
    │ The root module input variable "region" is not set, and has no default
    │ value. Use a -var or -var-file command line argument to provide a value for
    │ this variable.
    ╵
    Operation failed: terraform plan failed (exit code 1)

    (the plan is not saved)
    "#);
    assert_snapshot!(desk.shows(&["plan", "-var=region=eu", "-var=zone=1"]).await?, @r#"
    exit code 1
    ----- stdout
    Running plan in HCP Terraform. Output will stream here. Pressing Ctrl-C
    will stop streaming the logs, but will not stop the plan running remotely.

    Preparing the remote plan...
    ----- stderr
    ╷
    │ Error: Value for undeclared variable
    │
    │ A variable named "zone" was assigned on the command line, but the root
    │ module does not declare a variable of that name. To use this value, add a
    │ "variable" block to the configuration.
    ╵
    "#);
    Ok(())
}

async fn broken_promise(world: &World) -> anyhow::Result<()> {
    let desk = world.initialized("broken-promise", BROKEN_PROMISE).await?;
    assert_snapshot!(desk.shows(&["apply", "-auto-approve"]).await?, @r#"
    exit code 1
    ----- stdout
    (a remote apply starts)
    ╷
    │ Error: Resource precondition failed
    │
    │   on main.tf line 9, in resource "terraform_data" "network":
    │    9:       condition     = var.size > 2
    │     ├────────────────
    │     │ var.size is 1
    │
    │ 1 is not more than two.
    ╵
    Operation failed: terraform plan failed (exit code 1)
    "#);
    Ok(())
}

async fn unhealthy(world: &World) -> anyhow::Result<()> {
    let desk = world.initialized("unhealthy", UNHEALTHY).await?;
    assert_snapshot!(desk.shows(&["apply", "-auto-approve"]).await?, @r#"
    exit code 0
    ----- stdout
    (a remote apply starts)
    ╷
    │ Warning: Check block assertion known after apply
    │
    │   on main.tf line 8, in check "health":
    │    8:     condition     = terraform_data.network.output == "10.1.0.0/16"
    │     ├────────────────
    │     │ terraform_data.network.output is a string
    │
    │ The condition could not be evaluated at this time, a result will be known
    │ when this plan is applied.
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

    terraform_data.network: Creating...
    terraform_data.network: Creation complete after 0s [id=UUID]
    ╷
    │ Warning: Check block assertion failed
    │
    │   on main.tf line 8, in check "health":
    │    8:     condition     = terraform_data.network.output == "10.1.0.0/16"
    │     ├────────────────
    │     │ terraform_data.network.output is "10.0.0.0/16"
    │
    │ The network is 10.0.0.0/16.
    ╵

    Apply complete! Resources: 1 added, 0 changed, 0 destroyed.
    "#);
    assert_eq!(desk.newest_run().await?.1, "applied");
    Ok(())
}

async fn failing(world: &World) -> anyhow::Result<()> {
    let desk = world.initialized("failing", FAILING).await?;
    assert_snapshot!(desk.shows(&["apply", "-auto-approve"]).await?, @r#"
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
    terraform_data.subnet: (local-exec): Executing: ["/bin/sh" "-c" "echo trying; exit 3"]
    terraform_data.subnet: (local-exec): trying
    ╷
    │ Error: local-exec provisioner error
    │
    │   with terraform_data.subnet,
    │   on main.tf line 7, in resource "terraform_data" "subnet":
    │    7:   provisioner "local-exec" {
    │
    │ Error running command 'echo trying; exit 3': exit status 3. Output: trying
    │
    ╵
    Operation failed: terraform apply failed (exit code 1)
    "#);
    assert_eq!(desk.newest_run().await?.1, "errored");
    assert!(!desk.is_locked().await?);
    assert_snapshot!(desk.shows(&["plan"]).await?, @r#"
    exit code 0
    ----- stdout
    (a remote plan starts)
    terraform_data.network: Refreshing state... [id=UUID]
    terraform_data.subnet: Refreshing state... [id=UUID]

    Terraform used the selected providers to generate the following execution
    plan. Resource actions are indicated with the following symbols:
    -/+ destroy and then create replacement

    Terraform will perform the following actions:

      # terraform_data.subnet is tainted, so must be replaced
    -/+ resource "terraform_data" "subnet" {
          ~ id = "UUID" -> (known after apply)
        }

    Plan: 1 to add, 0 to change, 1 to destroy.

    (the plan is not saved)
    "#);
    Ok(())
}
