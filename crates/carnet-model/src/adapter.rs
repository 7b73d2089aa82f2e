//! Declarative adapters: providers that a document describes instead of code.

use crate::Timestamp;

/// A declarative adapter of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adapter {
    /// The name, unique in the organization, as the document says it.
    pub name: String,
    /// The document, TOML.
    pub definition: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}
