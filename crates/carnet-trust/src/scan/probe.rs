//! Identities with which a condition is tried: whom it names, and those beside them.
//!
//! A condition can be written in more ways than anybody lists. What matters is who is let in, so the names that stand in a condition
//! are made identities, and strangers are held against it.

use serde_json::{Map, Value, json};

use super::{Severity, Wide, literal::plain, pattern};
use crate::check::{Claims, subject::Parts};

/// Names of one kind that are tried: those that the condition has, and a stranger's.
const NAMES: usize = 3;
/// Identities that were let in whose neighbours are tried, too.
const NEIGHBOURS: usize = 12;

/// How far a condition should narrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// To the organization: what is bound within it stands elsewhere.
    Organization,
    /// To one phase of one workspace.
    Phase,
}

/// A name and the id that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Name {
    name: String,
    id: String,
    is_strange: bool,
}

/// An identity that is held against a condition.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    organization: Name,
    project: Name,
    workspace: Name,
    phase: &'static str,
    pub(super) claims: Claims,
}

impl Identity {
    /// Whether two are of the same workspace.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        self.organization == other.organization
            && self.project == other.project
            && self.workspace == other.workspace
    }

    pub(super) fn is_of_same_organization(&self, other: &Self) -> bool {
        self.organization == other.organization
    }
}

/// The names that a condition has.
#[derive(Debug, Default)]
pub(super) struct Probes {
    organizations: Vec<Name>,
    projects: Vec<Name>,
    workspaces: Vec<Name>,
    /// Subjects that are not made of names.
    subjects: Vec<String>,
    /// Claims that all identities have.
    base: Map<String, Value>,
}

impl Probes {
    /// Takes the names from texts, each with what it is compared with.
    pub(super) fn new(texts: &[(String, String)], base: Map<String, Value>) -> Self {
        let mut probes = Self { base, ..Self::default() };
        for (about, text) in texts {
            probes.note(about, text);
        }
        for (list, kind, id) in [
            (&mut probes.organizations, "organization", "org"),
            (&mut probes.projects, "project", "prj"),
            (&mut probes.workspaces, "workspace", "ws"),
        ] {
            list.truncate(NAMES);
            if list.is_empty() {
                add(list, "own".to_owned(), None);
            }
            list.push(Name {
                name: format!("strange-{kind}"),
                id: format!("{id}-Strange000000000"),
                is_strange: true,
            });
        }
        probes.subjects.truncate(NAMES);
        probes
    }

    fn note(&mut self, about: &str, text: &str) {
        let parts = Parts::of(text.trim_start_matches('^'));
        let named = [parts.organization, parts.project, parts.workspace];
        if named.iter().any(Option::is_some) {
            for (list, name) in
                [&mut self.organizations, &mut self.projects, &mut self.workspaces].into_iter().zip(named)
            {
                add(list, plain(name.unwrap_or_default()), None);
            }
            return;
        }
        let text = plain(text);
        for (start, list) in
            [("org-", &mut self.organizations), ("prj-", &mut self.projects), ("ws-", &mut self.workspaces)]
        {
            if about.contains("_id") && text.starts_with(start) {
                return add(list, "own".to_owned(), Some(text));
            }
        }
        let is_about = |word: &str| about.contains(word);
        if is_about("sub") && !is_about("organization") {
            self.subjects.push(text.clone());
        }
        let is_any = !["organization", "project", "workspace", "phase"].iter().any(|word| is_about(word));
        for (word, list) in [
            ("organization", &mut self.organizations),
            ("project", &mut self.projects),
            ("workspace", &mut self.workspaces),
        ] {
            if is_about(word) || is_any {
                add(list, text.clone(), None);
            }
        }
    }

    /// Every identity that the names make.
    fn all(&self) -> Vec<Identity> {
        let mut all = Vec::new();
        for organization in &self.organizations {
            for project in &self.projects {
                for workspace in &self.workspaces {
                    for phase in ["plan", "apply"] {
                        all.push(self.identity(organization, project, workspace, phase));
                    }
                }
            }
        }
        all
    }

    /// Those that are let in.
    pub(super) fn admitted(&self, admits: &dyn Fn(&Claims) -> bool) -> Vec<Identity> {
        self.all().into_iter().filter(|one| admits(&one.claims)).collect()
    }

    /// What lives in another organization or project has an id of its own, whatever it is called.
    fn identity(
        &self,
        organization: &Name,
        project: &Name,
        workspace: &Name,
        phase: &'static str,
    ) -> Identity {
        let elsewhere = |name: &Name, is_elsewhere: bool| match is_elsewhere {
            true => format!("{}-Elsewhere0000000", name.id.split('-').next().unwrap_or_default()),
            false => name.id.clone(),
        };
        let project_id = elsewhere(project, organization.is_strange);
        let workspace_id = elsewhere(workspace, organization.is_strange || project.is_strange);
        let full = format!(
            "organization:{}:project:{}:workspace:{}",
            organization.name, project.name, workspace.name
        );
        let mut claims = self.base.clone();
        for (name, value) in [
            ("sub", format!("{full}:run_phase:{phase}")),
            ("terraform_organization_id", organization.id.clone()),
            ("terraform_organization_name", organization.name.clone()),
            ("terraform_project_id", project_id),
            ("terraform_project_name", project.name.clone()),
            ("terraform_workspace_id", workspace_id),
            ("terraform_workspace_name", workspace.name.clone()),
            ("terraform_full_workspace", full),
            ("terraform_run_phase", phase.to_owned()),
            ("terraform_run_id", "run-Strange000000000".to_owned()),
        ] {
            claims.insert(name.to_owned(), json!(value));
        }
        Identity {
            organization: organization.clone(),
            project: project.clone(),
            workspace: workspace.clone(),
            phase,
            claims: Claims::new(claims),
        }
    }

    /// The widest opening of a condition, if it lets in more than it should.
    pub(super) fn widest(&self, at: &str, until: Until, admits: &dyn Fn(&Claims) -> bool) -> Option<Wide> {
        let admitted = self.admitted(admits);
        let bare = Claims::new(self.base.clone()).with_subject("strange");
        let strange = admitted.iter().find(|one| one.organization.is_strange);
        if let Some(claims) = strange.map(|one| &one.claims).or(admits(&bare).then_some(&bare)) {
            return Some(self.opening(at, claims, "organization-not-pinned", Severity::High));
        }
        if admitted.is_empty() {
            return self.unknown(at, admits);
        }
        let firsts = || admitted.iter().take(NEIGHBOURS);
        if let Some(claims) = firsts().find_map(|one| self.namesake(one, 0, admits)) {
            return Some(self.opening(at, &claims, "no-end-mark", Severity::High));
        }
        if until == Until::Organization {
            return None;
        }
        if let Some(one) = admitted.iter().find(|one| one.project.is_strange) {
            return Some(self.opening(at, &one.claims, "project-wildcard", Severity::Medium));
        }
        if let Some(claims) = firsts().find_map(|one| self.namesake(one, 1, admits)) {
            return Some(self.opening(at, &claims, "no-end-mark", Severity::High));
        }
        if let Some(one) = admitted.iter().find(|one| one.workspace.is_strange) {
            return Some(self.opening(at, &one.claims, "workspace-wildcard", Severity::Medium));
        }
        if let Some(claims) = firsts().find_map(|one| self.namesake(one, 2, admits)) {
            return Some(self.opening(at, &claims, "no-end-mark", Severity::High));
        }
        let both =
            |one: &&Identity| admitted.iter().any(|other| one.is_beside(other) && one.phase != other.phase);
        let one = admitted.iter().find(both)?;
        Some(self.opening(at, &one.claims, "phase-wildcard", Severity::Medium))
    }

    /// Somebody whose organization, project or workspace has a longer name, and who is let in.
    fn namesake(&self, one: &Identity, part: usize, admits: &dyn Fn(&Claims) -> bool) -> Option<Claims> {
        [("", "-evil"), ("evil-", "")].into_iter().find_map(|(before, after)| {
            let mut names = [one.organization.clone(), one.project.clone(), one.workspace.clone()];
            names[part].name = format!("{before}{}{after}", names[part].name);
            names[part].is_strange = true;
            names[part].id =
                format!("{}-Namesake00000000", names[part].id.split('-').next().unwrap_or_default());
            let [organization, project, workspace] = &names;
            let found = self.identity(organization, project, workspace, one.phase).claims;
            admits(&found).then_some(found)
        })
    }

    /// Nobody with names of this form is let in: perhaps a subject of another form is, and its neighbour must not be.
    fn unknown(&self, at: &str, admits: &dyn Fn(&Claims) -> bool) -> Option<Wide> {
        let any = self.all().into_iter().next()?.claims;
        let known = self.subjects.iter().find(|subject| admits(&any.with_subject(subject)));
        match known {
            Some(subject) => {
                let longer = any.with_subject(&format!("{subject}-evil"));
                admits(&longer).then(|| self.opening(at, &longer, "no-end-mark", Severity::High))
            }
            None => Some(
                Wide::new("not-judged", Severity::Low, at)
                    .says("no identity was found that is let in")
                    .because(
                        "what could not be tried could not be found too wide either: somebody has to read it",
                    )
                    .narrower("compare sub with the subject of one workspace and phase"),
            ),
        }
    }

    fn opening(&self, at: &str, claims: &Claims, rule: &'static str, severity: Severity) -> Wide {
        let why = match rule {
            "organization-not-pinned" => "workspaces of every organization of the issuer are let in",
            "no-end-mark" => {
                "whoever has a name that begins or ends so is let in: a whole name has to be compared"
            }
            "project-wildcard" => "workspaces of every project of the organization are let in",
            "workspace-wildcard" => "every workspace of the project is let in, also one made tomorrow",
            _ => "a plan, which runs without approval, gets what the apply gets",
        };
        let phase = claims.text("terraform_run_phase").unwrap_or("plan");
        let own = self.all().into_iter().find(|one| one.phase == phase);
        let own = own.map(|one| one.claims.subject().to_owned()).unwrap_or_default();
        // What the condition does not name stands there as whoever reads it would write it.
        let own = ["organization", "project", "workspace"].into_iter().fold(own, |subject, kind| {
            subject.replace(&format!("{kind}:own:"), &format!("{kind}:{}:", kind.to_uppercase()))
        });
        Wide::new(rule, severity, at)
            .says(format!("a token with the subject {:?} is let in", claims.subject()))
            .because(why)
            .narrower(pattern::narrower(&own.replace("strange-", "*")))
    }
}

fn add(list: &mut Vec<Name>, name: String, id: Option<String>) {
    let has = |one: &Name| one.name == name && id.as_ref().is_none_or(|id| one.id == *id);
    if name.is_empty() || list.iter().any(has) {
        return;
    }
    // An id and a name that stand in one condition are those of one thing.
    if let (None, Some(one)) = (&id, list.iter_mut().find(|one| one.name == "own")) {
        one.name = name;
        return;
    }
    let id = id.unwrap_or_else(|| format!("own-{}000000000000", list.len()));
    list.push(Name { name, id, is_strange: false });
}
