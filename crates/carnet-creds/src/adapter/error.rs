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
    /// Where each line starts.
    lines: Vec<usize>,
    found: Vec<AdapterProblem>,
}

impl<'a> Problems<'a> {
    pub(super) fn new(document: &'a str) -> Self {
        let breaks = document.match_indices('\n').map(|(at, _)| at + 1);
        Self { document, lines: std::iter::once(0).chain(breaks).collect(), found: Vec::new() }
    }

    /// Records a problem at a place of the document.
    pub(super) fn add(&mut self, span: Range<usize>, text: impl Into<String>) {
        let (line, column) = self.position(span.start);
        self.found.push(AdapterProblem { line, column, text: text.into() });
    }

    /// Whether nothing is wrong so far.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
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

    /// Line and column of a byte, both from 1.
    fn position(&self, byte: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|start| *start <= byte);
        let start =
            line.checked_sub(1).and_then(|before| self.lines.get(before)).copied().unwrap_or_default();
        let end = self.document.floor_char_boundary(byte);
        (line, self.document.get(start..end).unwrap_or_default().chars().count() + 1)
    }
}
