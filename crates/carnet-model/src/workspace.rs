//! Workspaces.

use crate::{
    ActivityDuration, AgentPoolId, ConfigurationVersionId, IdentityTokenTtl, OrgId, OrgName, Organization,
    Project, ProjectId, ProjectName, RunId, SshKeyId, StateVersionId, Tag, TeamId, Timestamp, UserId,
    WorkspaceId, WorkspaceName,
};

/// Where the runs of a workspace execute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionMode {
    /// On the agents of the site.
    Remote,
    /// On the user's machine; Carnet keeps the state.
    Local,
    /// On the agents of a pool.
    Agent,
}

impl ExecutionMode {
    /// The mode as clients write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Remote => "remote",
            Self::Local => "local",
            Self::Agent => "agent",
        }
    }
}

impl std::str::FromStr for ExecutionMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "remote" => Ok(Self::Remote),
            "local" => Ok(Self::Local),
            "agent" => Ok(Self::Agent),
            other => Err(format!("{other:?} is not an execution mode: remote, local or agent")),
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

/// What a workspace was made by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkspaceSource {
    /// A client of the API.
    Api,
    /// The web interface.
    Ui,
    /// A module of the registry.
    Module,
    /// The Terraform command.
    Terraform,
}

impl WorkspaceSource {
    /// The source as clients read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Api => "tfe-api",
            Self::Ui => "tfe-ui",
            Self::Module => "tfe-module",
            Self::Terraform => "terraform",
        }
    }
}

impl std::str::FromStr for WorkspaceSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Api, Self::Ui, Self::Module, Self::Terraform];
        all.into_iter()
            .find(|source| source.as_str() == text)
            .ok_or_else(|| format!("{text:?} is not the source of a workspace"))
    }
}

/// When a workspace is to be destroyed. It is kept for clients that set it; nothing acts upon it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AutoDestroy {
    /// The moment.
    pub at: Option<Timestamp>,
    /// How long nothing happened.
    pub activity_duration: Option<ActivityDuration>,
    /// Whether the project says it.
    pub inherits_project: bool,
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
    /// Where its runs execute, inherited or its own.
    pub execution_mode: ExecutionMode,
    /// The pool of the agents of mode [`ExecutionMode::Agent`], inherited or its own.
    pub agent_pool_id: Option<AgentPoolId>,
    /// Whether mode and pool are its own; otherwise the project or the organization says them.
    pub overwrites_execution_mode: bool,
    /// A version, a constraint or `latest`.
    pub terraform_version: String,
    /// The folder of the configuration in which Terraform runs; empty for its root.
    pub working_directory: String,
    /// Whether runs that do not say so apply by themselves.
    pub auto_apply: bool,
    /// Whether runs that another workspace triggered apply by themselves.
    pub auto_apply_run_trigger: bool,
    /// Whether plans that destroy everything may be queued.
    pub allow_destroy_plan: bool,
    /// Whether the first run may be queued before a person made one.
    pub queue_all_runs: bool,
    /// Whether plans that cannot be applied are allowed for pull requests.
    pub speculative_enabled: bool,
    /// Whether logs of cloud-integrated clients are JSON lines.
    pub structured_run_output: bool,
    /// Whether the paths that changed decide about runs.
    pub file_triggers_enabled: bool,
    /// Folders whose changes queue runs.
    pub trigger_prefixes: Vec<String>,
    /// Patterns of paths whose changes queue runs.
    pub trigger_patterns: Vec<String>,
    /// Whether every workspace of the organization may read its state.
    pub global_remote_state: bool,
    /// Whether every workspace of the project may read its state.
    pub project_remote_state: bool,
    /// Whether health assessments are wanted; nothing acts upon it.
    pub assessments_enabled: bool,
    /// When it is to be destroyed; nothing acts upon it.
    pub auto_destroy: AutoDestroy,
    /// What made it.
    pub source: WorkspaceSource,
    /// The name of the client that made it.
    pub source_name: Option<String>,
    /// The address of the client that made it.
    pub source_url: Option<String>,
    /// The environment of an older product that it was migrated from.
    pub migration_environment: Option<String>,
    /// The key for modules from Git.
    pub ssh_key_id: Option<SshKeyId>,
    /// How long identity tokens live; `None` for what the organization says.
    pub identity_token_ttl: Option<IdentityTokenTtl>,
    /// The lock, if it is held.
    pub lock: Option<Lock>,
    /// The team that holds the lock through its service user.
    pub locked_by_team_id: Option<TeamId>,
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
    /// When a setting, a run or the state changed last.
    pub latest_change_at: Timestamp,
}

impl Workspace {
    /// A new workspace with the settings that HCP Terraform makes workspaces with.
    pub fn new(
        id: WorkspaceId,
        name: WorkspaceName,
        organization: &Organization,
        project: &Project,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            name,
            organization_id: organization.id.clone(),
            organization_name: organization.name.clone(),
            project_id: project.id.clone(),
            project_name: project.name.clone(),
            description: String::new(),
            execution_mode: ExecutionMode::Remote,
            agent_pool_id: None,
            overwrites_execution_mode: false,
            terraform_version: "latest".to_owned(),
            working_directory: String::new(),
            auto_apply: false,
            auto_apply_run_trigger: false,
            allow_destroy_plan: true,
            queue_all_runs: false,
            speculative_enabled: true,
            structured_run_output: true,
            file_triggers_enabled: true,
            trigger_prefixes: Vec::new(),
            trigger_patterns: Vec::new(),
            global_remote_state: false,
            project_remote_state: false,
            assessments_enabled: false,
            auto_destroy: AutoDestroy::default(),
            source: WorkspaceSource::Api,
            source_name: None,
            source_url: None,
            migration_environment: None,
            ssh_key_id: None,
            identity_token_ttl: None,
            lock: None,
            locked_by_team_id: None,
            current_run_id: None,
            current_state_version_id: None,
            current_configuration_version_id: None,
            resource_count: 0,
            tags: Vec::new(),
            created_at: now,
            updated_at: now,
            latest_change_at: now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_and_sources_read_what_they_write() {
        for mode in [ExecutionMode::Remote, ExecutionMode::Local, ExecutionMode::Agent] {
            assert_eq!(mode.as_str().parse(), Ok(mode));
        }
        assert!("cloud".parse::<ExecutionMode>().is_err());
        assert_eq!("terraform".parse(), Ok(WorkspaceSource::Terraform));
    }
}
