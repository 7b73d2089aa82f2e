//! Which subjects are trusted: exactly one for each phase, or a pattern where somebody asked for more.

use carnet_model::Phase;

use super::request::{Scope, SetupError, TrustRequest};

/// Literal parts of a subject; between two of them stands any name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject(Vec<String>);

impl Subject {
    /// The subject, if it is exactly one.
    pub(super) fn exact(&self) -> Option<&str> {
        match self.0.as_slice() {
            [subject] => Some(subject),
            _ => None,
        }
    }

    /// With `*` for any name: AWS's `StringLike`, Vault's `glob`.
    pub(super) fn glob(&self) -> String {
        self.0.join("*")
    }

    /// As a regular expression of RE2; a name holds no colon.
    pub(super) fn regex(&self) -> String {
        let parts: Vec<String> = self.0.iter().map(|part| regex_escaped(part)).collect();
        format!("^{}$", parts.join("[^:]+"))
    }
}

fn regex_escaped(text: &str) -> String {
    let mut out = String::new();
    for one in text.chars() {
        if !one.is_alphanumeric() && !" :_-@/,=".contains(one) {
            out.push('\\');
        }
        out.push(one);
    }
    out
}

/// The subject that tokens of the phase have.
pub(super) fn subject(request: &TrustRequest, phase: Phase) -> Result<Subject, SetupError> {
    let (told, option) = match phase {
        Phase::Plan => (&request.subjects.plan, "--subject-plan"),
        Phase::Apply => (&request.subjects.apply, "--subject-apply"),
    };
    let TrustRequest { organization, project, .. } = request;
    if let Some(told) = told {
        if request.scope != Scope::Workspace {
            return Err(SetupError::option(option, "a subject of its own is exact: leave out --scope"));
        }
        if told.is_empty() || told.chars().any(char::is_control) {
            return Err(SetupError::option(option, "a subject has characters, and no control characters"));
        }
        return Ok(Subject(vec![told.clone()]));
    }
    let parts = match (request.scope, &request.workspace) {
        (Scope::Workspace, Some(workspace)) => {
            vec![format!(
                "organization:{organization}:project:{project}:workspace:{workspace}:run_phase:{phase}"
            )]
        }
        (Scope::Workspace, None) => {
            return Err(SetupError::option("--workspace", "name the workspace, or ask for a wider --scope"));
        }
        (Scope::Project, _) => vec![
            format!("organization:{organization}:project:{project}:workspace:"),
            format!(":run_phase:{phase}"),
        ],
        (Scope::Organization, _) => vec![
            format!("organization:{organization}:project:"),
            ":workspace:".to_owned(),
            format!(":run_phase:{phase}"),
        ],
    };
    Ok(Subject(parts))
}

/// What a scope that is wider than a workspace makes possible.
pub(super) fn warning(request: &TrustRequest) -> Option<String> {
    let TrustRequest { organization, project, .. } = request;
    match request.scope {
        Scope::Workspace => None,
        Scope::Project => Some(format!(
            "WIDE: every workspace of the project {project} is trusted, also those that somebody makes later. Whoever may make a \
             workspace in it, move one into it, or start a run in one of them gets these permissions."
        )),
        Scope::Organization => Some(format!(
            "WIDE: every workspace of every project of the organization {organization} is trusted, also those that somebody makes \
             later. Whoever may start a run anywhere in it gets these permissions."
        )),
    }
}

/// A condition in CEL on the names of the claims and the phase, with what stands before a claim.
pub(super) fn cel_condition(request: &TrustRequest, claims: &str) -> String {
    let names = cel_names(request, claims);
    match request.phases.each() {
        [phase] => format!("{names} && {claims}.terraform_run_phase == {}", cel_quoted(phase.as_str())),
        _ => names,
    }
}

/// The same of any phase.
pub(super) fn cel_names(request: &TrustRequest, claims: &str) -> String {
    let TrustRequest { organization, project, workspace, .. } = request;
    let mut terms =
        vec![format!("{claims}.terraform_organization_name == {}", cel_quoted(organization.as_str()))];
    if request.scope != Scope::Organization {
        terms.push(format!("{claims}.terraform_project_name == {}", cel_quoted(project.as_str())));
    }
    if let (Scope::Workspace, Some(workspace)) = (request.scope, workspace) {
        terms.push(format!("{claims}.terraform_workspace_name == {}", cel_quoted(workspace.as_str())));
    }
    terms.join(" && ")
}

/// A literal of CEL (<https://github.com/google/cel-spec/blob/master/doc/langdef.md#string-and-bytes-values>).
pub(super) fn cel_quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
