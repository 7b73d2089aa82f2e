//! `terraform init`: workspaces by name and by tags.

use carnet_tests::{BOOTSTRAP_TOKEN, TerraformCli};
use insta::assert_snapshot;

use super::{
    masked::masked_init,
    world::{ORGANIZATION, World},
};

const MAIN: &str = "resource \"terraform_data\" \"network\" {}\n";

#[tokio::test]
async fn init_makes_a_workspace_or_takes_the_one_that_is_there() -> anyhow::Result<()> {
    let world = World::start(&[]).await?;
    let desk = world.desk("network", MAIN).await?;
    assert_snapshot!(masked_init(&desk.cli.run(&["init"]).await?), @r#"
    exit code 0
    ----- stdout
    HCP Terraform has been successfully initialized!

    You may now begin working with HCP Terraform. Try running "terraform plan" to
    see any changes that are required for your infrastructure.

    If you ever set or change modules or Terraform Settings, run "terraform init"
    again to reinitialize your working directory.
    "#);
    assert_snapshot!(masked_init(&desk.cli.run(&["init", "-lockfile=readonly"]).await?), @r#"
    exit code 0
    ----- stdout
    HCP Terraform has been successfully initialized!

    You may now begin working with HCP Terraform. Try running "terraform plan" to
    see any changes that are required for your infrastructure.

    If you ever set or change modules or Terraform Settings, run "terraform init"
    again to reinitialize your working directory.
    "#);

    let same = world.desk("network", MAIN).await?;
    assert_snapshot!(masked_init(&same.cli.run(&["init"]).await?), @r#"
    exit code 0
    ----- stdout
    HCP Terraform has been successfully initialized!

    You may now begin working with HCP Terraform. Try running "terraform plan" to
    see any changes that are required for your infrastructure.

    If you ever set or change modules or Terraform Settings, run "terraform init"
    again to reinitialize your working directory.
    "#);
    assert_snapshot!(same.shows(&["workspace", "new", "other"]).await?, @r#"
    exit code 1
    ----- stderr
    workspaces not supported
    "#);
    assert_snapshot!(same.shows(&["workspace", "show"]).await?, @r#"
    exit code 0
    ----- stdout
    network
    "#);

    let cli = TerraformCli::new(&world.server, BOOTSTRAP_TOKEN).await?;
    cli.write_cloud_block(&world.server, "nobody", "network")?;
    assert_snapshot!(masked_init(&cli.run(&["init"]).await?), @r#"
    exit code 1
    ----- stderr
    ╷
    │ Error: Failed to read organization "nobody" at host localhost:PORT
    │
    │   on cloud.tf line 4, in terraform:
    │    4:     organization = "nobody"
    │
    │ Encountered an unexpected error while reading the organization settings:
    │ organization "nobody" at host localhost:PORT not found.
    │
    │ Please ensure that the organization and hostname are correct and that your
    │ API token for localhost:PORT is valid.
    ╵
    "#);
    let stranger = TerraformCli::new(&world.server, "stranger").await?;
    stranger.write_cloud_block(&world.server, ORGANIZATION, "network")?;
    assert_snapshot!(masked_init(&stranger.run(&["init"]).await?), @r#"
    exit code 1
    ----- stderr
    ╷
    │ Error: Failed to read organization "acme" at host localhost:PORT
    │
    │   on cloud.tf line 4, in terraform:
    │    4:     organization = "acme"
    │
    │ Encountered an unexpected error while reading the organization settings:
    │ unauthorized
    ╵
    "#);
    Ok(())
}

#[tokio::test]
async fn tags_stand_for_a_set_of_workspaces() -> anyhow::Result<()> {
    let world = World::start(&[]).await?;
    let desk = world.desk("unused", MAIN).await?;
    desk.cli.write("cloud.tf", &tagged(&world.server.host(), r#"["network", "core"]"#))?;

    assert_snapshot!(masked_init(&desk.answers(&["init"], "network-dev").await?), @r#"
    exit code 0
    ----- stdout
    No workspaces found.

      There are no workspaces with the configured tags (network, core)
      in your HCP Terraform organization. To finish initializing, Terraform needs at
      least one workspace available.

      Terraform can create a properly tagged workspace for you now. Please enter a
      name to create a new HCP Terraform workspace.

      Enter a value:

    HCP Terraform has been successfully initialized!

    You may now begin working with HCP Terraform. Try running "terraform plan" to
    see any changes that are required for your infrastructure.

    If you ever set or change modules or Terraform Settings, run "terraform init"
    again to reinitialize your working directory.
    "#);
    assert_snapshot!(desk.shows(&["workspace", "new", "network-prod"]).await?, @r#"
    exit code 0
    ----- stdout
    Created and switched to workspace "network-prod"!

    You're now on a new, empty workspace. Workspaces isolate their state,
    so if you run "terraform plan" Terraform will not see any existing state
    for this configuration.
    "#);
    assert_snapshot!(desk.shows(&["workspace", "list"]).await?, @r#"
    exit code 0
    ----- stdout
      network-dev
    * network-prod
    "#);
    assert_snapshot!(desk.shows(&["workspace", "select", "network-dev"]).await?, @r#"
    exit code 0
    ----- stdout
    Switched to workspace "network-dev".
    "#);
    assert_snapshot!(desk.shows(&["workspace", "show"]).await?, @r#"
    exit code 0
    ----- stdout
    network-dev
    "#);
    assert_snapshot!(desk.shows(&["workspace", "select", "missing"]).await?, @r#"
    exit code 1
    ----- stderr
    Workspace "missing" doesn't exist.

    You can create this workspace with the "new" subcommand
    or include the "-or-create" flag with the "select" subcommand.
    "#);
    assert_snapshot!(desk.shows(&["workspace", "delete", "network-prod"]).await?, @r#"
    exit code 0
    ----- stdout
    Deleted workspace "network-prod"!
    "#);

    desk.cli.succeed(&["apply", "-auto-approve"]).await?;
    desk.cli.succeed(&["workspace", "new", "network-test"]).await?;
    assert_snapshot!(desk.shows(&["workspace", "delete", "network-dev"]).await?, @r#"
    exit code 1
    ----- stderr
    ╷
    │ Error: Workspace is not empty
    │
    │ Workspace "network-dev" is currently tracking the following resource
    │ instances:
    │   - terraform_data.network
    │
    │ Deleting this workspace would cause Terraform to lose track of any
    │ associated remote objects, which would then require you to delete them
    │ manually outside of Terraform. You should destroy these objects with
    │ Terraform before deleting the workspace.
    │
    │ If you want to delete this workspace anyway, and have Terraform forget
    │ about these managed objects, use the -force option to disable this safety
    │ check.
    ╵
    "#);
    assert_snapshot!(desk.shows(&["workspace", "delete", "-force", "network-dev"]).await?, @r#"
    exit code 0
    ----- stdout
    Deleted workspace "network-dev"!
    WARNING: "network-dev" was non-empty.
    The resources managed by the deleted workspace may still exist,
    but are no longer manageable by Terraform since the state has
    been deleted.
    "#);

    let by_value = world.desk("unused", MAIN).await?;
    by_value.cli.write("cloud.tf", &tagged(&world.server.host(), r#"{ stage = "dev" }"#))?;
    assert_snapshot!(masked_init(&by_value.answers(&["init"], "billing-dev").await?), @r#"
    exit code 0
    ----- stdout
    No workspaces found.

      There are no workspaces with the configured tags (stage=dev)
      in your HCP Terraform organization. To finish initializing, Terraform needs at
      least one workspace available.

      Terraform can create a properly tagged workspace for you now. Please enter a
      name to create a new HCP Terraform workspace.

      Enter a value:

    HCP Terraform has been successfully initialized!

    You may now begin working with HCP Terraform. Try running "terraform plan" to
    see any changes that are required for your infrastructure.

    If you ever set or change modules or Terraform Settings, run "terraform init"
    again to reinitialize your working directory.
    "#);
    assert_snapshot!(by_value.shows(&["workspace", "list"]).await?, @r#"
    exit code 0
    ----- stdout
    * billing-dev
    "#);
    Ok(())
}

fn tagged(host: &str, tags: &str) -> String {
    format!(
        "terraform {{\n  cloud {{\n    hostname     = \"{host}\"\n    organization = \"{ORGANIZATION}\"\n    \
         workspaces {{\n      tags    = {tags}\n      project = \"Networks\"\n    }}\n  }}\n}}\n"
    )
}
