//! Why a policy refuses, in words that lead further.

use super::{IssuanceCondition, Mismatch, PolicyLevel};

/// That a policy refuses a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuanceRefusal {
    /// Whose policy refuses.
    pub level: PolicyLevel,
    /// The statement that comes closest, and all of its conditions that the request does not meet; `None` when the policy has no
    /// statement.
    pub closest: Option<(String, Vec<Mismatch>)>,
    /// How many statements the policy has.
    pub statements: usize,
}

impl IssuanceRefusal {
    /// What stands in the way.
    pub fn cause(&self) -> String {
        let level = self.level.as_str();
        let Some((name, unmet)) = &self.closest else {
            return format!("the issuance policy of the {level} has no statement, so that nothing is issued");
        };
        let others = match self.statements {
            0 | 1 => String::new(),
            count => format!("; none of its {count} statements allows it, this one comes closest"),
        };
        let told: Vec<String> = unmet.iter().map(told).collect();
        format!(
            "statement \"{name}\" of the issuance policy of the {level} {}{others}",
            told.join("; it also ")
        )
    }

    /// What leads out, line by line.
    pub fn fix(&self) -> Vec<String> {
        let level = self.level.as_str();
        let change = match self.level {
            PolicyLevel::Organization => "an owner of the organization can change the policy",
            PolicyLevel::Project => "who may change the settings of the project can change the policy",
        };
        let change = format!("{change} (issuance-policy of the {level})");
        // What leads past one condition only leads nowhere.
        let unmet = self.closest.as_ref().map_or(&[][..], |(_, unmet)| unmet);
        match unmet.iter().map(way_out).collect::<Option<Vec<String>>>() {
            Some(all) if !all.is_empty() => vec![all.join("; and "), format!("or: {change}")],
            Some(_) | None => vec![change],
        }
    }
}

impl std::fmt::Display for IssuanceRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.cause())
    }
}

fn told(mismatch: &Mismatch) -> String {
    let (subject, verb) = subject(mismatch.condition);
    format!("{verb} {}, and {subject} is {}", mismatch.expected, mismatch.found)
}

fn subject(condition: IssuanceCondition) -> (&'static str, &'static str) {
    match condition {
        IssuanceCondition::Family => ("the family here", "is for the families"),
        IssuanceCondition::Phase => ("the phase here", "is for the phase"),
        IssuanceCondition::Project => ("the project here", "is for the projects"),
        IssuanceCondition::Workspace => ("the workspace here", "is for the workspaces"),
        IssuanceCondition::Audience => ("the audience here", "allows the audiences"),
        IssuanceCondition::Role => ("the role here", "allows the roles"),
        IssuanceCondition::Source => ("the source of this run", "allows runs from"),
        IssuanceCondition::Speculative => ("this", "is for"),
        IssuanceCondition::Branch => ("the branch of this run", "allows the branches"),
        IssuanceCondition::Actor => ("the one who started it", "allows runs started by"),
        IssuanceCondition::Approval => ("the approval of this run", "asks for the approval"),
        IssuanceCondition::Approver => ("the one who approved it", "asks for an approval by"),
    }
}

fn way_out(mismatch: &Mismatch) -> Option<String> {
    let expected = &mismatch.expected;
    Some(match mismatch.condition {
        IssuanceCondition::Audience => {
            format!(
                "set the audience of the configuration, in the variables of the workspace, to one of: {expected}"
            )
        }
        IssuanceCondition::Role if mismatch.found == "none" => {
            "nothing here names a role, as with bare tokens: have a statement of its own for it, without roles and with its audiences"
                .to_owned()
        }
        IssuanceCondition::Role => {
            format!(
                "set the role of the configuration, in the variables of the workspace, to one of: {expected}"
            )
        }
        IssuanceCondition::Source => format!("start the run another way: {expected}"),
        // No run knows its branch yet.
        IssuanceCondition::Branch => return None,
        IssuanceCondition::Speculative if expected == "a run that may be applied" => {
            "start a run that can be applied: a plan without -out and without an apply behind it is speculative".to_owned()
        }
        IssuanceCondition::Actor => format!("have the run started by: {expected}"),
        IssuanceCondition::Approval if expected == "another-person" => {
            "start the run again, and have another person than who started it approve the apply".to_owned()
        }
        IssuanceCondition::Approval => {
            "start the run again without auto-apply, and approve the apply".to_owned()
        }
        IssuanceCondition::Approver => {
            format!("start the run again, and have the apply approved by: {expected}")
        }
        IssuanceCondition::Family
        | IssuanceCondition::Phase
        | IssuanceCondition::Project
        | IssuanceCondition::Workspace
        | IssuanceCondition::Speculative => return None,
    })
}
