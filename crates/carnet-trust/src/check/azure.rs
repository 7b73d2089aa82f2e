//! Federated credentials of Microsoft Entra
//! (<https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations>).

use serde_json::{Value, json};

use super::{
    Cause, Claims, Edit, Family, Finding, Part, Question, Trust, Wildcards,
    compare::{self, Kind, Reading},
    document::{inner, texts},
    judgement::{Checked, Evaluation, NO_POLICY, refused},
    matches,
    times::{self, Leeway},
};

/// Credentials of one application or identity.
const CREDENTIALS: usize = 20;
/// Characters of an issuer, a subject and an audience.
const CHARACTERS: usize = 600;
/// The audience that Entra proposes.
const AUDIENCE: &str = "api://AzureADTokenExchange";
const LEEWAY: Leeway = Leeway { end: 300, start: 300 };

/// Issuers for which a credential may have an expression
/// (<https://learn.microsoft.com/entra/workload-id/workload-identities-flexible-federated-identity-credentials>).
const FLEXIBLE: [&str; 4] = [
    "https://token.actions.githubusercontent.com",
    "https://gitlab.com",
    "https://app.terraform.io",
    "https://app.eu.terraform.io",
];

pub(super) fn evaluate(question: &Question) -> Evaluation {
    Evaluation::of(check(question), Vec::new())
}

/// The credentials, and where in the document they are.
pub(crate) fn credentials(trust: &Trust) -> (String, Option<Vec<&Value>>) {
    let (base, list) = inner(Family::Azure, &trust.policy);
    match list {
        Value::Array(all) => (base.to_owned(), Some(all.iter().collect())),
        one @ Value::Object(_) => (base.to_owned(), Some(vec![one])),
        _ => (base.to_owned(), None),
    }
}

fn pointer(trust: &Trust, base: &str, index: usize, name: &str) -> String {
    let is_list = trust.policy.is_array() || !base.is_empty();
    if is_list { format!("{base}/{index}/{name}") } else { format!("/{name}") }
}

fn check(question: &Question) -> Checked {
    let claims = &question.claims;
    if let Some(algorithm) = claims.algorithm().filter(|algorithm| *algorithm != "RS256") {
        let says =
            format!("Entra takes tokens signed with RS256 only, and this one is signed with {algorithm}");
        return refused(Finding::new("alg", Cause::Algorithm, says));
    }
    times::check(claims, question.now, LEEWAY)?;
    let (base, list) = credentials(&question.trust);
    let Some(list) = list else {
        let says = "federated credentials are a JSON object or a list of them";
        return refused(Finding::new(NO_POLICY, Cause::Unreadable, says));
    };
    if list.len() > CREDENTIALS {
        let says = format!(
            "an application or identity has at most {CREDENTIALS} federated credentials, not {}",
            list.len()
        );
        return refused(
            Finding::new("the list", Cause::TooMany, says)
                .helped("give other workspaces an application or a managed identity of their own"),
        );
    }
    lengths(claims)?;
    let mut nearest: Option<(usize, Vec<Finding>)> = None;
    for (index, one) in list.iter().enumerate() {
        let failures = failures(question, one, &|name| pointer(&question.trust, &base, index, name));
        if failures.is_empty() {
            return Ok(());
        }
        let rank = |failures: &[Finding]| {
            (failures.len(), failures.iter().filter(|one| is_distant(one.cause)).count())
        };
        if nearest.as_ref().is_none_or(|(_, best)| rank(&failures) < rank(best)) {
            nearest = Some((index, failures));
        }
    }
    let Some((_, failures)) = nearest else {
        let says = "this application or identity has no federated credential at all";
        let finding = Finding::new("the list", Cause::NothingTrusted, says);
        return refused(pinned(question).into_iter().fold(finding, Finding::edited));
    };
    let mut first = failures.into_iter().next().expect("a credential that is not met has a failure");
    // Another phase or workspace has a credential of its own, which stays.
    if is_distant(first.cause) && question.trust.policy != Value::Null {
        let added = pinned(question);
        if added.is_empty() {
            first.edits.clear();
            first
                .remedy
                .push(format!("there are {CREDENTIALS} already: use another application or identity"));
        } else {
            first.edits = added;
        }
    }
    refused(first)
}

fn lengths(claims: &Claims) -> Checked {
    for (name, value) in
        [("issuer", claims.issuer()), ("subject", claims.subject()), ("audience", claims.audience())]
    {
        if value.chars().count() > CHARACTERS {
            let says = format!(
                "the {name} has {} characters, and a credential takes {CHARACTERS}",
                value.chars().count()
            );
            return refused(
                Finding::new(name, Cause::TooLong, says).helped("shorten the names it is made of"),
            );
        }
    }
    Ok(())
}

fn is_distant(cause: Cause) -> bool {
    use Cause::{
        OtherForm, OtherIssuer, OtherOrganization, OtherPhase, OtherProject, OtherTemplate, OtherValue,
        OtherWorkspace,
    };
    matches!(
        cause,
        OtherForm
            | OtherIssuer
            | OtherOrganization
            | OtherPhase
            | OtherProject
            | OtherTemplate
            | OtherValue
            | OtherWorkspace
    )
}

fn failures(question: &Question, credential: &Value, pointer: &dyn Fn(&str) -> String) -> Vec<Finding> {
    let claims = &question.claims;
    let text = |name: &str| credential.get(name).and_then(Value::as_str);
    let place = |name: &str| text("name").map_or(name.to_owned(), |of| format!("{of}.{name}"));
    let mut failures = Vec::new();
    let mut exact = |name: &str, kind: Kind, presented: &str, expected: &str| {
        if presented != expected {
            let finding = compare::finding(
                place(name),
                &format!("the {name}"),
                kind,
                presented,
                expected,
                Reading::Exact,
            );
            let finding = match finding.cause {
                Cause::WildcardLiteral => finding.helped("Entra compares subjects exactly: one credential for each"),
                Cause::OtherPhase => finding.helped(
                    "each phase needs a credential of its own; or an application of its own, with TFC_AZURE_PLAN_CLIENT_ID \
                     and TFC_AZURE_APPLY_CLIENT_ID",
                ),
                _ => finding,
            };
            failures.push(finding.edited(Edit::set(Part::Policy, pointer(name), presented)));
        }
    };
    exact("issuer", Kind::Issuer, claims.issuer(), text("issuer").unwrap_or_default());
    let expression = credential.get("claimsMatchingExpression").filter(|value| !value.is_null());
    if expression.is_none() {
        exact("subject", Kind::Subject, claims.subject(), text("subject").unwrap_or_default());
    }
    if let Some(expression) = expression {
        failures.extend(flexible(question, expression, &place("claimsMatchingExpression"), pointer));
    }
    failures.extend(audience(question, credential, &place("audiences"), &pointer("audiences")));
    failures
}

fn audience(question: &Question, credential: &Value, place: &str, pointer: &str) -> Option<Finding> {
    let claims = &question.claims;
    let listed = texts(credential.get("audiences"));
    let edit = Edit::set(Part::Policy, pointer, json!([claims.audience()]));
    if listed.len() > 1 {
        let says = "a federated credential has exactly one audience";
        return Some(Finding::new(place, Cause::TooMany, says).edited(edit));
    }
    let Some(expected) = listed.first() else {
        let says = "the credential has no audience";
        return Some(Finding::new(place, Cause::NoAudience, says).edited(edit));
    };
    if claims.audiences() == [*expected] {
        return None;
    }
    if claims.audiences().len() > 1 {
        let says = "the token has several audiences, and Entra takes tokens with exactly one";
        let finding = Finding::new(place, Cause::TooMany, says);
        return Some(finding.helped("have the token made for one audience alone"));
    }
    let finding =
        compare::finding(place, "the audience", Kind::Audience, claims.audience(), expected, Reading::Exact);
    // The audience that is expected may be the right one, and the token's the wrong one.
    let finding = match finding.cause {
        Cause::AudienceOfOtherService if *expected == AUDIENCE => {
            Finding { cause: Cause::OtherAudience, ..finding }
        }
        _ => finding,
    };
    Some(finding.helped("or set TFC_AZURE_WORKLOAD_IDENTITY_AUDIENCE to the one it has").edited(edit))
}

/// The expression of a flexible credential: comparisons joined by `and`.
fn flexible(
    question: &Question,
    value: &Value,
    place: &str,
    pointer: &dyn Fn(&str) -> String,
) -> Option<Finding> {
    let claims = &question.claims;
    let edits = [
        Edit::remove(Part::Policy, pointer("claimsMatchingExpression")),
        Edit::set(Part::Policy, pointer("subject"), claims.subject()),
    ];
    let fixed = |finding: Finding| edits.iter().cloned().fold(finding, Finding::edited);
    if !FLEXIBLE.contains(&claims.issuer()) {
        let says = "Entra takes expressions for the issuers GitHub, GitLab and HCP Terraform only: use an exact subject";
        return Some(fixed(Finding::new(place, Cause::ClaimUnavailable, says)));
    }
    let expression = value.get("value").or(Some(value)).and_then(Value::as_str).unwrap_or_default();
    for part in expression.split(" and ") {
        let (claim, rest) = part.trim().split_once(' ').unwrap_or((part.trim(), ""));
        let (operator, wanted) = rest.trim_start().split_once(' ').unwrap_or((rest, ""));
        let (claim, operator, wanted) = (Some(claim), Some(operator), Some(wanted));
        let claim = claim.and_then(|text| text.strip_prefix("claims['")?.strip_suffix("']"));
        let wanted = wanted.map(str::trim).and_then(|text| text.strip_prefix('\'')?.strip_suffix('\''));
        let (Some(claim), Some(operator @ ("eq" | "matches")), Some(wanted)) = (claim, operator, wanted)
        else {
            let says =
                "an expression is made of claims['NAME'] eq 'VALUE' and claims['NAME'] matches 'PATTERN'";
            return Some(fixed(Finding::new(place, Cause::ExpressionSyntax, says)));
        };
        let presented = claims.text(claim).unwrap_or_default();
        let reading =
            if operator == "eq" { Reading::Exact } else { Reading::Pattern(Wildcards::StarAndQuestion) };
        let is_met = match reading {
            Reading::Exact => presented == wanted,
            Reading::Pattern(wildcards) => matches(wanted, presented, wildcards),
        };
        if !is_met {
            let kind = Kind::of_claim(claim);
            return Some(fixed(compare::finding(
                place,
                &format!("the claim {claim}"),
                kind,
                presented,
                wanted,
                reading,
            )));
        }
    }
    None
}

/// Whether the expression of a flexible credential lets a token in, whatever else speaks against it.
pub(crate) fn is_admitted(credential: &Value, claims: &Claims) -> bool {
    let claims = claims.with("iss", json!(FLEXIBLE[2]));
    let question = Question { claims, trust: Trust::default(), now: None };
    let expression = credential.get("claimsMatchingExpression").filter(|value| !value.is_null());
    expression.is_none_or(|expression| flexible(&question, expression, "", &str::to_owned).is_none())
}

/// A credential of its own for this token.
pub(super) fn pinned(question: &Question) -> Vec<Edit> {
    let claims = &question.claims;
    let (base, list) = credentials(&question.trust);
    let count = list.as_ref().map_or(0, Vec::len);
    if count >= CREDENTIALS {
        return Vec::new();
    }
    let phase = claims.text("terraform_run_phase").unwrap_or("run");
    let workspace = claims.text("terraform_workspace_id").unwrap_or("workspace");
    let credential = json!({
        "name": format!("{workspace}-{phase}"), "issuer": claims.issuer(), "subject": claims.subject(),
        "audiences": [claims.audience()],
    });
    match &question.trust.policy {
        one @ Value::Object(_) if base.is_empty() => {
            vec![Edit::set(Part::Policy, "", json!([one, credential]))]
        }
        Value::Array(_) | Value::Object(_) => vec![Edit::set(Part::Policy, format!("{base}/-"), credential)],
        _ => vec![Edit::set(Part::Policy, "", json!([credential]))],
    }
}
