//! `carnet trust`: what an administrator applies once so that a provider trusts this server's identities.

mod script;
mod vault;

use clap::{Subcommand, ValueEnum};

use crate::edge;

#[derive(Debug, Subcommand)]
pub(crate) enum TrustCommand {
    /// Vault or OpenBao: a JWT auth mount and one role for each phase.
    Vault {
        #[command(flatten)]
        options: Box<vault::VaultTrust>,
    },
}

/// How the trust is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TrustFormat {
    /// Commands of the provider's own command line.
    Cli,
    /// Requests to the provider's API and variables of the workspace, as one JSON object.
    Json,
}

/// Runs one of the commands.
pub(crate) fn run(command: TrustCommand) -> anyhow::Result<()> {
    match command {
        TrustCommand::Vault { options } => edge::print(&vault::text(&options)?),
    }
}
