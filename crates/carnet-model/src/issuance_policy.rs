//! Which identity tokens an organization and a project let be issued: for which audiences and roles, to which runs, for how long.

mod approval;
mod condition;
mod pattern;
mod refusal;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::time::Duration;

pub use approval::{Approval, ApprovalRule, IssuanceActor, PersonPattern, PersonPatternError};
pub use condition::{IssuanceCondition, Mismatch};
pub use pattern::{Pattern, PatternError};
pub use refusal::IssuanceRefusal;

use crate::{Phase, RunSource};

/// What may be issued: everything that at least one statement allows, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IssuancePolicy {
    /// The statements; their order matters for explanations only.
    pub statements: Vec<IssuanceStatement>,
}

/// A statement: a request that meets all of its conditions is allowed. What is `None` is no condition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IssuanceStatement {
    /// What it is called in explanations.
    pub name: String,
    /// The families of credentials.
    pub families: Option<Vec<Pattern>>,
    /// The phases.
    pub phases: Option<Vec<Phase>>,
    /// The names of projects.
    pub projects: Option<Vec<Pattern>>,
    /// The names of workspaces.
    pub workspaces: Option<Vec<Pattern>>,
    /// The audiences.
    pub audiences: Option<Vec<Pattern>>,
    /// The roles, as the variables of the workspace name them.
    pub roles: Option<Vec<Pattern>>,
    /// What made the run.
    pub sources: Option<Vec<RunSource>>,
    /// Whether the run can never be applied.
    pub speculative: Option<bool>,
    /// The branch that the configuration is from.
    pub branches: Option<Vec<Pattern>>,
    /// Who made the run.
    pub actors: Option<Vec<PersonPattern>>,
    /// How the apply came to be approved.
    pub approval: Option<ApprovalRule>,
    /// Who approved the apply.
    pub approvers: Option<Vec<PersonPattern>>,
    /// The longest that a token lives which this statement allows.
    pub max_life: Option<Duration>,
}

/// Whose policy it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyLevel {
    /// The organization's.
    Organization,
    /// The project's.
    Project,
}

impl PolicyLevel {
    /// The level as it stands in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Project => "project",
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct IssuanceRequest<'a> {
    /// The family of credentials.
    pub family: &'a str,
    /// The phase.
    pub phase: Phase,
    /// The audience of the token.
    pub audience: &'a str,
    /// The role that the token is for; `None` where the family has none.
    pub role: Option<&'a str>,
    /// The name of the project.
    pub project: &'a str,
    /// The name of the workspace.
    pub workspace: &'a str,
    /// The run; `None` to ask what would be of any run, so that what depends on it stays open.
    pub run: Option<&'a IssuanceRun>,
}

/// The run that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuanceRun {
    /// What made it.
    pub source: RunSource,
    /// Whether it can never be applied.
    pub is_speculative: bool,
    /// The branch that its configuration is from, where that is known.
    pub branch: Option<String>,
    /// Who made it; `None` for the server itself.
    pub creator: Option<IssuanceActor>,
    /// How its apply came to be approved.
    pub approval: Approval,
}

/// That a token may be issued, and for how long.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IssuanceAllowance {
    /// The longest it may live; `None` where no policy says it.
    pub max_life: Option<Duration>,
    /// The names of the statements that allow it, the organization's first.
    pub statements: Vec<(PolicyLevel, String)>,
    /// On what it depends that is not known yet.
    pub open: Vec<IssuanceCondition>,
}

/// Decides about a request; every policy that is there must allow it, so none can widen another.
///
/// Fails with the statement that comes closest in the first policy that refuses.
pub fn decide(
    policies: &[(PolicyLevel, &IssuancePolicy)],
    request: &IssuanceRequest<'_>,
) -> Result<IssuanceAllowance, Box<IssuanceRefusal>> {
    let mut decision = IssuanceAllowance::default();
    for (level, policy) in policies {
        let allowed = policy.allows(request).map_err(|closest| {
            Box::new(IssuanceRefusal { level: *level, closest, statements: policy.statements.len() })
        })?;
        decision.max_life = shorter(decision.max_life, allowed.max_life);
        decision.statements.extend(allowed.names.into_iter().map(|name| (*level, name)));
        decision.open.extend(allowed.open);
    }
    decision.open.sort_unstable();
    decision.open.dedup();
    Ok(decision)
}

/// What one policy allows.
struct Allowed {
    max_life: Option<Duration>,
    names: Vec<String>,
    open: Vec<IssuanceCondition>,
}

impl IssuancePolicy {
    /// Fails with the statement that comes closest and what is not met of it, if there is a statement at all.
    fn allows(&self, request: &IssuanceRequest<'_>) -> Result<Allowed, Option<(String, Vec<Mismatch>)>> {
        let mut allowed: Option<Allowed> = None;
        let mut closest: Option<(String, Vec<Mismatch>)> = None;
        for statement in &self.statements {
            let verdict = condition::check(statement, request);
            if verdict.unmet.is_empty() {
                let found = allowed.get_or_insert_with(|| Allowed {
                    max_life: Some(Duration::ZERO),
                    names: Vec::new(),
                    open: verdict.open.clone(),
                });
                found.max_life = longer(found.max_life, statement.max_life);
                found.names.push(statement.name.clone());
                // A statement that leaves nothing open decides, whatever the others wait for.
                let is_settled = found.open.is_empty() || verdict.open.is_empty();
                if is_settled {
                    found.open.clear();
                } else {
                    found.open.extend(verdict.open);
                }
                continue;
            }
            if closest.as_ref().is_none_or(|(_, other)| distance(&verdict.unmet) < distance(other)) {
                closest = Some((statement.name.clone(), verdict.unmet));
            }
        }
        allowed.ok_or(closest)
    }
}

/// How far a statement is from a request: one for the other phase is about something else; then the fewest conditions that are not
/// met, then that the first of them is a late one.
fn distance(unmet: &[Mismatch]) -> (bool, usize, Reverse<Option<IssuanceCondition>>) {
    let is_for_other_phase = unmet.iter().any(|one| one.condition == IssuanceCondition::Phase);
    (is_for_other_phase, unmet.len(), Reverse(unmet.first().map(|one| one.condition)))
}

/// The stricter of two limits.
fn shorter(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// The wider of two limits: none is the widest.
fn longer(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    Some(one?.max(other?))
}
