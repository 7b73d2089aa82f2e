//! Organizations.

use crate::{AgentPoolId, IdentityTokenTtl, OrgId, OrgName, ProjectId, StaticCredentials, Timestamp};

/// Where runs execute in workspaces that do not say it themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum DefaultExecution {
    /// On the agents of the server.
    #[default]
    Remote,
    /// On the machine of whoever runs Terraform.
    Local,
    /// On the agents of a pool.
    Agent(AgentPoolId),
}

/// Why an execution mode and an agent pool do not go together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DefaultExecutionError {
    /// The mode is unknown.
    #[error("Default execution mode must be one of remote, local, agent")]
    Mode,
    /// Agents need a pool.
    #[error("Default agent pool must be specified when using 'agent' execution mode")]
    NoPool,
    /// A pool needs agents.
    #[error("Default agent pool must not be specified unless using 'agent' execution mode")]
    Pool,
}

impl DefaultExecution {
    /// Puts the mode that clients write and a pool together.
    pub fn new(mode: &str, pool: Option<AgentPoolId>) -> Result<Self, DefaultExecutionError> {
        match (mode, pool) {
            ("remote", None) => Ok(Self::Remote),
            ("local", None) => Ok(Self::Local),
            ("agent", Some(pool)) => Ok(Self::Agent(pool)),
            ("agent", None) => Err(DefaultExecutionError::NoPool),
            ("remote" | "local", Some(_)) => Err(DefaultExecutionError::Pool),
            _ => Err(DefaultExecutionError::Mode),
        }
    }

    /// What a change makes of it: a mode that changes leaves the pool behind, one that stays keeps it.
    pub fn changed(
        &self,
        mode: Option<&str>,
        pool: Option<Option<AgentPoolId>>,
    ) -> Result<Self, DefaultExecutionError> {
        let mode = mode.unwrap_or(self.mode());
        let kept = if mode == self.mode() { self.agent_pool().cloned() } else { None };
        Self::new(mode, pool.unwrap_or(kept))
    }

    /// The mode as clients write it.
    pub fn mode(&self) -> &'static str {
        match self {
            Self::Remote => "remote",
            Self::Local => "local",
            Self::Agent(_) => "agent",
        }
    }

    /// The pool, in mode `agent`.
    pub fn agent_pool(&self) -> Option<&AgentPoolId> {
        match self {
            Self::Agent(pool) => Some(pool),
            Self::Remote | Self::Local => None,
        }
    }
}

/// What the owners of an organization decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationSettings {
    /// Where runs execute in projects and workspaces that do not say it.
    pub default_execution: DefaultExecution,
    /// After how many minutes without a request sessions in browsers end.
    pub session_timeout: Option<u32>,
    /// How many minutes sessions in browsers last.
    pub session_remember: Option<u32>,
    /// What single sign-on calls the team of owners.
    pub owners_team_saml_role_id: Option<String>,
    /// Whether version control is told of speculative plans that nothing triggered.
    pub send_passing_statuses: bool,
    /// Whether version control is told one status for all workspaces.
    pub aggregated_commit_status: bool,
    /// Whether a new commit cancels speculative plans of older ones.
    pub speculative_plan_management: bool,
    /// Whether administrators of workspaces may delete those that still manage resources.
    pub allow_force_delete_workspaces: bool,
    /// Whether credential variables are reserved to those who administer a workspace, or are granted them by name.
    pub credential_variables_need_admin: bool,
    /// Whether tokens of users open the organization.
    pub user_tokens_enabled: bool,
    /// Whether the life of tokens is limited.
    pub max_ttl_enabled: bool,
    /// Whether one repository may hold several modules.
    pub registry_monorepo_support: bool,
    /// Whether cost estimates are wanted; nothing acts upon it.
    pub cost_estimation_enabled: bool,
    /// Whether health assessments are wanted in all workspaces; nothing acts upon it.
    pub assessments_enforced: bool,
    /// Whether stacks are wanted; nothing acts upon it.
    pub stacks_enabled: bool,
}

impl Default for OrganizationSettings {
    fn default() -> Self {
        Self {
            default_execution: DefaultExecution::Remote,
            session_timeout: None,
            session_remember: None,
            owners_team_saml_role_id: None,
            send_passing_statuses: false,
            aggregated_commit_status: true,
            speculative_plan_management: true,
            allow_force_delete_workspaces: true,
            credential_variables_need_admin: false,
            user_tokens_enabled: true,
            max_ttl_enabled: false,
            registry_monorepo_support: false,
            cost_estimation_enabled: false,
            assessments_enforced: false,
            stacks_enabled: false,
        }
    }
}

/// The top of the tree: projects, workspaces and members belong to one organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// The stable id.
    pub id: OrgId,
    /// The name that clients address it by.
    pub name: OrgName,
    /// The address for notices.
    pub email: String,
    /// The project that workspaces land in when none is named.
    pub default_project_id: ProjectId,
    /// How long identity tokens live in workspaces that do not say it; `None` for the default.
    pub identity_token_ttl: Option<IdentityTokenTtl>,
    /// What a static credential beside a dynamic one leads to.
    pub static_credentials: StaticCredentials,
    /// Everything else that its owners decide.
    pub settings: OrganizationSettings,
    /// When it was made.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool() -> AgentPoolId {
        AgentPoolId::from_entropy([1; 16])
    }

    #[test]
    fn agents_and_pools_go_together() {
        assert_eq!(DefaultExecution::new("agent", Some(pool())), Ok(DefaultExecution::Agent(pool())));
        assert_eq!(DefaultExecution::new("agent", None), Err(DefaultExecutionError::NoPool));
        assert_eq!(DefaultExecution::new("local", Some(pool())), Err(DefaultExecutionError::Pool));
        assert_eq!(DefaultExecution::new("cloud", None), Err(DefaultExecutionError::Mode));
    }

    #[test]
    fn another_mode_leaves_the_pool_behind() {
        let agents = DefaultExecution::Agent(pool());
        assert_eq!(agents.changed(Some("remote"), None), Ok(DefaultExecution::Remote));
        assert_eq!(agents.changed(Some("agent"), None), Ok(agents.clone()));
        assert_eq!(agents.changed(None, None), Ok(agents.clone()));
        assert_eq!(agents.changed(None, Some(None)), Err(DefaultExecutionError::NoPool));
        assert_eq!(
            DefaultExecution::Remote.changed(None, Some(Some(pool()))),
            Err(DefaultExecutionError::Pool)
        );
    }
}
