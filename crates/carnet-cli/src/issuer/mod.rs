//! `carnet issuer`: the keys that sign identity tokens, over the API of a server that runs.

mod keys;

use clap::Subcommand;

use self::keys::KeysOptions;

#[derive(Debug, Subcommand)]
pub(crate) enum IssuerCommand {
    /// List the keys of an issuer.
    Keys {
        #[command(flatten)]
        options: Box<KeysOptions>,
    },
}

/// Carries out a command about an issuer.
pub(crate) async fn run(command: IssuerCommand) -> anyhow::Result<()> {
    match command {
        IssuerCommand::Keys { options } => keys::run(&options).await,
    }
}
