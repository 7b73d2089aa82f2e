//! Workload identity pool providers of Google Cloud
//! (<https://cloud.google.com/iam/docs/workload-identity-federation>).

mod mapping;
mod members;

use serde_json::{Map, Value, json};

use super::{
    Cause, Claims, Edit, Finding, Part, Question,
    compare::{self, Kind, Reading},
    document::texts,
    expression::{self, evaluate as value_of, quoted},
    judge::Pin,
    judgement::{Checked, Evaluation, NO_POLICY, refused},
    times::{self, Leeway},
};

pub(crate) use mapping::{attributes, principals};

const LEEWAY: Leeway = Leeway { end: 0, start: 300 };
/// Characters of the condition, and how many audiences there may be.
const CONDITION: usize = 4096;
const AUDIENCES: usize = 10;
/// The longest life of a token, in seconds.
const LIFE: i64 = 24 * 3600;

pub(super) fn evaluate(question: &Question) -> Evaluation {
    let mut notes = Vec::new();
    Evaluation::of(check(question, &mut notes), notes)
}

fn check(question: &Question, notes: &mut Vec<String>) -> Checked {
    let (claims, provider) = (&question.claims, &question.trust.policy);
    if !provider.is_object() {
        return refused(Finding::new(NO_POLICY, Cause::Unreadable, "a provider is a JSON object"));
    }
    is_there(provider)?;
    if let Some(algorithm) = claims.algorithm().filter(|one| !matches!(*one, "RS256" | "ES256")) {
        let says = format!("Google takes RS256 and ES256, and the token is signed with {algorithm}");
        return refused(Finding::new("alg", Cause::Algorithm, says));
    }
    issuer(question)?;
    audience(question, notes)?;
    times::check(claims, question.now, LEEWAY)?;
    life(question)?;
    let mapped = mapping::mapping(question)?;
    condition(question, &mapped)?;
    members::members(question, &mapped, notes)
}

/// Whether it is a provider for tokens that can be used at all.
fn is_there(provider: &Value) -> Checked {
    if let Some(kind) = ["aws", "saml", "x509"].into_iter().find(|kind| provider[*kind].is_object()) {
        let says = format!("this provider is for {kind}: tokens need one with oidc, a provider of its own");
        return refused(Finding::new(kind, Cause::RoleType, says));
    }
    if let Some(state) = provider["state"].as_str().filter(|state| *state != "ACTIVE") {
        let says = format!("the provider is {state}");
        return refused(Finding::new("state", Cause::Disabled, says).helped(
            "within 30 days it comes back with: gcloud iam workload-identity-pools providers undelete",
        ));
    }
    if provider.get("disabled") == Some(&Value::Bool(true)) {
        let finding = Finding::new("disabled", Cause::Disabled, "the provider is disabled");
        return refused(finding.edited(Edit::set(Part::Policy, "/disabled", false)));
    }
    Ok(())
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

fn audience(question: &Question, notes: &mut Vec<String>) -> Checked {
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
        if name.is_empty() {
            let note = "no audience is listed, so the provider's own name is expected, which the document does not say: the \
                        audience is taken as met";
            notes.push(note.to_owned());
            return Ok(());
        }
        if own.iter().any(|one| *one == full || *one == whole) {
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
    let [assertion, google, attribute] = variables(&question.claims, mapped);
    let variables = [("assertion", &assertion), ("google", &google), ("attribute", &attribute)];
    match expression::condition(source, &variables, "attributeCondition", &pin) {
        Some(untrue) => refused(untrue.finding.edited(set(untrue.repaired))),
        None => Ok(()),
    }
}

/// What a condition reads: `assertion`, `google` and `attribute`.
fn variables(claims: &Claims, mapped: &Map<String, Value>) -> [Value; 3] {
    let group = |prefix: &str| {
        let members = mapped.iter().filter_map(|(name, value)| {
            name.strip_prefix(prefix).map(|name| (name.to_owned(), value.clone()))
        });
        Value::Object(members.collect())
    };
    [Value::Object(claims.as_map().clone()), group("google."), group("attribute.")]
}

/// Whether the condition of a provider lets a token in, whatever else speaks against it.
pub(crate) fn is_admitted(provider: &Value, claims: &Claims) -> bool {
    let source = provider.get("attributeCondition").and_then(Value::as_str).unwrap_or_default();
    let [assertion, google, attribute] = variables(claims, &attributes(provider, claims));
    let variables = [("assertion", &assertion), ("google", &google), ("attribute", &attribute)];
    source.trim().is_empty() || value_of(source, &variables) == Ok(cel::Value::Bool(true))
}

/// A condition that is true for this subject, and where the one that is there is true.
pub(super) fn pinned(question: &Question, pin: Pin) -> Vec<Edit> {
    let provider = &question.trust.policy;
    if !provider.is_object() {
        return Vec::new();
    }
    let own = format!("assertion.sub == {}", quoted(question.claims.subject()));
    let stated = provider.get("attributeCondition").and_then(Value::as_str).unwrap_or_default();
    let condition = match pin {
        Pin::Beside => expression::or(stated, &own),
        Pin::Alone => own,
    };
    vec![Edit::set(Part::Policy, "/attributeCondition", condition)]
}
