//! The trust as data, before it is written in one of the formats.

use super::block::{Block, Entry};
use super::command::{Command, Word};
use super::request::SetupError;
use super::text::{Part, Text, Value};

/// What a family needs at the relying party and in the workspace.
#[derive(Debug, Clone)]
pub struct TrustSetup {
    /// What this is, in one line.
    pub title: String,
    /// What its reader must know.
    pub notes: Vec<String>,
    /// Values that whoever applies the trust gives.
    pub inputs: Vec<Input>,
    /// The providers of Terraform that the blocks use, beside `tfe`.
    pub providers: Vec<Provider>,
    /// The relying party's side for Terraform.
    pub blocks: Vec<Block>,
    /// What a script needs, as lines of ours.
    pub preamble: &'static str,
    /// The relying party's side as commands.
    pub commands: Vec<Command>,
    /// Requests to the API of the relying party, where everything is a request.
    pub requests: Vec<Request>,
    /// The documents that decide who is trusted.
    pub documents: Vec<Document>,
    /// The environment variables of the workspace.
    pub variables: Vec<Variable>,
}

/// A value that whoever applies the trust gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Its name in small letters: `var.account_id`, `$ACCOUNT_ID`.
    pub name: String,
    /// What it is.
    pub what: String,
    /// Who knows it.
    pub source: Source,
}

/// Who knows an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Whoever applies the trust.
    Person,
    /// Terraform, of another block, and scripts, of a command: only documents have it open.
    Made,
}

/// A provider of Terraform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its local name.
    pub name: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// The versions that know all that is used.
    pub version: &'static str,
    /// Its block, where one is needed.
    pub block: Option<Block>,
}

/// A request to the API of the relying party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The path below `/v1/`.
    pub path: String,
    /// The body.
    pub body: Value,
    /// The thing may be there already.
    pub may_exist: bool,
}

/// A document that decides who is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its name, such as `trust-policy-plan`.
    pub name: String,
    /// Where it belongs.
    pub what: String,
    /// The document.
    pub body: Value,
}

/// An environment variable of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: Text,
}

impl TrustSetup {
    pub(super) fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            notes: Vec::new(),
            inputs: Vec::new(),
            providers: Vec::new(),
            blocks: Vec::new(),
            preamble: "",
            commands: Vec::new(),
            requests: Vec::new(),
            documents: Vec::new(),
            variables: Vec::new(),
        }
    }

    pub(super) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    pub(super) fn input(&mut self, name: impl Into<String>, what: impl Into<String>, source: Source) -> Text {
        let name = name.into();
        if self.inputs.iter().all(|known| known.name != name) {
            self.inputs.push(Input { name: name.clone(), what: what.into(), source });
        }
        Text::input(name)
    }

    /// What was told, or else an input.
    pub(super) fn told(&mut self, told: Option<&String>, name: &str, what: &str) -> Text {
        match told {
            Some(told) => Text::from(told.as_str()),
            None => self.input(name, what, Source::Person),
        }
    }

    pub(super) fn provider(&mut self, name: &'static str, source: &'static str, version: &'static str) {
        self.providers.push(Provider { name, source, version, block: None });
    }

    pub(super) fn document(&mut self, name: impl Into<String>, what: impl Into<String>, body: Value) {
        self.documents.push(Document { name: name.into(), what: what.into(), body });
    }
}

/// Refuses characters that no format could carry unharmed; options and names hold none for any good reason.
pub(super) fn check(setup: &TrustSetup) -> Result<(), SetupError> {
    let mut texts: Vec<&Text> = setup.variables.iter().map(|one| &one.value).collect();
    setup.blocks.iter().for_each(|block| of_block(block, &mut texts));
    for command in &setup.commands {
        let words = command
            .run
            .iter()
            .chain(command.is_there.iter().flatten())
            .chain(command.update.iter().flatten());
        for word in words {
            match word {
                Word::Plain(_) => {}
                Word::Text(text) | Word::Flag(_, text) => texts.push(text),
                Word::Json(value) => of_value(value, &mut texts),
            }
        }
        command.input.iter().for_each(|value| of_value(value, &mut texts));
    }
    setup.documents.iter().for_each(|one| of_value(&one.body, &mut texts));
    setup.requests.iter().for_each(|one| of_value(&one.body, &mut texts));
    let is_bad = |one: char| (one.is_control() && one != '\n') || ('\u{e000}'..='\u{f8ff}').contains(&one);
    let literals = texts.iter().flat_map(|text| text.parts());
    for part in literals {
        if let Part::Literal(text) = part
            && text.chars().any(is_bad)
        {
            let text = format!("{text:?} holds a character that cannot be seen");
            return Err(SetupError::Impossible(text));
        }
    }
    match setup.variables.iter().find(|one| one.value.with_placeholders().contains('\n')) {
        Some(one) => Err(SetupError::Impossible(format!("{} would have a value of several lines", one.key))),
        None => Ok(()),
    }
}

fn of_block<'a>(block: &'a Block, texts: &mut Vec<&'a Text>) {
    for entry in &block.body {
        match entry {
            Entry::Attribute(_, value) => of_value(value, texts),
            Entry::Block(nested) => of_block(nested, texts),
        }
    }
}

fn of_value<'a>(value: &'a Value, texts: &mut Vec<&'a Text>) {
    match value {
        Value::Text(text) => texts.push(text),
        Value::Flag(_) | Value::Number(_) | Value::Expression(_) => {}
        Value::List(list) => list.iter().for_each(|one| of_value(one, texts)),
        Value::Map(members) => members.iter().for_each(|(_, one)| of_value(one, texts)),
        Value::Json(document) => of_value(document, texts),
    }
}
