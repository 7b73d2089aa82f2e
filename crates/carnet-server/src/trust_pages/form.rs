//! Forms: their fields, and what was typed into them.

use std::collections::BTreeMap;

use askama::Template;
use serde::Deserialize;
use serde_json::{Value, json};

/// How a field is filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A line.
    Text,
    /// Lines.
    Lines,
    /// Texts, separated by commas.
    List,
    /// On or off.
    Flag,
    /// One of some values, each with what it means; the first without another.
    Choice(&'static [(&'static str, &'static str)]),
}

/// One field of a form.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) help: String,
    pub(super) kind: Kind,
    is_required: bool,
    typed: String,
}

impl Field {
    pub(super) fn new(name: &str, label: &str, kind: Kind) -> Self {
        let (name, label) = (name.to_owned(), label.to_owned());
        Self { name, label, help: String::new(), kind, is_required: false, typed: String::new() }
    }

    #[must_use]
    pub(super) fn help(mut self, help: &str) -> Self {
        help.clone_into(&mut self.help);
        self
    }

    #[must_use]
    pub(super) fn required(mut self) -> Self {
        self.is_required = true;
        self
    }

    /// The value, as the API takes it; none where nothing was typed.
    pub(super) fn value(&self, typed: &Typed) -> Option<Value> {
        let text = typed.get(&self.name);
        let text = if self.kind == Kind::Lines { text } else { text.trim() };
        if text.is_empty() {
            return None;
        }
        Some(match self.kind {
            Kind::Text | Kind::Lines | Kind::Choice(_) => json!(text),
            Kind::Flag => json!(true),
            Kind::List => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                json!(parts.collect::<Vec<_>>())
            }
        })
    }

    /// What the template draws.
    fn choices(&self) -> &'static [(&'static str, &'static str)] {
        match self.kind {
            Kind::Choice(choices) => choices,
            Kind::Text | Kind::Lines | Kind::List | Kind::Flag => &[],
        }
    }

    fn is_lines(&self) -> bool {
        self.kind == Kind::Lines
    }

    fn is_flag(&self) -> bool {
        self.kind == Kind::Flag
    }
}

/// What a person typed, or what the address of the form brought along.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Typed(BTreeMap<String, String>);

impl Typed {
    /// What stands in a field.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }

    /// Takes out what no page shows again.
    pub(super) fn take(&mut self, name: &str) -> String {
        self.0.remove(name).unwrap_or_default()
    }
}

/// The fields that name the workspace.
pub(super) fn place() -> Vec<Field> {
    vec![
        Field::new("organization", "Organization", Kind::Text).required(),
        Field::new("workspace", "Workspace", Kind::Text).required(),
    ]
}

/// A page with a form.
#[derive(Debug, Template)]
#[template(path = "trust_form.html")]
pub(super) struct FormPage {
    pub(super) title: String,
    pub(super) explanation: &'static str,
    pub(super) button: &'static str,
    /// What the result is, in a few words.
    pub(super) result_title: &'static str,
    pub(super) fields: Vec<Field>,
    /// Fields that few need.
    pub(super) more: Vec<Field>,
    pub(super) csrf: String,
    pub(super) result: Option<String>,
    pub(super) problem: Option<String>,
}

impl FormPage {
    /// Writes what was typed into the fields.
    pub(super) fn fill(&mut self, typed: &Typed) {
        for field in self.fields.iter_mut().chain(&mut self.more) {
            typed.get(&field.name).clone_into(&mut field.typed);
        }
    }

    /// Whether one of the fields that few need was used.
    fn uses_more(&self) -> bool {
        self.more.iter().any(|field| {
            let usual = field.choices().first().map(|(value, _)| *value).unwrap_or_default();
            !field.typed.is_empty() && field.typed != usual
        })
    }
}
