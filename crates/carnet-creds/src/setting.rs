//! The variables a person may set, as data: checks, messages and reference pages come from it.

use crate::family::FamilyName;

/// What a variable does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    /// Switches a configuration on; a default form of it never enables anything.
    Enable,
    /// Asks for a bare token by naming its audience; has no default form.
    PlainAudience,
    /// A value of a configuration.
    Value,
    /// A value for all configurations of the run; has neither tags nor a default form.
    Common,
}

/// When a value must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Required {
    /// Always.
    Yes,
    /// Never.
    No,
    /// Unless the values for both phases are given.
    UnlessBothPhases,
}

/// One known variable; a tag may follow its name behind an underscore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting<'a> {
    /// The name without a tag.
    pub name: &'a str,
    /// The family it belongs to.
    pub family: FamilyName,
    /// What it does.
    pub kind: SettingKind,
    /// What messages call the value.
    pub label: &'a str,
    /// When it must be there.
    pub required: Required,
    /// What holds without it.
    pub default: Option<&'a str>,
    /// A value of the right form.
    pub example: &'a str,
    /// One sentence for the reference page.
    pub doc: &'a str,
    /// Where the rule comes from.
    pub source: &'a str,
}

impl Setting<'_> {
    /// Whether a `TFC_DEFAULT_...` form shares the value between all configurations.
    pub fn has_default_form(&self) -> bool {
        match self.kind {
            SettingKind::Enable | SettingKind::PlainAudience | SettingKind::Common => false,
            SettingKind::Value => true,
        }
    }

    /// The name of the form that is shared between all configurations.
    pub(crate) fn default_form(&self) -> String {
        format!("{DEFAULT_PREFIX}{}", self.name.trim_start_matches("TFC_"))
    }
}

/// What starts the name of a shared value.
pub(crate) const DEFAULT_PREFIX: &str = "TFC_DEFAULT_";

/// A value with one setting for each phase and one for both.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Phased<'a> {
    pub(crate) run: &'a Setting<'a>,
    pub(crate) plan: &'a Setting<'a>,
    pub(crate) apply: &'a Setting<'a>,
}

/// Documentation of the families that HCP Terraform shares with this program.
pub(crate) const UPSTREAM: &str = "HCP Terraform, dynamic provider credentials";

/// What stands as the source of a setting that HCP Terraform does not have.
pub(crate) const OWN: &str = "an extension of this program";
