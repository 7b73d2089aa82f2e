//! The command line.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use secrecy::SecretString;

use crate::adapters::AdaptersCommand;
use crate::admin::AdminCommand;
use crate::agent::AgentOptions;
use crate::issuer::IssuerCommand;
use crate::key_places::{ModuleOptions, TransitOptions, WrapperOptions};
use crate::ledger::LedgerCommand;
use crate::logging::LogFormat;
use crate::subject::SubjectCommand;
use crate::trust::TrustCommand;

/// Carnet runs Terraform with credentials that did not exist a minute ago.
#[derive(Debug, Parser)]
#[command(name = "carnet", version, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// The configuration file, TOML; every key of it is also a flag and a variable.
    #[arg(long, global = true, env = "CARNET_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// How log lines look; CARNET_LOG filters them (info, debug, carnet_server=debug, ...).
    #[arg(long, global = true, env = "CARNET_LOG_FORMAT", default_value = "text", value_name = "FORMAT")]
    pub(crate) log_format: LogFormat,

    #[command(subcommand)]
    pub(crate) command: Command,
}

const TRUST_EXAMPLES: &str = "\
Examples:
  carnet trust aws --url https://carnet.example.org --org acme --workspace net > trust.tf
  carnet trust gcp --url https://carnet.example.org --org acme --workspace net --phase plan --project-id prod --format json
  carnet trust vault --url https://carnet.example.org --org acme --scope project --project Network --format cli > trust.sh";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server, with an agent inside unless --no-agent is given.
    Server {
        #[command(flatten)]
        options: Box<ServerOptions>,
    },
    /// Run an agent that claims jobs from a server elsewhere.
    Agent {
        #[command(flatten)]
        options: Box<AgentOptions>,
    },
    /// Print what an administrator applies so that a provider trusts this server's identities.
    #[command(after_help = TRUST_EXAMPLES)]
    Trust {
        #[command(subcommand)]
        command: TrustCommand,
    },
    /// Show, preview and keep what the identity tokens of a workspace say.
    Subject {
        #[command(subcommand)]
        command: SubjectCommand,
    },
    /// Look at declarative adapters: providers that are described by a document instead of code.
    Adapters {
        #[command(subcommand)]
        command: AdaptersCommand,
    },
    /// Look at and change the keys that sign identity tokens.
    Issuer {
        #[command(subcommand)]
        command: IssuerCommand,
    },
    /// Prove who used which identity: verify the ledger, export it.
    Ledger {
        #[command(subcommand)]
        command: LedgerCommand,
    },
    /// Administer a server: its data directory, while it runs or not, or what its runs left behind.
    Admin {
        #[command(subcommand)]
        command: AdminCommand,
    },
    /// Look at the configuration.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check the configuration and print what it amounts to.
    Check {
        #[command(flatten)]
        options: Box<ServerOptions>,
    },
}

/// Which database, when it is not the SQLite of the data directory.
#[derive(Debug, Default, Args)]
pub(crate) struct DatabaseOptions {
    /// postgres://USER@HOST:PORT/NAME instead of SQLite in the data directory. Everybody on this machine can read argument lists:
    /// an address with a password belongs into CARNET_DATABASE or a file.
    #[arg(long, env = "CARNET_DATABASE", hide_env_values = true, value_name = "URL", value_parser = secret)]
    pub(crate) database: Option<SecretString>,

    /// A file with the address of the Postgres database; --database beats it.
    #[arg(long, env = "CARNET_DATABASE_FILE", value_name = "FILE")]
    pub(crate) database_file: Option<PathBuf>,
}

/// Takes any text, so that no message repeats it.
fn secret(text: &str) -> Result<SecretString, Infallible> {
    Ok(SecretString::from(text))
}

/// Reads an address to listen on.
pub(crate) fn listen_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        let port = text.rsplit_once(':').map_or("8443", |(_, port)| port);
        format!(
            "{text:?} is not an IP address with a port; write 127.0.0.1:{port} for this machine alone, 0.0.0.0:{port} for \
             every address, as names are not looked up"
        )
    })
}

/// Options of the server. A flag beats the variable, which beats the file.
#[derive(Debug, Default, Args)]
pub(crate) struct ServerOptions {
    /// The data directory; made when it is not there [default: ./carnet-data].
    #[arg(long, env = "CARNET_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) database: DatabaseOptions,

    /// The IP address and port to listen on; port 0 takes a free one [default: 127.0.0.1:8443].
    #[arg(long, env = "CARNET_LISTEN", value_name = "IP:PORT", value_parser = listen_address)]
    pub(crate) listen: Option<SocketAddr>,

    /// The address under which clients reach the server [default: the address it listens on].
    #[arg(long, env = "CARNET_URL", value_name = "URL")]
    pub(crate) url: Option<String>,

    /// The issuer of identity tokens, if discovery and keys are published elsewhere [default: the URL].
    #[arg(long, env = "CARNET_ISSUER_URL", value_name = "URL")]
    pub(crate) issuer_url: Option<String>,

    /// How long a signing key is used before the next one takes its place, as in 30d, or off
    /// [default: 30d; off when --issuer-url says that discovery and keys are published elsewhere].
    #[arg(long, env = "CARNET_KEY_ROTATION", value_name = "DURATION")]
    pub(crate) key_rotation: Option<String>,

    /// How long a new signing key is published before it signs; never less than relying parties may keep the key set [default: 24h].
    #[arg(long, env = "CARNET_KEY_ANNOUNCEMENT", value_name = "DURATION")]
    pub(crate) key_announcement: Option<String>,

    /// How long relying parties may keep discovery and keys: their max-age, in whole seconds [default: 5m].
    #[arg(long, env = "CARNET_JWKS_MAX_AGE", value_name = "DURATION")]
    pub(crate) jwks_max_age: Option<String>,

    /// How far clocks of servers and relying parties may differ when a signing key is put to use or removed [default: 60s].
    #[arg(long, env = "CARNET_KEY_LEEWAY", value_name = "DURATION")]
    pub(crate) key_leeway: Option<String>,

    /// auto (an authority of its own in DATA/tls), off (loopback, or a proxy does it), or CERT.pem+KEY.pem [default: auto].
    #[arg(long, env = "CARNET_TLS", value_name = "MODE")]
    pub(crate) tls: Option<String>,

    /// The file of the master key that seals everything at rest [default: DATA/master.key]; CARNET_MASTER_KEY beats it.
    #[arg(long, env = "CARNET_MASTER_KEY_FILE", value_name = "FILE")]
    pub(crate) master_key_file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) wrapper: WrapperOptions,

    /// Where new signing keys are made, and never leave: local (sealed in the database), transit:MOUNT/KEY (Vault or OpenBao) or
    /// pkcs11:TOKEN/LABEL (a hardware module) [default: local]. Keys of before go on signing until the next rotation.
    #[arg(long, env = "CARNET_SIGNING_KEYS", value_name = "PLACE")]
    pub(crate) signing_keys: Option<String>,

    #[command(flatten)]
    pub(crate) transit: TransitOptions,

    #[command(flatten)]
    pub(crate) module: ModuleOptions,

    /// Publish discovery and keys of the issuer there, too, whenever they change: a folder, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX
    /// or az://CONTAINER/PREFIX. A new key signs only after it was seen at the issuer's URL.
    #[arg(long, env = "CARNET_PUBLISH_TO", value_name = "PLACE")]
    pub(crate) publish_to: Option<String>,

    /// Certificate authorities that the embedded agent and notifications trust beside the system's, PEM.
    #[arg(long, env = "CARNET_CA_FILE", value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,

    /// A folder of declarative adapters for every organization; each *.toml in it is read at the start.
    #[arg(long, env = "CARNET_ADAPTERS", value_name = "DIR")]
    pub(crate) adapters: Option<PathBuf>,

    /// A host that adapters may reach although it lies on this machine, its link or a cloud's metadata address.
    #[arg(long, env = "CARNET_ALLOW_PROVIDER_HOSTS", value_name = "HOST[:PORT]", value_delimiter = ',')]
    pub(crate) allow_provider_hosts: Vec<String>,

    /// Run no agent inside the server.
    #[arg(long, env = "CARNET_NO_AGENT")]
    pub(crate) no_agent: bool,

    /// Terraform or OpenTofu for the embedded agent [default: terraform, else tofu, from PATH].
    #[arg(long, env = "CARNET_TERRAFORM", value_name = "FILE")]
    pub(crate) terraform: Option<PathBuf>,

    /// A filesystem mirror of providers for the embedded agent.
    #[arg(long, env = "CARNET_TERRAFORM_PLUGIN_DIR", value_name = "DIR")]
    pub(crate) terraform_plugin_dir: Option<PathBuf>,

    /// Where homes of runs are made; the same on every agent [default: /tmp].
    #[arg(long, env = "CARNET_WORK_ROOT", value_name = "DIR")]
    pub(crate) work_root: Option<PathBuf>,

    /// Runs that the embedded agent executes at a time [default: 2].
    #[arg(long, env = "CARNET_CONCURRENCY", value_name = "N")]
    pub(crate) concurrency: Option<usize>,

    /// Keep Terraform from the rest of the machine: required, auto or off [default: auto].
    #[arg(long, env = "CARNET_SANDBOX", value_name = "MODE")]
    pub(crate) sandbox: Option<String>,

    /// The most bytes of an uploaded configuration or state [default: 268435456].
    #[arg(long, env = "CARNET_UPLOAD_LIMIT", value_name = "BYTES")]
    pub(crate) upload_limit: Option<u64>,

    /// How many requests a second one token may make; 0 is without a limit [default: 100].
    #[arg(long, env = "CARNET_RATE_LIMIT", value_name = "N")]
    pub(crate) rate_limit: Option<u32>,

    /// Count callers without a token by the last address of X-Forwarded-For: for servers behind a proxy that sets it.
    #[arg(long, env = "CARNET_FORWARDED_FOR")]
    pub(crate) forwarded_for: bool,

    /// A host that notifications may go to although it lies on this machine, its link or in a private network.
    #[arg(long, env = "CARNET_ALLOW_NOTIFICATION_HOSTS", value_name = "HOST[:PORT]", value_delimiter = ',')]
    pub(crate) allow_notification_hosts: Vec<String>,

    /// How long entries of the ledger wait for a signed checkpoint, as in 5m [default: 5m].
    #[arg(long, env = "CARNET_CHECKPOINT_AFTER", value_name = "DURATION")]
    pub(crate) checkpoint_after: Option<String>,

    /// How long a plan may take, as in 2h or 90m [default: 2h].
    #[arg(long, env = "CARNET_PLAN_TIMEOUT", value_name = "DURATION")]
    pub(crate) plan_timeout: Option<String>,

    /// How long an apply may take [default: 24h].
    #[arg(long, env = "CARNET_APPLY_TIMEOUT", value_name = "DURATION")]
    pub(crate) apply_timeout: Option<String>,
}
