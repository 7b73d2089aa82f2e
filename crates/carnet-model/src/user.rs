//! Users.

use crate::{Timestamp, UserId, Username};

/// A person, or the administrator that automation bootstraps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The stable id.
    pub id: UserId,
    /// The name, unique on the site.
    pub username: Username,
    /// The address for notices.
    pub email: String,
    /// The team or the organization that a service user stands for; `None` for people.
    pub service_of: Option<String>,
    /// Whether the user administers the whole site.
    pub is_site_admin: bool,
    /// Whether an administrator of the site took the user's access away: no token of the user works.
    pub is_suspended: bool,
    /// When the user was made.
    pub created_at: Timestamp,
}
