//! `carnet ledger export`.

use anyhow::Context as _;
use carnet_model::{FactName, LedgerChain, LedgerEntry, LedgerKind, Timestamp};
use carnet_store::LedgerRange;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::file::Line;
use super::source::{Source, SourceOptions};
use crate::edge;

/// How entries are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum ExportFormat {
    /// JSON lines: each entry with its hash and the one before, then the signed checkpoints. `carnet ledger verify` reads it.
    #[default]
    Jsonl,
    /// JSON lines of the form that entries of HCP Terraform's audit trail have.
    AuditTrail,
}

#[derive(Debug, Args)]
pub(crate) struct ExportOptions {
    #[command(flatten)]
    source: SourceOptions,

    /// jsonl or audit-trail.
    #[arg(long, default_value = "jsonl", value_name = "FORMAT")]
    format: ExportFormat,

    /// Only entries from this time on.
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,

    /// Only entries before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
}

pub(super) async fn run(options: ExportOptions) -> anyhow::Result<()> {
    let range = LedgerRange { since: options.since, until: options.until };
    let source = options.source.open(None).await?;
    for chain in source.chains().await? {
        export(&source, &chain, range, options.format, &mut edge::print).await?;
    }
    Ok(())
}

async fn export(
    source: &Source,
    chain: &LedgerChain,
    range: LedgerRange,
    format: ExportFormat,
    print: &mut dyn FnMut(&str) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (mut after, mut covered) = (Some(0), None::<(u64, u64)>);
    while let Some(place) = after {
        let page = source.page(chain, place, range).await?;
        let mut previous = page.previous.unwrap_or_default();
        let mut text = String::new();
        for record in page.records {
            covered = Some((covered.map_or(record.sequence, |(first, _)| first), record.sequence));
            text.push_str(&match format {
                // The canonical text stands in the line as it is.
                ExportFormat::Jsonl => format!(
                    "{{\"entry\":{},\"hash\":{},\"previous\":{}}}\n",
                    record.entry,
                    json!(record.hash),
                    json!(previous)
                ),
                ExportFormat::AuditTrail => {
                    let entry = LedgerEntry::parse(&record.entry)
                        .with_context(|| format!("entry {} of {chain} cannot be read", record.sequence))?;
                    format!("{}\n", audit_entry(&entry))
                }
            });
            previous = record.hash;
        }
        print(&text)?;
        after = page.next;
    }
    if format == ExportFormat::Jsonl {
        print(&checkpoint_lines(source, chain, covered).await?)?;
    }
    Ok(())
}

/// The checkpoints that speak of what was exported: those of other entries could not be checked by whoever reads it.
async fn checkpoint_lines(
    source: &Source,
    chain: &LedgerChain,
    covered: Option<(u64, u64)>,
) -> anyhow::Result<String> {
    let mut text = String::new();
    for signed in source.checkpoints(chain).await? {
        let keys = carnet_issuer::Jwks { keys: vec![signed.key.clone()] };
        let said = carnet_issuer::read_checkpoint(&signed.jws, &keys)
            .with_context(|| format!("a checkpoint of {chain} is of no use"))?;
        let place = said.checkpoint.sequence;
        if covered.is_some_and(|(first, last)| (first..=last).contains(&place)) {
            let line = Line::Checkpoint { chain: chain.to_string(), checkpoint: signed.jws, key: signed.key };
            text.push_str(&format!("{}\n", serde_json::to_string(&line)?));
        }
    }
    Ok(text)
}

/// An entry in the form of HCP Terraform's audit trail, all facts in `meta`.
fn audit_entry(entry: &LedgerEntry) -> Value {
    let organization = match &entry.chain {
        LedgerChain::Site => None,
        LedgerChain::Organization(id) => Some(id.to_string()),
    };
    let of = |name: FactName| entry.fact(name);
    let (resource_type, resource_id) = match entry.kind {
        LedgerKind::Mint => ("identity_token", of(FactName::Jti)),
        LedgerKind::Exchange | LedgerKind::Renewal | LedgerKind::Refusal | LedgerKind::Revocation => {
            ("credential", of(FactName::Jti).or(of(FactName::Run)))
        }
        LedgerKind::Key => ("signing_key", of(FactName::Kid)),
        LedgerKind::Checkpoint => ("ledger", of(FactName::Resource)),
        LedgerKind::Policy | LedgerKind::Setting => {
            (of(FactName::ResourceType).unwrap_or("setting"), of(FactName::Resource))
        }
    };
    let action = of(FactName::Action).unwrap_or(entry.kind.as_str());
    json!({
        "id": format!("{}-{}", entry.chain, entry.sequence),
        "version": "0",
        "type": "Resource",
        "timestamp": entry.time,
        "auth": {
            "accessor_id": of(FactName::Actor),
            "description": of(FactName::ActorName).or(of(FactName::Actor)),
            "type": if of(FactName::Token).is_some() { "Client" } else { "System" },
            "impersonator_id": null,
            "organization_id": organization,
            "token_id": of(FactName::Token),
        },
        "request": { "id": of(FactName::Request) },
        "resource": { "id": resource_id, "type": resource_type, "action": action, "meta": entry.facts },
    })
}
