//! `carnet issuer`: the keys that sign identity tokens, over the API of a server that runs.

mod keys;
mod publish;
pub(crate) mod verify;

use clap::Subcommand;

use self::keys::KeysOptions;
use self::publish::PublishOptions;
use self::verify::VerifyOptions;

#[derive(Debug, Subcommand)]
pub(crate) enum IssuerCommand {
    /// List the keys of an issuer.
    Keys {
        #[command(flatten)]
        options: Box<KeysOptions>,
    },
    /// Write discovery and keys as static files, keys first, and look whether the issuer's URL shows them.
    ///
    /// Examples: carnet issuer publish --server https://carnet.example.org --to /var/www/oidc;
    /// AWS_REGION=eu-central-1 carnet issuer publish --server https://carnet.internal --to s3://acme-oidc
    Publish {
        #[command(flatten)]
        options: Box<PublishOptions>,
    },
    /// Look at discovery and keys as relying parties do, and say who would refuse tokens, and why.
    ///
    /// Run it where the world is, not beside the server. Ends with 1 when some relying party would refuse. Example:
    /// carnet issuer verify https://carnet.example.org
    Verify {
        #[command(flatten)]
        options: Box<VerifyOptions>,
    },
}

/// Carries out a command about an issuer.
pub(crate) async fn run(command: IssuerCommand) -> anyhow::Result<()> {
    match command {
        IssuerCommand::Keys { options } => keys::run(&options).await,
        IssuerCommand::Publish { options } => publish::run(&options).await,
        IssuerCommand::Verify { options } => verify::run(&options).await,
    }
}
