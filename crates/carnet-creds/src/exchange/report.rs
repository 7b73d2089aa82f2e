//! What was obtained, as facts that anybody may see.

use std::time::Duration;

use carnet_model::Timestamp;

use super::revocation::RevocationOutcome;
use crate::family::{FamilyName, Tag};

/// One credential of a run, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportEntry {
    /// The family.
    pub family: FamilyName,
    /// The alias, if any.
    pub tag: Option<Tag>,
    /// The claim `aud`; empty when the session of another configuration is used.
    pub audience: String,
    /// The claim `sub`.
    pub subject: String,
    /// The identifier of the newest identity token.
    pub jti: Option<String>,
    /// How long that token lives.
    pub life: Duration,
    /// The role or account that the token is traded for.
    pub role: Option<String>,
    /// When the credential ends: the provider's, or else the identity token.
    pub expires_at: Option<Timestamp>,
    /// How often the credential was replaced or renewed.
    pub renewals: u32,
    /// Who the run is to the provider, line by line.
    pub identity: Vec<String>,
    /// Why it was refused, in one line.
    pub refused: Option<String>,
    /// What must be revoked, in the order in which it was obtained.
    pub leases: Vec<LeaseEntry>,
}

/// Something at a provider that works until it is revoked or ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseEntry {
    /// The server that can revoke it.
    pub address: String,
    /// The namespace, if any.
    pub namespace: Option<String>,
    /// The name by which an administrator can revoke it; empty for kinds that have none.
    pub accessor: String,
    /// When it ends by itself.
    pub ends_at: Option<Timestamp>,
    /// How its revocation ended; nothing before it was tried.
    pub outcome: Option<RevocationOutcome>,
}
