//! One evaluation after the other, until the token is accepted.

use serde_json::Value;

use super::{
    Cause, Claims, Edit, Family, Finding, Judgement, Patch, Trust, aws, azure, compare, gcp,
    judgement::Evaluation, kubernetes, vault, work,
};

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
    let first = evaluate(family, question);
    let mut judgement = Judgement { notes: first.notes, ..Judgement::default() };
    let Some(failure) = first.failure else { return judgement };
    let (findings, patch) = put_right(family, question, failure);
    judgement.patch = patch.filter(|patch| !widens(family, question, &patch.trust)).or_else(|| {
        let edits = pinned(family, question);
        let trust = patched(&question.trust, &edits);
        let (rest, then) = match evaluate(family, &with(question, trust.clone())).failure {
            None => (Vec::new(), None),
            // What pinning leaves, such as an audience that the provider does not list.
            Some(failure) => put_right(family, &with(question, trust.clone()), failure),
        };
        if edits.is_empty() || (!rest.is_empty() && then.is_none()) {
            return None;
        }
        let (trust, more) = then.map_or((trust, Vec::new()), |patch| (patch.trust, patch.edits));
        let patch = Patch { edits: [edits, more].concat(), trust, is_pinned: true };
        (!widens(family, question, &patch.trust)).then_some(patch)
    });
    judgement.findings = findings;
    judgement
}

fn evaluate(family: Family, question: &Question) -> Evaluation {
    match family {
        Family::Aws => aws::evaluate(question),
        Family::Azure => azure::evaluate(question),
        Family::Gcp => gcp::evaluate(question),
        Family::Vault => vault::evaluate(question),
        Family::Kubernetes => kubernetes::evaluate(question),
    }
}

/// The changes that admit exactly this token, and nobody else.
fn pinned(family: Family, question: &Question) -> Vec<Edit> {
    match family {
        Family::Aws => aws::pinned(question),
        Family::Azure => azure::pinned(question),
        Family::Gcp => gcp::pinned(question),
        Family::Vault => vault::pinned(question),
        Family::Kubernetes => kubernetes::pinned(question),
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
            None => return (findings, Some(Patch { edits, trust: current.trust, is_pinned: false })),
            // The change did not help.
            Some(next) if findings.contains(&next) => break,
            Some(next) => findings.push(next),
        }
    }
    (findings, None)
}

/// Whether a change lets a neighbour in that was refused before.
fn widens(family: Family, question: &Question, trust: &Trust) -> bool {
    compare::neighbours(&question.claims).into_iter().any(|claims| {
        let before = Question { claims, ..question.clone() };
        let after = with(&before, trust.clone());
        evaluate(family, &after).failure.is_none() && evaluate(family, &before).failure.is_some()
    })
}

fn with(question: &Question, trust: Trust) -> Question {
    Question { trust, ..question.clone() }
}

fn patched(trust: &Trust, edits: &[Edit]) -> Trust {
    let mut trust = trust.clone();
    edits.iter().for_each(|edit| trust.apply(edit));
    trust
}
