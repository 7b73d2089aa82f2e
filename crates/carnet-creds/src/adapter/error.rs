//! What is wrong with the document of an adapter, and where.

use std::ops::Range;

/// Why a document describes no adapter: every problem that was found, in the order of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterError {
    problems: Vec<AdapterProblem>,
}

/// One problem of a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AdapterProblem {
    /// The line, counted from 1.
    pub line: usize,
    /// The character in the line, counted from 1.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub text: String,
}

impl AdapterError {
    /// Every problem that was found.
    pub fn problems(&self) -> &[AdapterProblem] {
        &self.problems
    }
}

impl std::fmt::Display for AdapterError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (position, problem) in self.problems.iter().enumerate() {
            if position > 0 {
                f.write_str("\n")?;
            }
            write!(f, "line {}, column {}: {}", problem.line, problem.column, problem.text)?;
        }
        Ok(())
    }
}

impl std::error::Error for AdapterError {}

/// Collects the problems of one document.
pub(super) struct Problems<'a> {
    document: &'a str,
    found: Vec<AdapterProblem>,
}

impl<'a> Problems<'a> {
    pub(super) fn new(document: &'a str) -> Self {
        Self { document, found: Vec::new() }
    }

    /// Records a problem at a place of the document.
    pub(super) fn add(&mut self, span: Range<usize>, text: impl Into<String>) {
        let (line, column) = position(self.document, span.start);
        self.found.push(AdapterProblem { line, column, text: text.into() });
    }

    /// The error, if there was any problem.
    pub(super) fn finish(mut self) -> Result<(), AdapterError> {
        if self.found.is_empty() {
            return Ok(());
        }
        self.found.sort();
        self.found.dedup();
        Err(AdapterError { problems: self.found })
    }

    /// The error that consists of one problem.
    pub(super) fn only(document: &'a str, span: Range<usize>, text: impl Into<String>) -> AdapterError {
        let mut problems = Self::new(document);
        problems.add(span, text);
        AdapterError { problems: problems.found }
    }
}

/// Line and column of a byte, both from 1.
fn position(document: &str, byte: usize) -> (usize, usize) {
    let before: String = document.char_indices().take_while(|(at, _)| *at < byte).map(|(_, c)| c).collect();
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}
