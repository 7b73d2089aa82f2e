//! The server's list of what runs left behind at providers, over its API.

use anyhow::Context as _;
use carnet_model::{OrgName, Timestamp};
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use crate::api_client::{ApiClient, ApiRequest};

/// The most entries that the server gives at once.
const PAGE_SIZE: &str = "100";

/// The list of one organization.
#[derive(Debug)]
pub(super) struct OutstandingList {
    server: ApiClient,
    organization: OrgName,
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
    pub(super) fn new(server: ApiClient, organization: OrgName) -> Self {
        Self { server, organization }
    }

    fn request<'a>(&'a self, method: Method, rest: &[&'a str]) -> ApiRequest<'a> {
        let list =
            ["api", "carnet", "v1", "organizations", self.organization.as_str(), "outstanding-credentials"];
        ApiRequest::new(method, &[&list, rest].concat())
    }

    /// Everything on the list, in the order in which it was left behind.
    pub(super) async fn all(&self) -> anyhow::Result<Vec<Outstanding>> {
        let mut found = Vec::new();
        let mut next = Some(1);
        while let Some(number) = next {
            let query = [("page[number]", number.to_string()), ("page[size]", PAGE_SIZE.to_owned())];
            let answer = self.server.send(self.request(Method::GET, &[]).query(query)).await;
            let page: Page = serde_json::from_value(answer.context("the list cannot be read")?)
                .context("the answer of the server is not a list of credentials")?;
            found.extend(page.data);
            next = page.meta.pagination.next_page.filter(|next| *next > number);
        }
        Ok(found)
    }

    /// Tells the server what became of an entry.
    pub(super) async fn settle(&self, id: &str, revocation: &str, detail: &str) -> anyhow::Result<()> {
        let attributes = json!({ "revocation": revocation, "detail": detail });
        let body = json!({ "data": { "type": "outstanding-credentials", "attributes": attributes } });
        let request = self.request(Method::POST, &[id, "actions", "settle"]).body(Some(body));
        self.server.send(request).await.map(drop)
    }
}
