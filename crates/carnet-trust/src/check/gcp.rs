//! Workload identity pool providers of Google Cloud
//! (<https://cloud.google.com/iam/docs/workload-identity-federation>).

use serde_json::{Map, Value, json};

use super::{
    Cause, Edit, Finding, Part, Question,
    compare::{self, Kind, Reading},
    document::{segment, texts},
    expression::{self, Failure, evaluate as value_of, json_of, quoted},
    judgement::{Checked, Evaluation, refused},
    times::{self, Leeway},
};

const LEEWAY: Leeway = Leeway { end: 0, start: 300 };
/// Bytes of `google.subject`.
const SUBJECT: usize = 127;
/// Characters of one mapping, of the condition, of an audience; and how many audiences there may be.
const MAPPING: usize = 2048;
const CONDITION: usize = 4096;
const AUDIENCES: usize = 10;
/// Bytes of all that is mapped.
const MAPPED: usize = 8192;
/// The longest life of a token, in seconds.
const LIFE: i64 = 24 * 3600;

pub(super) fn evaluate(question: &Question) -> Evaluation {
    Evaluation::of(check(question), Vec::new())
}

fn check(question: &Question) -> Checked {
    let (claims, provider) = (&question.claims, &question.trust.policy);
    if !provider.is_object() {
        return refused(Finding::new("the policy", Cause::Unreadable, "a provider is a JSON object"));
    }
    let is_deleted = provider.get("state").and_then(Value::as_str).is_some_and(|state| state != "ACTIVE");
    if provider.get("disabled") == Some(&Value::Bool(true)) || is_deleted {
        let finding = Finding::new("disabled", Cause::Disabled, "the provider is disabled or deleted");
        let finding = finding.edited(Edit::set(Part::Policy, "/disabled", false));
        return refused(if is_deleted {
            finding.edited(Edit::set(Part::Policy, "/state", "ACTIVE"))
        } else {
            finding
        });
    }
    if let Some(algorithm) = claims.algorithm().filter(|one| !matches!(*one, "RS256" | "ES256")) {
        let says = format!("Google takes RS256 and ES256, and the token is signed with {algorithm}");
        return refused(Finding::new("alg", Cause::Algorithm, says));
    }
    issuer(question)?;
    audience(question)?;
    times::check(claims, question.now, LEEWAY)?;
    life(question)?;
    let mapped = mapping(question)?;
    condition(question, &mapped)?;
    members(question, &mapped)
}

fn issuer(question: &Question) -> Checked {
    let (claims, provider) = (&question.claims, &question.trust.policy);
    let expected = provider["oidc"]["issuerUri"].as_str().unwrap_or_default();
    if expected == claims.issuer() {
        return Ok(());
    }
    let finding = compare::finding(
        "oidc.issuerUri",
        "the issuer",
        Kind::Issuer,
        claims.issuer(),
        expected,
        Reading::Exact,
    );
    refused(finding.edited(Edit::set(Part::Policy, "/oidc/issuerUri", claims.issuer())))
}

fn audience(question: &Question) -> Checked {
    let (claims, provider) = (&question.claims, &question.trust.policy);
    let listed = texts(provider["oidc"].get("allowedAudiences"));
    let own = claims.audiences();
    let presented = claims.audience();
    let set = |all: Vec<&str>| Edit::set(Part::Policy, "/oidc/allowedAudiences", json!(all));
    if listed.len() > AUDIENCES {
        let says = format!("a provider takes at most {AUDIENCES} audiences");
        return refused(
            Finding::new("oidc.allowedAudiences", Cause::TooMany, says).edited(set(vec![presented])),
        );
    }
    let variable = "or set TFC_GCP_WORKLOAD_IDENTITY_AUDIENCE to the audience that is expected";
    if listed.is_empty() {
        let name = provider.get("name").and_then(Value::as_str).unwrap_or_default();
        let full = format!("//iam.googleapis.com/{name}");
        let whole = format!("https:{full}");
        if name.is_empty() || own.iter().any(|one| *one == full || *one == whole) {
            return Ok(());
        }
        let finding = compare::finding(
            "oidc.allowedAudiences",
            "no audience is listed, so the provider's own name is expected",
            Kind::Audience,
            presented,
            &full,
            Reading::Exact,
        );
        return refused(finding.helped(variable).edited(set(vec![presented])));
    }
    if own.iter().any(|one| listed.contains(one)) {
        return Ok(());
    }
    let expected = compare::nearest(presented, &listed, Kind::Audience, Reading::Exact).unwrap_or_default();
    let finding = compare::finding(
        "oidc.allowedAudiences",
        "the audience",
        Kind::Audience,
        presented,
        expected,
        Reading::Exact,
    );
    let all = if listed.len() == 1 { vec![presented] } else { [listed, vec![presented]].concat() };
    refused(finding.helped(variable).edited(set(all)))
}

fn life(question: &Question) -> Checked {
    let Some((start, end)) = question.claims.time("iat").zip(question.claims.time("exp")) else {
        return Ok(());
    };
    if end.saturating_sub(start) <= LIFE {
        return Ok(());
    }
    let says = format!("the token lives for {} hours, and Google takes 24", end.saturating_sub(start) / 3600);
    refused(Finding::new("exp", Cause::LivesTooLong, says).helped("shorten the time limit of the phase"))
}

/// The attributes that the mapping makes of the claims.
fn mapping(question: &Question) -> Checked<Map<String, Value>> {
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

fn condition(question: &Question, mapped: &Map<String, Value>) -> Checked {
    let source = question.trust.policy.get("attributeCondition").and_then(Value::as_str).unwrap_or_default();
    if source.trim().is_empty() {
        return Ok(());
    }
    let pin = format!("assertion.sub == {}", quoted(question.claims.subject()));
    let set = |source: String| Edit::set(Part::Policy, "/attributeCondition", source);
    if source.chars().count() > CONDITION {
        let says = format!("a condition has at most {CONDITION} characters");
        return refused(Finding::new("attributeCondition", Cause::TooLong, says).edited(set(pin)));
    }
    let group = |prefix: &str| {
        let members = mapped.iter().filter_map(|(name, value)| {
            name.strip_prefix(prefix).map(|name| (name.to_owned(), value.clone()))
        });
        Value::Object(members.collect())
    };
    let (google, attribute) = (group("google."), group("attribute."));
    let assertion = Value::Object(question.claims.as_map().clone());
    let variables = [("assertion", &assertion), ("google", &google), ("attribute", &attribute)];
    match expression::condition(source, &variables, "attributeCondition", &pin) {
        Some(untrue) => refused(untrue.finding.edited(set(untrue.repaired))),
        None => Ok(()),
    }
}

/// The members of a service account's or a resource's IAM policy.
fn members(question: &Question, mapped: &Map<String, Value>) -> Checked {
    let Some(policy) = &question.trust.beside else { return Ok(()) };
    let provider = question.trust.policy.get("name").and_then(Value::as_str).unwrap_or_default();
    let pool = provider.split("/providers/").next().unwrap_or_default();
    let path = format!("iam.googleapis.com/{pool}");
    let mut own = vec![
        format!("principal://{path}/subject/{}", mapped["google.subject"].as_str().unwrap_or_default()),
        format!("principalSet://{path}/*"),
    ];
    for (name, value) in mapped {
        if name.starts_with("attribute.") {
            own.push(format!("principalSet://{path}/{name}/{}", value.as_str().unwrap_or_default()));
        }
    }
    own.extend(
        texts(mapped.get("google.groups")).iter().map(|group| format!("principalSet://{path}/group/{group}")),
    );
    let bindings: Vec<&Value> =
        policy.get("bindings").and_then(Value::as_array).into_iter().flatten().collect();
    let listed: Vec<&str> = bindings.iter().flat_map(|binding| texts(binding.get("members"))).collect();
    if listed.iter().any(|member| own.iter().any(|own| own == member)) {
        return Ok(());
    }
    let federated: Vec<&str> = listed.into_iter().filter(|member| member.starts_with("principal")).collect();
    let member = &own[0];
    let edit = match bindings.first() {
        Some(_) => Edit::set(Part::Beside, "/bindings/0/members/-", member.clone()),
        None => Edit::set(
            Part::Beside,
            "/bindings",
            json!([{ "role": "roles/iam.workloadIdentityUser", "members": [member] }]),
        ),
    };
    // A member of the same kind is the one that was meant.
    let nearest =
        federated.iter().flat_map(|one| own.iter().map(move |own| (own, *one))).max_by_key(|(own, one)| {
            own.chars().zip(one.chars()).take_while(|(one, other)| one == other).count()
        });
    let Some((own, expected)) = nearest else {
        let says = "no member of the IAM policy is of a workload identity pool";
        return refused(Finding::new("bindings.members", Cause::NotBound, says).edited(edit));
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
    let finding =
        Finding::new("bindings.members", cause, says).differing(super::Difference::between(own, expected));
    refused(finding.edited(edit))
}

/// A condition that is true for this subject alone, and its member.
pub(super) fn pinned(question: &Question) -> Vec<Edit> {
    if !question.trust.policy.is_object() {
        return Vec::new();
    }
    let pin = format!("assertion.sub == {}", quoted(question.claims.subject()));
    vec![Edit::set(Part::Policy, "/attributeCondition", pin)]
}
