//! The conditions of a statement, in the order in which they are looked at.

use super::{
    Approval, IssuanceActor, IssuanceRequest, IssuanceRun, IssuanceStatement, Pattern, PersonPattern,
};

/// What a condition is about. Of two statements that miss equally many, the one whose first is a later one comes closer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum IssuanceCondition {
    /// The family of credentials.
    Family,
    /// The phase.
    Phase,
    /// The project.
    Project,
    /// The workspace.
    Workspace,
    /// The audience.
    Audience,
    /// The role.
    Role,
    /// What made the run.
    Source,
    /// Whether the run can be applied.
    Speculative,
    /// The branch.
    Branch,
    /// Who made the run.
    Actor,
    /// How the apply was approved.
    Approval,
    /// Who approved the apply.
    Approver,
}

impl IssuanceCondition {
    /// The member of a statement that states it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Family => "families",
            Self::Phase => "phases",
            Self::Project => "projects",
            Self::Workspace => "workspaces",
            Self::Audience => "audiences",
            Self::Role => "roles",
            Self::Source => "sources",
            Self::Speculative => "speculative",
            Self::Branch => "branches",
            Self::Actor => "actors",
            Self::Approval => "approval",
            Self::Approver => "approvers",
        }
    }
}

/// A condition that a request does not meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Which.
    pub condition: IssuanceCondition,
    /// What the request has instead, as a person reads it.
    pub found: String,
    /// What the statement asks for.
    pub expected: String,
}

/// What one statement says about a request.
pub(super) struct Verdict {
    /// The conditions that are not met, in the order in which they are looked at.
    pub(super) unmet: Vec<Mismatch>,
    /// The conditions that nobody can judge yet.
    pub(super) open: Vec<IssuanceCondition>,
}

/// Looks at the conditions of a statement.
pub(super) fn check(statement: &IssuanceStatement, request: &IssuanceRequest<'_>) -> Verdict {
    use IssuanceCondition as On;
    let mut check = Check { verdict: Verdict { unmet: Vec::new(), open: Vec::new() } };
    check.text(On::Family, statement.families.as_deref(), request.family);
    if let Some(phases) = &statement.phases {
        let expected = phases.iter().map(|phase| phase.as_str());
        check.met(On::Phase, phases.contains(&request.phase), request.phase.as_str(), listed(expected));
    }
    check.text(On::Project, statement.projects.as_deref(), request.project);
    check.text(On::Workspace, statement.workspaces.as_deref(), request.workspace);
    check.text(On::Audience, statement.audiences.as_deref(), request.audience);
    check.text(On::Role, statement.roles.as_deref(), request.role.unwrap_or_default());
    match request.run {
        Some(run) => check.run(statement, run),
        None => check.verdict.open = conditions_of_run(statement),
    }
    check.verdict
}

/// What a statement asks of the run.
fn conditions_of_run(statement: &IssuanceStatement) -> Vec<IssuanceCondition> {
    use IssuanceCondition as On;
    let all = [
        (On::Source, statement.sources.is_some()),
        (On::Speculative, statement.speculative.is_some()),
        (On::Branch, statement.branches.is_some()),
        (On::Actor, statement.actors.is_some()),
        (On::Approval, statement.approval.is_some()),
        (On::Approver, statement.approvers.is_some()),
    ];
    all.into_iter().filter(|(_, is_asked)| *is_asked).map(|(condition, _)| condition).collect()
}

struct Check {
    verdict: Verdict,
}

impl Check {
    fn met(&mut self, condition: IssuanceCondition, is_met: bool, found: &str, expected: String) {
        if !is_met {
            self.verdict.unmet.push(Mismatch { condition, found: found.to_owned(), expected });
        }
    }

    fn text(&mut self, condition: IssuanceCondition, patterns: Option<&[Pattern]>, text: &str) {
        if let Some(patterns) = patterns {
            let is_met = patterns.iter().any(|pattern| pattern.matches(text));
            let found = if text.is_empty() { "none" } else { text };
            self.met(condition, is_met, found, listed(patterns.iter().map(Pattern::as_str)));
        }
    }

    fn run(&mut self, statement: &IssuanceStatement, run: &IssuanceRun) {
        use IssuanceCondition as On;
        if let Some(sources) = &statement.sources {
            let expected = listed(sources.iter().map(|source| source.as_str()));
            self.met(On::Source, sources.contains(&run.source), run.source.as_str(), expected);
        }
        if let Some(wanted) = statement.speculative {
            let word =
                |is_speculative| if is_speculative { "a plan-only run" } else { "a run that may be applied" };
            self.met(
                On::Speculative,
                wanted == run.is_speculative,
                word(run.is_speculative),
                word(wanted).into(),
            );
        }
        if let Some(branches) = &statement.branches {
            let found = run.branch.as_deref();
            let is_met = found.is_some_and(|name| branches.iter().any(|branch| branch.matches(name)));
            let expected = listed(branches.iter().map(Pattern::as_str));
            self.met(On::Branch, is_met, found.unwrap_or("not known"), expected);
        }
        self.person(On::Actor, statement.actors.as_deref(), run.creator.as_ref(), "the server itself");
        if let Some(rule) = statement.approval {
            let is_met = rule.takes(&run.approval, run.creator.as_ref());
            self.met(On::Approval, is_met, &approval_text(run), rule.as_str().to_owned());
        }
        let (approver, otherwise) = match &run.approval {
            Approval::By(actor) => (Some(actor), ""),
            Approval::Automatic => (None, "nobody: the run approved itself"),
            Approval::None => (None, "nobody: a plan is not approved"),
        };
        self.person(On::Approver, statement.approvers.as_deref(), approver, otherwise);
    }

    fn person(
        &mut self,
        condition: IssuanceCondition,
        patterns: Option<&[PersonPattern]>,
        actor: Option<&IssuanceActor>,
        otherwise: &str,
    ) {
        if let Some(patterns) = patterns {
            let is_met = actor.is_some_and(|actor| patterns.iter().any(|pattern| pattern.matches(actor)));
            let found = actor.map_or(otherwise.to_owned(), actor_text);
            self.met(condition, is_met, &found, listed(patterns.iter().map(ToString::to_string)));
        }
    }
}

fn actor_text(actor: &IssuanceActor) -> String {
    let who = match actor.is_person {
        true => actor.username.clone(),
        false => format!("a token that stands for {}", actor.username),
    };
    match actor.teams.is_empty() {
        true => who,
        false => format!("{who}, in {}", listed(&actor.teams)),
    }
}

fn approval_text(run: &IssuanceRun) -> String {
    match &run.approval {
        Approval::None => "none: a plan is not approved".to_owned(),
        Approval::Automatic => "by the run itself (auto-apply)".to_owned(),
        Approval::By(approver) if !approver.is_person => format!("by {}", actor_text(approver)),
        Approval::By(approver) => match &run.creator {
            Some(creator) if creator.username == approver.username => {
                format!("by {}, who started the run", approver.username)
            }
            Some(creator) if !creator.is_person && !approver.is_another_person_than(creator) => {
                format!("by {}, who can have started it with {}", approver.username, actor_text(creator))
            }
            None => format!("by {}, and who started the run is not known", approver.username),
            _ => format!("by {}", approver.username),
        },
    }
}

fn listed<T: AsRef<str>>(all: impl IntoIterator<Item = T>) -> String {
    let all: Vec<String> = all.into_iter().map(|one| one.as_ref().to_owned()).collect();
    if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
}
