//! Whom a binding names.

use serde_json::{Value, json};

use super::User;
use crate::check::{
    Cause, Difference, Edit, Finding, Part, Question,
    compare::{self, Kind, Reading},
    judgement::{Checked, refused},
};

/// The subjects of a RoleBinding or a ClusterRoleBinding.
pub(super) fn binding(question: &Question, user: &User) -> Checked {
    let Some(binding) = &question.trust.beside else { return Ok(()) };
    let list: Vec<&Value> = binding.get("subjects").and_then(Value::as_array).into_iter().flatten().collect();
    let named = |kind: &str| -> Vec<&str> {
        let of_kind = list.iter().filter(|one| one["kind"] == kind);
        of_kind.filter_map(|one| one["name"].as_str()).collect()
    };
    let (users, groups) = (named("User"), named("Group"));
    if users.contains(&user.name.as_str())
        || user
            .groups
            .iter()
            .map(String::as_str)
            .chain(["system:authenticated"])
            .any(|group| groups.contains(&group))
    {
        return Ok(());
    }
    let subject = json!({ "kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": user.name });
    let edit = match binding.get("subjects") {
        Some(Value::Array(_)) => Edit::set(Part::Beside, "/subjects/-", subject),
        _ => Edit::set(Part::Beside, "/subjects", json!([subject])),
    };
    let Some(nearest) = compare::nearest(&user.name, &users, Kind::Other, Reading::Exact) else {
        let says = format!("the binding names no user; the API server knows this one as {}", user.name);
        return refused(Finding::new("subjects", Cause::NotBound, says).edited(edit));
    };
    // The same subject behind different prefixes.
    let subject = question.claims.subject();
    let is_prefixed = user.name.ends_with(subject) && nearest.ends_with(subject);
    let prefix = user.name.strip_suffix(subject).unwrap_or_default();
    let bare = nearest.strip_prefix(prefix);
    let (own, expected) = bare.map_or((user.name.as_str(), nearest), |bare| (subject, bare));
    let cause = match compare::compare(Kind::Subject, own, expected, Reading::Exact) {
        _ if is_prefixed => Cause::NotBound,
        Cause::OtherValue => Cause::NotBound,
        cause => cause,
    };
    let says = match is_prefixed {
        true => "the binding and claimMappings.username do not have the same prefix",
        false => compare::sentence(cause),
    };
    let finding = Finding::new("subjects", cause, format!("the binding does not name this user: {says}"));
    refused(finding.differing(Difference::between(&user.name, nearest)).edited(edit))
}
