//! Organizations.

use crate::{IdentityTokenTtl, OrgId, OrgName, ProjectId, StaticCredentials, Timestamp};

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
    /// When it was made.
    pub created_at: Timestamp,
}
