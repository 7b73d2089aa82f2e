//! Variables and which of them wins.

use std::collections::BTreeMap;

use secrecy::SecretString;

use crate::{Timestamp, VariableId, VariableKey, WorkspaceId};

/// What a variable becomes in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VariableCategory {
    /// An input variable of the configuration.
    Terraform,
    /// An environment variable.
    Env,
}

impl VariableCategory {
    /// The category as clients write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Terraform => "terraform",
            Self::Env => "env",
        }
    }
}

impl std::str::FromStr for VariableCategory {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "terraform" => Ok(Self::Terraform),
            "env" => Ok(Self::Env),
            other => Err(format!("{other:?} is not a category; it is terraform or env")),
        }
    }
}

/// A value that never shows itself in `Debug`.
#[derive(Debug, Clone)]
pub struct VariableValue(pub SecretString);

/// What a person writes when making or changing a variable.
#[derive(Debug, Clone)]
pub struct VariableInput {
    /// The name.
    pub key: VariableKey,
    /// The value.
    pub value: VariableValue,
    /// A free text.
    pub description: String,
    /// What it becomes.
    pub category: VariableCategory,
    /// Whether the value is an HCL expression.
    pub hcl: bool,
    /// Whether the value can never be read back.
    pub sensitive: bool,
}

/// A stored variable of a workspace.
#[derive(Debug, Clone)]
pub struct Variable {
    /// The stable id.
    pub id: VariableId,
    /// The workspace it belongs to.
    pub workspace_id: WorkspaceId,
    /// What was written.
    pub input: VariableInput,
    /// Changes with every update.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Where a variable of a run came from, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum VariableSource {
    /// `-var`, `-var-file` or `TF_VAR_...` of the client that made the run.
    Run,
    /// The workspace.
    Workspace,
}

/// A variable as one run sees it.
#[derive(Debug, Clone)]
pub struct RunVariable {
    /// The name.
    pub key: String,
    /// The value.
    pub value: VariableValue,
    /// What it becomes.
    pub category: VariableCategory,
    /// Whether the value is an HCL expression.
    pub hcl: bool,
    /// Whether it must never be shown.
    pub sensitive: bool,
    /// Where it came from.
    pub source: VariableSource,
}

/// Keeps the strongest variable of each category and key, in order of category and key.
pub fn merge_variables(variables: impl IntoIterator<Item = RunVariable>) -> Vec<RunVariable> {
    let mut kept: BTreeMap<(VariableCategory, String), RunVariable> = BTreeMap::new();
    for variable in variables {
        let place = (variable.category, variable.key.clone());
        match kept.get(&place) {
            Some(rival) if rival.source <= variable.source => {}
            _ => {
                kept.insert(place, variable);
            }
        }
    }
    kept.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn variable(key: &str, value: &str, source: VariableSource) -> RunVariable {
        RunVariable {
            key: key.into(),
            value: VariableValue(value.to_owned().into()),
            category: VariableCategory::Terraform,
            hcl: false,
            sensitive: false,
            source,
        }
    }

    #[test]
    fn a_run_variable_beats_the_workspace_in_either_order() {
        let (run, workspace) =
            (variable("a", "run", VariableSource::Run), variable("a", "ws", VariableSource::Workspace));
        for pair in [[run.clone(), workspace.clone()], [workspace, run]] {
            let merged = merge_variables(pair);
            assert_eq!(merged.len(), 1);
            assert_eq!(merged[0].value.0.expose_secret(), "run");
        }
    }

    #[test]
    fn one_name_may_stand_in_both_categories() {
        let mut env = variable("a", "env", VariableSource::Workspace);
        env.category = VariableCategory::Env;
        assert_eq!(merge_variables([variable("a", "tf", VariableSource::Workspace), env]).len(), 2);
    }
}
