//! Why a provider did not take the identity of a run, as a block of the run log that a person can act on.
//!
//! Everything here is pure: what was tried, presented and said goes in, lines come out. A block shows four claims of a
//! token, and one that the provider names, and never the token.

mod adapter;
mod aws;
mod azure;
mod difference;
mod gcp;
mod hcp;
mod issuance;
mod kubernetes;
mod message;
mod presented;
mod signature;
mod tencentcloud;
#[cfg(test)]
mod tests;
mod vault;
mod vault_backed;
mod vault_cause;
mod vault_commands;
mod vault_read;

use difference::Difference;

use crate::exchange::claims::{ABSENT, Claims};

pub(crate) use issuance::{Asked, not_allowed};
pub(crate) use message::messages;
pub(crate) use presented::Presented;
pub(crate) use signature::{explain, find};

/// A refused exchange: what was tried, what was presented, what the provider said, and what probably helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    summary: String,
    details: Vec<String>,
    may_pass: bool,
}

/// What probably stands between a run and its credentials, and the smallest way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Advice {
    /// What is probably wrong.
    pub(crate) cause: String,
    /// What probably helps, line by line.
    pub(crate) fix: Vec<String>,
    /// Where what was presented and what was expected part, if both are known.
    pub(crate) difference: Option<Difference>,
}

impl Advice {
    pub(crate) fn new(cause: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { cause: cause.into(), fix: vec![fix.into()], difference: None }
    }

    /// Adds a line to the way out.
    pub(crate) fn and(mut self, line: impl Into<String>) -> Self {
        self.fix.push(line.into());
        self
    }

    pub(crate) fn differing(self, difference: Option<Difference>) -> Self {
        Self { difference, ..self }
    }
}

impl Refusal {
    /// The failure in one line.
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// What was tried, presented and said, and what probably helps, line by line.
    pub fn details(&self) -> &[String] {
        &self.details
    }

    /// Whether the same may succeed a moment later.
    pub(crate) fn may_pass(&self) -> bool {
        self.may_pass
    }

    fn of(summary: String) -> Self {
        Self { summary, details: Vec::new(), may_pass: false }
    }

    fn passing(self, may_pass: bool) -> Self {
        Self { may_pass, ..self }
    }

    fn tried(self, text: &str) -> Self {
        self.row("tried:", text)
    }

    fn presented(self, claims: &Claims) -> Self {
        let rows = claims.table().into_iter().enumerate();
        rows.fold(self, |block, (position, (claim, value))| {
            let heading = if position == 0 { "presented:" } else { "" };
            block.row(heading, &format!("{claim} = {value}"))
        })
    }

    /// A claim that the provider names, unless it is shown anyway.
    fn also_presented(self, claims: &Claims, name: Option<&str>) -> Self {
        let is_new = |name: &&str| claims.table().iter().all(|(shown, _)| shown != name);
        match name.filter(is_new) {
            Some(name) => {
                let value = claims.value(name);
                self.row("", &format!("{name} = {}", value.as_deref().unwrap_or(ABSENT)))
            }
            None => self,
        }
    }

    fn said(self, party: &str, texts: &[String]) -> Self {
        texts.iter().fold(self, |block, text| block.row(&format!("{party} said:"), text))
    }

    fn advised(self, advice: &Advice) -> Self {
        let lines = advice.difference.iter().flat_map(Difference::lines).enumerate();
        let block = lines.fold(self, |block, (position, line)| {
            block.row(if position == 0 { "differs:" } else { "" }, &line)
        });
        let block = block.row("cause:", &advice.cause);
        advice.fix.iter().enumerate().fold(block, |block, (position, line)| {
            block.row(if position == 0 { "likely fix:" } else { "" }, line)
        })
    }

    fn row(mut self, heading: &str, text: &str) -> Self {
        self.details.push(format!("  {heading:<11} {text}"));
        self
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.summary)?;
        self.details.iter().try_for_each(|line| write!(f, "\n{line}"))
    }
}

impl std::error::Error for Refusal {}
