//! Workspaces.

use crate::{
    ConfigurationVersionId, IdentityTokenTtl, OrgId, OrgName, ProjectId, ProjectName, RunId, StateVersionId,
    Tag, Timestamp, UserId, WorkspaceId, WorkspaceName,
};

/// Where the runs of a workspace execute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionMode {
    /// On Carnet's agents.
    Remote,
    /// On the user's machine; Carnet keeps the state.
    Local,
}

impl ExecutionMode {
    /// The mode as clients write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Remote => "remote",
            Self::Local => "local",
        }
    }
}

impl std::str::FromStr for ExecutionMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "remote" => Ok(Self::Remote),
            "local" => Ok(Self::Local),
            other => {
                Err(format!("{other:?} is not an execution mode of this server; it knows remote and local"))
            }
        }
    }
}

/// Who holds the lock of a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockOwner {
    /// A user locked it by hand or by a state operation.
    User(UserId),
    /// A run that is not final yet.
    Run(RunId),
}

/// A held lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// Who holds it.
    pub owner: LockOwner,
    /// Why, in the holder's words.
    pub reason: String,
}

/// One state, its variables and its runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// The stable id.
    pub id: WorkspaceId,
    /// The name, unique in the organization.
    pub name: WorkspaceName,
    /// The organization's id.
    pub organization_id: OrgId,
    /// The organization's name.
    pub organization_name: OrgName,
    /// The project's id.
    pub project_id: ProjectId,
    /// The project's name.
    pub project_name: ProjectName,
    /// A free text.
    pub description: String,
    /// Where its runs execute.
    pub execution_mode: ExecutionMode,
    /// A version, a constraint or `latest`.
    pub terraform_version: String,
    /// The folder of the configuration in which Terraform runs; empty for its root.
    pub working_directory: String,
    /// Whether runs that do not say so apply by themselves.
    pub auto_apply: bool,
    /// Whether plans that destroy everything may be queued.
    pub allow_destroy_plan: bool,
    /// Whether logs of cloud-integrated clients are JSON lines.
    pub structured_run_output: bool,
    /// How long identity tokens live; `None` for what the organization says.
    pub identity_token_ttl: Option<IdentityTokenTtl>,
    /// The lock, if it is held.
    pub lock: Option<Lock>,
    /// The run that owns the workspace, or owned it last.
    pub current_run_id: Option<RunId>,
    /// The current state.
    pub current_state_version_id: Option<StateVersionId>,
    /// The configuration that was used last.
    pub current_configuration_version_id: Option<ConfigurationVersionId>,
    /// Resources in the current state.
    pub resource_count: u32,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}
