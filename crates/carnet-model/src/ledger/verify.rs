//! Finds the first entry of a chain that is not what was written.

use std::collections::BTreeMap;

use super::{LedgerChain, LedgerEntry, LedgerFormatError, LedgerHash};
use crate::Timestamp;

/// An entry as somebody keeps it: nothing of it is believed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRecord {
    /// Where it is said to stand.
    pub sequence: u64,
    /// The canonical text.
    pub entry: String,
    /// The hash in hex.
    pub hash: String,
}

/// What somebody trusted said about a chain: at this place stood this hash. Its signature was checked before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerCheckpoint {
    /// The chain.
    pub chain: LedgerChain,
    /// The last entry that is covered.
    pub sequence: u64,
    /// Its hash.
    pub hash: LedgerHash,
    /// When the checkpoint was made.
    pub time: Timestamp,
}

/// The first thing that is wrong with a chain, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {sequence}: {problem}")]
pub struct LedgerFault {
    /// The place in the chain.
    pub sequence: u64,
    /// What is wrong.
    pub problem: LedgerProblem,
}

/// What can be wrong with a chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerProblem {
    /// The text is no entry.
    #[error("it cannot be read: {0}")]
    Unreadable(LedgerFormatError),
    /// The hash is no hash.
    #[error("its hash is not 64 hexadecimal digits in lower case")]
    UnreadableHash,
    /// The entry says another place than the one where it is kept.
    #[error("it was kept at place {kept}, but says that it is entry {said}")]
    Misplaced {
        /// Where it is kept.
        kept: u64,
        /// What it says.
        said: u64,
    },
    /// The entry is one of another chain.
    #[error("it belongs to the chain {0}")]
    OtherChain(LedgerChain),
    /// Entries are not there.
    #[error("it is missing; the next one that is there is entry {next}")]
    Missing {
        /// The next entry that is there.
        next: u64,
    },
    /// The entry is there twice, or after one that it came before.
    #[error("entry {found} stands in its place: it is there twice, or in the wrong order")]
    OutOfOrder {
        /// The entry that stands there.
        found: u64,
    },
    /// The entry, its hash, or the hash before it is not what was written.
    #[error("its hash does not follow from what it says and from the entry before: it was altered")]
    Altered,
    /// The chain was written anew up to a checkpoint.
    #[error("a signed checkpoint of {time} says another hash: entries up to here were written anew")]
    OtherThanCheckpoint {
        /// When the checkpoint was made.
        time: Timestamp,
    },
    /// The end of the chain is not there.
    #[error("it is missing, although a signed checkpoint of {time} covers entries up to {covered}")]
    Truncated {
        /// The last entry that the checkpoint covers.
        covered: u64,
        /// When the checkpoint was made.
        time: Timestamp,
    },
}

/// What was found of a chain without any fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerSummary {
    /// How many entries were looked at.
    pub entries: u64,
    /// The first of them; `None` when there is none.
    pub first: Option<u64>,
    /// The last of them.
    pub last: Option<u64>,
    /// The hash of the last one, or the one before the first.
    pub hash: LedgerHash,
    /// How many checkpoints agree.
    pub checkpoints: u64,
    /// The last entry that a checkpoint covers.
    pub covered: Option<u64>,
}

/// Looks at the entries of a chain, one after the other.
#[derive(Debug, Clone)]
pub struct LedgerVerifier {
    chain: LedgerChain,
    next: u64,
    hash: LedgerHash,
    checkpoints: BTreeMap<u64, Vec<LedgerCheckpoint>>,
    summary: LedgerSummary,
}

impl LedgerVerifier {
    /// Begins at the first entry of a chain. Checkpoints of other chains are left out.
    pub fn new(chain: LedgerChain, checkpoints: impl IntoIterator<Item = LedgerCheckpoint>) -> Self {
        let hash = LedgerHash::genesis(&chain);
        Self::behind(chain, 0, hash, checkpoints)
    }

    /// Begins behind an entry that is not looked at: what stands before it is proven by checkpoints alone.
    pub fn behind(
        chain: LedgerChain,
        sequence: u64,
        hash: LedgerHash,
        checkpoints: impl IntoIterator<Item = LedgerCheckpoint>,
    ) -> Self {
        let mut found: BTreeMap<u64, Vec<LedgerCheckpoint>> = BTreeMap::new();
        for checkpoint in checkpoints.into_iter().filter(|one| one.chain == chain) {
            found.entry(checkpoint.sequence).or_default().push(checkpoint);
        }
        let summary =
            LedgerSummary { entries: 0, first: None, last: None, hash, checkpoints: 0, covered: None };
        Self { chain, next: sequence.saturating_add(1), hash, checkpoints: found, summary }
    }

    /// Looks at the next entry; gives it back as it can be believed.
    pub fn check(&mut self, record: &LedgerRecord) -> Result<LedgerEntry, LedgerFault> {
        let at = |sequence, problem| LedgerFault { sequence, problem };
        if record.sequence > self.next {
            return Err(at(self.next, LedgerProblem::Missing { next: record.sequence }));
        }
        if record.sequence < self.next {
            return Err(at(self.next, LedgerProblem::OutOfOrder { found: record.sequence }));
        }
        let here = |problem| at(record.sequence, problem);
        let entry =
            LedgerEntry::parse(&record.entry).map_err(|error| here(LedgerProblem::Unreadable(error)))?;
        if entry.sequence != record.sequence {
            let problem = LedgerProblem::Misplaced { kept: record.sequence, said: entry.sequence };
            return Err(here(problem));
        }
        if entry.chain != self.chain {
            return Err(here(LedgerProblem::OtherChain(entry.chain)));
        }
        let said: LedgerHash = record.hash.parse().map_err(|_| here(LedgerProblem::UnreadableHash))?;
        let hash = self.hash.after(&record.entry);
        if said != hash {
            return Err(here(LedgerProblem::Altered));
        }
        for checkpoint in self.checkpoints.remove(&record.sequence).unwrap_or_default() {
            if checkpoint.hash != hash {
                return Err(here(LedgerProblem::OtherThanCheckpoint { time: checkpoint.time }));
            }
            self.summary.checkpoints += 1;
            self.summary.covered = Some(record.sequence);
        }
        self.hash = hash;
        self.next += 1;
        self.summary.entries += 1;
        self.summary.first.get_or_insert(record.sequence);
        self.summary.last = Some(record.sequence);
        self.summary.hash = hash;
        Ok(entry)
    }

    /// Says that no entry is left; fails when a checkpoint knows of more.
    pub fn finish(self) -> Result<LedgerSummary, LedgerFault> {
        let beyond = self.checkpoints.range(self.next..).next_back().and_then(|(_, found)| found.first());
        match beyond {
            Some(checkpoint) => Err(LedgerFault {
                sequence: self.next,
                problem: LedgerProblem::Truncated { covered: checkpoint.sequence, time: checkpoint.time },
            }),
            None => Ok(self.summary),
        }
    }
}
