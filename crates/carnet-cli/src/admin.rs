//! `carnet admin`: work on a data directory, whether its server runs or not, and on what runs left behind.

mod master_key;
mod outstanding_list;
mod revoke_outstanding;
mod signing_keys;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use carnet_store::Store;
use clap::{Args, Subcommand};
use secrecy::ExposeSecret as _;

use self::revoke_outstanding::RevokeOptions;
use self::signing_keys::{KeyAction, KeyOptions};
use crate::cli::DatabaseOptions;
use crate::data_dir::DataDir;
use crate::database::Database;
use crate::edge;
use crate::key_places::{TransitOptions, WrapperOptions, key_wrapper};
use crate::master_key::MasterKeyPlace;

#[derive(Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// Print a new token with which `carnet agent` claims jobs; it replaces the one of the same name.
    AgentToken {
        /// What the token is for, for people.
        #[arg(long, default_value = "agents", value_name = "NAME")]
        name: String,
        #[command(flatten)]
        place: Box<DataOptions>,
    },
    /// Make an account and print its first API token; invitations to the address are accepted by it.
    CreateUser {
        /// The username.
        #[arg(value_name = "NAME")]
        name: String,
        /// The address of the user, by which organizations invite.
        #[arg(long, value_name = "ADDRESS")]
        email: String,
        /// Let the user administer the whole site.
        #[arg(long)]
        site_admin: bool,
        #[command(flatten)]
        place: Box<DataOptions>,
    },
    /// Have identity tokens signed by a new key; the one before stays published until it is trimmed.
    ///
    /// Needs the API token of an administrator of the site, in CARNET_TOKEN or --token-file.
    RotateKey {
        #[command(flatten)]
        options: Box<KeyOptions>,
    },
    /// Publish keys no longer that sign no more; refused while tokens of theirs are valid.
    ///
    /// Needs the API token of an administrator of the site, in CARNET_TOKEN or --token-file.
    TrimKey {
        #[command(flatten)]
        options: Box<KeyOptions>,
    },
    /// Keep the master key wrapped by a key of Vault or OpenBao, instead of in a file in the clear.
    ///
    /// Example: carnet admin wrap-master-key --data /var/lib/carnet --master-key-wrapper transit:transit/carnet-master
    /// --transit-address https://bao.example.org:8200 --transit-token-file /run/bao/token
    WrapMasterKey {
        #[command(flatten)]
        place: Box<DataOptions>,
    },
    /// Keep the master key in a file in the clear again.
    UnwrapMasterKey {
        #[command(flatten)]
        place: Box<DataOptions>,
    },
    /// Wrap the master key with the newest version of the key that wraps it, after that was rotated, or with another key.
    RewrapMasterKey {
        #[command(flatten)]
        place: Box<DataOptions>,
        /// The other key, as transit:MOUNT/KEY; --master-key-wrapper names the one before.
        #[arg(long, value_name = "PLACE")]
        to: Option<String>,
    },
    /// Revoke the Vault tokens that runs left behind because their agent and its guardian both died.
    ///
    /// Reads the server's list, revokes by accessor, the newest first, and tells the server how it went. Fails when a token of
    /// this Vault is left; a second time is safe. Tokens come from the environment, never from the argument list: CARNET_TOKEN
    /// (or --token-file), an API token of an owner of the organization, and VAULT_TOKEN, whose policy needs update on
    /// auth/token/revoke-accessor and nothing else.
    RevokeOutstanding {
        #[command(flatten)]
        options: Box<RevokeOptions>,
    },
}

/// Which data directory, and how it is opened.
#[derive(Debug, Args)]
pub(crate) struct DataOptions {
    /// The data directory of the server.
    #[arg(long, env = "CARNET_DATA", default_value = "carnet-data", value_name = "DIR")]
    data: PathBuf,

    #[command(flatten)]
    database: DatabaseOptions,

    /// The file of the master key [default: DATA/master.key]; CARNET_MASTER_KEY beats it.
    #[arg(long, env = "CARNET_MASTER_KEY_FILE", value_name = "FILE")]
    master_key_file: Option<PathBuf>,

    #[command(flatten)]
    wrapper: WrapperOptions,

    #[command(flatten)]
    transit: TransitOptions,
}

/// Carries out a command of an administrator.
pub(crate) async fn run(command: AdminCommand) -> anyhow::Result<()> {
    match command {
        AdminCommand::AgentToken { name, place } => {
            let store = open(place).await?;
            let token = carnet_server::create_agent_token(&store, &name, edge::now()).await?;
            edge::print(&format!("{}\n", token.expose_secret()))
        }
        AdminCommand::CreateUser { name, email, site_admin, place } => {
            let store = open(place).await?;
            let token = carnet_server::create_user(&store, &name, &email, site_admin, edge::now()).await?;
            edge::print(&format!("{}\n", token.expose_secret()))
        }
        AdminCommand::RotateKey { options } => signing_keys::run(&options, KeyAction::Rotate).await,
        AdminCommand::TrimKey { options } => signing_keys::run(&options, KeyAction::Trim).await,
        AdminCommand::WrapMasterKey { place } => master_key::wrap_key(&place).await,
        AdminCommand::UnwrapMasterKey { place } => master_key::unwrap_key(&place).await,
        AdminCommand::RewrapMasterKey { place, to } => master_key::rewrap_key(&place, to.as_deref()).await,
        AdminCommand::RevokeOutstanding { options } => revoke_outstanding::run(&options).await,
    }
}

async fn open(place: Box<DataOptions>) -> anyhow::Result<Store> {
    let database = Database::new(place.database, None, None)?;
    let (data, is_in_use) = match &database {
        Database::DataDir => (DataDir::beside_server(&place.data)?, true),
        Database::Postgres { .. } => (DataDir::beside_database(&place.data), true),
    };
    let wrapper = place.wrapper.master_key_wrapper.as_deref();
    let wrapper = wrapper.map(|wrapper| key_wrapper(wrapper, &place.transit)).transpose()?;
    let key_place = MasterKeyPlace::new(&data, place.master_key_file.as_deref(), wrapper);
    let master = key_place.key(is_in_use).await?;
    database.open(&data, master, &key_place).await
}
