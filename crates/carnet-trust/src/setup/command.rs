//! Commands of a provider's own command line, as data.

use super::text::{Text, Value};

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// Words of ours, as they are: the program, its subcommands, names of flags.
    Plain(&'static str),
    /// A word.
    Text(Text),
    /// A word that begins with the name of a flag: `--flag=TEXT`.
    Flag(&'static str, Text),
    /// A document.
    Json(Value),
}

/// A command, and what makes it safe to run again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// What is said above it.
    pub comment: Vec<String>,
    /// A command that succeeds where the thing is there already.
    pub is_there: Option<Vec<Word>>,
    /// What to do where it is there; without it, nothing.
    pub update: Option<Vec<Word>>,
    /// What to do.
    pub run: Vec<Word>,
    /// The document that the command reads.
    pub input: Option<Value>,
    /// The name of the input that takes what the command prints; it is not run where the input has a value.
    pub keeps: Option<String>,
}

impl Command {
    /// A command that does no harm the second time.
    pub fn new(run: impl IntoIterator<Item = Word>) -> Self {
        Self {
            comment: Vec::new(),
            is_there: None,
            update: None,
            run: run.into_iter().collect(),
            input: None,
            keeps: None,
        }
    }

    /// The command, unless another one succeeds.
    pub fn unless(mut self, is_there: impl IntoIterator<Item = Word>) -> Self {
        self.is_there = Some(is_there.into_iter().collect());
        self
    }

    /// The command, or this one where the thing is there.
    pub fn or_update(mut self, update: impl IntoIterator<Item = Word>) -> Self {
        self.update = Some(update.into_iter().collect());
        self
    }

    /// The command with a document to read.
    pub fn reading(mut self, input: Value) -> Self {
        self.input = Some(input);
        self
    }

    /// The command whose answer becomes an input.
    pub fn kept_as(mut self, name: impl Into<String>) -> Self {
        self.keeps = Some(name.into());
        self
    }

    /// The command with a line above it.
    pub fn comment(mut self, line: impl Into<String>) -> Self {
        self.comment.push(line.into());
        self
    }
}

/// Words of ours.
pub(super) fn plain(words: &'static str) -> Word {
    Word::Plain(words)
}

/// A word of somebody else's.
pub(super) fn word(text: impl Into<Text>) -> Word {
    Word::Text(text.into())
}

/// A flag with its value.
pub(super) fn flag(name: &'static str, text: impl Into<Text>) -> Word {
    Word::Flag(name, text.into())
}
