//! What an agent is told once, at its start.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use carnet_creds::{AllowedHosts, HttpSettings};
use carnet_model::Phase;
use jiff::Timestamp;
use secrecy::SecretString;

/// A plan has no state to lose, and whoever canceled it waits for the workspace.
const PLAN_GRACE: Duration = Duration::from_secs(30);

/// Tells the time; given by the edge of the program.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Everything an agent is told.
#[derive(Debug, Clone)]
pub struct AgentConfig {
    /// The address of the server.
    pub server_url: String,
    /// The token with which jobs are claimed.
    pub agent_token: SecretString,
    /// A name for people.
    pub name: String,
    /// Certificate authorities to trust beside the system's, as PEM.
    pub ca_pem: Option<Vec<u8>>,
    /// Where things live that must survive a restart: states that are not delivered yet, provider schemas.
    pub data_dir: PathBuf,
    /// Where the home directories of runs are made; it must be the same on every agent, as a saved plan names paths in it.
    pub work_root: PathBuf,
    /// Which Terraform or OpenTofu runs.
    pub engine: EngineSource,
    /// A filesystem mirror of providers.
    pub plugin_dir: Option<PathBuf>,
    /// Hosts that adapters may reach although they lie on this machine, its link or a cloud's metadata address.
    pub allowed_hosts: AllowedHosts,
    /// Paths that Terraform must not reach, beside the agent's own.
    pub protected: Vec<PathBuf>,
    /// The environment of the agent; an allow list is taken from it.
    pub host_env: BTreeMap<String, String>,
    /// How many jobs run at a time.
    pub concurrency: usize,
    /// How long one claim waits for a job.
    pub poll_wait: Duration,
    /// Whether Terraform is kept from the rest of the machine.
    pub sandbox: SandboxMode,
    /// How long Terraform may take to end after it was interrupted; a plan gets half a minute of it at most.
    pub grace: Duration,
    /// The same, after the agent itself died.
    pub guardian_grace: Duration,
    /// The executable with the hidden commands `guardian` and `sandbox-exec`; the running one when `None`.
    pub program: Option<PathBuf>,
    /// What an archive may hold.
    pub unpack_limits: UnpackLimits,
}

impl AgentConfig {
    /// A configuration with the defaults of everything that has one.
    pub fn new(
        server_url: impl Into<String>,
        agent_token: SecretString,
        data_dir: impl Into<PathBuf>,
    ) -> Self {
        Self {
            server_url: server_url.into(),
            agent_token,
            name: "agent".to_owned(),
            ca_pem: None,
            data_dir: data_dir.into(),
            work_root: PathBuf::from("/tmp"),
            engine: EngineSource::Search("/usr/local/bin:/usr/bin:/bin".to_owned()),
            plugin_dir: None,
            allowed_hosts: AllowedHosts::default(),
            protected: Vec::new(),
            host_env: BTreeMap::new(),
            concurrency: 1,
            poll_wait: Duration::from_secs(25),
            sandbox: SandboxMode::Auto,
            grace: Duration::from_secs(300),
            guardian_grace: Duration::from_secs(30),
            program: None,
            unpack_limits: UnpackLimits::default(),
        }
    }

    /// How providers are reached: the same authorities are trusted as for the server.
    pub(crate) fn provider_http(&self) -> HttpSettings {
        let extra_roots_pem = self.ca_pem.as_ref().and_then(|pem| String::from_utf8(pem.clone()).ok());
        HttpSettings { extra_roots_pem, allowed_hosts: self.allowed_hosts.clone(), ..HttpSettings::default() }
    }

    /// How long Terraform may take to end a phase that was interrupted.
    pub(crate) fn grace_of(&self, phase: Phase) -> Duration {
        match phase {
            Phase::Plan => self.grace.min(PLAN_GRACE),
            Phase::Apply => self.grace,
        }
    }

    /// The program that is started for the guardian and the sandbox.
    pub(crate) fn stage_program(&self) -> &Path {
        // The link still leads to the running program when its file was replaced by an upgrade.
        self.program.as_deref().unwrap_or(Path::new("/proc/self/exe"))
    }
}

/// Where Terraform is found.
#[derive(Debug, Clone)]
pub enum EngineSource {
    /// This program.
    Path(PathBuf),
    /// The first `terraform`, else the first `tofu`, in this list of folders, separated as in `PATH`.
    Search(String),
}

/// Whether Terraform is kept from the rest of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SandboxMode {
    /// A run fails where the kernel cannot do it.
    Required,
    /// Done where the kernel can, with a line in the log where it cannot.
    Auto,
    /// Never done.
    Off,
}

/// What an archive of a configuration may hold.
#[derive(Debug, Clone, Copy)]
pub struct UnpackLimits {
    /// Files, folders and links.
    pub entries: usize,
    /// Bytes of all files, unpacked.
    pub bytes: u64,
}

impl Default for UnpackLimits {
    fn default() -> Self {
        Self { entries: 100_000, bytes: 2 << 30 }
    }
}

/// Why an agent ended.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The connection cannot be set up.
    #[error("the connection to the server cannot be set up")]
    Client(#[source] carnet_api::client::ClientError),
    /// The server does not know the agent's token.
    #[error("the server does not accept the agent token")]
    Unauthorized,
    /// There is nothing for this token where agents register.
    #[error(
        "the server answered 404: this is not an agent token (`carnet admin agent-token` makes one, and so do agent pools; \
         API tokens are for people), or --server is not the address of a Carnet server"
    )]
    NotAnAgent,
    /// The server refuses the agent.
    #[error("the server refuses the agent")]
    Refused(#[source] carnet_api::client::ClientError),
    /// A directory of the agent cannot be used.
    #[error("{path} cannot be used")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The configuration contradicts itself.
    #[error("{0}")]
    Config(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_grace(configured: u64, phase: Phase, expected: u64) {
        let mut config = AgentConfig::new("https://carnet.example.org", SecretString::default(), "data");
        config.grace = Duration::from_secs(configured);
        assert_eq!(config.grace_of(phase), Duration::from_secs(expected));
    }

    #[test]
    fn an_interrupted_plan_is_not_waited_for_as_long_as_an_apply() {
        check_grace(300, Phase::Apply, 300);
        check_grace(300, Phase::Plan, 30);
        check_grace(5, Phase::Plan, 5);
    }
}
