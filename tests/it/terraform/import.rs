//! Objects that exist already come under Terraform's care.

use insta::assert_snapshot;

use super::world::World;

const IMPORT: &str = r#"
import {
  to = terraform_data.network
  id = "11111111-2222-3333-4444-555555555555"
}
"#;

#[tokio::test]
async fn an_import_writes_the_configuration_that_is_missing() -> anyhow::Result<()> {
    let world = World::start(&[]).await?;
    let desk = world.initialized("network", IMPORT).await?;
    assert_snapshot!(desk.shows(&["plan", "-generate-config-out=generated.tf"]).await?, @r#"
    exit code 0
    ----- stdout
    (a remote plan starts)
    terraform_data.network: Refreshing state... [id=UUID]
    ╷
    │ Warning: Config generation is experimental
    │
    │ Generating configuration during import is currently experimental, and the
    │ generated configuration format may change in future versions.
    ╵

    Terraform will perform the following actions:

      # terraform_data.network will be imported
      # (config will be generated)
        resource "terraform_data" "network" {
            id = "UUID"
        }

    Plan: 1 to import, 0 to add, 0 to change, 0 to destroy.

    ─────────────────────────────────────────────────────────────────────────────

    Terraform has generated configuration and written it to generated.tf. Please
    review the configuration and edit it as necessary before adding it to version
    control.

    Note: You didn't use the -out option to save this plan, so Terraform can't
    guarantee to take exactly these actions if you run "terraform apply" now.
    "#);
    assert_snapshot!(std::fs::read_to_string(desk.cli.directory().join("generated.tf"))?, @r#"
    # __generated__ by Terraform
    # Please review these resources and move them into your main configuration files.

    # __generated__ by Terraform from "11111111-2222-3333-4444-555555555555"
    resource "terraform_data" "network" {
      input            = null
      triggers_replace = null
    }
    "#);
    assert_snapshot!(desk.shows(&["apply", "-auto-approve"]).await?, @r#"
    exit code 0
    ----- stdout
    (a remote apply starts)
    terraform_data.network: Refreshing state... [id=UUID]

    Terraform will perform the following actions:

      # terraform_data.network will be imported
        resource "terraform_data" "network" {
            id = "UUID"
        }

    Plan: 1 to import, 0 to add, 0 to change, 0 to destroy.


    Apply complete! Resources: 1 imported, 0 added, 0 changed, 0 destroyed.
    "#);

    desk.cli.write("main.tf", "resource \"terraform_data\" \"subnet\" {}\n")?;
    let id = "66666666-7777-8888-9999-000000000000";
    assert_snapshot!(desk.shows(&["import", "terraform_data.subnet", id]).await?, @r#"
    exit code 0
    ----- stdout
    Import successful!

    The resources that were imported are shown above. These resources are now in
    your Terraform state and will henceforth be managed by Terraform.
    "#);
    assert_eq!(desk.resources().await?, "terraform_data.network\nterraform_data.subnet\n");
    assert!(!desk.is_locked().await?);

    let mut console = desk.cli.start(&["console"])?;
    console.answer("terraform_data.subnet.id").await?;
    assert_eq!(console.finish().await?.stdout.trim(), format!("\"{id}\""));
    Ok(())
}
