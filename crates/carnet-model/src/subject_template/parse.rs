//! Reading a template. Whatever is not understood is refused, with the place where that begins.

use super::{Form, MAX_SUBJECT_BYTES, Piece, SEPARATORS, SubjectClaim, SubjectPart, SubjectTemplate};

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateProblem {
    /// There is nothing.
    #[error("a template must not be empty; hcp, name@id and short are ready-made ones")]
    Empty,
    /// A separator where an item should begin or end.
    #[error("between two separators, and at both ends, stands a label, a claim or a note")]
    NoItem,
    /// A brace without its other one.
    #[error("a claim is written in braces, as in {{workspace.name}}")]
    Brace,
    /// A claim that does not exist.
    #[error(
        "{{{0}}} is no claim; there are {{organization.name}}, {{organization.id}}, {{organization.name@id}}, the same of project \
         and workspace, {{phase}} and {{tag}}"
    )]
    Claim(String),
    /// Two parts without a separator between them.
    #[error("a separator, one of : / , ; | =, must stand before and behind a claim")]
    Adjacent,
    /// A character that no literal may hold.
    #[error("{0:?} cannot stand in a template outside of claims")]
    Character(char),
    /// A word that is not the label of what follows.
    #[error(
        "{word:?} does not say what follows: the label of {expected}, and free words begin with a plus sign, as in +{word}"
    )]
    Label {
        /// The word.
        word: String,
        /// What a label may be there.
        expected: String,
    },
    /// A claim that needs its label.
    #[error("{claim} must follow its label, as in {label}:{claim}")]
    NoLabel {
        /// The claim.
        claim: String,
        /// Its label.
        label: &'static str,
    },
    /// Nothing in it says which organization it is.
    #[error(
        "nothing says which organization it is, so another one could have the same subject; add organization:{{organization.name}} \
         or {{workspace.name@id}}"
    )]
    NoOrganization,
    /// Long names would make it too long.
    #[error(
        "with the longest names its subjects have {bytes} bytes, and OpenID Connect allows {MAX_SUBJECT_BYTES}; leave out a part"
    )]
    TooLong {
        /// The bytes of the longest subject.
        bytes: usize,
    },
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at character {}: {problem}", .at + 1)]
pub struct TemplateError {
    /// Where it begins, in bytes.
    pub at: usize,
    /// What is wrong.
    pub problem: TemplateProblem,
}

/// What stands between two separators.
enum Item<'a> {
    Word(&'a str),
    Claim(SubjectClaim, &'a str),
}

fn error<T>(at: usize, problem: TemplateProblem) -> Result<T, TemplateError> {
    Err(TemplateError { at, problem })
}

impl SubjectClaim {
    fn label(self) -> &'static str {
        match self {
            Self::Of(SubjectPart::Organization, Form::Name | Form::NameAtId) => "organization",
            Self::Of(SubjectPart::Organization, Form::Id) => "organization_id",
            Self::Of(SubjectPart::Project, Form::Name | Form::NameAtId) => "project",
            Self::Of(SubjectPart::Project, Form::Id) => "project_id",
            Self::Of(SubjectPart::Workspace, Form::Name | Form::NameAtId) => "workspace",
            Self::Of(SubjectPart::Workspace, Form::Id) => "workspace_id",
            Self::Phase => "run_phase",
            Self::Tag => "tag",
        }
    }

    /// Only `name@id` says by itself what it is.
    fn needs_label(self) -> bool {
        !matches!(self, Self::Of(_, Form::NameAtId))
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "phase" => return Some(Self::Phase),
            "tag" => return Some(Self::Tag),
            _ => {}
        }
        let (part, form) = text.split_once('.')?;
        let form = match form {
            "name" => Form::Name,
            "id" => Form::Id,
            "name@id" => Form::NameAtId,
            _ => return None,
        };
        Some(Self::Of(part.parse().ok()?, form))
    }
}

impl std::str::FromStr for SubjectTemplate {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let ready_made = Self::READY_MADE.iter().find(|(word, _)| *word == text);
        let text = ready_made.map_or(text, |(_, template)| *template);
        if text.is_empty() {
            return error(0, TemplateProblem::Empty);
        }
        let items = items(text)?;
        check_labels(&items)?;
        let template = Self { text: text.to_owned(), pieces: pieces(text, &items) };
        if !template.names_organization() {
            return error(0, TemplateProblem::NoOrganization);
        }
        let bytes = template.longest();
        if bytes > MAX_SUBJECT_BYTES {
            return error(0, TemplateProblem::TooLong { bytes });
        }
        Ok(template)
    }
}

/// The items with their places.
fn items(text: &str) -> Result<Vec<(usize, Item<'_>)>, TemplateError> {
    let mut items = Vec::new();
    let mut at = 0;
    loop {
        let (item, end) = item(text, at)?;
        items.push((at, item));
        match text.as_bytes().get(end) {
            None => return Ok(items),
            Some(byte) if SEPARATORS.contains(byte) => at = end + 1,
            Some(_) => return error(end, TemplateProblem::Adjacent),
        }
    }
}

/// The item that begins here, and where it ends.
fn item(text: &str, at: usize) -> Result<(Item<'_>, usize), TemplateError> {
    let rest = &text[at..];
    if let Some(inside) = rest.strip_prefix('{') {
        let Some(length) = inside.find('}') else {
            return error(at, TemplateProblem::Brace);
        };
        let name = &inside[..length];
        let end = at + length + 2;
        return match SubjectClaim::parse(name) {
            Some(claim) => Ok((Item::Claim(claim, &text[at..end]), end)),
            None => error(at, TemplateProblem::Claim(name.to_owned())),
        };
    }
    let end = rest.find(|one: char| one == '{' || (one.is_ascii() && SEPARATORS.contains(&(one as u8))));
    let word = &rest[..end.unwrap_or(rest.len())];
    if word.is_empty() {
        return error(at, TemplateProblem::NoItem);
    }
    let is_free = |one: char| one.is_ascii_alphanumeric() || "_-.".contains(one);
    let body = word.strip_prefix('+').unwrap_or(word);
    if let Some((place, character)) = body.char_indices().find(|(_, one)| !is_free(*one)) {
        let place = at + (word.len() - body.len()) + place;
        let problem =
            if character == '}' { TemplateProblem::Brace } else { TemplateProblem::Character(character) };
        return error(place, problem);
    }
    if body.is_empty() {
        return error(at, TemplateProblem::NoItem);
    }
    Ok((Item::Word(word), at + word.len()))
}

/// Every claim follows its own label, and every word is a label or a note.
fn check_labels(items: &[(usize, Item<'_>)]) -> Result<(), TemplateError> {
    let mut label: Option<(usize, &str)> = None;
    for (at, item) in items {
        match (item, label.take()) {
            (Item::Word(word), None) if word.starts_with('+') => {}
            (Item::Word(word), None) => label = Some((*at, word)),
            (Item::Word(_), Some((at, word))) => return error(at, wrong_label(word, None)),
            (Item::Claim(claim, text), None) if claim.needs_label() => {
                let problem = TemplateProblem::NoLabel { claim: (*text).to_owned(), label: claim.label() };
                return error(*at, problem);
            }
            (Item::Claim(claim, _), Some((at, word))) if claim.label() != word => {
                return error(at, wrong_label(word, Some(claim.label())));
            }
            (Item::Claim(..), _) => {}
        }
    }
    match label {
        Some((at, word)) => error(at, wrong_label(word, None)),
        None => Ok(()),
    }
}

fn wrong_label(word: &str, label: Option<&str>) -> TemplateProblem {
    let expected = match label {
        Some(label) => format!("the claim behind it is {label}"),
        None => "a claim stands directly before it".to_owned(),
    };
    TemplateProblem::Label { word: word.to_owned(), expected }
}

fn pieces(text: &str, items: &[(usize, Item<'_>)]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut done = 0;
    for (at, item) in items {
        if let Item::Claim(claim, written) = item {
            if done < *at {
                pieces.push(Piece::Literal(text[done..*at].to_owned()));
            }
            pieces.push(Piece::Claim(*claim));
            done = at + written.len();
        }
    }
    if done < text.len() {
        pieces.push(Piece::Literal(text[done..].to_owned()));
    }
    pieces
}
