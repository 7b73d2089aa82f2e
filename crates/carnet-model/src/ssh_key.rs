//! SSH keys of an organization.

use crate::{OrgId, SshKeyId, Timestamp};

/// An SSH key, without its value: that is written once and never shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshKey {
    /// The stable id.
    pub id: SshKeyId,
    /// The organization.
    pub organization_id: OrgId,
    /// The name, unique in the organization.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}
