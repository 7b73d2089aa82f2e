//! Texts with names in double braces: `Bearer {{ token }}`.

use secrecy::{ExposeSecret, SecretString};

use super::{
    escape::{Context, escaped},
    render::{RenderError, Values},
};

/// A text with names in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    Value(Name),
}

/// What a template may name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    Token,
    Setting(String),
    Claim(String),
    Answer(String),
    File(String),
    RunId,
    SourceUrl,
    SourceSecret,
}

/// Why a text is no template, and at which of its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TemplateError {
    pub(super) at: usize,
    pub(super) text: String,
}

impl Template {
    /// Parses a text; the names are not looked up.
    pub(super) fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find("{{") {
            let at = text.len() - rest.len() + open;
            let inside = &rest[open + 2..];
            let Some(close) = inside.find("}}") else {
                return Err(TemplateError { at, text: "\"{{\" without \"}}\"".to_owned() });
            };
            if open > 0 {
                parts.push(Part::Text(rest[..open].to_owned()));
            }
            let name = inside[..close].trim();
            parts.push(Part::Value(Name::parse(name).map_err(|text| TemplateError { at, text })?));
            rest = &inside[close + 2..];
        }
        if !rest.is_empty() || parts.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    /// The template of the empty text.
    pub(super) fn empty() -> Self {
        Self { parts: Vec::new() }
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Every name in it.
    pub(super) fn names(&self) -> impl Iterator<Item = &Name> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Value(name) => Some(name),
        })
    }

    /// The text between the names.
    pub(super) fn literals(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Value(_) => None,
        })
    }

    /// Whether it is one name and nothing else.
    pub(super) fn is_bare(&self) -> bool {
        matches!(self.parts.as_slice(), [Part::Value(_)])
    }

    /// The text with its values, each escaped for the place it stands in; nothing when one of them is not set.
    pub(super) fn render(
        &self,
        context: Context,
        values: &Values<'_>,
    ) -> Result<Option<SecretString>, RenderError> {
        let mut rendered = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => rendered.push_str(&context.literal(text)),
                Part::Value(name) => {
                    let Some(value) = values.get(name)? else { return Ok(None) };
                    let value = escaped(value.expose_secret(), context)
                        .map_err(|rule| RenderError::new(name, rule))?;
                    rendered.push_str(&value);
                }
            }
        }
        Ok(Some(rendered.into()))
    }
}

impl Name {
    fn parse(name: &str) -> Result<Self, String> {
        let of = |rest: &str, make: fn(String) -> Self| {
            let is_character = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
            let is_name = !rest.is_empty() && rest.bytes().all(is_character);
            is_name.then(|| make(rest.to_owned()))
        };
        let found = match name.split_once('.') {
            None => match name {
                "token" => Some(Self::Token),
                "run_id" => Some(Self::RunId),
                "source_url" => Some(Self::SourceUrl),
                "source_secret" => Some(Self::SourceSecret),
                _ => None,
            },
            Some(("setting", rest)) => of(rest, Self::Setting),
            Some(("claim", rest)) => of(rest, Self::Claim),
            Some(("answer", rest)) => of(rest, Self::Answer),
            Some(("file", rest)) => of(rest, Self::File),
            Some(_) => None,
        };
        found.ok_or_else(|| {
            let shown: String = name.chars().filter(|character| !character.is_control()).take(40).collect();
            format!(
                "\"{shown}\" is no name; there are token, setting.KEY, claim.NAME, answer.KEY, file.STEM, run_id, \
                 source_url and source_secret"
            )
        })
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Token => f.write_str("token"),
            Self::Setting(key) => write!(f, "setting.{key}"),
            Self::Claim(name) => write!(f, "claim.{name}"),
            Self::Answer(key) => write!(f, "answer.{key}"),
            Self::File(stem) => write!(f, "file.{stem}"),
            Self::RunId => f.write_str("run_id"),
            Self::SourceUrl => f.write_str("source_url"),
            Self::SourceSecret => f.write_str("source_secret"),
        }
    }
}
