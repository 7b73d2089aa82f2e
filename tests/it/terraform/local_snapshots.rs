//! The CLI writes its state while a long local apply goes on, so that a crash loses little.

use std::time::Duration;

use carnet_tests::wait_for;
use serde_json::{Value, json};

use super::world::{Desk, ORGANIZATION, World};

/// The second object takes longer than the time between two snapshots, and the third one waits for the test.
const MAIN: &str = r#"
resource "terraform_data" "first" {}

resource "terraform_data" "second" {
  depends_on = [terraform_data.first]

  provisioner "local-exec" {
    command = "sleep 21"
  }
}

resource "terraform_data" "third" {
  depends_on = [terraform_data.second]

  provisioner "local-exec" {
    command = "while [ ! -e go ]; do sleep 0.2; done"
  }
}
"#;

#[tokio::test]
async fn a_cli_that_dies_leaves_what_it_had_made() -> anyhow::Result<()> {
    let world = World::start(&[]).await?;
    let desk = world.initialized("network", MAIN).await?;
    desk.change_workspace(json!({"execution-mode": "local"})).await?;
    let apply = desk.cli.start(&["apply", "-auto-approve"])?;
    apply.wait_for_output("terraform_data.third: Provisioning").await?;
    let limit = Duration::from_secs(60);
    wait_for("a snapshot of the state", limit, async || {
        Ok(versions(&desk).await?.contains(&("finalized".to_owned(), true)).then_some(()))
    })
    .await?;
    // It is no current state yet: who reads now finds what was there before the apply.
    assert_eq!(desk.cli.run(&["state", "list"]).await?.code, Some(1));
    let second = world.initialized("network", MAIN).await?;
    let refused = second.cli.run(&["apply", "-auto-approve"]).await?;
    assert!(refused.stderr.contains("workspace already locked"), "{}", refused.stderr);
    let locked = desk.workspace().await?;
    assert_eq!(locked["attributes"]["locked"], true);
    assert_eq!(locked["relationships"]["locked-by"]["data"]["type"], "users");

    drop(apply);
    second.cli.succeed(&["force-unlock", "-force", "acme/network"]).await?;
    assert_eq!(desk.resources().await?, "terraform_data.first\nterraform_data.second\n");

    desk.cli.write("go", "")?;
    let applied = desk.cli.succeed(&["apply", "-auto-approve"]).await?.stdout;
    assert!(applied.contains("1 added, 0 changed, 0 destroyed"), "{applied}");
    assert_eq!(
        desk.resources().await?,
        "terraform_data.first\nterraform_data.second\nterraform_data.third\n"
    );
    let newest = versions(&desk).await?.into_iter().next();
    assert_eq!(newest, Some(("finalized".to_owned(), false)));
    Ok(())
}

/// The status of every state version, and whether it is a snapshot; the newest first.
async fn versions(desk: &Desk) -> anyhow::Result<Vec<(String, bool)>> {
    let filter = format!("filter[organization][name]={ORGANIZATION}&filter[workspace][name]=network");
    let listed = desk.api.get(&format!("state-versions?{filter}")).await?;
    let versions = listed["data"].as_array().into_iter().flatten();
    let one = |version: &Value| {
        let attributes = &version["attributes"];
        (attributes["status"].as_str().unwrap_or_default().to_owned(), attributes["intermediate"] == true)
    };
    Ok(versions.map(one).collect())
}
