//! What was obtained, as facts that anybody may see.

use carnet_model::Timestamp;

use crate::family::{FamilyName, Tag};

/// One credential of a run, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportEntry {
    /// The family.
    pub family: FamilyName,
    /// The alias, if any.
    pub tag: Option<Tag>,
    /// The claim `aud`.
    pub audience: String,
    /// The claim `sub`.
    pub subject: String,
    /// The identifier of the identity token.
    pub jti: String,
    /// The role or account that the token is traded for.
    pub role: Option<String>,
    /// When the credential ends: the provider's, or else the identity token.
    pub expires_at: Option<Timestamp>,
    /// Who the run is to the provider, line by line.
    pub identity: Vec<String>,
}
