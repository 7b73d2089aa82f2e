//! `carnet ledger`: proves that the ledger is what was written, exports it, and finds runs and people in logs of others.

mod export;
mod file;
mod kept;
mod matching;
mod remote;
mod report;
mod source;
#[cfg(test)]
mod tests;
mod verify;

use clap::Subcommand;

use self::export::ExportOptions;
use self::matching::MatchOptions;
use self::verify::VerifyOptions;
use crate::edge;

#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// Check that no entry was altered, removed, added or moved.
    ///
    /// Reads a file that `carnet ledger export` wrote (needs no server and no network), a server (an API token in CARNET_TOKEN or
    /// --token-file), or the data directory of a server. Says how many entries were looked at, how far signed checkpoints cover
    /// them, otherwise the first entry that is wrong and what is wrong with it, and what was not checked. Ends with 0 when all is as
    /// it was written, with 1 when it is not, is not proven or could not be read.
    ///
    /// carnet ledger verify acme.jsonl --keys jwks.json
    ///
    /// carnet ledger verify --server https://carnet.example.com --organization acme
    ///
    /// carnet ledger verify --data /var/lib/carnet
    ///
    /// carnet ledger verify acme.jsonl --checkpoint kept.jws --earlier acme-may.jsonl
    #[command(verbatim_doc_comment)]
    Verify {
        #[command(flatten)]
        options: Box<VerifyOptions>,
    },
    /// Write entries as JSON lines, with their hashes and checkpoints, or in the form of HCP Terraform's audit trail.
    ///
    /// carnet ledger export --server https://carnet.example.com --organization acme > acme.jsonl
    ///
    /// carnet ledger export --data /var/lib/carnet --format audit-trail --since 2026-01-01T00:00:00Z
    #[command(verbatim_doc_comment)]
    Export {
        #[command(flatten)]
        options: Box<ExportOptions>,
    },
    /// Find the run and the person behind each access in the log of a relying party.
    ///
    /// Says how sure each answer is, and which accesses no run explains; with --strict, those make it end with 1.
    ///
    /// carnet ledger match cloudtrail.json --ledger acme.jsonl --strict
    ///
    /// carnet ledger match audit.log --server https://carnet.example.com --organization acme --format json
    #[command(verbatim_doc_comment)]
    Match {
        #[command(flatten)]
        options: Box<MatchOptions>,
    },
}

/// Carries a command out.
pub(crate) fn run(command: LedgerCommand) -> anyhow::Result<()> {
    edge::runtime()?.block_on(async {
        match command {
            LedgerCommand::Verify { options } => verify::run(*options).await,
            LedgerCommand::Export { options } => export::run(*options).await,
            LedgerCommand::Match { options } => matching::run(*options).await,
        }
    })
}
