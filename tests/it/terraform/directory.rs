//! A configuration that lies below the root of what is uploaded.

use insta::assert_snapshot;
use serde_json::json;

use super::{masked::masked_init, world::World};

const MAIN: &str = r#"
module "network" {
  source = "../../modules/network"
}

output "range" {
  value = "${module.network.range} from ${basename(path.cwd)}"
}
"#;

const MODULE: &str = r#"
resource "terraform_data" "this" {
  input = "10.0.0.0/16"
}

output "range" {
  value = terraform_data.this.output
}
"#;

#[tokio::test]
async fn a_working_directory_is_uploaded_with_what_lies_above_it() -> anyhow::Result<()> {
    let world = World::start(&[]).await?;
    let desk = world.desk("network", "").await?;
    desk.cli.write("modules/network/main.tf", MODULE)?;
    desk.cli.write("envs/prod/main.tf", MAIN)?;
    let directory = desk.cli.directory();
    std::fs::remove_file(directory.join("main.tf"))?;
    std::fs::rename(directory.join("cloud.tf"), directory.join("envs/prod/cloud.tf"))?;

    assert_snapshot!(masked_init(&desk.cli.run(&["-chdir=envs/prod", "init"]).await?), @r#"
    exit code 0
    ----- stdout
    - network in ../../modules/network

    HCP Terraform has been successfully initialized!

    You may now begin working with HCP Terraform. Try running "terraform plan" to
    see any changes that are required for your infrastructure.

    If you ever set or change modules or Terraform Settings, run "terraform init"
    again to reinitialize your working directory.
    "#);
    desk.change_workspace(json!({"working-directory": "envs/prod"})).await?;
    let shown = desk.shows(&["-chdir=envs/prod", "apply", "-auto-approve"]).await?;
    let shown = shown.replace(&directory.to_string_lossy().into_owned(), "DIRECTORY");
    assert_snapshot!(shown, @r#"
    exit code 0
    ----- stdout
    Running apply in HCP Terraform. Output will stream here. Pressing Ctrl-C
    will cancel the remote apply if it's still pending. If the apply started it
    will stop streaming the logs, but will not stop the apply running remotely.

    Preparing the remote apply...

    The remote workspace is configured to work with configuration at
    envs/prod relative to the target repository.

    Terraform will upload the contents of the following directory,
    excluding files or directories as defined by a .terraformignore file
    at /tmp/DIRECTORY/configuration/.terraformignore (if it is present),
    in order to capture the filesystem context the remote workspace expects:
        /tmp/DIRECTORY/configuration

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

      # module.network.terraform_data.this will be created
      + resource "terraform_data" "this" {
          + id     = (known after apply)
          + input  = "10.0.0.0/16"
          + output = (known after apply)
        }

    Plan: 1 to add, 0 to change, 0 to destroy.

    Changes to Outputs:
      + range = (known after apply)

    module.network.terraform_data.this: Creating...
    module.network.terraform_data.this: Creation complete after 0s [id=UUID]

    Apply complete! Resources: 1 added, 0 changed, 0 destroyed.

    Outputs:
    range = "10.0.0.0/16 from prod"
    "#);

    desk.change_workspace(json!({"working-directory": "envs/missing"})).await?;
    let shown = desk.shows(&["-chdir=envs/prod", "plan"]).await?;
    assert_snapshot!(shown, @r#"
    exit code 1
    ----- stdout
    Running plan in HCP Terraform. Output will stream here. Pressing Ctrl-C
    will stop streaming the logs, but will not stop the plan running remotely.

    Preparing the remote plan...

    The remote workspace is configured to work with configuration at
    envs/missing relative to the target repository.

    Terraform will upload the contents of the following directory,
    excluding files or directories as defined by a .terraformignore file
    at /tmp/DIRECTORY/configuration/envs/prod/.terraformignore (if it is present),
    in order to capture the filesystem context the remote workspace expects:
        /tmp/DIRECTORY/configuration/envs/prod

    To view this run in a browser, visit:
    https://localhost:PORT/app/acme/network/runs/run-ID

    Terraform VERSION
    on PLATFORM
    Carnet agent embedded, run-ID
    Operation failed: the working directory "envs/missing" of the workspace is not a folder of the configuration

    (the plan is not saved)
    "#);
    Ok(())
}
