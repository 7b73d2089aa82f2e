//! What stops a phase before Terraform starts, in words a person can act on.

use crate::family::{FamilyName, Tag, titled};

/// A required value that is missing, with the variables that would supply it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingValue {
    /// What the value is called.
    pub label: &'static str,
    /// The variables that would satisfy it, in the order they are looked up.
    pub variables: Vec<String>,
}

/// One reason why the variables of a run lead to no credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A tag that is reserved or has characters outside its alphabet.
    #[error(
        "configuration for {} is invalid: tag \"{tag}\" may only contain letters, numbers and underscores, \
         and \"TYPE\" is reserved", .family.human()
    )]
    Tag {
        /// The family.
        family: FamilyName,
        /// The text that stands where the tag should.
        tag: String,
    },
    /// Two tags whose files would collide where names ignore case.
    #[error("configuration for {} is invalid: tags \"{first}\" and \"{second}\" differ only in case", .family.human())]
    TagCase {
        /// The family.
        family: FamilyName,
        /// The first tag.
        first: Tag,
        /// The second tag.
        second: Tag,
    },
    /// Required values that are missing.
    #[error("{}", missing_text(*.family, .tag.as_ref(), .values))]
    Missing {
        /// The family.
        family: FamilyName,
        /// The alias, if any.
        tag: Option<Tag>,
        /// The values.
        values: Vec<MissingValue>,
    },
    /// A value of the wrong form.
    #[error("configuration for {} is invalid: {variable} {rule}", titled(*.family, .tag.as_ref()))]
    Malformed {
        /// The stable identifier of the rule.
        id: &'static str,
        /// The family.
        family: FamilyName,
        /// The alias, if any.
        tag: Option<Tag>,
        /// The variable that holds the value.
        variable: String,
        /// What is wrong, never the value of a secret.
        rule: String,
    },
    /// Two families feed one Terraform provider, and both claim to be its default.
    #[error("both {first} and {second} are enabled without a tag; give one of them a tag")]
    TwoDefaults {
        /// The flag of the first family.
        first: &'static str,
        /// The flag of the second family.
        second: &'static str,
    },
    /// The service behind the family was discontinued.
    #[error(
        "HCP Vault Secrets-backed credentials are not supported: the service was discontinued (unset {variable})"
    )]
    Withdrawn {
        /// The flag that is on.
        variable: String,
    },
    /// The family is known and switched on, and this version cannot satisfy it.
    #[error("{} credentials are not supported yet (unset {variable})", .family.human())]
    Unsupported {
        /// The family.
        family: FamilyName,
        /// The flag that is on.
        variable: String,
    },
    /// The home directory of the run cannot be written into an environment variable.
    #[error(
        "the home directory of the run must be an absolute path of UTF-8 text without control characters"
    )]
    Home,
}

impl Problem {
    /// The stable identifier, for documentation and tests.
    pub fn id(&self) -> &'static str {
        match self {
            Self::Tag { .. } | Self::TagCase { .. } => "E1",
            Self::Missing { .. } => "E2",
            Self::Malformed { id, .. } => id,
            Self::TwoDefaults { .. } => "E12",
            Self::Withdrawn { .. } => "E14",
            Self::Unsupported { .. } => "E15",
            Self::Home => "E18",
        }
    }

    /// The family it concerns, when it is one family.
    pub fn family(&self) -> Option<FamilyName> {
        match self {
            Self::Tag { family, .. }
            | Self::TagCase { family, .. }
            | Self::Missing { family, .. }
            | Self::Malformed { family, .. }
            | Self::Unsupported { family, .. } => Some(*family),
            Self::TwoDefaults { .. } | Self::Withdrawn { .. } | Self::Home => None,
        }
    }
}

fn missing_text(family: FamilyName, tag: Option<&Tag>, values: &[MissingValue]) -> String {
    let labels: Vec<&str> = values.iter().map(|value| value.label).collect();
    let ways: String =
        values.iter().map(|value| format!("; set {}", alternatives(&value.variables))).collect();
    let title = titled(family, tag);
    format!("configuration for {title} is invalid: missing required value(s): {}{ways}", labels.join(", "))
}

/// Joins names as people do: `a, b or c`.
pub(crate) fn alternatives(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
    }
}
