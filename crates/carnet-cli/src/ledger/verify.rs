//! `carnet ledger verify`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use carnet_issuer::{
    CheckpointError, Jwks, PublicJwk, VerifiedCheckpoint, checkpoint_digest, read_checkpoint,
};
use carnet_model::{
    FactName, LedgerChain, LedgerCheckpoint, LedgerEntry, LedgerHash, LedgerKind, LedgerSummary,
    LedgerVerifier, LedgerWitness,
};
use carnet_store::{LedgerPage, LedgerRange, LedgerSeal};
use clap::{Args, ValueEnum};

use super::kept::{Kept, KeptOptions};
use super::report::{json, text};
use super::source::{Head, Signed, Source, SourceOptions};
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

    #[command(flatten)]
    kept: KeptOptions,

    /// The file is a part of a ledger: it need not begin with the first entry, nor end with the last one.
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
    /// The issuers that the checkpoints name.
    pub(super) issuers: BTreeSet<String>,
    /// The keys of checkpoints that nobody vouches for: what they signed is neither believed nor doubted.
    pub(super) unknown_keys: BTreeSet<String>,
    /// The last checkpoint that was checked.
    pub(super) newest: Option<VerifiedCheckpoint>,
}

/// What was found out about all chains.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) findings: Vec<Finding>,
    /// What is wrong beside the chains.
    pub(super) faults: Vec<String>,
    /// What was not looked at, and what leads there.
    pub(super) unchecked: Vec<String>,
}

pub(super) async fn run(options: VerifyOptions) -> anyhow::Result<()> {
    let kept = options.kept.read()?;
    let source = options.source.open(options.file).await?;
    let report = verify(&source, &kept, options.part).await?;
    match options.format {
        Format::Text => edge::print(&text(&report))?,
        Format::Json => edge::print(&format!("{:#}\n", json(&report)))?,
    }
    let wrong = report.findings.iter().filter(|finding| finding.result.is_err()).count();
    let unproven = report.findings.iter().any(|finding| !finding.unknown_keys.is_empty());
    match wrong.max(report.faults.len()) {
        0 if unproven => bail!("checkpoints were signed by keys that are not in the key sets you gave"),
        0 => Ok(()),
        1 => bail!("the ledger is not what was written"),
        count => bail!("{count} ledgers are not what was written"),
    }
}

/// Looks at every chain, the site's first: it knows of the others.
pub(super) async fn verify(source: &Source, kept: &Kept, is_part: bool) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let seals = source.seals().await?;
    if let Some(Err(fault)) = seals.as_ref().map(carnet_store::LedgerSeals::check) {
        report.faults.push(fault.to_string());
    }
    let mut chains: BTreeSet<LedgerChain> = source.chains().await?.into_iter().collect();
    if source.is_whole() {
        chains.extend(kept.chains());
    }
    let mut inquiry = Inquiry { source, kept, is_part, told: BTreeMap::new() };
    while let Some(chain) = chains.pop_first() {
        let seal = seals.as_ref().and_then(|seals| seals.chains.get(&chain));
        report.findings.push(inquiry.chain(&chain, seal).await?);
        if chain == LedgerChain::Site && source.is_whole() {
            chains.extend(inquiry.told.keys().cloned());
        }
    }
    report.unchecked = unchecked(source, kept, is_part, &report);
    Ok(report)
}

fn unchecked(source: &Source, kept: &Kept, is_part: bool, report: &Report) -> Vec<String> {
    let names = |of: fn(&Finding) -> &BTreeSet<String>| {
        let all: BTreeSet<&str> = report.findings.iter().flat_map(of).map(String::as_str).collect();
        all.into_iter().collect::<Vec<_>>().join(", ")
    };
    let (signers, issuers) = (names(|finding| &finding.signers), names(|finding| &finding.issuers));
    let mut missing = Vec::new();
    if kept.keys.is_none() && !signers.is_empty() && !matches!(source, Source::Database { .. }) {
        missing.push(format!(
            "who signed: the keys of the checkpoints came with the ledger ({signers}); give a key set of your own with --keys"
        ));
    }
    if kept.issuer.is_none() && !issuers.is_empty() {
        missing.push(format!(
            "that the issuer is yours: the checkpoints name {issuers}; say which it is with --issuer"
        ));
    }
    let seen: BTreeSet<&LedgerChain> = report.findings.iter().map(|finding| &finding.chain).collect();
    let others = kept.chains().into_iter().filter(|chain| !seen.contains(chain));
    missing.extend(others.map(|chain| format!("what you kept of {chain}: no entry of it is here")));
    if is_part && !kept.is_empty() {
        missing.push("what you kept: a part of a ledger is not held against it".to_owned());
    }
    if kept.is_empty() {
        missing.push(
            "that this is the ledger of before: keep checkpoints or exports elsewhere, and give them with --checkpoint or \
             --earlier"
                .to_owned(),
        );
    }
    missing
}

/// Where a ledger is looked at, and against what.
struct Inquiry<'a> {
    source: &'a Source,
    kept: &'a Kept,
    is_part: bool,
    /// What the site's chain tells of the others.
    told: BTreeMap<LedgerChain, (u64, LedgerHash)>,
}

impl Inquiry<'_> {
    async fn chain(&mut self, chain: &LedgerChain, seal: Option<&LedgerSeal>) -> anyhow::Result<Finding> {
        // Entries that come meanwhile make the chain longer than its head said, which is no fault.
        let head = self.source.head(chain).await?;
        let signed = self.source.checkpoints(chain).await?;
        let mut finding = Finding {
            chain: chain.clone(),
            result: Err(String::new()),
            signers: BTreeSet::new(),
            issuers: BTreeSet::new(),
            unknown_keys: BTreeSet::new(),
            newest: None,
        };
        finding.result = match self.checkpoints(&mut finding, &signed, seal) {
            Ok(checkpoints) => self.entries(chain, checkpoints, seal, head).await?,
            Err(fault) => Err(fault),
        };
        Ok(finding)
    }

    /// The checkpoints that come with the ledger and those that were kept, each checked, and whether one is missing between them.
    fn checkpoints(
        &self,
        finding: &mut Finding,
        signed: &[Signed],
        seal: Option<&LedgerSeal>,
    ) -> Result<Vec<LedgerCheckpoint>, String> {
        let mut checkpoints = Vec::new();
        let mut before: Option<(u64, String)> = None;
        for (place, one) in signed.iter().enumerate() {
            let own = Jwks { keys: vec![one.key.clone()] };
            let said = read_checkpoint(&one.jws, &own).map_err(|error| error.to_string())?;
            if said.checkpoint.chain != finding.chain {
                return Err(format!("a checkpoint belongs to the chain {}", said.checkpoint.chain));
            }
            if place > 0 || !self.is_part {
                follows(&said, before.as_ref())?;
            }
            before = Some((said.checkpoint.sequence, checkpoint_digest(&one.jws)));
            checkpoints.extend(self.believed(finding, &one.jws, &one.key)?);
        }
        if let Some(seal) = seal {
            let is_sealed = |one: &Signed| checkpoint_digest(&one.jws) == seal.checkpoint;
            if !signed.iter().any(is_sealed) {
                return Err(format!(
                    "the checkpoint of entry {} is missing or is another one: the server signed it last",
                    seal.sequence
                ));
            }
        }
        checkpoints.extend(self.kept_checkpoints(finding, signed)?);
        Ok(checkpoints)
    }

    fn kept_checkpoints(
        &self,
        finding: &mut Finding,
        signed: &[Signed],
    ) -> Result<Vec<LedgerCheckpoint>, String> {
        let mut found = Vec::new();
        let chain = finding.chain.clone();
        for one in self.kept.of(&chain) {
            let key = one.key.as_ref().or_else(|| {
                let mut known = signed.iter().map(|signed| &signed.key);
                known.find(|key| one.jws.starts_with(&key_prefix(key)))
            });
            found.extend(match (key, &self.kept.keys) {
                (Some(key), _) => self.believed(finding, &one.jws, key)?,
                (None, Some(keys)) => self.read(finding, &one.jws, keys)?,
                (None, None) => self.read(finding, &one.jws, &Jwks { keys: Vec::new() })?,
            });
        }
        // A checkpoint need not speak of an entry of the part.
        found.retain(|_| !self.is_part);
        Ok(found)
    }

    /// A checkpoint whose signature is right by the keys that are believed; `None` when none of them made it.
    fn believed(
        &self,
        finding: &mut Finding,
        jws: &str,
        own: &PublicJwk,
    ) -> Result<Option<LedgerCheckpoint>, String> {
        match &self.kept.keys {
            Some(keys) => self.read(finding, jws, keys),
            None => self.read(finding, jws, &Jwks { keys: vec![own.clone()] }),
        }
    }

    fn read(
        &self,
        finding: &mut Finding,
        jws: &str,
        keys: &Jwks,
    ) -> Result<Option<LedgerCheckpoint>, String> {
        let verified = match read_checkpoint(jws, keys) {
            Ok(verified) => verified,
            Err(CheckpointError::UnknownKey { kid }) => {
                finding.unknown_keys.insert(kid);
                return Ok(None);
            }
            Err(error) => return Err(error.to_string()),
        };
        if verified.checkpoint.chain != finding.chain {
            return Ok(None);
        }
        if let Some(issuer) = self.kept.issuer.as_ref().filter(|issuer| **issuer != verified.issuer) {
            return Err(format!("a checkpoint is of the issuer {}, not of {issuer}", verified.issuer));
        }
        finding.signers.insert(verified.kid.to_string());
        finding.issuers.insert(verified.issuer.clone());
        let checkpoint = verified.checkpoint.clone();
        if finding.newest.as_ref().is_none_or(|newest| newest.checkpoint.sequence < checkpoint.sequence) {
            finding.newest = Some(verified);
        }
        Ok(Some(checkpoint))
    }

    async fn entries(
        &mut self,
        chain: &LedgerChain,
        checkpoints: Vec<LedgerCheckpoint>,
        seal: Option<&LedgerSeal>,
        head: Option<Head>,
    ) -> anyhow::Result<Result<LedgerSummary, String>> {
        let first = self.source.page(chain, 0, LedgerRange::default()).await?;
        let mut verifier = match (self.is_part, first.records.first(), &first.previous) {
            (true, Some(record), Some(previous)) if record.sequence > 1 => {
                let previous: LedgerHash = previous.parse().context("the hash before the first entry")?;
                LedgerVerifier::behind(chain.clone(), record.sequence - 1, previous, checkpoints)
            }
            _ => LedgerVerifier::new(chain.clone(), checkpoints),
        };
        if let Some(seal) = seal {
            verifier.expect(seal.sequence, seal.hash, LedgerWitness::Seal);
        }
        if !self.is_part {
            if let Some((sequence, hash)) = self.told.get(chain) {
                verifier.expect(*sequence, *hash, LedgerWitness::SiteChain);
            }
            for (sequence, hash) in self.kept.ends.get(chain).into_iter().flatten() {
                verifier.expect(*sequence, *hash, LedgerWitness::Export);
            }
        }
        let is_empty = first.records.is_empty();
        let summary = match self.follow(chain, verifier, first).await? {
            Ok(summary) => summary,
            Err(fault) => return Ok(Err(fault)),
        };
        let Some(head) = head else {
            return Ok(match (is_empty, self.source.has_heads()) {
                (true, _) => Err("there is no such chain: it has no entry".to_owned()),
                (false, true) => {
                    Err("the database does not know any more where the chain ends (ledger_heads): \
                                      somebody removed that"
                        .to_owned())
                }
                (false, false) => Ok(summary),
            });
        };
        Ok(ends_with(summary, &head))
    }

    async fn follow(
        &mut self,
        chain: &LedgerChain,
        mut verifier: LedgerVerifier,
        first: LedgerPage,
    ) -> anyhow::Result<Result<LedgerSummary, String>> {
        let mut page = first;
        loop {
            for record in &page.records {
                match verifier.check(record) {
                    Ok(entry) => self.hear(&entry),
                    Err(fault) => return Ok(Err(fault.to_string())),
                }
            }
            match page.next {
                Some(next) => page = self.source.page(chain, next, LedgerRange::default()).await?,
                None => return Ok(verifier.finish().map_err(|fault| fault.to_string())),
            }
        }
    }

    /// Notes what the site's chain tells of another one.
    fn hear(&mut self, entry: &LedgerEntry) {
        if (&entry.chain, entry.kind) != (&LedgerChain::Site, LedgerKind::Checkpoint) {
            return;
        }
        let parsed = |name| entry.fact(name).and_then(|text| text.parse().ok());
        let told = entry.fact(FactName::Resource).and_then(|chain| chain.parse().ok());
        let hash = entry.fact(FactName::Hash).and_then(|hash| hash.parse().ok());
        if let (Some(chain), Some(covers), Some(hash)) = (told, parsed(FactName::Covers), hash) {
            self.told.insert(chain, (covers, hash));
        }
    }
}

/// How a JWS begins that names a key, for keys whose checkpoints have the one header that Carnet writes.
fn key_prefix(key: &PublicJwk) -> String {
    carnet_issuer::checkpoint_header(key.kid())
}

/// Whether a checkpoint names the one that stands before it.
fn follows(said: &VerifiedCheckpoint, before: Option<&(u64, String)>) -> Result<(), String> {
    let place = said.checkpoint.sequence;
    match (&said.previous, before) {
        (None, None) => Ok(()),
        (Some(link), Some((sequence, digest))) if link.sequence == *sequence && link.sha256 == *digest => {
            Ok(())
        }
        (Some(link), _) => Err(format!(
            "the checkpoint of entry {} is missing or is another one: that of entry {place} follows it",
            link.sequence
        )),
        (None, Some((sequence, _))) => Err(format!(
            "the checkpoint of entry {place} says that it is the first one, but that of entry {sequence} stands before it"
        )),
    }
}

fn ends_with(summary: LedgerSummary, head: &Head) -> Result<LedgerSummary, String> {
    let last = summary.last.unwrap_or(0);
    if last < head.sequence {
        return Err(format!(
            "entry {}: it is missing, although the database knows that entries go to {}",
            last + 1,
            head.sequence
        ));
    }
    if last == head.sequence && summary.hash != head.hash {
        return Err(format!("entry {last}: the database keeps another hash as that of the last entry"));
    }
    match &head.fault {
        Some(fault) => Err(format!("the server signs nothing about it any more: {fault}")),
        None => Ok(summary),
    }
}
