//! The members of IAM policies
//! (<https://cloud.google.com/iam/docs/principal-identifiers>).

use serde_json::{Map, Value, json};

use super::mapping::principals;
use crate::check::{
    Cause, Difference, Edit, Finding, Part, Question,
    compare::{self, Kind, Reading},
    document::texts,
    judgement::{Checked, refused},
};

/// The role that lets a member act as a service account.
const ROLE: &str = "roles/iam.workloadIdentityUser";
/// How the other roles begin that only a service account has.
const ACCOUNT_ROLES: &str = "roles/iam.serviceAccount";

/// The members of a service account's or a resource's IAM policy.
pub(super) fn members(question: &Question, mapped: &Map<String, Value>, notes: &mut Vec<String>) -> Checked {
    let Some(policy) = &question.trust.beside else { return Ok(()) };
    let own = own(question, mapped);
    let bindings = policy.get("bindings").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    // Of a resource that is used directly each role lets somebody in; of a service account one alone lets them act as it.
    let is_account = names_account(question)
        || bindings.iter().filter_map(role).any(|role| role == ROLE || role.starts_with(ACCOUNT_ROLES));
    let counted = |binding: &&Value| !is_account || role(binding) == Some(ROLE);
    let names_us = |binding: &&Value| {
        texts(binding.get("members")).iter().any(|member| {
            own.iter().any(|own| own == member) || matches!(*member, "allUsers" | "allAuthenticatedUsers")
        })
    };
    let found: Vec<&Value> = bindings.iter().filter(counted).filter(names_us).collect();
    if let Some(binding) = found.iter().find(|one| one["condition"].is_null()).or(found.first()) {
        note(binding, notes);
        return Ok(());
    }
    let edit = added(bindings, &own[0]);
    if let Some(other) = bindings.iter().filter(|one| !counted(one)).find(names_us) {
        let says = format!(
            "the identity has the role {}, and only {ROLE} lets it act as the service account",
            other["role"]
        );
        return refused(Finding::new("bindings.role", Cause::NotBound, says).edited(edit));
    }
    let listed = bindings.iter().filter(counted).flat_map(|binding| texts(binding.get("members")));
    refused(nearest(&own, &listed.collect::<Vec<_>>()).edited(edit))
}

/// Everything that names this identity, the subject first.
fn own(question: &Question, mapped: &Map<String, Value>) -> Vec<String> {
    let provider = question.trust.policy.get("name").and_then(Value::as_str).unwrap_or_default();
    let pool = provider.split("/providers/").next().unwrap_or_default();
    let kind = |name: &str| if name.starts_with("subject/") { "principal" } else { "principalSet" };
    let names = principals(mapped).into_iter();
    names.map(|name| format!("{}://iam.googleapis.com/{pool}/{name}", kind(&name))).collect()
}

fn role(binding: &Value) -> Option<&str> {
    binding.get("role").and_then(Value::as_str)
}

/// What a binding that lets the identity in leaves open.
fn note(binding: &Value, notes: &mut Vec<String>) {
    let role = role(binding).unwrap_or("no role");
    if role != ROLE {
        notes.push(format!("the binding gives {role} itself: to act as a service account, {ROLE} is needed"));
    }
    if let Some(condition) = binding.get("condition").filter(|condition| !condition.is_null()) {
        let expression = condition["expression"].as_str().unwrap_or("without an expression");
        notes.push(format!(
            "the binding of {role} holds under a condition, which depends on the request: taken as met: {expression}"
        ));
    }
}

/// What is said where nobody names the identity: a member of the same kind is the one that was meant.
fn nearest(own: &[String], listed: &[&str]) -> Finding {
    let federated = listed.iter().filter(|member| member.starts_with("principal"));
    let pairs = federated.flat_map(|one| own.iter().map(move |own| (own, *one)));
    let same =
        |own: &str, one: &str| own.chars().zip(one.chars()).take_while(|(one, other)| one == other).count();
    let Some((own, expected)) = pairs.max_by_key(|(own, one)| same(own, one)) else {
        let says = "no member of the IAM policy is of a workload identity pool";
        return Finding::new("bindings.members", Cause::NotBound, says);
    };
    let kind = if own.contains("/subject/") { Kind::Subject } else { Kind::Other };
    let tail =
        |text: &str| text.split_once("/subject/").map_or(text.to_owned(), |(_, subject)| subject.to_owned());
    let cause = match compare::compare(kind, &tail(own), &tail(expected), Reading::Exact) {
        // The same subject of another pool.
        _ if tail(own) == tail(expected) => Cause::NotBound,
        Cause::OtherValue | Cause::Prefix => Cause::NotBound,
        cause => cause,
    };
    let says = format!("the identity is no member of the IAM policy: {}", compare::sentence(cause));
    Finding::new("bindings.members", cause, says).differing(Difference::between(own, expected))
}

/// Whether the question is about a service account, by the name that was given of it.
fn names_account(question: &Question) -> bool {
    question.trust.role.as_deref().is_some_and(|role| role.contains('@'))
}

/// The member where those stand who may act as the service account, and nowhere else.
fn added(bindings: &[Value], member: &str) -> Edit {
    let own = bindings.iter().position(|one| one["role"] == ROLE && one["condition"].is_null());
    match own {
        Some(index) if bindings[index]["members"].is_array() => {
            Edit::set(Part::Beside, format!("/bindings/{index}/members/-"), member)
        }
        Some(_) | None if bindings.is_empty() => {
            Edit::set(Part::Beside, "/bindings", json!([{ "role": ROLE, "members": [member] }]))
        }
        Some(_) | None => {
            Edit::set(Part::Beside, "/bindings/-", json!({ "role": ROLE, "members": [member] }))
        }
    }
}
