//! How the claim `sub` is made: templates of labels and claims, each of which says something true about its run.
//!
//! A subject can be read from left to right without knowing its template: it is a list of items, and every item is a label with
//! a value, `name@id`, or a note behind a plus sign. Labels belong to their claims and a value is escaped, so no template and no
//! name can make an item that is not true of the workspace which presents it. Two workspaces, or two phases of one, can therefore
//! only share a subject where a template leaves out what tells them apart, which must be allowed explicitly.

mod parse;

use std::fmt::Write as _;

use crate::Phase;

pub use self::parse::{TemplateError, TemplateProblem};

/// The characters between items; escaped in values.
const SEPARATORS: &[u8] = b":/,;|=";

/// The longest subject: `sub` has at most 255 ASCII characters (OpenID Connect Core 1.0, section 2).
pub const MAX_SUBJECT_BYTES: usize = 255;

/// What a tag is counted with when a template is measured; longer ones are refused when a token is made.
const TAG_BUDGET: usize = 64;

/// What stands for the tag of the configuration that has none; it is escaped in tags.
const NO_TAG: &str = "~";

/// A part of the tree that a subject can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubjectPart {
    /// The organization.
    Organization,
    /// The project.
    Project,
    /// The workspace.
    Workspace,
}

impl SubjectPart {
    /// Every part, from the top.
    pub const ALL: [Self; 3] = [Self::Organization, Self::Project, Self::Workspace];

    /// The part as templates write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Project => "project",
            Self::Workspace => "workspace",
        }
    }

    /// The most bytes of its name and of its id.
    fn longest(self) -> (usize, usize) {
        match self {
            Self::Organization => (40, 20),
            Self::Project => (40, 20),
            Self::Workspace => (90, 19),
        }
    }
}

impl std::str::FromStr for SubjectPart {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|part| part.as_str() == text)
            .ok_or_else(|| format!("{text:?} is none of organization, project, workspace"))
    }
}

/// How a part is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Form {
    Name,
    Id,
    /// The name that it was made with, and its id: neither ever changes.
    NameAtId,
}

/// A claim of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum SubjectClaim {
    Of(SubjectPart, Form),
    Phase,
    Tag,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Claim(SubjectClaim),
}

/// What a subject says about one part of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartFacts {
    /// The name that is presented: its own, or one that is kept for a while.
    pub name: String,
    /// The name that it was made with.
    pub first_name: String,
    /// The stable id.
    pub id: String,
}

/// What subjects are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectFacts {
    /// The organization.
    pub organization: PartFacts,
    /// The project.
    pub project: PartFacts,
    /// The workspace.
    pub workspace: PartFacts,
}

impl SubjectFacts {
    /// What is said about one part.
    pub fn part(&self, part: SubjectPart) -> &PartFacts {
        match part {
            SubjectPart::Organization => &self.organization,
            SubjectPart::Project => &self.project,
            SubjectPart::Workspace => &self.workspace,
        }
    }

    /// The same, to change it.
    pub fn part_mut(&mut self, part: SubjectPart) -> &mut PartFacts {
        match part {
            SubjectPart::Organization => &mut self.organization,
            SubjectPart::Project => &mut self.project,
            SubjectPart::Workspace => &mut self.workspace,
        }
    }
}

/// Who shares a subject under a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubjectSharing {
    /// Several workspaces.
    Workspaces,
    /// The plan and the apply of a workspace.
    Phases,
}

impl SubjectSharing {
    /// What that means, for people.
    pub fn explain(self) -> &'static str {
        match self {
            Self::Workspaces => {
                "several workspaces share this subject: whatever trusts one of them trusts all; {workspace.name@id}, or \
                 workspace:{workspace.name} with organization:{organization.name}, tells them apart"
            }
            Self::Phases => {
                "plan and apply share this subject: whatever trusts an apply trusts every plan, before any approval; \
                 run_phase:{phase} tells them apart"
            }
        }
    }
}

/// A template of subjects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectTemplate {
    text: String,
    pieces: Vec<Piece>,
}

impl SubjectTemplate {
    /// HCP Terraform's form, which counts where nothing else is said.
    pub const HCP: &'static str = "organization:{organization.name}:project:{project.name}:workspace:{workspace.name}:run_phase:{phase}";

    /// The form that survives renames and moves, written `name@id` for short.
    pub const NAME_AT_ID: &'static str =
        "organization:{organization.name@id}:workspace:{workspace.name@id}:run_phase:{phase}";

    /// The form that survives them, too, and always fits into the 127 bytes of `google.subject`, written `short` for short.
    pub const SHORT: &'static str = "{workspace.name@id}:run_phase:{phase}";

    /// The ready-made templates by the short words for them.
    pub const READY_MADE: [(&'static str, &'static str); 3] =
        [("hcp", Self::HCP), ("name@id", Self::NAME_AT_ID), ("short", Self::SHORT)];

    /// HCP Terraform's form.
    pub fn hcp() -> Self {
        Self::HCP.parse().expect("the form of HCP Terraform is a template")
    }

    /// The template as it was written; a ready-made one in full.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn names(&self, claim: SubjectClaim) -> bool {
        self.pieces.contains(&Piece::Claim(claim))
    }

    fn names_any(&self, part: SubjectPart, forms: &[Form]) -> bool {
        forms.iter().any(|form| self.names(SubjectClaim::Of(part, *form)))
    }

    /// Whether it tells organizations apart; every template must.
    fn names_organization(&self) -> bool {
        let with_id = [Form::Id, Form::NameAtId];
        self.names_any(SubjectPart::Organization, &[Form::Name, Form::Id, Form::NameAtId])
            || self.names_any(SubjectPart::Project, &with_id)
            || self.names_any(SubjectPart::Workspace, &with_id)
    }

    /// Who shares a subject under it; empty for a template that tells every workspace and phase apart.
    pub fn shared_by(&self) -> Vec<SubjectSharing> {
        let mut shared = Vec::new();
        let is_one_workspace = self.names_any(SubjectPart::Workspace, &[Form::Id, Form::NameAtId])
            || (self.names_any(SubjectPart::Workspace, &[Form::Name]) && self.names_organization());
        if !is_one_workspace {
            shared.push(SubjectSharing::Workspaces);
        }
        if !self.names(SubjectClaim::Phase) {
            shared.push(SubjectSharing::Phases);
        }
        shared
    }

    /// Whether only workspaces of one project can share its subjects.
    pub fn stays_in_project(&self) -> bool {
        !self.shared_by().contains(&SubjectSharing::Workspaces)
            || self.names_any(SubjectPart::Project, &[Form::Id, Form::NameAtId])
            || (self.names_any(SubjectPart::Project, &[Form::Name]) && self.names_organization())
    }

    /// Whether its subjects change when one of these parts gets another name.
    pub fn follows_name_of(&self, part: SubjectPart) -> bool {
        self.names_any(part, &[Form::Name])
    }

    /// The bytes of the longest subject that names of the greatest length lead to.
    pub fn longest(&self) -> usize {
        let bytes = |piece: &Piece| match piece {
            Piece::Literal(text) => text.len(),
            Piece::Claim(SubjectClaim::Phase) => Phase::Apply.as_str().len(),
            Piece::Claim(SubjectClaim::Tag) => TAG_BUDGET,
            Piece::Claim(SubjectClaim::Of(part, form)) => {
                let (name, id) = part.longest();
                match form {
                    Form::Name => name,
                    Form::Id => id,
                    Form::NameAtId => name + 1 + id,
                }
            }
        };
        self.pieces.iter().map(bytes).sum()
    }

    /// The claim `sub` of a phase; `tag` is that of the configuration.
    pub fn render(&self, facts: &SubjectFacts, phase: Phase, tag: Option<&str>) -> String {
        let mut subject = String::with_capacity(128);
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => subject.push_str(text),
                Piece::Claim(SubjectClaim::Phase) => subject.push_str(phase.as_str()),
                Piece::Claim(SubjectClaim::Tag) => match tag {
                    Some(tag) => escape(&mut subject, tag),
                    None => subject.push_str(NO_TAG),
                },
                Piece::Claim(SubjectClaim::Of(part, form)) => {
                    push_part(&mut subject, facts.part(*part), *form);
                }
            }
        }
        subject
    }
}

fn push_part(subject: &mut String, facts: &PartFacts, form: Form) {
    match form {
        Form::Name => escape(subject, &facts.name),
        Form::Id => escape(subject, &facts.id),
        Form::NameAtId => {
            escape(subject, &facts.first_name);
            subject.push('@');
            escape(subject, &facts.id);
        }
    }
}

/// Appends a value; whatever is not a letter, a digit, a space or one of `_ - .` is percent-encoded (RFC 3986, section 2.1).
fn escape(subject: &mut String, value: &str) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b" _-.".contains(&byte) {
            subject.push(char::from(byte));
        } else {
            write!(subject, "%{byte:02X}").expect("a text can always be written to");
        }
    }
}

impl std::fmt::Display for SubjectTemplate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
