//! `carnet issuer keys`: which keys an issuer publishes.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use carnet_issuer::{JWKS_PATH, Jwks};
use clap::Args;
use reqwest::{Certificate, Client, Url};

use crate::edge;
use crate::reach::{authorities, not_reached, server_address};

/// The longest that one request may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Which server.
#[derive(Debug, Args)]
pub(crate) struct KeysOptions {
    /// The server's address.
    #[arg(long, env = "CARNET_SERVER", value_name = "URL", value_parser = server_address)]
    server: Url,

    /// Certificate authorities to trust beside the system's, PEM.
    #[arg(long, env = "CARNET_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

/// Prints the names of the keys, the one that signs first.
pub(super) async fn run(options: &KeysOptions) -> anyhow::Result<()> {
    let mut builder = Client::builder().timeout(TIMEOUT);
    if let Some(file) = &options.ca_file {
        builder = builder.tls_certs_merge(Certificate::from_pem_bundle(&authorities(file)?)?);
    }
    let client = builder.build().context("the HTTP client cannot be made")?;
    let mut url = options.server.clone();
    url.set_path(&format!("{}{JWKS_PATH}", options.server.path().trim_end_matches('/')));
    let answer = client.get(url).send().await.map_err(not_reached)?;
    if !answer.status().is_success() {
        bail!("the server answered {}", answer.status().as_u16());
    }
    let jwks: Jwks = answer.json().await.context("the server did not answer with a key set")?;
    edge::print(&jwks.keys.iter().map(|key| format!("{}\n", key.kid())).collect::<String>())
}
