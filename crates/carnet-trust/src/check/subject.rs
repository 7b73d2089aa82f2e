//! Subjects, and those beside them.

use serde_json::Value;

use super::{Cause, Claims, Wildcards, compare::Reading, glob::matches};

/// A subject in its parts (<https://developer.hashicorp.com/terraform/cloud-docs/workspaces/dynamic-provider-credentials>).
#[derive(Debug, Default)]
pub(crate) struct Parts<'a> {
    pub(crate) organization: Option<&'a str>,
    pub(crate) project: Option<&'a str>,
    pub(crate) workspace: Option<&'a str>,
    pub(crate) phase: Option<&'a str>,
}

impl<'a> Parts<'a> {
    pub(crate) fn of(subject: &'a str) -> Self {
        const NAMES: [&str; 4] = ["organization:", ":project:", ":workspace:", ":run_phase:"];
        let between = |name: &str| {
            let start = subject.find(name)? + name.len();
            let rest = &subject[start..];
            let ends = NAMES.iter().filter_map(|next| rest.find(next));
            Some(&rest[..ends.min().unwrap_or(rest.len())])
        };
        let organization = if subject.starts_with(NAMES[0]) { between(NAMES[0]) } else { None };
        Self {
            organization,
            project: between(NAMES[1]),
            workspace: between(NAMES[2]),
            phase: between(NAMES[3]),
        }
    }

    fn is_whole(&self) -> bool {
        self.organization.is_some() && self.workspace.is_some() && self.phase.is_some()
    }
}

pub(super) fn subject(presented: &str, expected: &str, reading: Reading) -> Cause {
    let (own, wanted) = (Parts::of(presented), Parts::of(expected));
    // A wildcard that is compared as a character is a cause of its own, found before.
    let wildcards =
        if let Reading::Pattern(wildcards) = reading { wildcards } else { Wildcards::StarAndQuestion };
    let fits = |own: Option<&str>, wanted: Option<&str>| match (own, wanted) {
        (Some(own), Some(wanted)) => own == wanted || matches(wanted, own, wildcards),
        (_, None) => true,
        (None, Some(_)) => false,
    };
    if let Some(cause) = template(&own, &wanted).or_else(|| part_name(presented, expected)) {
        return cause;
    }
    if let Some(cause) = part(&own, &wanted, &fits) {
        return cause;
    }
    let signs = |text: &str| alike(&text.replace(['*', '?'], ""));
    if alike(presented).eq_ignore_ascii_case(&alike(expected)) {
        return Cause::Separator;
    }
    if own.is_whole() {
        let has_word = |word: &str| expected.to_ascii_lowercase().contains(word);
        if ["repo:", "project_path:", "system:serviceaccount:", "spacelift", "env0"]
            .iter()
            .any(|form| has_word(form))
        {
            return Cause::OtherForm;
        }
        if !expected.is_empty() && presented.starts_with(expected) {
            return if wanted.phase.is_none() && reading == Reading::Exact {
                Cause::MissingPart
            } else {
                Cause::Prefix
            };
        }
        if signs(expected).len() > 8 && alike(presented).starts_with(&signs(expected)) {
            return Cause::Separator;
        }
        if wanted.workspace.is_some() && !fits(own.workspace, wanted.workspace) {
            return Cause::OtherWorkspace;
        }
        if wanted.organization.is_none() && has_word("workspace") {
            return Cause::MissingPart;
        }
        if !fits(own.organization, wanted.organization) {
            return Cause::OtherOrganization;
        }
    }
    if own.organization.is_none() && wanted.is_whole() {
        return Cause::OtherForm;
    }
    if !expected.is_empty() && presented.starts_with(expected) { Cause::Prefix } else { Cause::OtherValue }
}

/// A text without what may separate its parts.
fn alike(text: &str) -> String {
    text.replace(['/', ':', ';', '.', ',', '|', '=', '_', '-', ' '], "")
}

/// The first part of two subjects that differs, where both are made of the same parts.
fn part(
    own: &Parts<'_>,
    wanted: &Parts<'_>,
    fits: &dyn Fn(Option<&str>, Option<&str>) -> bool,
) -> Option<Cause> {
    if own.is_whole() && wanted.organization.is_some() {
        if wanted.project.is_none() && own.project.is_some() && wanted.workspace.is_some() {
            return Some(Cause::MissingPart);
        }
        if !fits(own.organization, wanted.organization) && wanted.workspace.is_some() {
            return Some(Cause::OtherOrganization);
        }
        if !fits(own.project, wanted.project) && wanted.workspace.is_some() {
            let is_default = [own.project, wanted.project].iter().flatten().all(|name| {
                let name = alike(name).to_ascii_lowercase();
                name == "defaultproject" || name == "default"
            });
            return Some(if is_default { Cause::DefaultProject } else { Cause::OtherProject });
        }
        if !fits(own.workspace, wanted.workspace) && wanted.phase.is_some() {
            return Some(Cause::OtherWorkspace);
        }
        if wanted.workspace.is_some() && wanted.phase.is_some() && !fits(own.phase, wanted.phase) {
            let is_phase =
                wanted.phase.is_some_and(|phase| matches!(phase.trim_end_matches('*'), "plan" | "apply"));
            return Some(if is_phase { Cause::OtherPhase } else { Cause::OtherValue });
        }
    }
    None
}

/// Whether the names are the same, and ids stand behind them on one side alone.
fn template(own: &Parts<'_>, wanted: &Parts<'_>) -> Option<Cause> {
    let bare = |name: &str| name.split_once('@').map_or_else(|| name.to_owned(), |(name, _)| name.to_owned());
    let parts = [
        (own.organization, wanted.organization),
        (own.project, wanted.project),
        (own.workspace, wanted.workspace),
    ];
    let both = || parts.iter().filter_map(|(own, wanted)| own.zip(*wanted));
    let is_same = both().count() > 0 && both().all(|(own, wanted)| bare(own) == bare(wanted));
    let differs = both().any(|(own, wanted)| own.contains('@') != wanted.contains('@'));
    (is_same && differs).then_some(Cause::OtherTemplate)
}

/// Whether what is expected has the same number of parts, and one of them another name.
fn part_name(presented: &str, expected: &str) -> Option<Cause> {
    let (own, wanted): (Vec<&str>, Vec<&str>) =
        (presented.split(':').collect(), expected.split(':').collect());
    if own.len() != wanted.len() || own.len() < 4 {
        return None;
    }
    let names = || own.iter().zip(&wanted).step_by(2);
    let is_whole = own
        .iter()
        .step_by(2)
        .all(|name| ["organization", "project", "workspace", "run_phase"].contains(name));
    let others = names().filter(|(own, wanted)| own != wanted).count();
    let is_word =
        names().all(|(_, wanted)| wanted.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_'));
    (is_whole && is_word && others > 0 && others < own.len() / 2).then_some(Cause::PartName)
}

/// Claims by which a workspace is known whatever it is called, and those of what it is in.
const IDS: [&str; 3] = ["terraform_workspace_id", "terraform_project_id", "terraform_organization_id"];

/// The claims of neighbours, which no patch for this token may let in. Another workspace has another id.
pub(super) fn neighbours(claims: &Claims) -> Vec<Claims> {
    let subject = claims.subject();
    let parts = Parts::of(subject);
    let exchange = |old: Option<&str>, name: &str, new: &str| {
        old.map(|old| subject.replacen(&format!("{name}:{old}"), &format!("{name}:{new}"), 1))
    };
    let longer = parts.workspace.map(|name| format!("{name}-other")).unwrap_or_default();
    let phase = if parts.phase == Some("plan") { "apply" } else { "plan" };
    // The subject, and how many of the ids are others.
    let neighbours = [
        (Some(format!("{subject}x")), 1),
        (Some(format!("x{subject}")), 3),
        (Some("organization:other:project:other".to_owned()), 3),
        (exchange(parts.workspace, "workspace", "another-one"), 1),
        (exchange(parts.workspace, "workspace", &longer), 1),
        (exchange(parts.project, "project", "another-one"), 2),
        (exchange(parts.organization, "organization", "another-one"), 3),
        (exchange(parts.phase, "run_phase", phase), 0),
    ];
    let with = |subject: String, others: usize| {
        let mut other = claims.with_subject(&subject);
        for name in IDS.into_iter().take(others).filter(|name| claims.get(name).is_some()) {
            other = other.with(name, Value::from("of-another-one"));
        }
        match claims.get("terraform_run_phase") {
            Some(_) if others == 0 => other.with("terraform_run_phase", Value::from(phase)),
            Some(_) | None => other,
        }
    };
    let changed = neighbours.into_iter().filter_map(|(other, others)| Some((other?, others)));
    changed.filter(|(other, _)| other != subject).map(|(other, others)| with(other, others)).collect()
}

/// The same claims in tokens that were made for others.
pub(super) fn of_other_audiences(claims: &Claims) -> Vec<Claims> {
    let audiences = ["sts.amazonaws.com", "another-audience"].into_iter();
    let others = audiences.filter(|one| !claims.audiences().contains(one));
    others.map(|one| claims.with("aud", Value::from(one))).collect()
}
