//! Who made a run and who approved it, and what a statement says about them.

use super::pattern::{Pattern, PatternError};

/// Who made or approved a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuanceActor {
    /// The name of the user.
    pub username: String,
    /// Whether it is a person: not the user that stands for a team or an organization whose token was used.
    pub is_person: bool,
    /// The names of the teams, or of the team whose token was used.
    pub teams: Vec<String>,
}

/// The team whose members can use the token of the organization.
const OWNERS: &str = "owners";

impl IssuanceActor {
    /// Tells whether this is a person, and certainly not who made the run: with the token of a team any of its members can have made
    /// it, with that of the organization any of its owners.
    pub(super) fn is_another_person_than(&self, creator: &Self) -> bool {
        let is_in = |team: &str| self.teams.iter().any(|own| own == team);
        let is_other = match (creator.is_person, creator.teams.as_slice()) {
            (true, _) => creator.username != self.username,
            (false, []) => !is_in(OWNERS),
            (false, teams) => !teams.iter().any(|team| is_in(team)),
        };
        self.is_person && is_other
    }
}

/// How an apply came to be approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Approval {
    /// There is nothing to approve: the run is planned.
    None,
    /// The run approved itself.
    Automatic,
    /// Somebody did.
    By(IssuanceActor),
}

/// What kind of approval a statement asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApprovalRule {
    /// Any; the run may have approved itself.
    Any,
    /// That of a person or of a token of a team.
    Confirmed,
    /// That of a person who did not make the run; nobody is known to have made what another run triggered.
    AnotherPerson,
}

impl ApprovalRule {
    /// Every rule.
    pub const ALL: [Self; 3] = [Self::Any, Self::Confirmed, Self::AnotherPerson];

    /// The rule as people write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Confirmed => "confirmed",
            Self::AnotherPerson => "another-person",
        }
    }

    /// Tells whether an approval is of this kind.
    pub(super) fn takes(self, approval: &Approval, creator: Option<&IssuanceActor>) -> bool {
        match (self, approval) {
            (_, Approval::None) | (Self::Confirmed | Self::AnotherPerson, Approval::Automatic) => false,
            (Self::Any, _) | (Self::Confirmed, Approval::By(_)) => true,
            (Self::AnotherPerson, Approval::By(approver)) => {
                creator.is_some_and(|creator| approver.is_another_person_than(creator))
            }
        }
    }
}

impl std::str::FromStr for ApprovalRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|rule| rule.as_str() == text);
        found.ok_or_else(|| format!("{text:?} is none of any, confirmed, another-person"))
    }
}

/// A pattern for people: `user:NAME` for a person, `team:NAME` for whoever is in the team or uses its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonPattern {
    /// People of this name.
    User(Pattern),
    /// Members of teams of this name.
    Team(Pattern),
}

/// A text that cannot be a pattern for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PersonPatternError {
    /// It says neither `user:` nor `team:`.
    #[error("it must begin with user: or team:")]
    Kind,
    /// It is about users whose names have something in common.
    #[error("people choose their names themselves: write a whole name, user:* for any person, or a team")]
    PartOfName,
    /// The name cannot be a pattern.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

impl PersonPattern {
    /// Tells whether it is about this actor.
    pub fn matches(&self, actor: &IssuanceActor) -> bool {
        match self {
            Self::User(name) => actor.is_person && name.matches(&actor.username),
            Self::Team(name) => actor.teams.iter().any(|team| name.matches(team)),
        }
    }
}

impl std::str::FromStr for PersonPattern {
    type Err = PersonPatternError;

    fn from_str(text: &str) -> Result<Self, PersonPatternError> {
        match text.split_once(':') {
            Some(("user", name)) if name != "*" && name.contains('*') => Err(PersonPatternError::PartOfName),
            Some(("user", name)) => Ok(Self::User(name.parse()?)),
            Some(("team", name)) => Ok(Self::Team(name.parse()?)),
            _ => Err(PersonPatternError::Kind),
        }
    }
}

impl std::fmt::Display for PersonPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::User(name) => write!(f, "user:{}", name.as_str()),
            Self::Team(name) => write!(f, "team:{}", name.as_str()),
        }
    }
}
