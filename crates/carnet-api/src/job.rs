//! The protocol between the server and its agents, plain JSON over HTTPS below [`BASE`].
//!
//! | Request | Authorization | Answer |
//! |---|---|---|
//! | `POST agents` [`Registration`] | agent token | 201 [`Registered`] |
//! | `POST agents/{agent}/claim?wait=SECONDS` | agent token | 200 [`JobDocument`], or 204 when nothing came in time |
//! | `POST agents/{agent}/stop` [`Stop`] | agent token | 204 |
//! | `POST jobs/{job}/heartbeat` [`Heartbeat`] | control token | 200 [`HeartbeatReply`]; 410 when the job is no longer this agent's |
//! | `POST jobs/{job}/identity-tokens` [`IdentityTokenRequest`] | control token | 201 [`IdentityTokenReply`] |
//! | `GET jobs/{job}/configuration` | control token | the archive, gzip tar |
//! | `PUT jobs/{job}/log?offset=N` bytes | control token | 204; 409 [`LogPosition`] when `N` is not the log's end |
//! | `PUT`/`GET jobs/{job}/artifacts/{artifact}` bytes ([`Artifact`]) | control token | 204 / 200, 404 when there is none |
//! | `GET jobs/{job}/state` | control token | the current state's bytes; 204 when there is none |
//! | `PUT jobs/{job}/state` bytes | control token or delivery token | 204 once stored; 409 when a newer state is there |
//! | `PUT jobs/{job}/credentials` [`CredentialReport`] | control token | 204; replaces the report that is there |
//! | `POST jobs/{job}/finish` [`Finish`] | control token | 204, again 204 when repeated |
//!
//! The control token can mint identity tokens: it stays in the agent's memory. The delivery token can do nothing but store the
//! state of its job, also after the lease ran out: an agent keeps it beside the state on disk. The run token is what
//! Terraform sees: it reads state and outputs of the run's workspace over the ordinary API.

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

/// Where the protocol lives on the server.
pub const BASE: &str = "/api/agent/v1";

/// Seconds between heartbeats; the lease lasts [`LEASE_SECONDS`].
pub const HEARTBEAT_SECONDS: u64 = 5;

/// Seconds after which a job without heartbeat is lost.
pub const LEASE_SECONDS: u64 = 30;

/// A secret that may be written to the wire, and nowhere else.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct WireSecret(pub SecretString);

impl Serialize for WireSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose_secret())
    }
}

impl From<SecretString> for WireSecret {
    fn from(secret: SecretString) -> Self {
        Self(secret)
    }
}

/// An agent introduces itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Registration {
    /// A name for people, unique or not.
    pub name: String,
    /// The version of the agent.
    pub version: String,
}

/// The server's answer to a registration.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Registered {
    /// The id under which the agent claims.
    pub agent_id: String,
}

/// An agent says that it ends.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Stop {
    /// Whether an error makes it end.
    pub failed: bool,
}

/// Everything an agent needs to execute one phase.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JobDocument {
    /// The job.
    pub job_id: String,
    /// `plan` or `apply`.
    pub phase: String,
    /// May mint and report; never leaves the agent's memory.
    pub control_token: WireSecret,
    /// May store this job's state; kept on disk beside it.
    pub delivery_token: WireSecret,
    /// May read state and outputs of this workspace; Terraform sees it.
    pub run_token: WireSecret,
    /// The application's address, for Terraform's own use.
    pub server_url: String,
    /// Whose run it is.
    pub identity: JobIdentity,
    /// What the run is asked to do.
    pub run: RunDocument,
    /// The merged variables.
    pub variables: Vec<JobVariable>,
    /// When the phase has run for too long.
    pub deadline_at: Timestamp,
    /// The issuer of identity tokens, for messages.
    pub issuer_url: String,
    /// How its identity tokens live and what a static credential beside a dynamic one leads to.
    pub credentials: CredentialRules,
    /// Declarative adapters of the server and of the organization, as TOML documents, besides those that ship.
    pub adapters: Vec<String>,
    /// What the log says when the phase uses dynamic credentials.
    #[serde(default)]
    pub notices: Vec<String>,
    /// The server's own moment of the claim, to notice a wrong clock.
    pub claimed_at: Timestamp,
}

/// Names and ids of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JobIdentity {
    /// The organization's id.
    pub organization_id: String,
    /// The organization's name.
    pub organization_name: String,
    /// The project's id.
    pub project_id: String,
    /// The project's name.
    pub project_name: String,
    /// The workspace's id.
    pub workspace_id: String,
    /// The workspace's name.
    pub workspace_name: String,
    /// The run.
    pub run_id: String,
    /// The subject that identity tokens of this job carry.
    pub subject: String,
}

/// What the run is asked to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunDocument {
    /// A version, a constraint or `latest`.
    pub terraform_version: String,
    /// The folder of the configuration in which Terraform runs; empty for its root.
    pub working_directory: String,
    /// Whether the log is made of JSON lines.
    pub structured_output: bool,
    /// The run can never be applied.
    pub plan_only: bool,
    /// Everything is destroyed.
    pub is_destroy: bool,
    /// Reality is read before planning.
    pub refresh: bool,
    /// Only the state is brought up to date.
    pub refresh_only: bool,
    /// Terraform may write configuration for imports.
    pub allow_config_generation: bool,
    /// Only these addresses.
    pub target_addrs: Vec<String>,
    /// These addresses are made anew.
    pub replace_addrs: Vec<String>,
}

/// A variable of the run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JobVariable {
    /// The name.
    pub key: String,
    /// The value.
    pub value: WireSecret,
    /// `terraform` or `env`.
    pub category: String,
    /// Whether the value is an HCL expression.
    pub hcl: bool,
    /// Whether it must be hidden from the log.
    pub sensitive: bool,
    /// Where it was set, as a person reads it: `workspace "network"`.
    pub origin: String,
}

/// What the organization and the workspace say about dynamic credentials.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CredentialRules {
    /// Seconds that an identity token lives when its consumer can be given a new one in time.
    pub identity_token_ttl_seconds: u64,
    /// Whether a static credential that would win over a dynamic one only leads to a warning.
    pub tolerates_static_credentials: bool,
}

/// What a phase holds or held, replaced as a whole whenever it changes; no secret in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialReport {
    /// One entry for each configuration that was switched on.
    pub entries: Vec<CredentialEntry>,
}

/// One configuration of a family in one phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialEntry {
    /// The family, `aws` for example; the name of an adapter for a declarative one.
    pub family: String,
    /// The tag; `None` for the default configuration.
    pub tag: Option<String>,
    /// The claim `aud`.
    pub audience: String,
    /// The claim `sub`.
    pub subject: String,
    /// The role or account that the token was traded for.
    pub role: Option<String>,
    /// The newest identity token, as in the ledger; `None` when none was made.
    pub jti: Option<String>,
    /// Seconds that the newest identity token lives.
    pub life_seconds: u64,
    /// How often the credential was replaced or renewed.
    pub renewals: u32,
    /// When the credential ends: the provider's, or else the identity token.
    pub expires_at: Option<Timestamp>,
    /// `held`, `refused` or `ended`.
    pub outcome: String,
    /// Why it was refused, in one line; empty otherwise.
    pub detail: String,
    /// Who the run is to the provider, line by line.
    pub identity: Vec<String>,
    /// What must be revoked, in the order in which it was obtained.
    pub leases: Vec<CredentialLease>,
}

/// Something at a provider that works until it is revoked or ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialLease {
    /// The server that can revoke it.
    pub address: String,
    /// The namespace, if any.
    pub namespace: Option<String>,
    /// The name by which an administrator can revoke it; not a secret, empty for kinds that have none.
    pub accessor: String,
    /// When it ends by itself; `None` when it does not.
    pub ends_at: Option<Timestamp>,
    /// `outstanding`, `revoked`, `already_gone`, `ends_by_itself` or `failed`.
    pub revocation: String,
    /// Why it could not be revoked; empty otherwise.
    pub detail: String,
}

/// What an agent reports while it works.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The version of Terraform, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terraform_version: Option<String>,
}

/// The server's answer to a heartbeat.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HeartbeatReply {
    /// `none`, `interrupt` or `kill`.
    pub signal: String,
    /// When the lease runs out without another heartbeat.
    pub lease_expires_at: Timestamp,
}

/// Asks for one identity token.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IdentityTokenRequest {
    /// The family it is for, `aws` for example.
    pub family: String,
    /// The tag of the configuration; `None` for the default one.
    pub tag: Option<String>,
    /// The audience.
    pub audience: String,
    /// Seconds it is wanted for; the server may give less.
    pub lifetime_seconds: u64,
}

/// A minted identity token.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IdentityTokenReply {
    /// The signed token.
    pub token: WireSecret,
    /// Its id, as in the ledger.
    pub jti: String,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Where a log ends.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LogPosition {
    /// Bytes that are stored.
    pub length: u64,
}

/// What one phase leaves behind for another, or for readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Artifact {
    /// The saved plan and its lock file, gzip tar with entries `plan.tfplan` and, when there is one, `.terraform.lock.hcl`.
    Plan,
    /// `terraform show -json` of the plan.
    PlanJson,
    /// The parts of it that clients draw, without sensitive values, with the provider schemas they need.
    PlanJsonRedacted,
    /// `terraform providers schema -json`, of the providers in use.
    ProviderSchemas,
}

impl Artifact {
    /// Every artifact.
    pub const ALL: [Self; 4] = [Self::Plan, Self::PlanJson, Self::PlanJsonRedacted, Self::ProviderSchemas];

    /// The artifact as it stands in paths.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::PlanJson => "plan-json",
            Self::PlanJsonRedacted => "plan-json-redacted",
            Self::ProviderSchemas => "provider-schemas",
        }
    }
}

impl std::str::FromStr for Artifact {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|artifact| artifact.as_str() == text)
            .ok_or_else(|| format!("{text:?} is not an artifact"))
    }
}

/// How a phase ended. The log must be complete before this is sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Finish {
    /// `succeeded`, `failed` or `canceled`.
    pub outcome: String,
    /// Whether the plan has changes of resources or outputs.
    pub has_changes: bool,
    /// Resources added.
    pub additions: u32,
    /// Resources changed in place.
    pub changes: u32,
    /// Resources destroyed.
    pub destructions: u32,
    /// Resources imported.
    pub imports: u32,
    /// Whether the plan wrote configuration.
    pub generated_configuration: bool,
    /// The version of Terraform that ran.
    pub terraform_version: Option<String>,
    /// Milliseconds from the claim to the start of the first Terraform command, without the providers' round trips.
    pub preparation_ms: u64,
    /// Milliseconds of each step, in order, for people who ask where the time went.
    pub steps: Vec<StepTime>,
    /// What could not be revoked at the end, for people; no secret in it.
    pub unrevoked: Vec<String>,
}

/// How long a step took.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StepTime {
    /// The step's name.
    pub name: String,
    /// Milliseconds.
    pub milliseconds: u64,
}
