//! A ledger in a file: JSON lines, of which each is an entry with its hashes, or a signed checkpoint.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, bail};
use carnet_issuer::PublicJwk;
use carnet_model::{LedgerChain, LedgerEntry, LedgerRecord};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::source::{Page, Signed};

/// One line. An entry is written in its canonical form, though it may be read in another one: what counts is what it says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Line {
    Entry { entry: Value, hash: String, previous: String },
    Checkpoint { chain: String, checkpoint: String, key: PublicJwk },
}

/// An entry as somebody keeps it; one that is none keeps its text, so that its fault is found at its place.
pub(super) fn record(sequence: u64, said: Value, hash: String) -> LedgerRecord {
    let text = match &said {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let entry = LedgerEntry::from_json(said).map_or(text, |entry| entry.canonical());
    LedgerRecord { sequence, entry, hash }
}

#[derive(Debug, Default)]
struct FileChain {
    previous: Option<String>,
    records: Vec<LedgerRecord>,
    checkpoints: Vec<Signed>,
}

/// All that stands in a file.
#[derive(Debug, Default)]
pub(super) struct FileLedger(BTreeMap<LedgerChain, FileChain>);

impl FileLedger {
    /// Reads a file; of many chains only the one that is asked for.
    pub(super) fn read(file: &Path, only: Option<&LedgerChain>) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
        let mut ledger = Self::parse(&text).with_context(|| format!("{} is no ledger", file.display()))?;
        if let Some(only) = only {
            ledger.0.retain(|chain, _| chain == only);
        }
        if ledger.0.is_empty() {
            bail!("{} holds no entry", file.display());
        }
        Ok(ledger)
    }

    /// Reads the lines of a file. Fails where the chain of a line cannot be told; everything else is found by verifying.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let mut ledger = Self::default();
        let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
        for (number, line) in lines {
            let line: Line = serde_json::from_str(line)
                .with_context(|| format!("line {number} is neither an entry nor a checkpoint"))?;
            ledger.add(line).with_context(|| format!("line {number}"))?;
        }
        Ok(ledger)
    }

    fn add(&mut self, line: Line) -> anyhow::Result<()> {
        match line {
            Line::Entry { entry, hash, previous } => {
                let chain = entry["chain"].as_str().unwrap_or_default().parse()?;
                let chain: &mut FileChain = self.0.entry(chain).or_default();
                let expected = chain.records.last().map_or(1, |last| last.sequence.saturating_add(1));
                let sequence = entry["sequence"].as_u64().filter(|number| *number > 0).unwrap_or(expected);
                chain.previous.get_or_insert(previous);
                chain.records.push(record(sequence, entry, hash));
            }
            Line::Checkpoint { chain, checkpoint, key } => {
                let signed = Signed { jws: checkpoint, key };
                self.0.entry(chain.parse()?).or_default().checkpoints.push(signed);
            }
        }
        Ok(())
    }

    pub(super) fn chains(&self) -> Vec<LedgerChain> {
        self.0.keys().cloned().collect()
    }

    /// A file is one page.
    pub(super) fn page(&self, chain: &LedgerChain) -> Page {
        let found = self.0.get(chain);
        Page {
            previous: found.and_then(|chain| chain.previous.clone()),
            records: found.map(|chain| chain.records.clone()).unwrap_or_default(),
            next: None,
        }
    }

    pub(super) fn checkpoints(&self, chain: &LedgerChain) -> Vec<Signed> {
        self.0.get(chain).map(|chain| chain.checkpoints.clone()).unwrap_or_default()
    }
}
