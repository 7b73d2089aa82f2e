//! `carnet ledger verify`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use carnet_issuer::{Jwks, VerifiedCheckpoint, read_checkpoint};
use carnet_model::{LedgerChain, LedgerHash, LedgerSummary, LedgerVerifier};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::source::{Page, Range, Signed, Source, SourceOptions};
use crate::edge;

/// How the result is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document.
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyOptions {
    /// A file that `carnet ledger export` wrote.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    #[command(flatten)]
    source: SourceOptions,

    /// The key set of the issuer, as you kept it or fetched it yourself: only its keys are believed, not those that come with the
    /// ledger.
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,

    /// The file is a part of a ledger: it need not begin with the first entry.
    #[arg(long, requires = "file")]
    part: bool,

    /// text or json.
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    format: Format,
}

/// What was found out about a chain.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) chain: LedgerChain,
    pub(super) result: Result<LedgerSummary, String>,
    /// The keys whose signatures were checked.
    pub(super) signers: BTreeSet<String>,
    /// The last checkpoint that was checked.
    pub(super) newest: Option<VerifiedCheckpoint>,
}

pub(super) async fn run(options: VerifyOptions) -> anyhow::Result<()> {
    let keys = options.keys.as_deref().map(read_keys).transpose()?;
    let source = options.source.open(options.file).await?;
    let mut findings = Vec::new();
    for chain in source.chains().await? {
        findings.push(verify(&source, chain, keys.as_ref(), options.part).await?);
    }
    match options.format {
        Format::Text => edge::print(&text(&findings, keys.is_some()))?,
        Format::Json => edge::print(&format!("{:#}\n", json(&findings)))?,
    }
    match findings.iter().filter(|finding| finding.result.is_err()).count() {
        0 => Ok(()),
        1 => bail!("the ledger is not what was written"),
        count => bail!("{count} ledgers are not what was written"),
    }
}

fn read_keys(file: &std::path::Path) -> anyhow::Result<Jwks> {
    let text = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is not a JSON Web Key Set", file.display()))
}

/// Looks at every entry of a chain. `keys` are the only ones that are believed, if they are given.
pub(super) async fn verify(
    source: &Source,
    chain: LedgerChain,
    keys: Option<&Jwks>,
    is_part: bool,
) -> anyhow::Result<Finding> {
    // Entries that come meanwhile make the chain longer than its head said, which is no fault.
    let head = source.head(&chain).await?;
    let mut finding =
        Finding { chain: chain.clone(), result: Err(String::new()), signers: BTreeSet::new(), newest: None };
    let mut checkpoints = Vec::new();
    for signed in source.checkpoints(&chain).await? {
        match checked(&signed, &chain, keys) {
            Ok(verified) => {
                finding.signers.insert(verified.kid.to_string());
                checkpoints.push(verified.checkpoint.clone());
                finding.newest = Some(verified);
            }
            Err(fault) => {
                finding.result = Err(fault);
                return Ok(finding);
            }
        }
    }
    let first = source.page(&chain, 0, Range::default()).await?;
    let verifier = match (is_part, first.records.first(), &first.previous) {
        (true, Some(record), Some(previous)) if record.sequence > 1 => {
            let previous: LedgerHash = previous.parse().context("the hash before the first entry")?;
            LedgerVerifier::behind(chain.clone(), record.sequence - 1, previous, checkpoints)
        }
        _ => LedgerVerifier::new(chain.clone(), checkpoints),
    };
    finding.result = follow(source, &chain, verifier, first).await?.and_then(|summary| match head {
        Some((sequence, _)) if summary.last.unwrap_or(0) < sequence => Err(format!(
            "entry {}: it is missing, although the database knows that entries go to {sequence}",
            summary.last.unwrap_or(0) + 1
        )),
        Some((sequence, hash)) if summary.last == Some(sequence) && summary.hash != hash => {
            Err(format!("entry {sequence}: the database keeps another hash as that of the last entry"))
        }
        _ => Ok(summary),
    });
    Ok(finding)
}

fn checked(signed: &Signed, chain: &LedgerChain, keys: Option<&Jwks>) -> Result<VerifiedCheckpoint, String> {
    let own = Jwks { keys: vec![signed.key.clone()] };
    let verified = read_checkpoint(&signed.jws, keys.unwrap_or(&own)).map_err(|error| error.to_string())?;
    if verified.checkpoint.chain != *chain {
        return Err(format!("a checkpoint belongs to the chain {}", verified.checkpoint.chain));
    }
    Ok(verified)
}

async fn follow(
    source: &Source,
    chain: &LedgerChain,
    mut verifier: LedgerVerifier,
    first: Page,
) -> anyhow::Result<Result<LedgerSummary, String>> {
    let mut page = first;
    loop {
        for record in &page.records {
            if let Err(fault) = verifier.check(record) {
                return Ok(Err(fault.to_string()));
            }
        }
        match page.next {
            Some(next) => page = source.page(chain, next, Range::default()).await?,
            None => return Ok(verifier.finish().map_err(|fault| fault.to_string())),
        }
    }
}

pub(super) fn text(findings: &[Finding], has_keys: bool) -> String {
    let mut text = String::new();
    for finding in findings {
        let chain = &finding.chain;
        match &finding.result {
            Err(fault) => text.push_str(&format!("{chain}: NOT WHAT WAS WRITTEN\n  {fault}\n")),
            Ok(summary) => {
                let range = match (summary.first, summary.last) {
                    (Some(first), Some(last)) => format!(", {first} to {last}"),
                    _ => String::new(),
                };
                text.push_str(&format!(
                    "{chain}: {} entries{range}, each as it was written\n  hash of the last one: {}\n",
                    summary.entries, summary.hash
                ));
                text.push_str(&coverage(summary, finding));
            }
        }
    }
    let signers: BTreeSet<&str> =
        findings.iter().flat_map(|finding| &finding.signers).map(String::as_str).collect();
    if !signers.is_empty() && !has_keys {
        let signers: Vec<&str> = signers.into_iter().collect();
        text.push_str(&format!(
            "The keys of the checkpoints came with the ledger ({}). To prove who signed, give a key set of your own with --keys.\n",
            signers.join(", ")
        ));
    }
    text
}

fn coverage(summary: &LedgerSummary, finding: &Finding) -> String {
    match (summary.covered, &finding.newest) {
        (Some(covered), Some(newest)) => format!(
            "  {} signed checkpoints cover entries up to {covered}; the last is of {}, by {}\n",
            summary.checkpoints, newest.checkpoint.time, newest.issuer
        ),
        _ => "  no signed checkpoint covers them: their end could be cut off, or all written anew, unseen\n"
            .to_owned(),
    }
}

fn json(findings: &[Finding]) -> Value {
    let one = |finding: &Finding| match &finding.result {
        Err(fault) => json!({ "chain": finding.chain.to_string(), "valid": false, "fault": fault }),
        Ok(summary) => json!({
            "chain": finding.chain.to_string(),
            "valid": true,
            "entries": summary.entries,
            "first": summary.first,
            "last": summary.last,
            "hash": summary.hash.to_string(),
            "checkpoints": summary.checkpoints,
            "covered": summary.covered,
            "signers": finding.signers,
        }),
    };
    json!({ "chains": findings.iter().map(one).collect::<Vec<_>>() })
}
