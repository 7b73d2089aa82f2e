//! Projects: groups of workspaces inside an organization.

use crate::{OrgId, ProjectId, ProjectName, Timestamp};

/// The name of the project that every organization is made with.
pub const DEFAULT_PROJECT: &str = "Default Project";

/// A group of workspaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The stable id.
    pub id: ProjectId,
    /// The organization it belongs to.
    pub organization_id: OrgId,
    /// Its name, unique in the organization.
    pub name: ProjectName,
    /// A free text.
    pub description: String,
    /// When it was made.
    pub created_at: Timestamp,
}
