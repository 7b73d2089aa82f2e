//! The server's list of what runs left behind at providers, over its API.

use std::time::Duration;

use anyhow::{Context as _, bail};
use carnet_model::{OrgName, Timestamp};
use reqwest::{Certificate, Client, RequestBuilder, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::reach::not_reached;

/// The longest that one request may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The most entries that the server gives at once.
const PAGE_SIZE: &str = "100";

/// The list of one organization.
#[derive(Debug)]
pub(super) struct OutstandingList {
    client: Client,
    url: Url,
    token: SecretString,
}

/// Something that works although the phase that obtained it is over.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "Entry")]
pub(super) struct Outstanding {
    pub(super) id: String,
    pub(super) run_id: String,
    pub(super) credential: Credential,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Credential {
    pub(super) workspace_name: String,
    pub(super) phase: String,
    pub(super) family: String,
    pub(super) tag: Option<String>,
    pub(super) address: String,
    pub(super) namespace: Option<String>,
    /// Empty for kinds that have none.
    pub(super) accessor: String,
    pub(super) ends_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    attributes: Credential,
    relationships: Relationships,
}

#[derive(Deserialize)]
struct Relationships {
    run: Relation,
}

#[derive(Deserialize)]
struct Relation {
    data: Identifier,
}

#[derive(Deserialize)]
struct Identifier {
    id: String,
}

impl From<Entry> for Outstanding {
    fn from(entry: Entry) -> Self {
        Self { id: entry.id, run_id: entry.relationships.run.data.id, credential: entry.attributes }
    }
}

#[derive(Deserialize)]
struct Page {
    data: Vec<Outstanding>,
    meta: Meta,
}

#[derive(Deserialize)]
struct Meta {
    pagination: Pagination,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Pagination {
    next_page: Option<u64>,
}

impl OutstandingList {
    /// The list of an organization on the server at an address; `ca_pem` is trusted beside the system's authorities.
    pub(super) fn new(
        server: &str,
        organization: &OrgName,
        token: SecretString,
        ca_pem: Option<&[u8]>,
    ) -> anyhow::Result<Self> {
        // A redirect would carry the token to another place.
        let mut builder = Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none());
        if let Some(pem) = ca_pem {
            builder = builder.tls_certs_merge(Certificate::from_pem_bundle(pem)?);
        }
        let client = builder.build().context("the HTTP client cannot be made")?;
        let mut url =
            Url::parse(server).with_context(|| format!("{server} is not the address of a server"))?;
        extend(
            &mut url,
            &["api", "carnet", "v1", "organizations", organization.as_str(), "outstanding-credentials"],
        )?;
        Ok(Self { client, url, token })
    }

    /// Everything on the list, in the order in which it was left behind.
    pub(super) async fn all(&self) -> anyhow::Result<Vec<Outstanding>> {
        let mut found = Vec::new();
        let mut next = Some(1);
        while let Some(number) = next {
            let query = [("page[number]", number.to_string()), ("page[size]", PAGE_SIZE.to_owned())];
            let answer = self.send(self.client.get(self.url.clone()).query(&query)).await;
            let page: Page = serde_json::from_slice(&answer.context("the list cannot be read")?)
                .context("the answer of the server is not a list of credentials")?;
            found.extend(page.data);
            next = page.meta.pagination.next_page.filter(|next| *next > number);
        }
        Ok(found)
    }

    /// Tells the server what became of an entry.
    pub(super) async fn settle(&self, id: &str, revocation: &str, detail: &str) -> anyhow::Result<()> {
        let mut url = self.url.clone();
        extend(&mut url, &[id, "actions", "settle"])?;
        let attributes = json!({ "revocation": revocation, "detail": detail });
        let body = json!({ "data": { "type": "outstanding-credentials", "attributes": attributes } });
        self.send(self.client.post(url).json(&body)).await.map(drop)
    }

    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Vec<u8>> {
        let answer = request.bearer_auth(self.token.expose_secret()).send().await.map_err(not_reached)?;
        let status = answer.status();
        let body = answer.bytes().await?.to_vec();
        if status.is_success() {
            return Ok(body);
        }
        let detail = serde_json::from_slice(&body)
            .ok()
            .and_then(|answer: Value| Some(answer.pointer("/errors/0/detail")?.as_str()?.to_owned()));
        bail!("the server answered {}: {}", status.as_u16(), detail.as_deref().unwrap_or("(no explanation)"))
    }
}

fn extend(url: &mut Url, parts: &[&str]) -> anyhow::Result<()> {
    let Ok(mut path) = url.path_segments_mut() else {
        bail!("the address of the server has no host");
    };
    path.pop_if_empty().extend(parts);
    Ok(())
}
