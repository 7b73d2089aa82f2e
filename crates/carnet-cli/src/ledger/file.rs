//! A ledger in a file: JSON lines, of which each is an entry with its hashes, or a signed checkpoint. Entries are read as they are
//! asked for, so that a file may be larger than memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use carnet_issuer::PublicJwk;
use carnet_model::{LedgerChain, LedgerEntry, LedgerHash, LedgerRecord};
use carnet_store::LedgerPage;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::source::Signed;

/// How many entries are read at a time.
const PAGE: usize = 1000;

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
    LedgerRecord { sequence, entry, hash, recorded_at: None }
}

/// What is known of a chain without its entries.
#[derive(Debug, Default)]
struct FileChain {
    previous: Option<String>,
    /// Where its first entry stands.
    start: u64,
    /// The last entry that says its place and its hash.
    last: Option<(u64, LedgerHash)>,
    checkpoints: Vec<Signed>,
}

/// All that stands in a file.
#[derive(Debug)]
pub(super) struct FileLedger {
    file: PathBuf,
    chains: BTreeMap<LedgerChain, FileChain>,
}

/// The lines of a file from a place on, each with the place behind it.
fn lines(
    file: &Path,
    start: u64,
) -> anyhow::Result<impl Iterator<Item = anyhow::Result<(u64, String)>> + use<>> {
    let cannot = format!("{} cannot be read", file.display());
    let mut reader = BufReader::new(File::open(file).context(cannot.clone())?);
    reader.seek(SeekFrom::Start(start)).context(cannot.clone())?;
    let mut place = start;
    Ok(std::iter::from_fn(move || {
        let mut line = String::new();
        match reader.read_line(&mut line) {
            Ok(0) => None,
            Ok(length) => {
                place = place.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
                Some(Ok((place, line)))
            }
            Err(error) => Some(Err(error).context(cannot.clone())),
        }
    }))
}

impl FileLedger {
    /// Reads which chains a file holds; of many only the one that is asked for. Fails where the chain of a line cannot be told;
    /// everything else is found by verifying.
    pub(super) fn read(file: &Path, only: Option<&LedgerChain>) -> anyhow::Result<Self> {
        let mut ledger = Self { file: file.to_owned(), chains: BTreeMap::new() };
        let mut start = 0;
        for (number, line) in (1..).zip(lines(file, 0)?) {
            let (end, text) = line?;
            if !text.trim().is_empty() {
                ledger
                    .add(start, &text)
                    .with_context(|| format!("line {number}"))
                    .with_context(|| format!("{} is no ledger", file.display()))?;
            }
            start = end;
        }
        if let Some(only) = only {
            ledger.chains.retain(|chain, _| chain == only);
        }
        if ledger.chains.is_empty() {
            bail!("{} holds no entry", file.display());
        }
        Ok(ledger)
    }

    fn add(&mut self, start: u64, text: &str) -> anyhow::Result<()> {
        match serde_json::from_str(text).context("this is neither an entry nor a checkpoint")? {
            Line::Entry { entry, hash, previous } => {
                let chain = chain_of(&entry)?;
                let chain =
                    self.chains.entry(chain).or_insert_with(|| FileChain { start, ..FileChain::default() });
                if chain.previous.is_none() {
                    (chain.previous, chain.start) = (Some(previous), start);
                }
                chain.last = entry["sequence"].as_u64().zip(hash.parse().ok()).or(chain.last);
            }
            Line::Checkpoint { chain, checkpoint, key } => {
                let signed = Signed { jws: checkpoint, key };
                self.chains.entry(chain.parse()?).or_default().checkpoints.push(signed);
            }
        }
        Ok(())
    }

    pub(super) fn chains(&self) -> Vec<LedgerChain> {
        self.chains.keys().cloned().collect()
    }

    /// Entries from a place in the file on.
    pub(super) fn page(&self, chain: &LedgerChain, place: u64) -> anyhow::Result<LedgerPage> {
        let Some(found) = self.chains.get(chain) else {
            return Ok(LedgerPage::default());
        };
        let mut page = LedgerPage { previous: found.previous.clone(), ..LedgerPage::default() };
        for line in lines(&self.file, place.max(found.start))? {
            let (end, text) = line?;
            if text.trim().is_empty() {
                continue;
            }
            let Line::Entry { entry, hash, .. } = serde_json::from_str(&text)? else {
                continue;
            };
            if chain_of(&entry)? != *chain {
                continue;
            }
            let expected = page.records.last().map_or(1, |last| last.sequence.saturating_add(1));
            let sequence = entry["sequence"].as_u64().filter(|number| *number > 0).unwrap_or(expected);
            page.records.push(record(sequence, entry, hash));
            if page.records.len() == PAGE {
                page.next = Some(end);
                break;
            }
        }
        Ok(page)
    }

    pub(super) fn checkpoints(&self, chain: &LedgerChain) -> Vec<Signed> {
        self.chains.get(chain).map(|chain| chain.checkpoints.clone()).unwrap_or_default()
    }

    /// The last entry of each chain, and its hash.
    pub(super) fn ends(&self) -> impl Iterator<Item = (&LedgerChain, u64, LedgerHash)> {
        self.chains.iter().filter_map(|(chain, found)| found.last.map(|(place, hash)| (chain, place, hash)))
    }
}

fn chain_of(entry: &Value) -> anyhow::Result<LedgerChain> {
    Ok(entry["chain"].as_str().unwrap_or_default().parse()?)
}
