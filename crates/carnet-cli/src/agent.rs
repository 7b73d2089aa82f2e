//! `carnet agent`: an agent of its own.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use carnet_agent::{AgentConfig, AllowedHosts, EngineSource};
use clap::Args;
use reqwest::Url;

use crate::reach::{authorities, server_address};
use crate::{config, edge};

/// Options of an agent. Its token comes from CARNET_AGENT_TOKEN or a file, never from the argument list.
#[derive(Debug, Args)]
pub(crate) struct AgentOptions {
    /// The server's address.
    #[arg(long, env = "CARNET_SERVER", value_name = "URL", value_parser = server_address)]
    server: Url,

    /// The file of the agent token; CARNET_AGENT_TOKEN beats it. `carnet admin agent-token` makes one.
    #[arg(long, env = "CARNET_AGENT_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// A name for people.
    #[arg(long, env = "CARNET_AGENT_NAME", default_value = "agent", value_name = "NAME")]
    name: String,

    /// Where states wait that the server has not taken yet.
    #[arg(long, env = "CARNET_AGENT_DATA", default_value = "carnet-agent", value_name = "DIR")]
    data: PathBuf,

    /// Certificate authorities to trust beside the system's, PEM.
    #[arg(long, env = "CARNET_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,

    /// Terraform or OpenTofu [default: terraform, else tofu, from PATH].
    #[arg(long, env = "CARNET_TERRAFORM", value_name = "FILE")]
    terraform: Option<PathBuf>,

    /// A filesystem mirror of providers.
    #[arg(long, env = "CARNET_TERRAFORM_PLUGIN_DIR", value_name = "DIR")]
    terraform_plugin_dir: Option<PathBuf>,

    /// Where homes of runs are made; the same on every agent.
    #[arg(long, env = "CARNET_WORK_ROOT", default_value = "/tmp", value_name = "DIR")]
    work_root: PathBuf,

    /// A host that adapters may reach although it lies on this machine, its link or a cloud's metadata address.
    #[arg(long, env = "CARNET_ALLOW_PROVIDER_HOSTS", value_name = "HOST[:PORT]", value_delimiter = ',')]
    allow_provider_hosts: Vec<String>,

    /// Runs at a time.
    #[arg(long, env = "CARNET_CONCURRENCY", default_value_t = 1, value_name = "N")]
    concurrency: usize,

    /// Keep Terraform from the rest of the machine: required, auto or off.
    #[arg(long, env = "CARNET_SANDBOX", default_value = "auto", value_name = "MODE")]
    sandbox: String,
}

/// Runs an agent until it is asked to stop.
pub(crate) async fn run(options: Box<AgentOptions>) -> anyhow::Result<()> {
    let token = match (edge::secret("CARNET_AGENT_TOKEN"), &options.token_file) {
        (Some(token), _) => token,
        (None, Some(file)) => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("{} cannot be read", file.display()))?;
            text.trim().into()
        }
        (None, None) => anyhow::bail!("no agent token: set CARNET_AGENT_TOKEN or --token-file"),
    };
    let authorities = options.ca_file.as_deref().map(authorities).transpose()?;
    let config = AgentConfig {
        name: options.name,
        ca_pem: authorities,
        work_root: options.work_root,
        engine: engine(options.terraform.as_deref()),
        plugin_dir: options.terraform_plugin_dir,
        allowed_hosts: AllowedHosts::parse(options.allow_provider_hosts.iter().map(String::as_str))?,
        host_env: edge::environment(),
        concurrency: options.concurrency.max(1),
        sandbox: config::sandbox_mode(&options.sandbox)?,
        ..AgentConfig::new(options.server.as_str().trim_end_matches('/'), token, options.data)
    };
    let stop = async {
        if let Err(error) = edge::stop_signal().await {
            tracing::error!(%error, "signals cannot be received");
        }
    };
    Ok(carnet_agent::run(config, edge::clock(), stop).await?)
}

/// The program that was named, or the one that is found in `PATH`.
pub(crate) fn engine(named: Option<&Path>) -> EngineSource {
    match named {
        Some(path) => EngineSource::Path(path.to_owned()),
        None => EngineSource::Search(edge::environment().remove("PATH").unwrap_or_default()),
    }
}
