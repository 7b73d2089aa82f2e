//! The ledger: who used which identity, as entries that nobody can change without it being seen.
//!
//! Each organization has a chain of its own, and the site has one. An entry is a flat JSON object in one canonical form
//! ([`LedgerEntry::canonical`]); its hash covers the hash before it ([`LedgerHash::after`]), so an entry that is altered, removed,
//! added or moved breaks the chain at its place. [`LedgerVerifier`] finds that place. What was cut off at the end is found by
//! checkpoints, which are signed and may be kept elsewhere.

mod canonical;
mod entry;
mod fact;
mod hash;
mod setting;
#[cfg(test)]
mod tests;
mod verify;

pub use entry::{LedgerChain, LedgerChainError, LedgerEntry, LedgerFormatError};
pub use fact::{FactName, LedgerFact, LedgerKind};
pub use hash::{LedgerHash, LedgerHashError};
pub use verify::{
    LedgerCheckpoint, LedgerFault, LedgerProblem, LedgerRecord, LedgerSummary, LedgerVerifier, LedgerWitness,
};

/// How many entries a chain grows by before it gets a checkpoint whatever time has passed.
pub const ENTRIES_PER_CHECKPOINT: u64 = 1000;
