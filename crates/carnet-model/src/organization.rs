//! Organizations.

use crate::{OrgId, OrgName, ProjectId, Timestamp};

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
    /// When it was made.
    pub created_at: Timestamp,
}
