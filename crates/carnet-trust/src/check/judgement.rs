//! What is said of a token and a policy.

use super::{Cause, Difference, Edit, Trust};

/// The place of what is wrong with a document as a whole.
pub(super) const NO_POLICY: &str = "the policy";

/// A condition that is not met.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Where: a place in the documents, or a claim.
    pub at: String,
    /// Why, as a name.
    pub cause: Cause,
    /// Why, as a sentence.
    pub says: String,
    /// The texts that should be the same, where there are two.
    pub difference: Option<Difference>,
    /// What helps, beside or instead of a change of the policy.
    pub remedy: Vec<String>,
    /// What would put the documents right.
    pub(super) edits: Vec<Edit>,
}

impl Finding {
    pub(super) fn new(at: impl Into<String>, cause: Cause, says: impl Into<String>) -> Self {
        Self {
            at: at.into(),
            cause,
            says: says.into(),
            difference: None,
            remedy: Vec::new(),
            edits: Vec::new(),
        }
    }

    /// Whether the document is no policy of the service at all, so that there is nothing to judge.
    pub fn is_of_no_policy(&self) -> bool {
        self.cause == Cause::Unreadable && self.at == NO_POLICY
    }

    pub(super) fn differing(self, difference: Option<Difference>) -> Self {
        Self { difference, ..self }
    }

    pub(super) fn helped(mut self, remedy: impl Into<String>) -> Self {
        self.remedy.push(remedy.into());
        self
    }

    pub(super) fn edited(mut self, edit: Edit) -> Self {
        self.edits.push(edit);
        self
    }
}

/// The smallest change after which the token is accepted, evaluated again.
#[derive(Debug, Clone, PartialEq)]
pub struct Patch {
    /// What is changed, one after the other.
    pub edits: Vec<Edit>,
    /// The documents with the changes.
    pub trust: Trust,
    /// Whether every value is pinned to this token, because a smaller change would have let others in.
    pub is_pinned: bool,
    /// Whom it locks out, where it does.
    pub note: Option<&'static str>,
}

/// What the service would say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Judgement {
    /// The conditions that are not met: the first one first, then those that would fail next.
    pub findings: Vec<Finding>,
    /// What could not be judged from claims, and what is worth knowing.
    pub notes: Vec<String>,
    /// The way out, if changing the documents is one.
    pub patch: Option<Patch>,
}

impl Judgement {
    /// Whether the token would be accepted.
    pub fn is_accepted(&self) -> bool {
        self.findings.is_empty()
    }

    /// The first condition that is not met.
    pub fn first(&self) -> Option<&Finding> {
        self.findings.first()
    }
}

/// What one evaluation found.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Evaluation {
    pub(super) failure: Option<Finding>,
    pub(super) notes: Vec<String>,
}

impl Evaluation {
    pub(super) fn of(result: Result<(), Box<Finding>>, notes: Vec<String>) -> Self {
        Self { failure: result.err().map(|failure| *failure), notes }
    }
}

/// The outcome of one condition.
pub(super) type Checked<T = ()> = Result<T, Box<Finding>>;

/// A condition that is not met.
pub(super) fn refused<T>(finding: Finding) -> Checked<T> {
    Err(Box::new(finding))
}
