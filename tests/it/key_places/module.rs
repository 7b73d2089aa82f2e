//! A module that speaks PKCS#11, SoftHSM, signs every token.

use std::path::Path;

use anyhow::{Context, ensure};
use carnet_tests::{ServerOptions, Tool, tool};
use tempfile::TempDir;

use super::files_below;
use crate::process_table::contains;
use crate::site::{PASSWORD, Site, id, script, sha256, status};

const PIN: &str = "a-pin-of-tests-1234";

/// A SoftHSM with one token.
struct Module {
    folder: TempDir,
    library: String,
}

impl Module {
    async fn new() -> anyhow::Result<Self> {
        let soft_hsm = tool(Tool::SoftHsm).await?;
        let folder = tempfile::tempdir()?;
        std::fs::create_dir(folder.path().join("tokens"))?;
        let tokens = folder.path().join("tokens").display().to_string();
        std::fs::write(folder.path().join("softhsm2.conf"), format!("directories.tokendir = {tokens}\n"))?;
        std::fs::write(folder.path().join("pin"), PIN)?;
        let library = soft_hsm.join("libsofthsm2.so").display().to_string();
        let mut command = tokio::process::Command::new(soft_hsm.join("softhsm2-util"));
        command.args(["--module", &library, "--init-token", "--free", "--label", "carnet"]);
        command
            .args(["--so-pin", PIN, "--pin", PIN])
            .env("SOFTHSM2_CONF", folder.path().join("softhsm2.conf"));
        let made = command.output().await?;
        ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Ok(Self { folder, library })
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn options(&self) -> ServerOptions {
        let arguments = ["--signing-keys", "pkcs11:carnet/signing", "--pkcs11-module", &self.library];
        let mut arguments = arguments.map(str::to_owned).to_vec();
        arguments.extend(["--pkcs11-pin-file".to_owned(), self.file("pin")]);
        let environment = vec![("SOFTHSM2_CONF".to_owned(), self.file("softhsm2.conf"))];
        ServerOptions { arguments, environment, ..ServerOptions::default() }
    }
}

#[tokio::test]
async fn a_module_signs_every_token_also_after_a_restart_and_a_rotation() -> anyhow::Result<()> {
    let module = Module::new().await?;
    let mut site = Site::start_with(module.options()).await?;
    let workspace = site.trusted("net").await?;
    let run = site.api.run_to_end(&workspace, &script("reader", &site.read_secret())).await?;
    let log = site.api.run_log(id(&run)).await?;
    assert_eq!(status(&run), "applied", "{log}\n{}", site.server.log());
    assert!(log.contains(&sha256(PASSWORD).await?), "{log}");

    site.server.terminate().await?;
    site.server.restart().await?;
    let rotated = site.server.command(&["admin", "rotate-key", "--server", &site.server.url()]).await?;
    assert!(rotated.status.success(), "{}", String::from_utf8_lossy(&rotated.stderr));
    let run = site.api.run_to_end(&workspace, &script("again", &site.read_secret())).await?;
    assert_eq!(status(&run), "applied", "{}", site.api.run_log(id(&run)).await?);
    let keys = key_count(module.folder.path())?;
    assert!(keys >= 4, "two pairs are in the token: {keys} objects");
    for (path, bytes) in files_below(&site.server.data_dir())? {
        assert!(!contains(&bytes, PIN.as_bytes()), "{} holds the PIN", path.display());
    }
    assert!(!site.server.log().contains(PIN));
    Ok(())
}

/// How many objects lie in the token.
fn key_count(folder: &Path) -> anyhow::Result<usize> {
    let files = files_below(&folder.join("tokens"))?;
    let is_object =
        |name: &str| Path::new(name).extension().is_some_and(|end| end == "object") && name != "token.object";
    let names = files.iter().filter_map(|(path, _)| path.file_name()?.to_str());
    Ok(names.filter(|name| is_object(name)).count())
}

#[tokio::test]
async fn a_wrong_pin_is_tried_once_and_named() -> anyhow::Result<()> {
    let module = Module::new().await?;
    let data = module.file("data");
    let start = async |pin: &str| -> anyhow::Result<String> {
        std::fs::write(module.file("pin"), pin)?;
        let first = ["server", "--data", &data, "--listen", "127.0.0.1:0", "--no-agent"];
        let options = module.options();
        let mut command = tokio::process::Command::new(carnet_tests::carnet_binary()?);
        command.args(first).args(&options.arguments).envs(options.environment);
        let output = command.output().await.context("the server")?;
        ensure!(!output.status.success());
        Ok(String::from_utf8(output.stderr)?)
    };
    let text = start("another-pin-1234").await?;
    assert!(text.contains("PinIncorrect") && text.contains("--pkcs11-pin-file"), "{text}");
    assert!(!text.contains("another-pin-1234"), "{text}");
    Ok(())
}
