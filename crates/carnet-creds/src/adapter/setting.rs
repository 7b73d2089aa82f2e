//! The environment variables that a person sets for an adapter.

/// What a setting is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingUse {
    /// Switches a configuration on.
    Enable,
    /// The audience of the identity token.
    Audience,
    /// A value for the templates.
    Value,
}

/// The environment variables that hold a setting, without a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingNames {
    /// One for both phases.
    One(String),
    /// One for each phase, and one for both.
    Phased {
        /// For both phases.
        run: String,
        /// For a plan.
        plan: String,
        /// For an apply.
        apply: String,
    },
}

/// One setting of an adapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterSetting {
    /// What templates call it.
    pub key: String,
    /// What it is for.
    pub purpose: SettingUse,
    /// The variables that hold it.
    pub names: SettingNames,
    /// What messages call the value.
    pub label: String,
    /// Whether it must be there; a setting with a default need not.
    pub is_required: bool,
    /// What holds without it.
    pub default: Option<String>,
    /// A value of the right form.
    pub example: String,
    /// One sentence for the reference page.
    pub doc: String,
}

impl AdapterSetting {
    /// The variables that hold it: the one for both phases first, then plan and apply.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        let (first, others): (&str, [Option<&str>; 2]) = match &self.names {
            SettingNames::One(name) => (name, [None, None]),
            SettingNames::Phased { run, plan, apply } => (run, [Some(plan), Some(apply)]),
        };
        std::iter::once(first).chain(others.into_iter().flatten())
    }
}

impl SettingNames {
    /// The names of a setting with one value for each phase; nothing unless `_RUN_` is in it once.
    pub(super) fn phased(name: &str) -> Option<Self> {
        let is_once = name.matches("_RUN_").count() == 1;
        is_once.then(|| Self::Phased {
            run: name.to_owned(),
            plan: name.replace("_RUN_", "_PLAN_"),
            apply: name.replace("_RUN_", "_APPLY_"),
        })
    }
}
