//! Reserved tag keys: keys that an organization wants to be used, and whether workspaces may override them.

use crate::{OrgId, ReservedTagKeyId, Tag, Timestamp};

/// A key that an organization has reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservedTagKey {
    /// The stable id.
    pub id: ReservedTagKeyId,
    /// The organization.
    pub organization_id: OrgId,
    /// The key.
    pub key: TagKey,
    /// Whether workspaces cannot give it another value than their project does.
    pub disable_overrides: bool,
    /// When it was reserved.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// The key of a tag binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagKey(String);

/// A text that is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Key is invalid")]
pub struct TagKeyError;

impl TagKey {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for TagKey {
    type Err = TagKeyError;

    fn from_str(text: &str) -> Result<Self, TagKeyError> {
        Tag::binding(text, "").map(|tag| Self(tag.key)).map_err(|_| TagKeyError)
    }
}
