//! `terraform plan -out` and what can be done with the file.

use insta::assert_snapshot;

use super::{masked::masked, world::World};

const MAIN: &str = r#"
resource "terraform_data" "network" {
  input = "10.0.0.0/16"
}
"#;

#[tokio::test]
async fn a_saved_plan_is_applied_once() -> anyhow::Result<()> {
    let world = World::start(&[]).await?;
    let desk = world.initialized("network", MAIN).await?;

    assert_snapshot!(desk.shows(&["plan", "-out=tfplan"]).await?, @r#"
    exit code 0
    ----- stdout
    (a remote plan starts)

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

    ─────────────────────────────────────────────────────────────────────────────

    Saved the plan to: tfplan

    To perform exactly these actions, run the following command to apply:
        terraform apply "tfplan"
    "#);
    assert_eq!(desk.newest_run().await?.1, "planned_and_saved");
    assert!(!desk.is_locked().await?);
    assert_snapshot!(desk.shows(&["show", "tfplan"]).await?, @r#"
    exit code 0
    ----- stdout
    To view this run in a browser, visit:
    https://localhost:PORT/app/acme/network/runs/run-ID

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

    Run status: planned and saved (confirmable)
    Workspace is unlocked
    "#);
    let shown = desk.cli.succeed(&["show", "-json", "tfplan"]).await?;
    let plan: serde_json::Value = serde_json::from_str(&shown.stdout)?;
    assert_eq!(plan["resource_changes"][0]["change"]["actions"], serde_json::json!(["create"]));

    desk.cli.succeed(&["plan", "-out=late"]).await?;
    assert_snapshot!(desk.shows(&["apply", "tfplan"]).await?, @r#"
    exit code 0
    ----- stdout
    Running apply in HCP Terraform. Output will stream here. Pressing Ctrl-C
    will stop streaming the logs, but will not stop the apply running remotely.

    Preparing the remote apply...
    To view this run in a browser, visit:
    https://localhost:PORT/app/acme/network/runs/run-ID

    terraform_data.network: Creating...
    terraform_data.network: Creation complete after 0s [id=UUID]

    Apply complete! Resources: 1 added, 0 changed, 0 destroyed.
    "#);
    assert_eq!(desk.newest_run().await?.1, "discarded", "what was planned for the old state");
    assert_eq!(desk.resources().await?, "terraform_data.network\n");
    assert_snapshot!(desk.shows(&["apply", "tfplan"]).await?, @r#"
    exit code 1
    ----- stderr
    ╷
    │ Error: Saved plan is already applied
    │
    │ The given plan file was already successfully applied, and cannot be applied
    │ again. For more details, view this run in a browser at:
    │ https://localhost:PORT/app/acme/network/runs/run-ID
    ╵
    "#);
    assert_snapshot!(desk.shows(&["show", "tfplan"]).await?, @r#"
    exit code 0
    ----- stdout
    To view this run in a browser, visit:
    https://localhost:PORT/app/acme/network/runs/run-ID

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

    Run status: applied (not confirmable)
    Workspace is unlocked
    "#);
    assert_snapshot!(desk.shows(&["apply", "late"]).await?, @r#"
    exit code 1
    ----- stderr
    ╷
    │ Error: Saved plan is discarded
    │
    │ The given plan file can no longer be applied; either another run was
    │ applied first, or a user discarded it via the HCP Terraform UI or API. For
    │ more details, view this run in a browser at:
    │ https://localhost:PORT/app/acme/network/runs/run-ID
    ╵
    "#);

    let other = world.initialized("other", MAIN).await?;
    std::fs::copy(desk.cli.directory().join("tfplan"), other.cli.directory().join("tfplan"))?;
    assert_snapshot!(masked(&other.cli.run(&["apply", "tfplan"]).await?), @r#"
    exit code 1
    ----- stderr
    ╷
    │ Error: Saved plan is for a different workspace
    │
    │ The given saved plan does not refer to a run in the current workspace
    │ (acme/other), so it cannot currently be applied. For more details, view
    │ this run in a browser at:
    │ https://localhost:PORT/app/acme/network/runs/run-ID
    ╵
    "#);
    Ok(())
}
