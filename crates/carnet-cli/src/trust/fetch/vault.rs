//! A role of Vault or OpenBao, read over its API with the caller's token.

use anyhow::{Context as _, bail};
use carnet_trust::check::Trust;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::edge;

/// Reads a role and the configuration of its mount.
pub(super) async fn trust(mount: &str, role: &str) -> anyhow::Result<Trust> {
    let environment = edge::environment();
    let address = environment.get("VAULT_ADDR").context("VAULT_ADDR is not set")?.trim_end_matches('/');
    let mut builder = reqwest::Client::builder();
    if let Some(file) = environment.get("VAULT_CACERT") {
        let pem = std::fs::read(file).with_context(|| format!("{file} (VAULT_CACERT) cannot be read"))?;
        builder = builder.tls_certs_merge(reqwest::Certificate::from_pem_bundle(&pem)?);
    }
    let client = builder.redirect(reqwest::redirect::Policy::none()).build()?;
    let policy = read(&client, &format!("{address}/v1/auth/{mount}/role/{role}"), &environment).await?;
    // Who may read a role may not always read the configuration: the issuer is then not compared.
    let beside = read(&client, &format!("{address}/v1/auth/{mount}/config"), &environment).await.ok();
    Ok(Trust { policy, beside, role: None })
}

async fn read(
    client: &reqwest::Client,
    url: &str,
    environment: &std::collections::BTreeMap<String, String>,
) -> anyhow::Result<Value> {
    let token = edge::secret("VAULT_TOKEN").context("VAULT_TOKEN is not set")?;
    let mut header = reqwest::header::HeaderValue::from_str(token.expose_secret())
        .ok()
        .context("VAULT_TOKEN is no token")?;
    header.set_sensitive(true);
    let mut request = client.get(url).header("x-vault-token", header);
    if let Some(namespace) = environment.get("VAULT_NAMESPACE") {
        request = request.header("x-vault-namespace", namespace);
    }
    let answer = request.send().await.with_context(|| format!("{url} did not answer"))?;
    let status = answer.status();
    if !status.is_success() {
        bail!("{url} answered {status}: the role does not exist, or VAULT_TOKEN may not read it");
    }
    answer.json().await.with_context(|| format!("{url} answered something else than JSON"))
}
