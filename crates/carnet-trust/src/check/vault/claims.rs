//! Claims that name an entity, and claims that are bound.

use serde_json::{Value, json};

use super::{Role, advised};
use crate::check::{
    Cause, Claims, Difference, Edit, Finding, Part, Wildcards,
    compare::{self, Kind, Reading},
    document::segment,
    judgement::{Checked, refused},
    matches,
};

/// A claim by its name, or by a JSON pointer if the name begins with a slash.
fn claim(claims: &Claims, name: &str) -> Option<Value> {
    let value = if name.starts_with('/') {
        claims.get(name.split('/').nth(1)?)?;
        let whole = Value::Object(claims.as_map().clone());
        whole.pointer(name).cloned().filter(|value| !value.is_null())?
    } else {
        claims.get(name).cloned()?
    };
    // Whole numbers are what is left of a number before it is compared.
    Some(match value {
        Value::Number(number) if number.as_i64().is_none() => {
            json!(number.as_f64().map(|number| number as i64))
        }
        other => other,
    })
}

pub(super) fn identity(claims: &Claims, role: &Role<'_>) -> Checked {
    let name = role.text("user_claim");
    let is_pointer = role.value.get("user_claim_json_pointer") == Some(&Value::Bool(true));
    let value = if is_pointer { claim(claims, name) } else { claims.get(name).cloned() };
    let fixed = role.set("user_claim", "terraform_workspace_id");
    match value {
        Some(Value::String(_)) => {}
        None => {
            let hint = "or set user_claim_json_pointer, if the name is meant as a path";
            let finding = absent(claims, "user_claim", name).edited(fixed);
            return refused(if name.starts_with('/') && !is_pointer {
                finding.helped(hint)
            } else {
                finding
            });
        }
        Some(_) => {
            let says = format!("the claim {name} is no text, and the name of an entity must be one");
            return refused(Finding::new("user_claim", Cause::ClaimType, says).edited(fixed));
        }
    }
    for (source, target) in role.members("claim_mappings").into_iter().flatten() {
        if claim(claims, source).is_some_and(|value| !value.is_string()) {
            let says = format!("the claim {source} is no text, and metadata ({target}) must be");
            let pointer = format!("{}/claim_mappings/{}", role.base, segment(source));
            let finding = Finding::new(format!("claim_mappings.{source}"), Cause::ClaimType, says);
            return refused(finding.edited(Edit::remove(Part::Policy, pointer)));
        }
    }
    let groups = role.text("groups_claim");
    if groups.is_empty() {
        return Ok(());
    }
    let is_texts = |value: &Value| match value {
        Value::String(_) => true,
        Value::Array(list) => list.iter().all(Value::is_string),
        _ => false,
    };
    match claim(claims, groups) {
        None => refused(absent(claims, "groups_claim", groups).edited(role.set("groups_claim", ""))),
        Some(value) if !is_texts(&value) => {
            let says = format!("the claim {groups} is no list of texts");
            refused(Finding::new("groups_claim", Cause::ClaimType, says).edited(role.set("groups_claim", "")))
        }
        Some(_) => Ok(()),
    }
}

fn absent(claims: &Claims, at: &str, name: &str) -> Finding {
    let near = claims.as_map().keys().find(|key| key.eq_ignore_ascii_case(name));
    let cause = if near.is_some() { Cause::LetterCase } else { Cause::ClaimMissing };
    let has = near.map(|near| format!("; it has {near}")).unwrap_or_default();
    let finding = Finding::new(at, cause, format!("the token has no claim {name}{has}"));
    finding.differing(near.and_then(|near| Difference::between(near, name)))
}

pub(super) fn bound_claims(claims: &Claims, role: &Role<'_>) -> Checked {
    let mut all: Vec<(&String, &Value)> = role.members("bound_claims").into_iter().flatten().collect();
    // The service takes them in no order; the subject is what a reader looks for.
    all.sort_by_key(|(name, _)| *name != "sub");
    for (name, expected) in all {
        if let Some(finding) = bound_claim(claims, role, name, expected) {
            return refused(advised(finding));
        }
    }
    Ok(())
}

fn bound_claim(claims: &Claims, role: &Role<'_>, name: &str, expected: &Value) -> Option<Finding> {
    let at = format!("bound_claims.{name}");
    let pointer = format!("{}/bound_claims/{}", role.base, segment(name));
    let Some(own) = claim(claims, name) else {
        let subject = format!("{}/bound_claims/sub", role.base);
        let finding = absent(claims, &at, name);
        return Some(finding.edited(Edit::remove(Part::Policy, pointer)).edited(Edit::set(
            Part::Policy,
            subject,
            claims.subject(),
        )));
    };
    let list = |value: &Value| match value {
        Value::Array(list) => Some(list.clone()),
        Value::String(_) | Value::Bool(_) | Value::Number(_) => Some(vec![value.clone()]),
        Value::Null | Value::Object(_) => None,
    };
    let (Some(found), Some(wanted)) = (list(&own), list(expected)) else {
        let says = format!(
            "the claim {name} can only be compared as a text, a number, a truth value or a list of them"
        );
        return Some(Finding::new(at, Cause::ClaimType, says));
    };
    let is_found =
        |wanted: &Value| found.iter().any(|found| fits(role.is_glob(), found, wanted, own.is_array()));
    if wanted.iter().any(is_found) {
        return None;
    }
    let presented = found.iter().find_map(Value::as_str);
    let texts: Vec<&str> = wanted.iter().filter_map(Value::as_str).collect();
    let kind = Kind::of_claim(name);
    let reading = if role.is_glob() { Reading::Pattern(Wildcards::Star) } else { Reading::Exact };
    let (Some(presented), Some(nearest)) =
        (presented, presented.and_then(|own| compare::nearest(own, &texts, kind, reading)))
    else {
        let says = format!("the claim {name} is {own}, and {expected} is expected");
        let is_type = wanted
            .iter()
            .zip(&found)
            .any(|(one, other)| std::mem::discriminant(one) != std::mem::discriminant(other));
        let cause = if is_type { Cause::ClaimType } else { Cause::OtherValue };
        return Some(Finding::new(at, cause, says).edited(Edit::set(Part::Policy, pointer, own)));
    };
    let finding = compare::finding(at, &format!("the claim {name}"), kind, presented, nearest, reading);
    let value = match expected {
        Value::Array(list) if list.len() > 1 => {
            Value::Array(list.iter().cloned().chain([Value::from(presented)]).collect())
        }
        Value::Array(_) => json!([presented]),
        _ => json!(presented),
    };
    let is_plain = !(role.is_glob() && presented.contains('*'));
    Some(if is_plain { finding.edited(Edit::set(Part::Policy, pointer, value)) } else { finding })
}

fn fits(is_glob: bool, found: &Value, wanted: &Value, is_listed: bool) -> bool {
    match (found, wanted) {
        (Value::String(found), Value::String(wanted)) if is_glob => matches(wanted, found, Wildcards::Star),
        _ if is_glob => false,
        // Numbers in lists keep a type that never equals the number of a role.
        (Value::Number(_), _) if is_listed => false,
        (Value::Array(_) | Value::Object(_), _) => false,
        (found, wanted) => found == wanted,
    }
}
