//! Trust that is wider than it should be: which rule is broken, why that matters, and what would be narrow.

mod aws;
mod azure;
mod gcp;
mod kubernetes;
mod literal;
mod pattern;
mod printed;
mod probe;
mod reading;
mod vault;

use serde_json::Value;

pub use self::{printed::printed, reading::unreadable_beside};
use crate::check::{
    Family, Trust,
    document::inner,
    work::{self, TooMuch},
};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// A matter of clarity.
    Low,
    /// More of the own organization is let in than is probably meant.
    Medium,
    /// Somebody is let in whom nobody meant.
    High,
}

impl Severity {
    /// The name, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// Trust that is too wide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wide {
    /// The rule, as a name that machines may rely on.
    pub rule: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// Where in the document.
    pub at: String,
    /// What is there.
    pub says: String,
    /// Whom that lets in.
    pub why: &'static str,
    /// What would be narrow.
    pub narrower: String,
}

impl Wide {
    fn new(rule: &'static str, severity: Severity, at: impl Into<String>) -> Self {
        Self { rule, severity, at: at.into(), says: String::new(), why: "", narrower: String::new() }
    }

    fn says(self, says: impl Into<String>) -> Self {
        Self { says: says.into(), ..self }
    }

    fn because(self, why: &'static str) -> Self {
        Self { why, ..self }
    }

    fn narrower(self, narrower: impl Into<String>) -> Self {
        Self { narrower: narrower.into(), ..self }
    }
}

impl Wide {
    /// The finding as JSON.
    pub fn to_json(&self) -> Value {
        serde_json::json!({
            "rule": self.rule, "severity": self.severity.as_str(), "at": self.at, "says": self.says, "why": self.why,
            "narrower": self.narrower,
        })
    }
}

/// A trust that was not looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotScanned {
    /// The document is not of the form that the service reads.
    #[error("nothing could be read: {0}")]
    Unreadable(String),
    /// It is more work than anybody puts into a policy.
    #[error("{}", TooMuch::SAYS)]
    TooCostly,
}

/// Looks for trust that is too wide, the gravest first.
///
/// Fails where a document is not understood, since nothing can be said of it then.
pub fn scan(family: Family, trust: &Trust) -> Result<Vec<Wide>, NotScanned> {
    let trust = trust.opened();
    if let Some(says) = reading::unreadable(family, &trust) {
        return Err(NotScanned::Unreadable(says));
    }
    work::bounded(|| findings(family, &trust)).map_err(|TooMuch| NotScanned::TooCostly)
}

/// What is found in a document, as far as it is understood.
pub(crate) fn findings(family: Family, trust: &Trust) -> Vec<Wide> {
    let mut found = match family {
        Family::Aws => aws::scan(trust),
        Family::Azure => azure::scan(trust),
        Family::Gcp => gcp::scan(trust),
        Family::Vault => vault::scan(trust),
        Family::Kubernetes => kubernetes::scan(trust),
    };
    found.sort_by(|one, other| other.severity.cmp(&one.severity).then_with(|| one.at.cmp(&other.at)));
    found.dedup();
    found
}

/// Says that two documents of one family trust the same, as those of a plan and of an apply must not.
pub fn same(family: Family, names: (&str, &str), trusts: (&Trust, &Trust)) -> Option<Wide> {
    let (one, other) = (trusts.0.opened(), trusts.1.opened());
    let policies = (inner(family, &one.policy).1, inner(family, &other.policy).1);
    (policies.0 == policies.1).then(|| {
        Wide::new("plan-and-apply-identical", Severity::Medium, names.1)
            .says(format!("the same as {}", names.0))
            .because("if one is for plans and the other for applies, a plan can do what only an approved apply should")
            .narrower("one document with :run_phase:plan at the end of its subject, and one with :run_phase:apply")
    })
}
