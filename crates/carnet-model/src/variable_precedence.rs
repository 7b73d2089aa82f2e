//! Which value wins when several are set for one variable.

use std::collections::BTreeMap;

use crate::{VariableCategory, VariableId, VariableSetName, VariableValue, WorkspaceName};

/// How strong a value is by where it stands, the strongest first: the table that HCP Terraform documents.
///
/// Among sets with priority the wider scope wins, among the others the narrower one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VariableLevel {
    /// A global set with priority.
    PriorityGlobal,
    /// A set with priority that the organization owns, assigned to the project.
    PriorityOnProject,
    /// A set with priority that the organization owns, assigned to the workspace.
    PriorityOnWorkspace,
    /// A set with priority that the project owns, assigned to that project.
    PriorityOfProject,
    /// A set with priority that the project owns, assigned to the workspace.
    PriorityOfProjectOnWorkspace,
    /// `-var` and `-var-file` of the client that made the run.
    RunOption,
    /// `TF_VAR_...` of the client that made the run, which itself lets its options win over it.
    RunEnvironment,
    /// The workspace.
    Workspace,
    /// A set that the project owns, assigned to the workspace.
    OfProjectOnWorkspace,
    /// A set that the project owns, assigned to that project.
    OfProject,
    /// A set that the organization owns, assigned to the workspace.
    OnWorkspace,
    /// A set that the organization owns, assigned to the project.
    OnProject,
    /// A global set.
    Global,
    /// `*.auto.tfvars` of the configuration; Terraform itself lets everything above win.
    AutoFile,
    /// `terraform.tfvars` of the configuration.
    DefaultFile,
}

impl VariableLevel {
    /// Its place in the documented table, from 1.
    pub fn number(self) -> usize {
        self as usize + 1
    }
}

/// Where a variable of a run came from; as text, what a person reads: `variable set "clouds"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VariableSource {
    /// `-var`, `-var-file` or `TF_VAR_...` of the client that made the run.
    Run,
    /// The workspace of this name.
    Workspace(WorkspaceName),
    /// A variable set.
    Set {
        /// Its name, which decides between sets of one level.
        name: VariableSetName,
        /// How it reaches the workspace.
        level: VariableLevel,
    },
}

impl VariableSource {
    /// How strong its values are.
    pub fn level(&self) -> VariableLevel {
        match self {
            Self::Run => VariableLevel::RunOption,
            Self::Workspace(_) => VariableLevel::Workspace,
            Self::Set { level, .. } => *level,
        }
    }

    /// The order of strength: the level, then the name of the set by code points.
    fn rank(&self) -> (VariableLevel, Option<&VariableSetName>) {
        match self {
            Self::Set { name, level } => (*level, Some(name)),
            Self::Run | Self::Workspace(_) => (self.level(), None),
        }
    }
}

impl std::fmt::Display for VariableSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Run => f.write_str("the run"),
            Self::Workspace(name) => write!(f, "workspace \"{name}\""),
            Self::Set { name, .. } => write!(f, "variable set \"{name}\""),
        }
    }
}

/// A variable as one run sees it.
#[derive(Debug, Clone)]
pub struct RunVariable {
    /// The stored variable; `None` for a value of the run itself.
    pub id: Option<VariableId>,
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

/// A variable that takes effect, and those that it overwrites.
#[derive(Debug, Clone)]
pub struct EffectiveVariable {
    /// The one that takes effect.
    pub variable: RunVariable,
    /// Those of the same category and key that do not, the strongest first.
    pub overwritten: Vec<RunVariable>,
}

/// Finds the strongest variable of each category and key, in order of category and key.
///
/// A value of the run that stands for a sensitive variable is as sensitive.
pub fn merge_variables(variables: impl IntoIterator<Item = RunVariable>) -> Vec<EffectiveVariable> {
    let mut places: BTreeMap<(VariableCategory, String), Vec<RunVariable>> = BTreeMap::new();
    for variable in variables {
        places.entry((variable.category, variable.key.clone())).or_default().push(variable);
    }
    places.into_values().filter_map(strongest).collect()
}

fn strongest(mut rivals: Vec<RunVariable>) -> Option<EffectiveVariable> {
    rivals.sort_by(|left, right| left.source.rank().cmp(&right.source.rank()));
    let mut rivals = rivals.into_iter();
    let mut variable = rivals.next()?;
    let overwritten: Vec<RunVariable> = rivals.collect();
    if variable.source == VariableSource::Run {
        variable.sensitive |= overwritten.iter().any(|other| other.sensitive);
    }
    Some(EffectiveVariable { variable, overwritten })
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    /// The documented table; the client decides between 6 and 7, Terraform between 14 and 15.
    const STRONGEST_FIRST: [VariableLevel; 15] = [
        VariableLevel::PriorityGlobal,
        VariableLevel::PriorityOnProject,
        VariableLevel::PriorityOnWorkspace,
        VariableLevel::PriorityOfProject,
        VariableLevel::PriorityOfProjectOnWorkspace,
        VariableLevel::RunOption,
        VariableLevel::RunEnvironment,
        VariableLevel::Workspace,
        VariableLevel::OfProjectOnWorkspace,
        VariableLevel::OfProject,
        VariableLevel::OnWorkspace,
        VariableLevel::OnProject,
        VariableLevel::Global,
        VariableLevel::AutoFile,
        VariableLevel::DefaultFile,
    ];

    fn set(name: &str, level: VariableLevel) -> VariableSource {
        VariableSource::Set { name: name.parse().unwrap(), level }
    }

    fn source(level: VariableLevel) -> VariableSource {
        match level {
            VariableLevel::RunOption => VariableSource::Run,
            VariableLevel::Workspace => VariableSource::Workspace("net".parse().unwrap()),
            level => set("clouds", level),
        }
    }

    fn variable(value: &str, source: VariableSource) -> RunVariable {
        RunVariable {
            id: None,
            key: "a".into(),
            value: VariableValue(value.to_owned().into()),
            category: VariableCategory::Terraform,
            hcl: false,
            sensitive: false,
            source,
        }
    }

    /// The values of one place, the one that takes effect first.
    fn values(variables: Vec<RunVariable>) -> Vec<String> {
        let merged = merge_variables(variables);
        assert_eq!(merged.len(), 1);
        let all = merged.iter().flat_map(|found| std::iter::once(&found.variable).chain(&found.overwritten));
        all.map(|variable| variable.value.0.expose_secret().to_owned()).collect()
    }

    #[test]
    fn fifteen_levels_win_in_the_documented_order() {
        let numbers: Vec<usize> = STRONGEST_FIRST.iter().map(|level| level.number()).collect();
        assert_eq!(numbers, (1..=15).collect::<Vec<_>>());
        let expected: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        for start in 0..STRONGEST_FIRST.len() {
            let weakest_first = STRONGEST_FIRST[start..].iter().rev();
            let all = weakest_first.map(|level| variable(&level.number().to_string(), source(*level)));
            assert_eq!(values(all.collect()), expected[start..]);
        }
    }

    #[test]
    fn in_one_level_the_earlier_name_wins_by_code_points() {
        for level in STRONGEST_FIRST {
            for [first, second] in [["a", "b"], ["B", "a"], ["a", "a!"], ["10", "9"], ["z", "\u{e9}"]] {
                let (winner, loser) = (variable("1", set(first, level)), variable("2", set(second, level)));
                assert_eq!(values(vec![loser, winner]), ["1", "2"], "{first:?} and {second:?}");
            }
        }
    }

    #[test]
    fn one_name_may_stand_in_both_categories() {
        let mut env = variable("env", source(VariableLevel::Workspace));
        env.category = VariableCategory::Env;
        let found = merge_variables([variable("tf", source(VariableLevel::Workspace)), env]);
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|one| one.overwritten.is_empty()));
    }

    #[test]
    fn a_value_of_the_run_is_as_sensitive_as_what_it_stands_for() {
        let mut sensitive = variable("1", source(VariableLevel::Global));
        sensitive.sensitive = true;
        let workspace = variable("2", source(VariableLevel::Workspace));
        let run = variable("3", VariableSource::Run);
        assert!(merge_variables([sensitive.clone(), workspace.clone(), run])[0].variable.sensitive);
        assert!(!merge_variables([sensitive, workspace])[0].variable.sensitive);
    }

    #[test]
    fn a_source_is_named_as_people_read_it() {
        assert_eq!(VariableSource::Run.to_string(), "the run");
        assert_eq!(source(VariableLevel::Workspace).to_string(), "workspace \"net\"");
        assert_eq!(source(VariableLevel::Global).to_string(), "variable set \"clouds\"");
    }
}
