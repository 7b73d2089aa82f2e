//! What everybody has to say about a run when it is over.

use std::collections::BTreeMap;

use anyhow::Context;
use serde_json::Value;

use super::{configuration::object_key, options::SoakOptions, site::BUCKET, site::Site};
use crate::{open_bao::OpenBao, stand_in::Exchange, terraform_cli::without_colour};

/// A family of credentials, as the product names it.
pub(super) type Family = &'static str;

/// The families that a soak uses, in the order of its table.
pub(super) const FAMILIES: [Family; 4] = ["aws", "vault", "azure", "gcp"];

/// Everything that the judgement is made from.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// The final status of the run.
    pub(super) status: String,
    /// The log of both phases.
    pub(super) log: String,
    /// What the server says it has minted.
    pub(super) ledger: Vec<Minted>,
    /// What the server says the run has held.
    pub(super) held: Vec<Held>,
    /// What the counterparts say they were shown.
    pub(super) seen: BTreeMap<Family, Vec<Seen>>,
    pub(super) vault: VaultUse,
    /// How many objects of the chain are in the bucket.
    pub(super) objects: usize,
}

/// An identity token of the ledger.
#[derive(Debug, Clone)]
pub(super) struct Minted {
    pub(super) family: String,
    pub(super) phase: String,
    pub(super) jti: String,
}

/// A credential of the report on the run.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) family: String,
    pub(super) phase: String,
    pub(super) jti: String,
    pub(super) renewals: usize,
    pub(super) outcome: String,
    pub(super) revocations: Vec<String>,
}

/// A request to a counterpart.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// The `jti` of the identity token behind it.
    pub(super) token_id: Option<String>,
    /// Whether it was an exchange of the identity token for something else.
    pub(super) is_exchange: bool,
    /// The counterpart's reason for a refusal.
    pub(super) refusal: Option<String>,
}

/// What OpenBao's audit log holds.
#[derive(Debug, Clone, Default)]
pub(super) struct VaultUse {
    /// The accessor and the `jti` of every login.
    pub(super) logins: Vec<(String, String)>,
    /// The accessors of the tokens that were renewed, once for each renewal.
    pub(super) renewals: Vec<String>,
    /// How often the secret was read.
    pub(super) reads: usize,
    /// What was refused.
    pub(super) refusals: Vec<String>,
    /// The accessors of the tokens that still work.
    pub(super) live: Vec<String>,
}

impl Evidence {
    pub(super) async fn collect(site: &Site, run: &str, options: &SoakOptions) -> anyhow::Result<Self> {
        let document = site.api.get(&format!("runs/{run}")).await?;
        let ledger = site.api.get(&format!("/api/carnet/v1/runs/{run}/identity-tokens")).await?;
        let held = site.api.get(&format!("/api/carnet/v1/runs/{run}/credentials")).await?;
        let mut vault = VaultUse::read(&site.bao)?;
        for (accessor, _) in &vault.logins {
            if site.bao.is_live(accessor).await? {
                vault.live.push(accessor.clone());
            }
        }
        let mut objects = 0;
        for place in 0..options.objects() {
            let object = site.seaweed.object(BUCKET, &object_key(place)).await?;
            objects += usize::from(object.is_some());
        }
        let mut seen = seen(site);
        let logins = vault.logins.iter().map(|(_, jti)| Seen::exchange(jti));
        seen.insert("vault", logins.collect());
        Ok(Self {
            status: text(&document["data"]["attributes"]["status"]),
            log: readable(&site.api.run_log(run).await?),
            ledger: ledger.as_array().context("the ledger is a list")?.iter().map(Minted::of).collect(),
            held: held["data"].as_array().context("the report is a list")?.iter().map(Held::of).collect(),
            seen,
            vault,
            objects,
        })
    }
}

/// What the counterparts with a record have seen so far.
pub(super) fn seen(site: &Site) -> BTreeMap<Family, Vec<Seen>> {
    let aws = site.sts.record().into_iter().map(|assumption| Seen {
        token_id: assumption.token_id,
        is_exchange: true,
        refusal: (assumption.status != 200).then(|| format!("status {}", assumption.status)),
    });
    let azure = site.entra.record();
    let azure = azure.iter().map(|exchange| Seen::of(exchange, "/oauth2/v2.0/token"));
    let google = site.google.record();
    let google = google.iter().map(|exchange| Seen::of(exchange, "/v1/token"));
    BTreeMap::from([("aws", aws.collect()), ("azure", azure.collect()), ("gcp", google.collect())])
}

impl Seen {
    fn of(exchange: &Exchange, token_path: &str) -> Self {
        let refusal = format!("{} was refused with {}", exchange.request, exchange.verdict);
        Self {
            token_id: exchange.token_id.clone(),
            is_exchange: exchange.request.ends_with(token_path),
            refusal: (exchange.verdict != "accepted").then_some(refusal),
        }
    }

    fn exchange(jti: &str) -> Self {
        Self { token_id: Some(jti.to_owned()), is_exchange: true, refusal: None }
    }
}

impl Minted {
    fn of(entry: &Value) -> Self {
        let [family, phase, jti] = ["family", "phase", "jti"].map(|name| text(&entry[name]));
        Self { family, phase, jti }
    }
}

impl Held {
    fn of(resource: &Value) -> Self {
        let attributes = &resource["attributes"];
        let leases = attributes["leases"].as_array().into_iter().flatten();
        let renewals = attributes["renewals"].as_u64().unwrap_or_default();
        Self {
            family: text(&attributes["family"]),
            phase: text(&attributes["phase"]),
            jti: text(&attributes["jti"]),
            renewals: usize::try_from(renewals).unwrap_or(usize::MAX),
            outcome: text(&attributes["outcome"]),
            revocations: leases.map(|lease| text(&lease["revocation"])).collect(),
        }
    }
}

impl VaultUse {
    /// Reads the audit log: its responses, each of which repeats its request.
    pub(super) fn read(bao: &OpenBao) -> anyhow::Result<Self> {
        let mut found = Self::default();
        for entry in bao.audit_log()? {
            let path = entry["request"]["path"].as_str().unwrap_or_default();
            let is_of_run = ["auth/jwt/login", "auth/token/renew-self", "secret/data/app"].contains(&path);
            if entry["type"] != "response" || !is_of_run {
                continue;
            }
            if let Some(error) = entry["error"].as_str() {
                let words: Vec<&str> = error.split_whitespace().collect();
                found.refusals.push(format!("{path}: {}", words.join(" ")));
                continue;
            }
            let auth = &entry["response"]["auth"];
            match path {
                "auth/jwt/login" => {
                    found.logins.push((text(&auth["accessor"]), text(&auth["metadata"]["jti"])));
                }
                "auth/token/renew-self" => found.renewals.push(text(&auth["accessor"])),
                _ if entry["request"]["operation"] == "read" => found.reads += 1,
                _ => {}
            }
        }
        Ok(found)
    }
}

/// The messages alone, where Terraform says more about them.
fn readable(log: &str) -> String {
    let message = |line: &str| {
        let entry: Option<Value> = serde_json::from_str(line).ok();
        entry.map(|entry| text(&entry["@message"])).filter(|message| !message.is_empty())
    };
    let lines = log.lines().map(|line| message(line).unwrap_or_else(|| without_colour(line)) + "\n");
    lines.collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
