//! A ledger on a server, over its API.

use std::path::Path;

use anyhow::Context as _;
use carnet_issuer::Jwks;
use carnet_model::{LedgerChain, LedgerRecord, OrgName, Timestamp};
use carnet_store::{LedgerPage, LedgerRange};
use reqwest::{Method, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::file::record;
use super::source::{Head, Signed};
use crate::api_client::{ApiClient, ApiRequest};

/// The ledger of one chain on a server.
#[derive(Debug)]
pub(super) struct RemoteLedger {
    server: ApiClient,
    path: Vec<String>,
}

#[derive(Deserialize)]
struct EntriesPage {
    chain: LedgerName,
    head: Option<SaidHead>,
    previous: Option<String>,
    entries: Vec<Value>,
    next_after: Option<u64>,
}

#[derive(Deserialize)]
struct SaidHead {
    sequence: u64,
    hash: String,
    fault: Option<String>,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct LedgerName(String);

#[derive(Deserialize)]
struct CheckpointsPage {
    checkpoints: Vec<Checkpoint>,
    jwks: Jwks,
    next_after: Option<u64>,
}

#[derive(Deserialize)]
struct Checkpoint {
    kid: String,
    jws: String,
}

impl RemoteLedger {
    pub(super) fn of_organization(
        server: &Url,
        name: &OrgName,
        access: (Option<&Path>, Option<&Path>),
    ) -> anyhow::Result<Self> {
        Self::new(server, &["organizations", name.as_str(), "ledger"], access)
    }

    pub(super) fn of_chain(
        server: &Url,
        chain: &LedgerChain,
        access: (Option<&Path>, Option<&Path>),
    ) -> anyhow::Result<Self> {
        Self::new(server, &["admin", "ledgers", &chain.to_string()], access)
    }

    fn new(
        server: &Url,
        path: &[&str],
        (token_file, ca_file): (Option<&Path>, Option<&Path>),
    ) -> anyhow::Result<Self> {
        let server = ApiClient::open(server, token_file, ca_file)?.unseen(
            "there is no such ledger, or the token may not read it; owners, audit-trail tokens and, for --chain, administrators of \
             the site may",
        );
        let path = ["api", "carnet", "v1"].iter().chain(path).map(|part| (*part).to_owned()).collect();
        Ok(Self { server, path })
    }

    async fn get<T: DeserializeOwned>(&self, rest: &[&str], query: &[(&str, String)]) -> anyhow::Result<T> {
        let path: Vec<&str> = self.path.iter().map(String::as_str).chain(rest.iter().copied()).collect();
        let request = ApiRequest::new(Method::GET, &path).query(query.iter().cloned());
        serde_json::from_value(self.server.send(request).await?)
            .context("the server's answer is not a ledger")
    }

    async fn entries(&self, after: u64, range: LedgerRange, limit: u64) -> anyhow::Result<EntriesPage> {
        let mut query = vec![("after", after.to_string()), ("limit", limit.to_string())];
        query.extend(range.since.map(|since| ("since", since.to_string())));
        query.extend(range.until.map(|until| ("until", until.to_string())));
        self.get(&[], &query).await
    }

    pub(super) async fn chain(&self) -> anyhow::Result<LedgerChain> {
        Ok(self.entries(0, LedgerRange::default(), 1).await?.chain.0.parse()?)
    }

    pub(super) async fn head(&self) -> anyhow::Result<Option<Head>> {
        let head = self.entries(0, LedgerRange::default(), 1).await?.head;
        let head = head
            .map(|head| Ok(Head { sequence: head.sequence, hash: head.hash.parse()?, fault: head.fault }));
        head.transpose()
    }

    pub(super) async fn page(&self, after: u64, range: LedgerRange) -> anyhow::Result<LedgerPage> {
        let page = self.entries(after, range, 1000).await?;
        let mut records = Vec::with_capacity(page.entries.len());
        for entry in page.entries {
            let sequence = entry["sequence"].as_u64().context("an entry of the server has no place")?;
            let hash = entry["hash"].as_str().unwrap_or_default().to_owned();
            let recorded_at: Option<Timestamp> = serde_json::from_value(entry["recorded_at"].clone())
                .context("an entry of the server has a time that is none")?;
            records.push(LedgerRecord { recorded_at, ..record(sequence, entry["entry"].clone(), hash) });
        }
        Ok(LedgerPage { previous: page.previous, records, next: page.next_after })
    }

    pub(super) async fn checkpoints(&self) -> anyhow::Result<Vec<Signed>> {
        let (mut found, mut after) = (Vec::new(), Some(0));
        while let Some(place) = after {
            let query = [("after", place.to_string()), ("limit", "1000".to_owned())];
            let page: CheckpointsPage = self.get(&["checkpoints"], &query).await?;
            for Checkpoint { kid, jws } in page.checkpoints {
                let key = page.jwks.find(&kid).context("the server gives a checkpoint without its key")?;
                found.push(Signed { jws, key: key.clone() });
            }
            after = page.next_after;
        }
        Ok(found)
    }
}
