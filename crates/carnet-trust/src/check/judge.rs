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
    if failure.cause == Cause::Disabled && !failure.edits.is_empty() {
        return switched_on(family, question, failure, judgement);
    }
    let (findings, patch) = put_right(family, question, failure);
    // Whoever meets an expression that stays, and was refused for one of several reasons, would get in with all of them mended.
    let is_one_change = findings.len() == 1 || !matches!(family, Family::Gcp | Family::Kubernetes);
    let smallest = patch.filter(|patch| is_one_change && !widens(family, question, &patch.trust));
    let (kept, replacing) = match smallest {
        Some(patch) if locks_out(family, question, &findings, &patch.trust) => {
            (None, Some(Patch { note: Some(LOCKS_OUT), ..patch }))
        }
        other => (other, None),
    };
    judgement.patch = kept
        .or_else(|| put_right_by(family, question, Pin::Beside))
        .or(replacing)
        .or_else(|| put_right_by(family, question, Pin::Alone));
    judgement.findings = findings;
    judgement
}

/// What is said of a policy that was only switched off: nobody was let in, so others are not let in by the change either.
fn switched_on(family: Family, question: &Question, failure: Finding, before: Judgement) -> Judgement {
    let edits = failure.edits.clone();
    let on = with(question, patched(&question.trust, &edits));
    let then = judged(family, &on);
    let patch = match then.patch {
        None if then.findings.is_empty() => {
            Some(Patch { edits, trust: on.trust, is_pinned: false, note: None })
        }
        patch => patch.map(|patch| Patch { edits: [edits, patch.edits].concat(), ..patch }),
    };
    Judgement {
        findings: [vec![failure], then.findings].concat(),
        notes: [before.notes, then.notes].concat(),
        patch,
    }
}

/// Said of a change after which somebody else is refused.
const LOCKS_OUT: &str = "this replaces what was bound before: whoever else it let in is refused from now on, and needs a policy of their own";

/// Whether whom the policy names instead of this token was let in, and would not be any more.
fn locks_out(family: Family, question: &Question, findings: &[Finding], trust: &Trust) -> bool {
    let is_in = |claims: &Claims, trust: &Trust| {
        let asked = Question { claims: claims.clone(), trust: trust.clone(), now: question.now };
        evaluate(family, &asked).failure.is_none()
    };
    let mut all = question.claims.clone();
    let named = findings.iter().filter_map(|finding| {
        let expected = finding.difference.as_ref()?.expected();
        let (name, value) = match finding.cause {
            Cause::OtherOrganization
            | Cause::OtherProject
            | Cause::OtherWorkspace
            | Cause::OtherPhase
            | Cause::OtherForm
            | Cause::OtherTemplate => ("sub", expected.replace('*', "another").replace('?', "x")),
            Cause::OtherIssuer | Cause::PrincipalHost => {
                let host = expected.split_once(":oidc-provider/").map_or(expected, |(_, host)| host);
                let scheme = if host.contains("://") { "" } else { "https://" };
                ("iss", format!("{scheme}{host}"))
            }
            _ => return None,
        };
        all = all.with(name, Value::String(value.clone()));
        Some(question.claims.with(name, Value::String(value)))
    });
    let mut others: Vec<Claims> = named.collect();
    others.push(all);
    others.iter().any(|claims| is_in(claims, &question.trust) && !is_in(claims, trust))
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
    let note = (pin == Pin::Alone).then_some(LOCKS_OUT);
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
