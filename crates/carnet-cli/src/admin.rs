//! `carnet admin`: work on a data directory, whether its server runs or not.

use anyhow::Context as _;
use carnet_store::Store;
use clap::Subcommand;
use secrecy::ExposeSecret as _;

use crate::config::ServerConfig;
use crate::data_dir::DataDir;
use crate::edge;

#[derive(Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// Print a new token with which `carnet agent` claims jobs; it replaces the one of the same name.
    AgentToken {
        /// What the token is for, for people.
        #[arg(long, default_value = "agents", value_name = "NAME")]
        name: String,
    },
}

/// Carries out a command of an administrator.
pub(crate) async fn run(command: AdminCommand, config: &ServerConfig) -> anyhow::Result<()> {
    let data = DataDir::beside_server(&config.data)?;
    let master = data.master_key(config.master_key_file.as_deref())?;
    let store = Store::open(data.path(), master).await.context("the data directory cannot be opened")?;
    match command {
        AdminCommand::AgentToken { name } => {
            let token = carnet_server::create_agent_token(&store, &name, edge::now()).await?;
            edge::print(&format!("{}\n", token.expose_secret()))
        }
    }
}
