//! Tags: a key with a value; a flat tag is a key whose value is empty.

use crate::{OrgId, ProjectId, TagId, Timestamp};

/// Why a tag was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// The key is empty, too long, or has a character outside its alphabet.
    #[error("a tag key has 1 to 255 letters, numbers, spaces or _ - = . : / @ +")]
    Key,
    /// The value is too long or has a control character.
    #[error("a tag value has at most 256 characters and no control characters")]
    Value,
    /// The key of a binding is too long or is kept for HashiCorp.
    #[error(
        "the key of a tag binding has 1 to {} letters, numbers, spaces or _ - = . : / @ + and does not start with hc: or hcp:",
        Tag::BINDING_KEY_LIMIT
    )]
    BindingKey,
    /// There are too many bindings.
    #[error("a workspace or a project has at most {} tag bindings with a value", Tag::BINDING_LIMIT)]
    TooMany,
}

/// One tag of a workspace or a project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag {
    /// The name.
    pub key: String,
    /// The value; empty for a flat tag.
    pub value: String,
}

impl Tag {
    /// The most bindings of one workspace or project; flat tags do not count.
    pub const BINDING_LIMIT: usize = 10;

    /// The most characters in the key of a binding.
    pub const BINDING_KEY_LIMIT: usize = 128;

    /// Checks key and value.
    pub fn new(key: &str, value: &str) -> Result<Self, TagError> {
        let is_key = |character: char| character.is_ascii_alphanumeric() || " _-=.:/@+".contains(character);
        if !(1..=255).contains(&key.len()) || !key.chars().all(is_key) || key.trim().is_empty() {
            return Err(TagError::Key);
        }
        if value.chars().count() > 256 || value.chars().any(char::is_control) {
            return Err(TagError::Value);
        }
        Ok(Self { key: key.to_owned(), value: value.to_owned() })
    }

    /// Checks key and value of a binding, whose key is shorter.
    pub fn binding(key: &str, value: &str) -> Result<Self, TagError> {
        let is_kept =
            |start: &str| key.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start));
        if key.len() > Self::BINDING_KEY_LIMIT || is_kept("hc:") || is_kept("hcp:") {
            return Err(TagError::BindingKey);
        }
        Self::new(key, value).map_err(|error| match error {
            TagError::Key => TagError::BindingKey,
            other => other,
        })
    }
}

/// A tag that counts for a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectiveTag {
    /// The tag's id in the organization.
    pub tag_id: TagId,
    /// Key and value.
    pub tag: Tag,
    /// The project that it comes from; `None` for the workspace's own.
    pub inherited_from: Option<ProjectId>,
}

/// A tag name of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationTag {
    /// The stable id.
    pub id: TagId,
    /// The organization.
    pub organization_id: OrgId,
    /// The name.
    pub name: String,
    /// How many workspaces and projects have it.
    pub instance_count: u64,
    /// When it was first used.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_bindings_are_shorter_than_flat_tags() {
        let long = "k".repeat(129);
        assert!(Tag::new(&long, "").is_ok());
        assert_eq!(Tag::binding(&long, ""), Err(TagError::BindingKey));
        assert_eq!(Tag::new(&"k".repeat(256), ""), Err(TagError::Key));
        assert!(Tag::binding(&"k".repeat(128), &"v".repeat(256)).is_ok());
        assert_eq!(Tag::binding("k", &"v".repeat(257)), Err(TagError::Value));
    }

    #[test]
    fn keys_of_hashicorp_are_refused() {
        for key in ["hc:env", "hcp:env", "HCP:env", "", " ", "a;b", "\u{e9}"] {
            assert_eq!(Tag::binding(key, ""), Err(TagError::BindingKey), "{key}");
        }
        assert!(Tag::binding("hcl:env", "").is_ok());
    }
}
