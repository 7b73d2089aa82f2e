//! What a person should know although the phase goes on.

use std::time::Duration;

use carnet_model::Timestamp;

use crate::family::{FamilyName, Tag, titled};

/// One warning or remark of the run log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Notice {
    /// A variable of the workspace gives way.
    #[error("{name} is set by dynamic credentials; the value from the workspace is replaced")]
    Replaced {
        /// The environment variable.
        name: String,
    },
    /// A Terraform variable of the workspace wins.
    #[error("Terraform variable {name} is set in the workspace; dynamic credentials will not override it")]
    VariableKept {
        /// The Terraform variable.
        name: String,
    },
    /// A static credential wins.
    #[error("{name} is set and takes precedence over dynamic credentials for {}", .family.human())]
    Outranked {
        /// The environment variable.
        name: String,
        /// The family that is outranked.
        family: FamilyName,
    },
    /// A setting stands where nobody reads it.
    #[error(
        "variable {name} is a Terraform variable (or not upper case); dynamic credentials read environment variables only"
    )]
    NotRead {
        /// The name as written.
        name: String,
    },
    /// A flag holds neither a yes nor a no.
    #[error("{name} is neither true nor false, so it stays off; only true switches it on{}", hint_text(.hint.unwrap_or_default()))]
    UnclearFlag {
        /// The flag.
        name: String,
        /// A variable that was probably meant.
        hint: Option<&'static str>,
    },
    /// A default form that has no meaning.
    #[error(
        "{name} has no effect: only values can be shared through TFC_DEFAULT_ names, without a tag, and they never switch anything on"
    )]
    UnknownDefault {
        /// The name as written.
        name: String,
    },
    /// The shared value of a phase beats an explicit value for both phases.
    #[error("{chosen} is used and not {passed}: a value for the phase goes before a value for the run")]
    DefaultChosen {
        /// The variable that is used.
        chosen: String,
        /// The explicit variable that is passed over.
        passed: String,
    },
    /// Values without their flag.
    #[error("{values} has no effect: {flag} is not set")]
    FlagAbsent {
        /// The first variable that has no effect.
        values: String,
        /// The flag that is absent.
        flag: String,
    },
    /// A plain value of the Terraform variable that a saved plan keeps.
    #[error(
        "{}: plan and apply use different values for {attribute}, which a saved plan keeps from the plan; declare the \
         variable with ephemeral = true", titled(*.family, .tag.as_ref())
    )]
    FrozenByPlan {
        /// The family.
        family: FamilyName,
        /// The alias, if any.
        tag: Option<Tag>,
        /// The attribute.
        attribute: &'static str,
    },
    /// A claim `sub` that Google refuses unless the pool maps a shorter attribute.
    #[error(
        "token subject is {bytes} bytes; Google rejects google.subject over 127 bytes unless the pool maps a shorter attribute"
    )]
    LongSubject {
        /// The length of the claim.
        bytes: usize,
    },
    /// The plan works, and the apply will not.
    #[error("apply will fail: {problem}")]
    ApplyWillFail {
        /// What the apply will say.
        problem: String,
    },
    /// A credential that ends before the phase must end.
    #[error("{} credentials end at {ends_at}, before the phase limit {limit}, and cannot be extended{advice}", titled(*.family, .tag.as_ref()))]
    EndsEarly {
        /// The family.
        family: FamilyName,
        /// The alias, if any.
        tag: Option<Tag>,
        /// When the credential ends.
        ends_at: Timestamp,
        /// When the phase must end.
        limit: Timestamp,
        /// Why, and what helps; starts with a separator or is empty.
        advice: &'static str,
    },
    /// A value that is accepted and looks wrong.
    #[error("{variable} does not look like {expected}")]
    Unusual {
        /// The variable.
        variable: String,
        /// What was expected.
        expected: &'static str,
    },
    /// A token that must live as long as the phase may last.
    #[error(
        "{}: the token cannot be replaced while it is in use, so it lives as long as the phase may last ({} min) instead of the usual minutes or TFC_WORKLOAD_IDENTITY_TTL: {reason}",
        titled(*.family, .tag.as_ref()),
        .lifetime.as_secs().div_ceil(60)
    )]
    LongToken {
        /// The family.
        family: FamilyName,
        /// The alias, if any.
        tag: Option<Tag>,
        /// How long it lives.
        lifetime: Duration,
        /// Why, and what helps.
        reason: &'static str,
    },
    /// A role that limits how often its tokens may be used.
    #[error("the tokens of role {role} in {} can be used {uses} times only; Terraform, renewals and the final revocation all count", titled(*.family, .tag.as_ref()))]
    LimitedUses {
        /// The family.
        family: FamilyName,
        /// The alias, if any.
        tag: Option<Tag>,
        /// The role.
        role: String,
        /// How many uses are left.
        uses: u64,
    },
    /// A name that looks like a setting and is none.
    #[error("{name} is not a known setting{}", hint_text(.meant.as_deref().unwrap_or_default()))]
    UnknownSetting {
        /// The name as written.
        name: String,
        /// The setting that was probably meant.
        meant: Option<String>,
    },
    /// Something the provider wants said.
    #[error("{}: {text}", titled(*.family, .tag.as_ref()))]
    Provider {
        /// The family.
        family: FamilyName,
        /// The alias, if any.
        tag: Option<Tag>,
        /// What was said.
        text: String,
    },
}

impl Notice {
    /// The stable identifier, for documentation and tests.
    pub fn id(&self) -> &'static str {
        match self {
            Self::Replaced { .. } => "W1",
            Self::VariableKept { .. } => "W2",
            Self::Outranked { .. } => "W3",
            Self::NotRead { .. } => "W4",
            Self::LongSubject { .. } => "W5",
            Self::FrozenByPlan { .. } => "W6",
            Self::UnclearFlag { .. } => "W7",
            Self::UnknownDefault { .. } => "W8",
            Self::DefaultChosen { .. } => "W9",
            Self::FlagAbsent { .. } => "W10",
            Self::ApplyWillFail { .. } => "W11",
            Self::EndsEarly { .. } => "W12",
            Self::Unusual { .. } => "W13",
            Self::LongToken { .. } => "W14",
            Self::LimitedUses { .. } => "W15",
            Self::Provider { .. } => "W16",
            Self::UnknownSetting { .. } => "W17",
        }
    }
}

fn hint_text(meant: &str) -> String {
    if meant.is_empty() { String::new() } else { format!("; did you mean {meant}?") }
}
