//! `carnet admin rotate-key` and `trim-key`: changes the keys that sign identity tokens, over the API of a server that runs.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use reqwest::{Certificate, Client, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::edge;
use crate::reach::{authorities, not_reached, server_address};

/// The longest that one request may take; making a key takes a while on small machines.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Which server, and on whose authority.
#[derive(Debug, Args)]
pub(crate) struct KeyOptions {
    /// The server's address.
    #[arg(long, env = "CARNET_SERVER", value_name = "URL", value_parser = server_address)]
    pub(super) server: Url,

    /// The file of the API token of an administrator of the site; CARNET_TOKEN beats it.
    #[arg(long, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,

    /// Certificate authorities to trust beside the system's, PEM.
    #[arg(long, env = "CARNET_CA_FILE", value_name = "FILE")]
    pub(super) ca_file: Option<PathBuf>,
}

/// What is done to the keys.
#[derive(Debug, Clone, Copy)]
pub(crate) enum KeyAction {
    Rotate,
    Trim,
}

impl KeyAction {
    fn path(self) -> &'static str {
        match self {
            Self::Rotate => "api/v2/admin/oidc-settings/actions/rotate-key",
            Self::Trim => "api/v2/admin/oidc-settings/actions/trim-key",
        }
    }

    fn report(self) -> &'static str {
        match self {
            Self::Rotate => "a new key signs; trim the one before when its tokens have ended\n",
            Self::Trim => "keys that sign no more are not published any longer\n",
        }
    }
}

/// Carries the action out, or fails with the server's reason.
pub(crate) async fn run(options: &KeyOptions, action: KeyAction) -> anyhow::Result<()> {
    let token = match (edge::secret("CARNET_TOKEN"), &options.token_file) {
        (Some(token), _) => token,
        (None, Some(file)) => std::fs::read_to_string(file)
            .with_context(|| format!("{} cannot be read", file.display()))?
            .trim()
            .into(),
        (None, None) => bail!("no API token: set CARNET_TOKEN or --token-file"),
    };
    let pem = options.ca_file.as_deref().map(authorities).transpose()?;
    request(&options.server, pem.as_deref(), &token, action).await?;
    edge::print(action.report())
}

pub(super) async fn request(
    server: &Url,
    ca_pem: Option<&[u8]>,
    token: &SecretString,
    action: KeyAction,
) -> anyhow::Result<()> {
    // A redirect would carry the token to another place.
    let mut builder = Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none());
    if let Some(pem) = ca_pem {
        builder = builder.tls_certs_merge(Certificate::from_pem_bundle(pem)?);
    }
    let client = builder.build().context("the HTTP client cannot be made")?;
    let mut url = server.clone();
    url.set_path(&format!("{}/{}", server.path().trim_end_matches('/'), action.path()));
    let answer = client.post(url).bearer_auth(token.expose_secret()).send().await.map_err(not_reached)?;
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let body: Value = answer.json().await.unwrap_or_default();
    let detail = body.pointer("/errors/0/detail").and_then(Value::as_str).unwrap_or("(no explanation)");
    match status.as_u16() {
        404 => bail!("the server answered 404: the token is not of an administrator of the site"),
        code => bail!("the server answered {code}: {detail}"),
    }
}
