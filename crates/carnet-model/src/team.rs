//! Teams, who is in them, and what they may do on projects and workspaces.

use crate::{
    MembershipId, OrgId, OrganizationAccess, ProjectAccess, ProjectId, ProjectLevel, TeamId, TeamProjectId,
    TeamWorkspaceId, Timestamp, UserId, WorkspaceAccess, WorkspaceId, WorkspaceLevel,
};

/// The team that may do everything; every organization has it.
pub const OWNERS: &str = "owners";

/// Who learns that a team exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TeamVisibility {
    /// Its members and the owners.
    Secret,
    /// Every member of the organization.
    Organization,
}

impl TeamVisibility {
    /// The visibility as clients write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Organization => "organization",
        }
    }
}

impl std::str::FromStr for TeamVisibility {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "secret" => Ok(Self::Secret),
            "organization" => Ok(Self::Organization),
            other => Err(format!("{other:?} is none of secret, organization")),
        }
    }
}

/// A group of members with the same permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    /// The stable id.
    pub id: TeamId,
    /// The organization it belongs to.
    pub organization_id: OrgId,
    /// Its name, unique in the organization.
    pub name: String,
    /// Whether it is the team that may do everything.
    pub is_owners: bool,
    /// Who learns that it exists.
    pub visibility: TeamVisibility,
    /// What single sign-on calls it.
    pub sso_team_id: Option<String>,
    /// Whether its members may make tokens for it.
    pub member_token_management: bool,
    /// What it may do in the organization.
    pub access: OrganizationAccess,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Whether a member has joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MembershipStatus {
    /// Nobody with the address has an account yet.
    Invited,
    /// The user belongs to the organization.
    Active,
}

impl MembershipStatus {
    /// The status as clients read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Active => "active",
        }
    }
}

impl std::str::FromStr for MembershipStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "invited" => Ok(Self::Invited),
            "active" => Ok(Self::Active),
            other => Err(format!("{other:?} is none of invited, active")),
        }
    }
}

/// That a user belongs to an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The stable id.
    pub id: MembershipId,
    /// The organization.
    pub organization_id: OrgId,
    /// The user.
    pub user_id: UserId,
    /// Whether the user has joined.
    pub status: MembershipStatus,
    /// When the user was invited.
    pub created_at: Timestamp,
}

/// What a team may do on a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamWorkspace {
    /// The stable id.
    pub id: TeamWorkspaceId,
    /// The team.
    pub team_id: TeamId,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The level that was chosen.
    pub level: WorkspaceLevel,
    /// What it stands for.
    pub access: WorkspaceAccess,
    /// When it was granted.
    pub created_at: Timestamp,
}

/// What a team may do on a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamProject {
    /// The stable id.
    pub id: TeamProjectId,
    /// The team.
    pub team_id: TeamId,
    /// The project.
    pub project_id: ProjectId,
    /// The level that was chosen.
    pub level: ProjectLevel,
    /// What it stands for.
    pub access: ProjectAccess,
    /// When it was granted.
    pub created_at: Timestamp,
}
