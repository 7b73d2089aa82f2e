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
pub struct Setting {
    /// The name without a tag.
    pub name: &'static str,
    /// The family it belongs to.
    pub family: FamilyName,
    /// What it does.
    pub kind: SettingKind,
    /// What messages call the value.
    pub label: &'static str,
    /// When it must be there.
    pub required: Required,
    /// What holds without it.
    pub default: Option<&'static str>,
    /// A value of the right form.
    pub example: &'static str,
    /// One sentence for the reference page.
    pub doc: &'static str,
    /// Where the rule comes from.
    pub source: &'static str,
}

impl Setting {
    /// Whether a `TFC_DEFAULT_...` form shares the value between all configurations.
    pub fn has_default_form(&self) -> bool {
        match self.kind {
            SettingKind::Enable | SettingKind::PlainAudience => false,
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
pub(crate) struct Phased {
    pub(crate) run: &'static Setting,
    pub(crate) plan: &'static Setting,
    pub(crate) apply: &'static Setting,
}

/// Documentation of the families that HCP Terraform shares with this program.
pub(crate) const UPSTREAM: &str = "HCP Terraform, dynamic provider credentials";
