//! `carnet issuer publish`: writes discovery and keys as static files, and looks whether the world sees them.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use carnet_issuer::publish::{Destination, Documents};
use carnet_issuer::{DISCOVERY_PATH, JWKS_PATH, Jwks};
use clap::Args;
use reqwest::{Certificate, Client, Url};
use serde_json::Value;

use super::verify::{outside, refuse_failures};
use crate::edge;
use crate::reach::{authorities, not_reached, server_address};

/// The longest that one request to the server may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What is published, and where.
#[derive(Debug, Args)]
pub(crate) struct PublishOptions {
    /// A folder, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX. Credentials come from the environment of the
    /// cloud: AWS_*, GOOGLE_*, AZURE_*.
    #[arg(long, value_name = "PLACE")]
    to: String,

    /// The server whose documents are published. No token is needed: they are public.
    #[arg(long, env = "CARNET_SERVER", value_name = "URL", value_parser = server_address)]
    server: Url,

    /// The path of the issuer below that of the server, as /organizations/org-... of an organization's own issuer.
    #[arg(long, default_value = "", value_name = "PATH")]
    path: String,

    /// Certificate authorities to trust beside the system's, PEM.
    #[arg(long, env = "CARNET_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,

    /// How long caches may keep the documents: no longer than a key is published before it signs.
    #[arg(long, default_value = "300", value_name = "SECONDS")]
    max_age: u64,

    /// Do not look afterwards whether the issuer's URL shows what was published.
    #[arg(long)]
    no_verify: bool,
}

/// Publishes, and looks. Fails when the issuer's URL does not show it.
pub(super) async fn run(options: &PublishOptions) -> anyhow::Result<()> {
    let destination = Destination::new(&options.to, &edge::environment())?;
    let pem = options.ca_file.as_deref().map(authorities).transpose()?;
    let mut builder = Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none());
    if let Some(pem) = &pem {
        builder = builder.tls_certs_merge(Certificate::from_pem_bundle(pem)?);
    }
    let client = builder.build().context("the HTTP client cannot be made")?;
    let discovery = read(&client, options, DISCOVERY_PATH).await?;
    let jwks = read(&client, options, JWKS_PATH).await?;
    let (issuer, kid) = understood(&discovery, &jwks)?;
    let documents = Documents { discovery, jwks, max_age: Duration::from_secs(options.max_age) };
    let destination = destination.below(&options.path);
    destination.publish(&documents).await?;
    edge::print(&format!("discovery and keys of {issuer} are published to {destination}\n"))?;
    if options.no_verify {
        return Ok(());
    }
    let report = outside(&issuer, Some(&kid), pem.as_deref()).await;
    edge::print(&report.to_string())?;
    refuse_failures(&report)
}

async fn read(client: &Client, options: &PublishOptions, path: &str) -> anyhow::Result<Vec<u8>> {
    let mut url = options.server.clone();
    let base = options.server.path().trim_end_matches('/');
    let below = options.path.trim_matches('/');
    let slash = if below.is_empty() { "" } else { "/" };
    url.set_path(&format!("{base}{slash}{below}{path}"));
    let answer = client.get(url.clone()).send().await.map_err(not_reached)?;
    if !answer.status().is_success() {
        bail!(
            "{url} answered {}; is this the address of a server, and --path that of an issuer?",
            answer.status()
        );
    }
    Ok(answer.bytes().await.map_err(not_reached)?.to_vec())
}

/// The issuer's URL and the key that signs: nothing else than such documents is published.
fn understood(discovery: &[u8], jwks: &[u8]) -> anyhow::Result<(String, String)> {
    let document: Value =
        serde_json::from_slice(discovery).context("the server's discovery document is no JSON")?;
    let issuer = document["issuer"].as_str().context("the server's discovery document names no issuer")?;
    let jwks: Jwks = serde_json::from_slice(jwks).context("the server's key set cannot be read")?;
    let current = jwks.keys.first().context("the server's key set is empty")?;
    Ok((issuer.to_owned(), current.kid().to_string()))
}
