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
    /// The time that is kept beside it, by which ranges are found; `None` where none is kept.
    pub recorded_at: Option<Timestamp>,
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

/// Who else than a checkpoint knows what stood at a place of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerWitness {
    /// What the server sealed with its master key when it signed last.
    Seal,
    /// The chain of the site, which tells of checkpoints of other chains.
    SiteChain,
    /// An export that somebody kept.
    Export,
}

impl std::fmt::Display for LedgerWitness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Seal => "the seal of what was signed last",
            Self::SiteChain => "the site's chain",
            Self::Export => "the earlier export",
        })
    }
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
    /// The time that is kept beside the entry is not its own: ranges of time would leave it out.
    #[error("it says that it is of {said}, but was kept as one of {kept}: ranges of time would be wrong")]
    OtherTime {
        /// When it is kept as.
        kept: Timestamp,
        /// When it says that it happened.
        said: Timestamp,
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
    /// The chain is not the one that somebody else knows.
    #[error("{witness} says another hash: entries up to here were written anew")]
    OtherThanKnown {
        /// Who says so.
        witness: LedgerWitness,
    },
    /// Somebody else knows of an entry that is not there.
    #[error("it is missing, although {witness} knows of entries up to {known}")]
    MissingKnown {
        /// The last entry that is known.
        known: u64,
        /// Who knows it.
        witness: LedgerWitness,
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
    known: BTreeMap<u64, Vec<(LedgerHash, LedgerWitness)>>,
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
        Self {
            chain,
            next: sequence.saturating_add(1),
            hash,
            checkpoints: found,
            known: BTreeMap::new(),
            summary,
        }
    }

    /// Holds the chain against what somebody else knows about one of its entries. What stands before the begin is not compared.
    pub fn expect(&mut self, sequence: u64, hash: LedgerHash, witness: LedgerWitness) {
        self.known.entry(sequence).or_default().push((hash, witness));
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
        if let Some(kept) = record.recorded_at.filter(|kept| *kept != entry.time) {
            return Err(here(LedgerProblem::OtherTime { kept, said: entry.time }));
        }
        for (known, witness) in self.known.remove(&record.sequence).unwrap_or_default() {
            if known != hash {
                return Err(here(LedgerProblem::OtherThanKnown { witness }));
            }
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

    /// Says that no entry is left; fails when a checkpoint or somebody else knows of more.
    pub fn finish(self) -> Result<LedgerSummary, LedgerFault> {
        if let Some((known, found)) = self.known.range(self.next..).next_back()
            && let Some((_, witness)) = found.first()
        {
            let problem = LedgerProblem::MissingKnown { known: *known, witness: *witness };
            return Err(LedgerFault { sequence: self.next, problem });
        }
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
