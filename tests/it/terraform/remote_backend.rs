//! The older `backend "remote"`, which shows logs as they are.

use carnet_tests::{BOOTSTRAP_TOKEN, TerraformCli};
use insta::assert_snapshot;

use super::{
    masked::masked,
    world::{ORGANIZATION, World},
};

const MAIN: &str = r#"
resource "terraform_data" "network" {
  input = "10.0.0.0/16"

  provisioner "local-exec" {
    command = "echo made"
  }
}

output "range" {
  value = terraform_data.network.output
}
"#;

#[tokio::test]
async fn the_remote_backend_shows_text_and_no_json() -> anyhow::Result<()> {
    let world = World::start(&[]).await?;
    let cli = TerraformCli::new(&world.server, BOOTSTRAP_TOKEN).await?;
    let host = world.server.host();
    cli.write(
        "backend.tf",
        &format!(
            "terraform {{\n  backend \"remote\" {{\n    hostname     = \"{host}\"\n    \
             organization = \"{ORGANIZATION}\"\n    workspaces {{ prefix = \"app-\" }}\n  }}\n}}\n"
        ),
    )?;
    cli.write("main.tf", MAIN)?;
    let shows = async |arguments: &[&str]| anyhow::Ok(masked(&cli.run(arguments).await?));

    world.api.create_workspace(ORGANIZATION, "app-dev").await?;
    world.api.create_workspace(ORGANIZATION, "network").await?;
    cli.succeed(&["init"]).await?;
    cli.succeed(&["workspace", "new", "prod"]).await?;
    assert_snapshot!(shows(&["workspace", "list"]).await?, @r#"
    exit code 0
    ----- stdout
      dev
    * prod
    "#);
    assert_snapshot!(shows(&["plan"]).await?, @r#"
    exit code 0
    ----- stdout
    Running plan in the remote backend. Output will stream here. Pressing Ctrl-C
    will stop streaming the logs, but will not stop the plan running remotely.

    Preparing the remote plan...

    To view this run in a browser, visit:
    https://localhost:PORT/app/acme/app-prod/runs/run-ID

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

    Plan: 1 to add, 0 to change, 0 to destroy.

    Changes to Outputs:
      + range = (known after apply)
    "#);
    assert_snapshot!(shows(&["apply", "-auto-approve"]).await?, @r#"
    exit code 0
    ----- stdout
    Running apply in the remote backend. Output will stream here. Pressing Ctrl-C
    will cancel the remote apply if it's still pending. If the apply started it
    will stop streaming the logs, but will not stop the apply running remotely.

    Preparing the remote apply...

    To view this run in a browser, visit:
    https://localhost:PORT/app/acme/app-prod/runs/run-ID

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

    Plan: 1 to add, 0 to change, 0 to destroy.

    Changes to Outputs:
      + range = (known after apply)

    terraform_data.network: Creating...
    terraform_data.network: Provisioning with 'local-exec'...
    terraform_data.network (local-exec): Executing: ["/bin/sh" "-c" "echo made"]
    terraform_data.network (local-exec): made
    terraform_data.network: Creation complete after 0s [id=UUID]

    Apply complete! Resources: 1 added, 0 changed, 0 destroyed.

    Outputs:

    range = "10.0.0.0/16"
    "#);
    assert_snapshot!(shows(&["output"]).await?, @r#"
    exit code 0
    ----- stdout
    range = "10.0.0.0/16"
    "#);
    assert_snapshot!(shows(&["state", "list"]).await?, @r#"
    exit code 0
    ----- stdout
    terraform_data.network
    "#);
    Ok(())
}
