//! API tokens: what they belong to. The secret itself is stored as a hash only.

use crate::{AgentPoolId, JobId, OrgId, RunId, TeamId, Timestamp, TokenId, UserId, WorkspaceId};

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A user's API token.
    User,
    /// A token with which agents claim jobs; it opens nothing else.
    Agent,
    /// A team's token.
    Team,
    /// An organization's token.
    Organization,
    /// A token that reads the audit trail of an organization.
    AuditTrail,
}

impl TokenKind {
    /// The kind as it stands in a column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Agent => "agent",
            Self::Team => "team",
            Self::Organization => "organization",
            Self::AuditTrail => "audit-trail",
        }
    }
}

impl std::str::FromStr for TokenKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "user" => Ok(Self::User),
            "agent" => Ok(Self::Agent),
            "team" => Ok(Self::Team),
            "organization" => Ok(Self::Organization),
            "audit-trail" => Ok(Self::AuditTrail),
            other => Err(format!("{other:?} is not a kind of token")),
        }
    }
}

/// The record of a stored API token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// The stable id.
    pub id: TokenId,
    /// What it is for.
    pub kind: TokenKind,
    /// The user it acts as, which is a service user for teams and organizations; `None` for agent tokens.
    pub user_id: Option<UserId>,
    /// The team whose token it is.
    pub team_id: Option<TeamId>,
    /// The organization whose token it is, or whose team's.
    pub organization_id: Option<OrgId>,
    /// The agent pool whose token it is; `None` for agents of the site, too.
    pub agent_pool_id: Option<AgentPoolId>,
    /// The user who made it.
    pub created_by: Option<UserId>,
    /// A free text.
    pub description: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

/// Whom a presented bearer token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenOwner {
    /// A user.
    User {
        /// The token's record.
        token_id: TokenId,
        /// The user.
        user_id: UserId,
        /// Whether the user administers the site.
        is_site_admin: bool,
    },
    /// A team.
    Team {
        /// The token's record.
        token_id: TokenId,
        /// The service user that stands for the team.
        user_id: UserId,
        /// The team.
        team_id: TeamId,
        /// The team's organization.
        organization_id: OrgId,
    },
    /// An organization: to set things up, never to run.
    Organization {
        /// The token's record.
        token_id: TokenId,
        /// The service user that stands for the organization.
        user_id: UserId,
        /// The organization.
        organization_id: OrgId,
    },
    /// A reader of an organization's audit trail.
    AuditTrail {
        /// The token's record.
        token_id: TokenId,
        /// The organization.
        organization_id: OrgId,
    },
    /// An agent process.
    Agent {
        /// The token's record.
        token_id: TokenId,
        /// The pool whose jobs it takes; `None` for an agent of the site, which takes those of no pool.
        agent_pool_id: Option<AgentPoolId>,
    },
    /// The Terraform process of a running job: it may read state and outputs of its own workspace, nothing else.
    Run {
        /// The job that is running.
        job_id: JobId,
        /// Its run.
        run_id: RunId,
        /// Its workspace.
        workspace_id: WorkspaceId,
    },
}
