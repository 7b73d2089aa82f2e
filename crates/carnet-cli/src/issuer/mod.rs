//! `carnet issuer`: who signs identity tokens and with which keys, over the API of a server that runs.

mod connection;
mod keys;
mod organization;
mod publish;
mod table;
#[cfg(test)]
mod tests;
mod tokens;
pub(crate) mod verify;

use clap::Subcommand;

use self::connection::ConnectionOptions;
use self::keys::{KeysOptions, RevokeOptions, RotateOptions};
use self::organization::{NewOptions, PreviewOptions, SwitchOptions};
use self::publish::PublishOptions;
use self::tokens::TokensOptions;
use self::verify::VerifyOptions;

/// Most need the API token of an administrator of the site, in CARNET_TOKEN or --token-file.
#[derive(Debug, Subcommand)]
pub(crate) enum IssuerCommand {
    /// List the keys of an issuer: where each is in its life, what happens next and when.
    ///
    /// Example: carnet issuer keys --server https://carnet.example.com --token-file token
    Keys {
        #[command(flatten)]
        options: Box<KeysOptions>,
    },
    /// Replace the key that signs: a new key is published now and signs when every cache knows it.
    ///
    /// With --at-once it signs now, as Terraform Enterprise does it: relying parties that keep the key set and do not ask again
    /// when they meet an unknown key refuse tokens until they do.
    ///
    /// Example: carnet issuer rotate --announce 10m
    Rotate {
        #[command(flatten)]
        options: Box<RotateOptions>,
    },
    /// Publish keys no longer that sign no more; refused while tokens of theirs are valid.
    Trim {
        #[command(flatten)]
        options: Box<KeysOptions>,
    },
    /// End a key that somebody else may have, sign with a new one, and list everything that it served.
    ///
    /// Stops signing with it at once on every server, takes it out of the key set, and has a new key sign without a wait. Prints
    /// what follows from that, and every token, run, workspace and role that the key served and that can still be valid.
    ///
    /// Example: carnet issuer revoke NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs --format json > drill.json
    Revoke {
        #[command(flatten)]
        options: Box<RevokeOptions>,
    },
    /// List the tokens that a key served: those that can still be valid, or with --ever all there were.
    Tokens {
        #[command(flatten)]
        options: Box<TokensOptions>,
    },
    /// List the issuers of the site.
    List {
        #[command(flatten)]
        options: Box<ConnectionOptions>,
    },
    /// Give an organization an issuer of its own. It publishes its key and mints nothing yet, so that trust can be set up.
    ///
    /// Example: carnet issuer create acme
    Create {
        #[command(flatten)]
        options: Box<NewOptions>,
    },
    /// Show which trust breaks when an organization gets another issuer. Changes nothing.
    Preview {
        #[command(flatten)]
        options: Box<PreviewOptions>,
    },
    /// Have the runs of an organization minted by its own issuer, or by that of the site again. Without --yes it only says what
    /// would break, and fails.
    Switch {
        #[command(flatten)]
        options: Box<SwitchOptions>,
    },
    /// Remove the issuer that an organization has of its own; refused while it mints or tokens of its are valid.
    Delete {
        #[command(flatten)]
        options: Box<PreviewOptions>,
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
        IssuerCommand::Keys { options } => keys::list(&options).await,
        IssuerCommand::Rotate { options } => keys::rotate(&options).await,
        IssuerCommand::Trim { options } => keys::trim(&options).await,
        IssuerCommand::Revoke { options } => keys::revoke(&options).await,
        IssuerCommand::Tokens { options } => tokens::list(&options).await,
        IssuerCommand::List { options } => organization::list(&options).await,
        IssuerCommand::Create { options } => organization::create(&options).await,
        IssuerCommand::Preview { options } => organization::preview(&options).await,
        IssuerCommand::Switch { options } => organization::switch(&options).await,
        IssuerCommand::Delete { options } => organization::delete(&options).await,
        IssuerCommand::Publish { options } => publish::run(&options).await,
        IssuerCommand::Verify { options } => verify::run(&options).await,
    }
}
