//! `terraform test` in a directory with a `cloud` block.

use carnet_tests::BOOTSTRAP_TOKEN;
use insta::assert_snapshot;

use super::{
    masked::masked,
    world::{ORGANIZATION, World},
};

const MAIN: &str = r#"
variable "note" { default = "none" }

resource "terraform_data" "network" {
  input = var.note
}

output "note" {
  value = terraform_data.network.output
}
"#;

const TEST: &str = r#"
run "note" {
  command = apply

  variables {
    note = "tested"
  }

  assert {
    condition     = output.note == "tested"
    error_message = "the note is another one"
  }
}
"#;

#[tokio::test]
async fn local_tests_leave_the_workspace_alone() -> anyhow::Result<()> {
    let world = World::start(&[]).await?;
    let desk = world.initialized("network", MAIN).await?;
    desk.cli.write("main.tftest.hcl", TEST)?;
    assert_snapshot!(desk.shows(&["test"]).await?, @r#"
    exit code 0
    ----- stdout
    main.tftest.hcl... in progress
      run "note"... pass
    main.tftest.hcl... tearing down
    main.tftest.hcl... pass

    Success! 1 passed, 0 failed.
    "#);
    assert_eq!(desk.newest_run().await?.0, "");
    assert_eq!(desk.cli.run(&["state", "list"]).await?.code, Some(1), "there is no state");
    Ok(())
}

#[tokio::test]
async fn remote_tests_of_an_unknown_module_end_with_an_explanation() -> anyhow::Result<()> {
    let world = World::start(&[]).await?;
    let desk = world.initialized("network", MAIN).await?;
    desk.cli.write("main.tftest.hcl", TEST)?;
    // The address of a module needs a host name with a dot.
    let configuration = format!(
        "credentials \"carnet.example.com\" {{\n  token = \"{BOOTSTRAP_TOKEN}\"\n}}\n\
         host \"carnet.example.com\" {{\n  services = {{ \"tfe.v2\" = \"{}/api/v2/\" }}\n}}\n",
        world.server.url()
    );
    desk.cli.write("hosts.tfrc", &configuration)?;
    let file = desk.cli.directory().join("hosts.tfrc").display().to_string();
    let source = format!("-cloud-run=carnet.example.com/{ORGANIZATION}/network/carnet");
    let cli = desk.cli.with_environment("TF_CLI_CONFIG_FILE", &file);
    assert_snapshot!(masked(&cli.run(&["test", &source]).await?), @r#"
    exit code 1
    ----- stderr
    ╷
    │ Error: Failed to read module "carnet.example.com/acme/network/carnet"
    │
    │ Encountered an unexpected error while the module: module
    │ "carnet.example.com/acme/network/carnet" was not found.
    │
    │ Please ensure that the organization and hostname are correct and that your
    │ API token for carnet.example.com is valid.
    ╵
    "#);
    Ok(())
}
