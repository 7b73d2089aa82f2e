//! What a provider makes of the claims
//! (<https://cloud.google.com/iam/docs/workload-identity-federation#mapping>).

use serde_json::{Map, Value};

use crate::check::{
    Cause, Claims, Edit, Finding, Part, Question,
    document::{segment, texts},
    expression::{self, Failure, evaluate as value_of, json_of},
    judgement::{Checked, refused},
};

/// Bytes of `google.subject`.
const SUBJECT: usize = 127;
/// Characters of one mapping.
const MAPPING: usize = 2048;
/// Bytes of all that is mapped.
const MAPPED: usize = 8192;

/// The attributes that the mapping makes of the claims.
pub(super) fn mapping(question: &Question) -> Checked<Map<String, Value>> {
    let assertion = Value::Object(question.claims.as_map().clone());
    let provider = &question.trust.policy;
    let stated = provider.get("attributeMapping").and_then(Value::as_object);
    let subject_edit = || Edit::set(Part::Policy, "/attributeMapping/google.subject", "assertion.sub");
    if stated.is_none_or(|stated| !stated.contains_key("google.subject")) {
        let says = "google.subject must be mapped, and is not";
        let finding = Finding::new("attributeMapping", Cause::MappingMissing, says);
        return refused(finding.edited(subject_edit()));
    }
    let mut mapped = Map::new();
    let mut bytes = 0;
    for (name, source) in stated.into_iter().flatten() {
        let at = format!("attributeMapping.{name}");
        let repaired = match name.as_str() {
            "google.subject" => subject_edit(),
            _ => Edit::remove(Part::Policy, format!("/attributeMapping/{}", segment(name))),
        };
        if !is_attribute(name) {
            let says = "what is mapped is google.subject, google.groups or attribute.NAME of a-z, 0-9 and _";
            return refused(Finding::new(at, Cause::Unreadable, says).edited(repaired));
        }
        let source = source.as_str().unwrap_or_default();
        if source.chars().count() > MAPPING {
            let says = format!("a mapping has at most {MAPPING} characters");
            return refused(Finding::new(at, Cause::TooLong, says).edited(repaired));
        }
        let value = match value_of(source, &[("assertion", &assertion)]) {
            Ok(value) => json_of(&value),
            // Only the subject must have a value.
            Err(Failure::Missing(_)) if name != "google.subject" => continue,
            Err(failure) => return refused(expression::failed(&failure, &at).edited(repaired)),
        };
        let is_right = match (&value, name.as_str()) {
            (Some(Value::Array(list)), "google.groups") => list.iter().all(Value::is_string),
            (Some(Value::String(_)), _) => true,
            _ => false,
        };
        let Some(value) = value.filter(|_| is_right) else {
            let says = format!("{name} must be a text: use string() around a number or a truth value");
            return refused(Finding::new(at, Cause::ExpressionType, says).edited(repaired));
        };
        bytes += value.as_str().map_or(0, str::len);
        mapped.insert(name.clone(), value);
    }
    let subject = mapped.get("google.subject").and_then(Value::as_str).unwrap_or_default();
    if subject.is_empty() {
        let finding =
            Finding::new("attributeMapping.google.subject", Cause::ClaimMissing, "google.subject is empty");
        return refused(finding.edited(subject_edit()));
    }
    if subject.len() > SUBJECT {
        return refused(too_long(question, subject));
    }
    if bytes > MAPPED {
        let says = format!("all that is mapped has {bytes} bytes, and {MAPPED} are taken");
        return refused(Finding::new("attributeMapping", Cause::TooLong, says));
    }
    Ok(mapped)
}

fn too_long(question: &Question, subject: &str) -> Finding {
    let says = format!("google.subject has {} bytes, and Google takes {SUBJECT}", subject.len());
    let finding = Finding::new("attributeMapping.google.subject", Cause::TooLong, says);
    let short = "assertion.terraform_workspace_id + ':' + assertion.terraform_run_phase";
    let is_at_hand = ["terraform_workspace_id", "terraform_run_phase"]
        .iter()
        .all(|name| question.claims.text(name).is_some());
    if !is_at_hand {
        return finding.helped("map claims that are shorter");
    }
    finding
        .helped("the workspace's id stays the same when it is renamed; members name the new subject then")
        .edited(Edit::set(Part::Policy, "/attributeMapping/google.subject", short))
}

fn is_attribute(name: &str) -> bool {
    match name.strip_prefix("attribute.") {
        Some(rest) => {
            (1..=100).contains(&rest.len())
                && rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        }
        None => {
            matches!(
                name,
                "google.subject"
                    | "google.groups"
                    | "google.display_name"
                    | "google.profile_photo"
                    | "google.posix_username"
            )
        }
    }
}

/// The attributes that have a value, whatever is wrong with the others.
pub(crate) fn attributes(provider: &Value, claims: &Claims) -> Map<String, Value> {
    let assertion = Value::Object(claims.as_map().clone());
    let stated = provider.get("attributeMapping").and_then(Value::as_object);
    let mapped = stated.into_iter().flatten().filter_map(|(name, source)| {
        let value = value_of(source.as_str()?, &[("assertion", &assertion)]).ok()?;
        Some((name.clone(), json_of(&value)?))
    });
    mapped.collect()
}

/// How members of an IAM policy name an identity, behind the name of the pool: the subject first.
pub(crate) fn principals(mapped: &Map<String, Value>) -> Vec<String> {
    let text = |name: &str| mapped.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut own = vec![format!("subject/{}", text("google.subject")), "*".to_owned()];
    for name in mapped.keys().filter(|name| name.starts_with("attribute.")) {
        own.push(format!("{name}/{}", text(name)));
    }
    own.extend(texts(mapped.get("google.groups")).iter().map(|group| format!("group/{group}")));
    own
}
