//! One evaluation after the other, until the token is accepted.

use super::{
    Claims, Edit, Family, Finding, Judgement, Patch, Trust, aws, azure, compare, gcp, judgement::Evaluation,
    kubernetes, vault,
};

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
pub fn judge(family: Family, question: &Question) -> Judgement {
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
