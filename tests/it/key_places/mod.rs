//! Keys that never leave their place: signing keys and the key of the master key in OpenBao, signing keys in a module.

mod master_key;
mod module;
mod transit;

use std::path::{Path, PathBuf};

use anyhow::Context;
use carnet_tests::{CertificateAuthority, OpenBao, ServerOptions};
use serde_json::json;
use tempfile::TempDir;

/// The key of the secrets engine that signs tokens.
const SIGNING: &str = "transit:transit/carnet-signing";

/// The key of the secrets engine that wraps the master key.
const WRAPPING: &str = "transit:transit/carnet-master";

/// The least that a server needs.
const POLICY: &str = r#"
    path "transit/keys/carnet-signing" { capabilities = ["create", "read", "update"] }
    path "transit/keys/carnet-signing/rotate" { capabilities = ["update"] }
    path "transit/sign/carnet-signing" { capabilities = ["update"] }
    path "transit/encrypt/carnet-master" { capabilities = ["create", "update"] }
    path "transit/decrypt/carnet-master" { capabilities = ["update"] }
    path "transit/rewrap/carnet-master" { capabilities = ["update"] }
"#;

/// An OpenBao with the secrets engine, and what a server needs to know of it.
struct Transit {
    ca: CertificateAuthority,
    bao: OpenBao,
    folder: TempDir,
}

impl Transit {
    async fn start() -> anyhow::Result<Self> {
        let ca = CertificateAuthority::new()?;
        let bao = OpenBao::start(&ca).await?;
        bao.admin("POST", "sys/mounts/transit", json!({"type": "transit"})).await?;
        bao.admin("PUT", "sys/policies/acl/carnet", json!({"policy": POLICY})).await?;
        let transit = Self { ca, bao, folder: tempfile::tempdir()? };
        transit.write_token(&transit.new_token().await?)?;
        Ok(transit)
    }

    async fn new_token(&self) -> anyhow::Result<String> {
        let body = json!({"policies": ["carnet"], "no_parent": true});
        let made = self.bao.admin("POST", "auth/token/create", body).await?;
        Ok(made["auth"]["client_token"].as_str().context("a token")?.to_owned())
    }

    fn token_file(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    /// Replaces the token, as an agent of OpenBao does.
    fn write_token(&self, token: &str) -> anyhow::Result<()> {
        let new = self.folder.path().join("token.new");
        std::fs::write(&new, token)?;
        Ok(std::fs::rename(new, self.token_file())?)
    }

    /// How a server or a command reaches it.
    fn arguments(&self) -> Vec<String> {
        let mut arguments = self.address();
        arguments.extend(["--transit-token-file".to_owned(), self.token_file().display().to_string()]);
        arguments
    }

    fn address(&self) -> Vec<String> {
        let ca_file = self.ca.pem_file().display().to_string();
        let address = ["--transit-address", self.bao.address(), "--transit-ca-file", &ca_file];
        address.map(str::to_owned).to_vec()
    }

    fn options(&self, more: &[&str]) -> ServerOptions {
        let mut arguments = self.arguments();
        arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
        ServerOptions { arguments, ..ServerOptions::default() }
    }

    /// How often a path was asked for, successfully.
    fn requests(&self, path: &str) -> anyhow::Result<usize> {
        let is_it = |entry: &&serde_json::Value| {
            entry["type"] == "response" && entry["request"]["path"] == path && entry["error"].is_null()
        };
        Ok(self.bao.audit_log()?.iter().filter(is_it).count())
    }
}

/// Every file below a folder.
fn files_below(folder: &Path) -> anyhow::Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files_below(&path)?);
        } else if path.is_file() {
            found.push((path.clone(), std::fs::read(&path)?));
        }
    }
    Ok(found)
}

fn arguments<'a>(first: &[&'a str], more: &'a [String]) -> Vec<&'a str> {
    first.iter().copied().chain(more.iter().map(String::as_str)).collect()
}
