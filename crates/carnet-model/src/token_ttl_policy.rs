//! How long tokens of an organization may live.

use crate::{OrgId, Timestamp, TokenTtlPolicyId};

/// The kinds of tokens whose lives organizations limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitedToken {
    /// The token of the organization.
    Organization,
    /// Tokens of its teams.
    Team,
    /// Tokens of its members.
    User,
    /// The token that reads its audit trail.
    AuditTrail,
}

impl LimitedToken {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Organization, Self::Team, Self::User, Self::AuditTrail];

    /// The kind as clients write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Team => "team",
            Self::User => "user",
            // Clients write a dash where they make such a token, and an underscore here.
            Self::AuditTrail => "audit_trails",
        }
    }
}

impl std::str::FromStr for LimitedToken {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| {
            format!("{text:?} is not a kind of token: organization, team, user or audit_trails")
        })
    }
}

/// The longest life of a token, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MaxTtl(i64);

/// A number that is no life of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Max TTL must be a number of milliseconds from 1")]
pub struct MaxTtlError;

impl MaxTtl {
    /// Two years of 365.2425 days, as HCP Terraform has it.
    pub const DEFAULT: Self = Self(63_113_904_000);

    /// Checks the number of milliseconds.
    pub fn from_milliseconds(milliseconds: i64) -> Result<Self, MaxTtlError> {
        if milliseconds < 1 { Err(MaxTtlError) } else { Ok(Self(milliseconds)) }
    }

    /// The number of milliseconds.
    pub fn as_milliseconds(self) -> i64 {
        self.0
    }

    /// The latest end of a token that is made now.
    pub fn latest_end(self, now: Timestamp) -> Timestamp {
        now.checked_add(jiff::SignedDuration::from_millis(self.0)).unwrap_or(Timestamp::MAX)
    }
}

/// The longest life of the tokens of one kind in an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenTtlPolicy {
    /// The stable id.
    pub id: TokenTtlPolicyId,
    /// The organization.
    pub organization_id: OrgId,
    /// The kind of tokens.
    pub kind: LimitedToken,
    /// How long they may live.
    pub max_ttl: MaxTtl,
    /// When it was first said.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_read_what_they_write() {
        for kind in LimitedToken::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert!("audit-trails".parse::<LimitedToken>().is_err());
    }

    #[test]
    fn the_longest_life_of_all_ends_with_the_calendar() {
        let now = "2026-01-05T10:00:00Z".parse().expect("a time");
        let hour = MaxTtl::from_milliseconds(3_600_000).expect("a life");
        assert_eq!(hour.latest_end(now).to_string(), "2026-01-05T11:00:00Z");
        assert_eq!(MaxTtl::from_milliseconds(i64::MAX).expect("a life").latest_end(now), Timestamp::MAX);
        assert_eq!(MaxTtl::from_milliseconds(0), Err(MaxTtlError));
    }
}
