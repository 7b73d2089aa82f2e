//! What stops a phase before Terraform starts, in words a person can act on.

use crate::family::{FamilyName, Tag, titled};

/// A required value that is missing, with the variables that would supply it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingValue {
    /// What the value is called.
    pub label: String,
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
    /// A configuration that cannot be used as a whole.
    #[error("configuration for {} is invalid: {rule}", titled(*.family, .tag.as_ref()))]
    Unusable {
        /// The stable identifier of the rule.
        id: &'static str,
        /// The family.
        family: FamilyName,
        /// The alias, if any.
        tag: Option<Tag>,
        /// What is wrong.
        rule: String,
    },
    /// Two families feed one Terraform provider, and both claim to be its default.
    #[error("both {first} and {second} are enabled without a tag; give one of them a tag")]
    TwoDefaults {
        /// The flag of the first family.
        first: String,
        /// The flag of the second family.
        second: String,
    },
    /// A static credential that would win over a dynamic one.
    #[error(
        "{name}{} would win over the dynamic credentials for {} that {flag}{} switches on; remove one of them \
         (an owner can set the organization's static-credentials to warn while workspaces are moved)",
        from(.origin), .family.human(), from(.flag_origin)
    )]
    StaticCredential {
        /// The variable that would win.
        name: String,
        /// Where it was set.
        origin: Option<String>,
        /// The family that it would win over.
        family: FamilyName,
        /// The variable that switches the family on.
        flag: String,
        /// Where that was set.
        flag_origin: Option<String>,
    },
    /// A setting of the whole run with a wrong value.
    #[error("{variable} {rule}")]
    Common {
        /// The stable identifier of the rule.
        id: &'static str,
        /// The variable.
        variable: String,
        /// What is wrong.
        rule: String,
    },
    /// Credentials that are read from Vault, and no Vault configuration to read them with.
    #[error(
        "configuration for Vault authentication is required for {} authentication; set TFC_VAULT_PROVIDER_AUTH to true",
        titled(*.family, .tag.as_ref())
    )]
    VaultRequired {
        /// The family.
        family: FamilyName,
        /// The alias, if any.
        tag: Option<Tag>,
    },
    /// A Vault configuration is named that is not there.
    #[error(
        "configuration for {} is invalid: no Vault configuration named \"{wanted}\" (configured: {})",
        titled(*.family, .tag.as_ref()), configured_names(.configured)
    )]
    NoSuchVault {
        /// The family.
        family: FamilyName,
        /// The alias, if any.
        tag: Option<Tag>,
        /// The name that was wanted.
        wanted: String,
        /// The tags that are there.
        configured: Vec<Option<Tag>>,
    },
    /// The service behind the family was discontinued.
    #[error(
        "HCP Vault Secrets-backed credentials are not supported: the service was discontinued (unset {variable})"
    )]
    Withdrawn {
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
            Self::Malformed { id, .. } | Self::Unusable { id, .. } => id,
            Self::TwoDefaults { .. } => "E12",
            Self::Withdrawn { .. } => "E14",
            Self::StaticCredential { .. } => "E19",
            Self::Common { id, .. } => id,
            Self::VaultRequired { .. } => "E13",
            Self::NoSuchVault { .. } => "E11",
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
            | Self::Unusable { family, .. }
            | Self::StaticCredential { family, .. }
            | Self::VaultRequired { family, .. }
            | Self::NoSuchVault { family, .. } => Some(*family),
            Self::TwoDefaults { .. } | Self::Withdrawn { .. } | Self::Common { .. } | Self::Home => None,
        }
    }
}

fn missing_text(family: FamilyName, tag: Option<&Tag>, values: &[MissingValue]) -> String {
    let labels: Vec<&str> = values.iter().map(|value| value.label.as_str()).collect();
    let ways: String =
        values.iter().map(|value| format!("; set {}", alternatives(&value.variables))).collect();
    let title = titled(family, tag);
    format!("configuration for {title} is invalid: missing required value(s): {}{ways}", labels.join(", "))
}

fn from(origin: &Option<String>) -> String {
    origin.as_ref().map(|origin| format!(" (set in {origin})")).unwrap_or_default()
}

fn configured_names(tags: &[Option<Tag>]) -> String {
    let names: Vec<String> = tags
        .iter()
        .map(|tag| tag.as_ref().map_or_else(|| "the default one".to_owned(), |tag| format!("\"{tag}\"")))
        .collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// Joins names as people do: `a, b or c`.
pub(crate) fn alternatives(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
    }
}
