//! The API of a server, as every command that asks one uses it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use reqwest::{Certificate, Client, Method, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::edge;
use crate::reach::{authorities, not_reached};

/// The longest that one request may take; making a key takes a while on small machines.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A server, and the token that it is asked with.
#[derive(Debug)]
pub(crate) struct ApiClient {
    client: Client,
    server: Url,
    token: SecretString,
    /// What an answer 404 may mean, where more can be said than the server does.
    unseen: Option<&'static str>,
}

/// One request.
#[derive(Debug)]
pub(crate) struct ApiRequest<'a> {
    method: Method,
    path: Vec<&'a str>,
    query: Vec<(&'a str, String)>,
    body: Option<Value>,
}

impl<'a> ApiRequest<'a> {
    /// A request for a path below the server's address, in parts that need no escapes.
    pub(crate) fn new(method: Method, path: &[&'a str]) -> Self {
        Self { method, path: path.to_vec(), query: Vec::new(), body: None }
    }

    /// Adds parameters.
    #[must_use]
    pub(crate) fn query(mut self, query: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        self.query.extend(query);
        self
    }

    /// Adds a document.
    #[must_use]
    pub(crate) fn body(mut self, body: Option<Value>) -> Self {
        self.body = body;
        self
    }
}

/// The API token: `CARNET_TOKEN`, or else what stands in the file.
pub(crate) fn api_token(file: Option<&Path>) -> anyhow::Result<SecretString> {
    match (edge::secret("CARNET_TOKEN"), file) {
        (Some(token), _) => Ok(token),
        (None, Some(file)) => {
            let text = std::fs::read_to_string(file);
            Ok(text.with_context(|| format!("{} cannot be read", file.display()))?.trim().into())
        }
        (None, None) => bail!("no API token: set CARNET_TOKEN or --token-file"),
    }
}

impl ApiClient {
    /// The server at an address, with the caller's token; authorities of a file are trusted beside the system's.
    pub(crate) fn open(
        server: &Url,
        token_file: Option<&Path>,
        ca_file: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let token = api_token(token_file)?;
        let pem = ca_file.map(authorities).transpose()?;
        Self::new(server.clone(), pem.as_deref(), token)
    }

    /// The same with everything at hand.
    pub(crate) fn new(server: Url, ca_pem: Option<&[u8]>, token: SecretString) -> anyhow::Result<Self> {
        // A redirect would carry the token to another place.
        let mut builder = Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none());
        if let Some(pem) = ca_pem {
            builder = builder.tls_certs_merge(Certificate::from_pem_bundle(pem)?);
        }
        let client = builder.build().context("the HTTP client cannot be made")?;
        Ok(Self { client, server, token, unseen: None })
    }

    /// Says what an answer 404 may mean.
    #[must_use]
    pub(crate) fn unseen(self, unseen: &'static str) -> Self {
        Self { unseen: Some(unseen), ..self }
    }

    /// The body of the answer; null when it has none.
    pub(crate) async fn send(&self, request: ApiRequest<'_>) -> anyhow::Result<Value> {
        let mut url = self.server.clone();
        url.path_segments_mut()
            .map_err(|()| anyhow!("{} is not the address of a server", self.server))?
            .pop_if_empty()
            .extend(request.path);
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(request.query);
        }
        let mut sent = self.client.request(request.method, url).bearer_auth(self.token.expose_secret());
        if let Some(body) = request.body {
            sent = sent.header("content-type", "application/vnd.api+json").body(body.to_string());
        }
        let answer = sent.send().await.map_err(not_reached)?;
        let status = answer.status();
        let text = answer.text().await.context("the server's answer broke off")?;
        let body = serde_json::from_str::<Value>(&text);
        if status.is_success() {
            return if text.is_empty() {
                Ok(Value::Null)
            } else {
                body.context("the server's answer is not JSON")
            };
        }
        let body = body.unwrap_or_default();
        let detail = body.pointer("/errors/0/detail").and_then(Value::as_str).unwrap_or("(no explanation)");
        match (status.as_u16(), self.unseen) {
            (404, Some(unseen)) => bail!("the server answered 404: {unseen}"),
            (code, _) => bail!("the server answered {code}: {detail}"),
        }
    }

    /// The id of a workspace.
    pub(crate) async fn workspace_id(&self, organization: &str, workspace: &str) -> anyhow::Result<String> {
        let path = ["api", "v2", "organizations", organization, "workspaces", workspace];
        let found = self.send(ApiRequest::new(Method::GET, &path)).await?;
        let id = found.pointer("/data/id").and_then(Value::as_str);
        Ok(id.context("the server named no workspace")?.to_owned())
    }
}
