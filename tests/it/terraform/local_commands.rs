//! Every command around the state, where the CLI executes runs itself: in a `cloud` block and with the `remote` backend.

use anyhow::Context;
use serde_json::{Value, json};

use super::world::{Desk, ORGANIZATION, World};

const MAIN: &str = r#"
variable "note" { default = "first" }

resource "terraform_data" "network" {
  input = var.note
}

resource "terraform_data" "subnet" {
  input = terraform_data.network.output
}

output "note" {
  value = terraform_data.network.output
}

output "key" {
  value     = "hush-${var.note}"
  sensitive = true
}
"#;

const IMPORTED: &str = "66666666-7777-8888-9999-000000000000";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Integration {
    Cloud,
    RemoteBackend,
}

#[tokio::test]
async fn the_cloud_block_keeps_its_state_here() -> anyhow::Result<()> {
    every_command(Integration::Cloud).await
}

#[tokio::test]
async fn the_remote_backend_keeps_its_state_here() -> anyhow::Result<()> {
    every_command(Integration::RemoteBackend).await
}

async fn every_command(integration: Integration) -> anyhow::Result<()> {
    let world = World::start(&[]).await?;
    let desk = match integration {
        Integration::Cloud => world.desk("network", MAIN).await?,
        Integration::RemoteBackend => world.remote_desk("network", MAIN).await?,
    };
    desk.cli.succeed(&["init"]).await?;
    desk.change_workspace(json!({"execution-mode": "local"})).await?;

    let planned = desk.cli.run(&["plan", "-detailed-exitcode"]).await?;
    assert_eq!(planned.code, Some(2), "{}", planned.stderr);
    desk.cli.succeed(&["apply", "-auto-approve"]).await?;
    outputs(&desk).await?;
    changes(&desk).await?;
    imports(&desk).await?;
    pushes(&desk, integration).await?;
    locks(&desk).await?;

    desk.cli.succeed(&["apply", "-refresh-only", "-auto-approve"]).await?;
    desk.cli.succeed(&["destroy", "-auto-approve"]).await?;
    assert_eq!(desk.resources().await?, "");
    assert!(!desk.is_locked().await?);
    assert_eq!(desk.newest_run().await?.0, "", "nothing ran on the server");
    every_version_is_kept(&desk).await
}

async fn outputs(desk: &Desk) -> anyhow::Result<()> {
    let shown: Value = serde_json::from_str(&desk.cli.succeed(&["output", "-json"]).await?.stdout)?;
    let expected = json!({
        "note": {"sensitive": false, "type": "string", "value": "first"},
        "key": {"sensitive": true, "type": "string", "value": "hush-first"},
    });
    assert_eq!(shown, expected);
    assert_eq!(desk.cli.succeed(&["output", "-raw", "key"]).await?.stdout, "hush-first");
    assert!(!desk.cli.succeed(&["output"]).await?.stdout.contains("hush"));
    // Whoever lists the outputs over the API does not see what is sensitive.
    let id = desk.workspace_id().await?;
    let listed = desk.api.get(&format!("workspaces/{id}/current-state-version-outputs")).await?;
    assert!(!listed.to_string().contains("hush"), "{listed}");
    Ok(())
}

async fn changes(desk: &Desk) -> anyhow::Result<()> {
    assert_eq!(desk.resources().await?, "terraform_data.network\nterraform_data.subnet\n");
    let shown = desk.cli.succeed(&["state", "show", "terraform_data.subnet"]).await?.stdout;
    assert!(shown.contains(r#"output = "first""#), "{shown}");
    let status = async || anyhow::Ok(pulled(desk).await?["resources"][0]["instances"][0]["status"].clone());
    desk.cli.succeed(&["taint", "terraform_data.network"]).await?;
    assert_eq!(status().await?, "tainted");
    desk.cli.succeed(&["untaint", "terraform_data.network"]).await?;
    assert_eq!(status().await?, Value::Null);
    desk.cli.succeed(&["state", "mv", "terraform_data.subnet", "terraform_data.part"]).await?;
    assert_eq!(desk.resources().await?, "terraform_data.network\nterraform_data.part\n");
    desk.cli.succeed(&["state", "rm", "terraform_data.part"]).await?;
    assert_eq!(desk.resources().await?, "terraform_data.network\n");
    Ok(())
}

async fn imports(desk: &Desk) -> anyhow::Result<()> {
    desk.cli.succeed(&["import", "terraform_data.subnet", IMPORTED]).await?;
    assert_eq!(desk.resources().await?, "terraform_data.network\nterraform_data.subnet\n");
    let mut console = desk.cli.start(&["console"])?;
    console.answer("upper(\"${terraform_data.subnet.id} of ${terraform_data.network.output}\")").await?;
    assert_eq!(console.finish().await?.stdout.trim(), format!("\"{IMPORTED} OF FIRST\""));
    assert!(!desk.is_locked().await?);
    Ok(())
}

async fn pushes(desk: &Desk, integration: Integration) -> anyhow::Result<()> {
    let old = pulled(desk).await?;
    let serial = old["serial"].as_u64().context("a serial")?;
    let mut newer = old.clone();
    newer["serial"] = (serial + 1).into();
    newer["outputs"]["note"]["value"] = "pushed".into();
    desk.cli.write("newer.json", &newer.to_string())?;
    desk.cli.succeed(&["state", "push", "newer.json"]).await?;
    assert_eq!(desk.cli.succeed(&["output", "-raw", "note"]).await?.stdout, "pushed");

    let mut foreign = old.clone();
    foreign["lineage"] = "11111111-2222-3333-4444-555555555555".into();
    foreign["outputs"]["note"]["value"] = "foreign".into();
    for (name, content) in [("old.json", &old), ("foreign.json", &foreign)] {
        desk.cli.write(name, &content.to_string())?;
        let refused = desk.cli.run(&["state", "push", name]).await?;
        assert_eq!(refused.code, Some(1));
        assert!(refused.stderr.contains("cannot import state with"), "{}", refused.stderr);
    }
    let forced = desk.cli.run(&["state", "push", "-force", "foreign.json"]).await?;
    let expected = match integration {
        // The `cloud` integration never tells the server that it was forced, and keeps the lock when a write is refused.
        Integration::Cloud => {
            assert!(forced.stderr.contains("the lineage differs from that of the current state"));
            desk.cli.succeed(&["force-unlock", "-force", "acme/network"]).await?;
            (Some(1), "pushed")
        }
        Integration::RemoteBackend => (Some(0), "foreign"),
    };
    let note = desk.cli.succeed(&["output", "-raw", "note"]).await?.stdout;
    assert_eq!((forced.code, note.as_str()), expected, "{}", forced.stderr);
    assert!(!desk.is_locked().await?);
    Ok(())
}

async fn locks(desk: &Desk) -> anyhow::Result<()> {
    let id = desk.workspace_id().await?;
    desk.api.post(&format!("workspaces/{id}/actions/lock"), json!({"reason": "holidays"})).await?;
    for arguments in [
        &["apply", "-auto-approve"][..],
        &["destroy", "-auto-approve"],
        &["state", "rm", "terraform_data.network"],
        &["state", "push", "newer.json"],
        &["taint", "terraform_data.network"],
        &["import", "terraform_data.other", IMPORTED],
    ] {
        let refused = desk.cli.run(arguments).await?;
        assert_eq!(refused.code, Some(1), "{arguments:?}");
    }
    let refused = desk.cli.run(&["apply", "-auto-approve"]).await?;
    assert!(refused.stderr.contains("workspace already locked"), "{}", refused.stderr);
    // What only reads goes on.
    desk.cli.succeed(&["state", "list"]).await?;
    desk.cli.succeed(&["output"]).await?;
    let wrong = desk.cli.run(&["force-unlock", "-force", "acme/other"]).await?;
    assert_eq!(wrong.code, Some(1));
    assert!(desk.is_locked().await?);
    desk.cli.succeed(&["force-unlock", "-force", "acme/network"]).await?;
    assert!(!desk.is_locked().await?);
    let again = desk.cli.run(&["force-unlock", "-force", "acme/network"]).await?;
    assert!(again.stderr.contains("workspace already unlocked"), "{}", again.stderr);
    Ok(())
}

async fn pulled(desk: &Desk) -> anyhow::Result<Value> {
    Ok(serde_json::from_str(&desk.cli.succeed(&["state", "pull"]).await?.stdout)?)
}

/// Whatever was ever written can be read again.
async fn every_version_is_kept(desk: &Desk) -> anyhow::Result<()> {
    let filter = format!("filter[organization][name]={ORGANIZATION}&filter[workspace][name]=network");
    let listed = desk.api.get(&format!("state-versions?{filter}&page[size]=100")).await?;
    let versions = listed["data"].as_array().context("a list")?;
    assert!(versions.len() > 8, "{}", versions.len());
    for version in versions {
        assert_eq!(version["attributes"]["status"], "finalized");
        let url = version["attributes"]["hosted-state-download-url"].as_str().context("an address")?;
        assert_eq!(desk.api.request("GET", url, None).await?.success()?["version"], 4);
    }
    Ok(())
}
