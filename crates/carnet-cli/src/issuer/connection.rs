//! The API of a server, for an administrator of the site.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use reqwest::{Certificate, Client, Method, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use crate::edge;
use crate::reach::{authorities, not_reached, server_address};

/// The longest that one request may take; making a key takes a while on small machines.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Which server, on whose authority, and how the answer is printed.
#[derive(Debug, Args)]
pub(crate) struct ConnectionOptions {
    /// The server's address.
    #[arg(long, env = "CARNET_SERVER", value_name = "URL", value_parser = server_address)]
    pub(super) server: Url,

    /// The file of the API token of an administrator of the site; CARNET_TOKEN beats it.
    #[arg(long, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,

    /// Certificate authorities to trust beside the system's, PEM.
    #[arg(long, env = "CARNET_CA_FILE", value_name = "FILE")]
    pub(super) ca_file: Option<PathBuf>,

    /// A table for people, or the JSON of the API.
    #[arg(long, default_value = "table", value_name = "FORMAT")]
    pub(super) format: Format,
}

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Lines for people.
    Table,
    /// JSON for machines.
    Json,
}

/// A server that is asked.
#[derive(Debug)]
pub(super) struct Connection {
    client: Client,
    server: Url,
    token: SecretString,
}

impl ConnectionOptions {
    /// Reads the token and prepares requests.
    pub(super) fn open(&self) -> anyhow::Result<Connection> {
        let token = match (edge::secret("CARNET_TOKEN"), &self.token_file) {
            (Some(token), _) => token,
            (None, Some(file)) => std::fs::read_to_string(file)
                .with_context(|| format!("{} cannot be read", file.display()))?
                .trim()
                .into(),
            (None, None) => bail!("no API token: set CARNET_TOKEN or --token-file"),
        };
        let pem = self.ca_file.as_deref().map(authorities).transpose()?;
        Connection::new(self.server.clone(), pem.as_deref(), token)
    }

    /// Prints an answer as JSON, or what a function makes of it.
    pub(super) fn print(&self, answer: &Value, text: impl FnOnce(&Value) -> String) -> anyhow::Result<()> {
        match self.format {
            Format::Table => edge::print(&text(answer)),
            Format::Json => edge::print(&format!("{answer:#}\n")),
        }
    }
}

impl Connection {
    pub(super) fn new(server: Url, ca_pem: Option<&[u8]>, token: SecretString) -> anyhow::Result<Self> {
        // A redirect would carry the token to another place.
        let mut builder = Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none());
        if let Some(pem) = ca_pem {
            builder = builder.tls_certs_merge(Certificate::from_pem_bundle(pem)?);
        }
        Ok(Self { client: builder.build().context("the HTTP client cannot be made")?, server, token })
    }

    /// Reads what is at a path below the issuers.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send(Method::GET, path, None).await
    }

    /// Sends attributes to a path below the issuers.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        attributes: Option<Value>,
    ) -> anyhow::Result<Value> {
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let mut url = self.server.clone();
        let prefix = self.server.path().trim_end_matches('/');
        url.set_path(&format!("{prefix}/api/carnet/v1/admin/issuers{path}"));
        url.set_query(query);
        let mut request = self.client.request(method, url).bearer_auth(self.token.expose_secret());
        if let Some(attributes) = attributes {
            let document = json!({ "data": { "type": "issuers", "attributes": attributes } });
            request = request.header("content-type", "application/vnd.api+json").body(document.to_string());
        }
        let answer = request.send().await.map_err(not_reached)?;
        let status = answer.status();
        let text = answer.text().await.context("the server's answer broke off")?;
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        if status.is_success() {
            return Ok(body);
        }
        let detail = body.pointer("/errors/0/detail").and_then(Value::as_str).unwrap_or("(no explanation)");
        match status.as_u16() {
            404 => bail!(
                "the server answered 404: there is no such issuer or key, or the token is not of an administrator of the site"
            ),
            code => bail!("the server answered {code}: {detail}"),
        }
    }
}
