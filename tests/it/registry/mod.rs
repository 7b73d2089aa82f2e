//! The private registry, used by the real Terraform CLI.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use carnet_tests::{ApiClient, Archive, BOOTSTRAP_TOKEN, CarnetServer, ServerOptions, TerraformCli};
use serde_json::{Value, json};

use crate::site::ORGANIZATION;

const MODULE: &str = r#"
variable "name" {
  type = string
}

output "greeting" {
  value = "hello ${var.name}"
}
"#;

/// A provider whose program only says that it exists, with checksums that were signed once.
const PROVIDER_ZIP: &[u8] = include_bytes!("tiny/terraform-provider-tiny_1.0.0.zip");
const CHECKSUMS: &[u8] = include_bytes!("tiny/SHA256SUMS");
const SIGNATURE: &[u8] = include_bytes!("tiny/SHA256SUMS.sig");
const KEY: &str = include_str!("tiny/key.asc");
const KEY_ID: &str = "DD381694B1A03540";

fn document(kind: &str, attributes: Value) -> Value {
    json!({"data": {"type": kind, "attributes": attributes}})
}

async fn put(server: &CarnetServer, url: &Value, bytes: Vec<u8>) -> anyhow::Result<()> {
    let url = url.as_str().context("an address")?;
    let answer = server.anonymous()?.put_bytes(url, bytes).await?;
    ensure!(answer.status == 200, "{}", answer.body);
    Ok(())
}

async fn publish_module(server: &CarnetServer, api: &ApiClient, version: &str) -> anyhow::Result<()> {
    let body = document("registry-module-versions", json!({"version": version}));
    let made = api.post(&format!("registry-modules/{ORGANIZATION}/greeting/any/versions"), body).await?;
    let archive = Archive::new().file("main.tf", MODULE)?.file("README.md", "Greets.")?.finish()?;
    put(server, &made["data"]["links"]["upload"], archive).await
}

/// A configuration that uses the module.
fn caller(host: &str) -> String {
    format!(
        "module \"greeting\" {{\n  source  = \"{host}/{ORGANIZATION}/greeting/any\"\n  version = \"~> 1.0\"\n  \
         name    = \"registry\"\n}}\n\noutput \"greeting\" {{\n  value = module.greeting.greeting\n}}\n"
    )
}

/// The CLI with a token for the server under a name with a dot, which module sources must have.
async fn laptop(server: &CarnetServer, token: &str) -> anyhow::Result<TerraformCli> {
    let cli = TerraformCli::new(server, token).await?;
    let config = cli.home().with_file_name("terraform.rc");
    let services = format!("\"modules.v1\" = \"{}/api/registry/v1/modules/\"", server.url());
    let blocks = format!(
        "host \"carnet.example.com\" {{\n  services = {{ {services} }}\n}}\n\
         credentials \"carnet.example.com\" {{\n  token = \"{token}\"\n}}\n"
    );
    std::fs::write(&config, std::fs::read_to_string(&config)? + &blocks)?;
    cli.write("main.tf", &caller("carnet.example.com"))?;
    Ok(cli)
}

#[tokio::test]
async fn a_private_module_is_installed_by_runs_and_on_laptops_of_its_organization() -> anyhow::Result<()> {
    let server = CarnetServer::start(ServerOptions::default()).await?;
    let api = server.api()?;
    api.create_organization(ORGANIZATION).await?;
    let attributes =
        json!({"name": "greeting", "provider": "any", "registry-name": "private", "no-code": false});
    let modules = format!("organizations/{ORGANIZATION}/registry-modules");
    api.post(&modules, document("registry-modules", attributes)).await?;
    for version in ["1.0.0", "1.2.0", "2.0.0"] {
        publish_module(&server, &api, version).await?;
    }

    // A run finds the registry of its server by the generic name.
    let main_tf = caller("localterraform.com");
    let workspace = api.create_workspace(ORGANIZATION, "caller").await?;
    let run = api.start_run(&workspace, &main_tf, json!({"auto-apply": true})).await?;
    api.wait_for_status(&run, &["applied"]).await?;
    let state = api.current_state(&workspace).await?;
    assert_eq!(state["outputs"]["greeting"]["value"], "hello registry");

    let member = laptop(&server, BOOTSTRAP_TOKEN).await?;
    let installed = member.succeed(&["init", "-no-color"]).await?;
    let line = format!("Downloading carnet.example.com/{ORGANIZATION}/greeting/any 1.2.0 for greeting");
    assert!(installed.stdout.contains(&line), "{}", installed.stdout);
    let applied = member.succeed(&["apply", "-auto-approve", "-no-color"]).await?;
    assert!(applied.stdout.contains("greeting = \"hello registry\""), "{}", applied.stdout);

    let stranger = laptop(&server, "not-a-token").await?;
    assert_ne!(stranger.run(&["init", "-no-color"]).await?.code, Some(0));

    // A run of another organization may not use it.
    api.create_organization("globex").await?;
    let theirs = api.create_workspace("globex", "thief").await?;
    let run = api.start_run(&theirs, &main_tf, json!({"auto-apply": true})).await?;
    api.wait_for_status(&run, &["errored"]).await?;
    let log = api.run_log(&run).await?;
    assert!(log.contains("Module not found"), "{log}");
    Ok(())
}

/// Publishes the provider `tiny` for both architectures that tests run on.
async fn publish_provider(server: &CarnetServer, api: &ApiClient) -> anyhow::Result<()> {
    let key = document("gpg-keys", json!({"namespace": ORGANIZATION, "ascii-armor": KEY}));
    api.post("/api/registry/private/v2/gpg-keys", key).await?;
    let providers = format!("organizations/{ORGANIZATION}/registry-providers");
    let attributes = json!({"name": "tiny", "namespace": ORGANIZATION, "registry-name": "private"});
    api.post(&providers, document("registry-providers", attributes)).await?;
    let versions = format!("{providers}/private/{ORGANIZATION}/tiny/versions");
    let attributes = json!({"version": "1.0.0", "key-id": KEY_ID, "protocols": ["5.0"]});
    let version = api.post(&versions, document("registry-provider-versions", attributes)).await?;
    let links = &version["data"]["links"];
    put(server, &links["shasums-upload"], CHECKSUMS.to_vec()).await?;
    put(server, &links["shasums-sig-upload"], SIGNATURE.to_vec()).await?;
    for line in std::str::from_utf8(CHECKSUMS)?.lines() {
        let (shasum, filename) = line.split_once("  ").context("a checksum")?;
        let arch = if filename.contains("amd64") { "amd64" } else { "arm64" };
        let attributes = json!({"os": "linux", "arch": arch, "shasum": shasum, "filename": filename});
        let body = document("registry-provider-version-platforms", attributes);
        let platform = api.post(&format!("{versions}/1.0.0/platforms"), body).await?;
        put(server, &platform["data"]["links"]["provider-binary-upload"], PROVIDER_ZIP.to_vec()).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_private_provider_is_installed_after_its_signature_was_checked() -> anyhow::Result<()> {
    let server = CarnetServer::start(ServerOptions::default()).await?;
    let api = server.api()?;
    api.create_organization(ORGANIZATION).await?;
    publish_provider(&server, &api).await?;
    let main_tf = format!(
        "terraform {{\n  required_providers {{\n    tiny = {{\n      source  = \"{}/{ORGANIZATION}/tiny\"\n      \
         version = \"1.0.0\"\n    }}\n  }}\n}}\n",
        server.host()
    );
    let laptop = TerraformCli::new(&server, BOOTSTRAP_TOKEN).await?;
    laptop.write("main.tf", &main_tf)?;
    let installed = laptop.succeed(&["init", "-no-color"]).await?;
    let line =
        format!("Installed {}/{ORGANIZATION}/tiny v1.0.0 (self-signed, key ID {KEY_ID})", server.host());
    assert!(installed.stdout.contains(&line), "{}", installed.stdout);
    let folder: PathBuf = laptop.directory().join(".terraform/providers").join(server.host());
    assert!(folder.join(ORGANIZATION).join("tiny/1.0.0").is_dir());
    Ok(())
}
