//! A signing key and the keys of one issuer.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::{OrgId, Timestamp};

/// Which issuer: the one of the site, or an organization's own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IssuerName {
    /// The issuer of every organization that has none of its own.
    Site,
    /// The issuer of one organization.
    Organization(OrgId),
}

/// A text that names no issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an issuer is named site, or by the id of its organization")]
pub struct IssuerNameError;

impl IssuerName {
    /// The name as it is stored and as paths have it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Site => "site",
            Self::Organization(id) => id.as_str(),
        }
    }
}

impl fmt::Display for IssuerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for IssuerName {
    type Err = IssuerNameError;

    fn from_str(text: &str) -> Result<Self, IssuerNameError> {
        match text {
            "site" => Ok(Self::Site),
            _ => text.parse().map(Self::Organization).map_err(|_| IssuerNameError),
        }
    }
}

/// Where a key is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// Made, known to nobody.
    Prepared,
    /// In the key set ahead of its use.
    Published,
    /// The key that signs.
    Active,
    /// Signs no more, in the key set for the tokens that it has signed.
    Retired,
    /// Was retired; no longer in the key set.
    Removed,
    /// Must not be trusted: signs nothing and is not in the key set, whatever tokens there are.
    Revoked,
}

/// A text that is no state of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a state of a key")]
pub struct KeyStateError;

impl KeyState {
    /// Every state, in the order of a key's life.
    pub const ALL: [Self; 6] =
        [Self::Prepared, Self::Published, Self::Active, Self::Retired, Self::Removed, Self::Revoked];

    /// The state as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prepared => "prepared",
            Self::Published => "published",
            Self::Active => "active",
            Self::Retired => "retired",
            Self::Removed => "removed",
            Self::Revoked => "revoked",
        }
    }

    /// Whether a key of this state is in the key set.
    pub fn is_in_key_set(self) -> bool {
        matches!(self, Self::Published | Self::Active | Self::Retired)
    }

    /// Whether the life of a key of this state is over.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Removed | Self::Revoked)
    }
}

impl FromStr for KeyState {
    type Err = KeyStateError;

    fn from_str(text: &str) -> Result<Self, KeyStateError> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(KeyStateError)
    }
}

/// What is known of a signing key, without the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// The name of the key.
    pub kid: String,
    /// Where it is in its life.
    pub state: KeyState,
    /// How long it is published at least before it signs.
    pub announcement: Duration,
    /// When it is to be published.
    pub publish_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when everybody who asks is served it.
    pub published_at: Option<Timestamp>,
    /// When somebody outside saw it first.
    pub seen_outside_at: Option<Timestamp>,
    /// When it began to sign.
    pub activated_at: Option<Timestamp>,
    /// When it stopped to sign.
    pub retired_at: Option<Timestamp>,
    /// When it was removed or revoked.
    pub ended_at: Option<Timestamp>,
    /// Before this it is not removed: the clock jumped, so the ends of tokens cannot be told by it.
    pub held_until: Option<Timestamp>,
    /// When the last of its tokens ends, by the ledger.
    pub last_expiry: Option<Timestamp>,
}

impl KeyRecord {
    /// A key that was made and is known to nobody.
    pub fn prepared(kid: String, now: Timestamp) -> Self {
        Self {
            kid,
            state: KeyState::Prepared,
            announcement: Duration::ZERO,
            publish_at: now,
            created_at: now,
            published_at: None,
            seen_outside_at: None,
            activated_at: None,
            retired_at: None,
            ended_at: None,
            held_until: None,
            last_expiry: None,
        }
    }

    /// A key that signs from now on without having been announced.
    pub fn active(kid: String, now: Timestamp) -> Self {
        Self {
            state: KeyState::Active,
            published_at: Some(now),
            activated_at: Some(now),
            ..Self::prepared(kid, now)
        }
    }
}

/// The keys of one issuer, in any order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IssuerKeys(pub(super) Vec<KeyRecord>);

impl From<Vec<KeyRecord>> for IssuerKeys {
    fn from(keys: Vec<KeyRecord>) -> Self {
        Self(keys)
    }
}

impl IssuerKeys {
    /// The keys.
    pub fn iter(&self) -> std::slice::Iter<'_, KeyRecord> {
        self.0.iter()
    }

    /// The key of this name.
    pub fn find(&self, kid: &str) -> Option<&KeyRecord> {
        self.0.iter().find(|key| key.kid == kid)
    }

    /// The key that signs.
    pub fn active(&self) -> Option<&KeyRecord> {
        self.0.iter().find(|key| key.state == KeyState::Active)
    }

    /// The key that signs next, if it was made.
    pub fn upcoming(&self) -> Option<&KeyRecord> {
        self.0.iter().find(|key| matches!(key.state, KeyState::Prepared | KeyState::Published))
    }
}
