//! What an auditor keeps beside the server: key sets, checkpoints and earlier exports.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use carnet_issuer::{Jwks, PublicJwk, checkpoint_chain};
use carnet_model::{LedgerChain, LedgerHash};
use clap::Args;
use serde::Deserialize;

use super::file::{FileLedger, Line};

#[derive(Debug, Default, Args)]
pub(super) struct KeptOptions {
    /// The key set of the issuer, as you kept it or fetched it yourself: only its keys are believed, not those that come with the
    /// ledger. May be given more than once, for keys that the issuer publishes no longer.
    #[arg(long, value_name = "FILE")]
    keys: Vec<PathBuf>,

    /// The issuer that the checkpoints must name, as https://carnet.example.com.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,

    /// Checkpoints that you kept: the ledger must be the one that they speak of. One JWS or one line of an export on each line, or an
    /// answer of the API. May be given more than once.
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,

    /// An earlier export that you kept: its entries and checkpoints must still be there. May be given more than once.
    #[arg(long, value_name = "FILE")]
    earlier: Vec<PathBuf>,
}

/// A checkpoint that somebody kept, with its key where that was kept, too.
#[derive(Debug, Clone)]
pub(super) struct KeptCheckpoint {
    pub(super) jws: String,
    pub(super) key: Option<PublicJwk>,
}

/// What the ledger is held against.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The only keys that are believed, if any were given.
    pub(super) keys: Option<Jwks>,
    pub(super) issuer: Option<String>,
    pub(super) checkpoints: Vec<KeptCheckpoint>,
    /// The last entry of each chain in earlier exports.
    pub(super) ends: BTreeMap<LedgerChain, Vec<(u64, LedgerHash)>>,
}

impl Kept {
    /// The kept checkpoints of a chain.
    pub(super) fn of<'a>(&'a self, chain: &'a LedgerChain) -> impl Iterator<Item = &'a KeptCheckpoint> {
        self.checkpoints.iter().filter(move |one| checkpoint_chain(&one.jws).as_ref() == Some(chain))
    }

    /// The chains of which something was kept.
    pub(super) fn chains(&self) -> BTreeSet<LedgerChain> {
        let of_checkpoints = self.checkpoints.iter().filter_map(|one| checkpoint_chain(&one.jws));
        self.ends.keys().cloned().chain(of_checkpoints).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.checkpoints.is_empty() && self.ends.is_empty()
    }
}

#[derive(Deserialize)]
struct Answer {
    checkpoints: Vec<AnsweredCheckpoint>,
    jwks: Jwks,
}

#[derive(Deserialize)]
struct AnsweredCheckpoint {
    kid: String,
    jws: String,
}

impl KeptOptions {
    /// Reads the files.
    pub(super) fn read(&self) -> anyhow::Result<Kept> {
        let mut kept = Kept { issuer: self.issuer.clone(), ..Kept::default() };
        for file in &self.keys {
            let set: Jwks = serde_json::from_str(&text_of(file)?)
                .with_context(|| format!("{} is not a JSON Web Key Set", file.display()))?;
            kept.keys.get_or_insert_with(|| Jwks { keys: Vec::new() }).keys.extend(set.keys);
        }
        for file in &self.checkpoint {
            let found = checkpoints(&text_of(file)?)
                .with_context(|| format!("{} holds no checkpoints", file.display()))?;
            kept.checkpoints.extend(found);
        }
        for file in &self.earlier {
            let export = FileLedger::read(file, None)?;
            for (chain, sequence, hash) in export.ends() {
                kept.ends.entry(chain.clone()).or_default().push((sequence, hash));
            }
            for chain in export.chains() {
                let signed = export.checkpoints(&chain).into_iter();
                kept.checkpoints
                    .extend(signed.map(|one| KeptCheckpoint { jws: one.jws, key: Some(one.key) }));
            }
        }
        Ok(kept)
    }
}

fn text_of(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}

/// Reads checkpoints in any of the forms in which Carnet gives them.
pub(super) fn checkpoints(text: &str) -> anyhow::Result<Vec<KeptCheckpoint>> {
    if let Ok(answer) = serde_json::from_str::<Answer>(text) {
        let kept = |one: AnsweredCheckpoint| KeptCheckpoint {
            key: answer.jwks.find(&one.kid).cloned(),
            jws: one.jws,
        };
        return Ok(answer.checkpoints.into_iter().map(kept).collect());
    }
    let lines = (1..).zip(text.lines().map(str::trim)).filter(|(_, line)| !line.is_empty());
    let mut found = Vec::new();
    for (number, line) in lines {
        if !line.starts_with('{') {
            found.push(KeptCheckpoint { jws: line.to_owned(), key: None });
            continue;
        }
        match serde_json::from_str(line).with_context(|| format!("line {number} is no checkpoint"))? {
            Line::Checkpoint { checkpoint, key, .. } => {
                found.push(KeptCheckpoint { jws: checkpoint, key: Some(key) });
            }
            Line::Entry { .. } => anyhow::bail!("line {number} is an entry: give the export with --earlier"),
        }
    }
    anyhow::ensure!(!found.is_empty(), "nothing is in it");
    let is_checkpoint = |one: &KeptCheckpoint| checkpoint_chain(&one.jws).is_some();
    anyhow::ensure!(found.iter().all(is_checkpoint), "a line is no checkpoint");
    Ok(found)
}
