//! The API of a server, for an administrator of the site.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use reqwest::{Method, Url};
use serde_json::{Value, json};

use crate::api_client::{ApiClient, ApiRequest};
use crate::edge;
use crate::reach::server_address;

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
pub(super) struct Connection(ApiClient);

impl ConnectionOptions {
    /// Reads the token and prepares requests.
    pub(super) fn open(&self) -> anyhow::Result<Connection> {
        let server = ApiClient::open(&self.server, self.token_file.as_deref(), self.ca_file.as_deref())?;
        Ok(Connection(
            server.unseen(
                "there is no such issuer or key, or the token is not of an administrator of the site",
            ),
        ))
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
    /// Reads what is at a path below the issuers.
    pub(super) async fn get(&self, path: &[&str]) -> anyhow::Result<Value> {
        self.ask(below(Method::GET, path)).await
    }

    /// Sends attributes to a path below the issuers.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &[&str],
        attributes: Option<Value>,
    ) -> anyhow::Result<Value> {
        let document =
            attributes.map(|attributes| json!({ "data": { "type": "issuers", "attributes": attributes } }));
        self.ask(below(method, path).body(document)).await
    }

    /// Sends a request.
    pub(super) async fn ask(&self, request: ApiRequest<'_>) -> anyhow::Result<Value> {
        self.0.send(request).await
    }
}

/// A request for a path below the issuers.
pub(super) fn below<'a>(method: Method, path: &[&'a str]) -> ApiRequest<'a> {
    let start = ["api", "carnet", "v1", "admin", "issuers"];
    ApiRequest::new(method, &[&start, path].concat())
}
