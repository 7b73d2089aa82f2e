//! One evaluation after the other, until the token is accepted.

use serde_json::Value;

use super::{
    Cause, Claims, Edit, Family, Finding, Judgement, Patch, Trust, aws, azure, gcp, issuer,
    judgement::Evaluation, kubernetes, subject, vault, work,
};
use crate::scan::{self, Severity};

/// Characters of what is judged: the longest policy that any service stores is shorter.
const CHARACTERS: usize = 256 << 10;
/// Characters of claims: the longest token that any service takes is shorter.
const CLAIMS: usize = 64 << 10;

/// More conditions than this one after the other are not put right by small changes.
const STEPS: usize = 12;

/// Whether a relying party accepts a token.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// What the token says.
    pub claims: Claims,
    /// What the relying party trusts.
    pub trust: Trust,
    /// The time at which it is asked, in seconds since 1970; without it times are not judged.
    pub now: Option<i64>,
}

/// Judges as the service would, and looks for the smallest change after which it accepts the token.
///
/// What is too much work to judge is not accepted, with [`Cause::TooCostly`].
pub fn judge(family: Family, question: &Question) -> Judgement {
    let judged = match too_long(question) {
        Some(says) => Err(says),
        None => work::bounded(|| judged(family, question)).map_err(|_| work::TooMuch::SAYS.to_owned()),
    };
    judged.unwrap_or_else(|says| {
        let finding = Finding::new("the policy", Cause::TooCostly, says);
        Judgement { findings: vec![finding], ..Judgement::default() }
    })
}

fn too_long(question: &Question) -> Option<String> {
    let length = |value: &Value| value.to_string().len();
    let trust = &question.trust;
    let policies = length(&trust.policy) + trust.beside.as_ref().map_or(0, length);
    let claims: usize = question.claims.as_map().iter().map(|(name, value)| name.len() + length(value)).sum();
    match (policies > CHARACTERS, claims > CLAIMS) {
        (true, _) => Some(format!(
            "policies of more than {CHARACTERS} characters are not judged: this one has {policies}"
        )),
        (_, true) => {
            Some(format!("claims of more than {CLAIMS} characters are not judged: these have {claims}"))
        }
        (false, false) => None,
    }
}

fn judged(family: Family, question: &Question) -> Judgement {
    let question = &with(question, question.trust.opened().into_owned());
    let first = evaluate(family, question);
    let mut judgement = Judgement { notes: first.notes, ..Judgement::default() };
    let Some(failure) = first.failure else { return judgement };
    let (findings, patch) = put_right(family, question, failure);
    // Whoever meets an expression that stays, and was refused for one of several reasons, would get in with all of them mended.
    let is_one_change = findings.len() == 1 || !matches!(family, Family::Gcp | Family::Kubernetes);
    let smallest = patch.filter(|patch| is_one_change && !widens(family, question, &patch.trust));
    judgement.patch = smallest
        .or_else(|| put_right_by(family, question, Pin::Beside))
        .or_else(|| put_right_by(family, question, Pin::Alone));
    judgement.findings = findings;
    judgement
}

/// Whom a policy that pins a token lets in beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pin {
    /// Whoever was let in before.
    Beside,
    /// Nobody.
    Alone,
}

/// The change that pins the token, and what that leaves, such as an audience that the provider does not list.
fn put_right_by(family: Family, question: &Question, pin: Pin) -> Option<Patch> {
    let edits = pinned(family, question, pin);
    if edits.is_empty() {
        return None;
    }
    let trust = patched(&question.trust, &edits);
    let changed = with(question, trust);
    let (trust, more) = match evaluate(family, &changed).failure {
        None => (changed.trust, Vec::new()),
        // As above: nobody else may be let in by the change that is left.
        Some(_) if pin == Pin::Beside && matches!(family, Family::Gcp | Family::Kubernetes) => return None,
        Some(failure) => {
            let then = put_right(family, &changed, failure).1?;
            (then.trust, then.edits)
        }
    };
    let note = (pin == Pin::Alone).then_some(
        "this replaces what was bound before: whoever else it let in is refused from now on, and needs a policy of their own",
    );
    let patch = Patch { edits: [edits, more].concat(), trust, is_pinned: true, note };
    (!widens(family, question, &patch.trust)).then_some(patch)
}

fn evaluate(family: Family, question: &Question) -> Evaluation {
    if let Err(failure) = issuer::check(family, &question.claims) {
        return Evaluation::of(Err(failure), Vec::new());
    }
    match family {
        Family::Aws => aws::evaluate(question),
        Family::Azure => azure::evaluate(question),
        Family::Gcp => gcp::evaluate(question),
        Family::Vault => vault::evaluate(question),
        Family::Kubernetes => kubernetes::evaluate(question),
    }
}

/// The changes that admit exactly this token beside those that are admitted, or alone.
fn pinned(family: Family, question: &Question, pin: Pin) -> Vec<Edit> {
    match (family, pin) {
        (Family::Aws, Pin::Beside) => aws::pinned(question),
        (Family::Azure, Pin::Beside) => azure::pinned(question),
        (Family::Gcp, _) => gcp::pinned(question, pin),
        (Family::Vault, Pin::Alone) => vault::pinned(question),
        (Family::Kubernetes, _) => kubernetes::pinned(question, pin),
        (Family::Aws | Family::Azure, Pin::Alone) | (Family::Vault, Pin::Beside) => Vec::new(),
    }
}

/// Follows the changes that each failure proposes until nothing fails.
fn put_right(family: Family, question: &Question, first: Finding) -> (Vec<Finding>, Option<Patch>) {
    let mut current = question.clone();
    let (mut findings, mut edits) = (vec![first], Vec::new());
    for _ in 0..STEPS {
        let Some(last) = findings.last().filter(|last| !last.edits.is_empty()) else { break };
        let step = last.edits.clone();
        current.trust = patched(&current.trust, &step);
        edits.extend(step);
        match evaluate(family, &current).failure {
            None => {
                return (findings, Some(Patch { edits, trust: current.trust, is_pinned: false, note: None }));
            }
            // The change did not help.
            Some(next) if findings.contains(&next) => break,
            Some(next) => findings.push(next),
        }
    }
    (findings, None)
}

/// Whether a change lets a neighbour in that was refused before, or leaves more open than it was.
fn widens(family: Family, question: &Question, trust: &Trust) -> bool {
    let place = |claims: &Claims, trust: &Trust| {
        let asked = Question { claims: claims.clone(), trust: trust.clone(), now: question.now };
        evaluate(family, &asked).failure.map(|failure| failure.at)
    };
    let lets_in =
        |claims: &Claims| place(claims, trust).is_none() && place(claims, &question.trust).is_some();
    // A token for another audience may stop at what stops this one; then the audience was never looked at.
    let own = place(&question.claims, &question.trust).unwrap_or_default();
    let is_of_audience = own.contains("aud") || own.contains("ClientIDList");
    let forgets = |claims: &Claims| {
        lets_in(claims)
            && (is_of_audience || place(claims, &question.trust).is_some_and(|other| other != own))
    };
    subject::neighbours(&question.claims).iter().any(lets_in)
        || subject::of_other_audiences(&question.claims).iter().any(forgets)
        || is_wider(family, &question.trust, trust)
}

/// Whether a scan finds more of what matters. Conditions in CEL are tried with neighbours instead.
fn is_wider(family: Family, before: &Trust, after: &Trust) -> bool {
    let count = |trust: &Trust| {
        let found = scan::findings(family, trust);
        found.iter().filter(|one| one.severity == Severity::High || one.rule == "audience-missing").count()
    };
    match family {
        Family::Aws | Family::Azure | Family::Vault => count(after) > count(before),
        Family::Gcp | Family::Kubernetes => false,
    }
}

fn with(question: &Question, trust: Trust) -> Question {
    Question { trust, ..question.clone() }
}

fn patched(trust: &Trust, edits: &[Edit]) -> Trust {
    let mut trust = trust.clone();
    edits.iter().for_each(|edit| trust.apply(edit));
    trust
}
