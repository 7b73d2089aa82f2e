//! Role trust policies of AWS IAM
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>).

mod condition;
mod context;
mod operator;
mod principal;
mod statement;

use serde_json::{Value, json};

use super::{
    Cause, Edit, Family, Finding, Part, Question, Trust,
    compare::{self, Kind, Reading},
    document::{inner, texts},
    judgement::{Checked, Evaluation, NO_POLICY, refused},
    times::{self, Leeway},
};
use context::Context;

pub(crate) use condition::claim;
pub(crate) use operator::Operator;
pub(crate) use principal::names_anybody;
pub(crate) use statement::Statement;

/// Clocks may differ this much; AWS states no figure, and takes `exp` to the second.
const LEEWAY: Leeway = Leeway { end: 0, start: 300 };

pub(super) fn evaluate(question: &Question) -> Evaluation {
    let mut notes = Vec::new();
    Evaluation::of(check(question, &mut notes), notes)
}

fn check(question: &Question, notes: &mut Vec<String>) -> Checked {
    times::check(&question.claims, question.now, LEEWAY)?;
    if let Some(provider) = &question.trust.beside {
        identity_provider(question, provider)?;
    }
    let is_policy =
        |policy: &Value| matches!(policy.get("Statement"), Some(Value::Array(_) | Value::Object(_)));
    if !policy(&question.trust).1.is_some_and(is_policy) {
        return refused(unreadable("a trust policy is a JSON object with Statement"));
    }
    let context = Context::new(question);
    let list = statements(&question.trust);
    let mut nearest: Option<Vec<Finding>> = None;
    let mut is_allowed = false;
    for one in list.iter().filter(|one| !one.is_deny()) {
        let failures = one.failures(&context, notes);
        is_allowed |= failures.is_empty();
        // A statement for tagging alone is no candidate for the token itself.
        let is_candidate = one.names_web_identity() || list.len() == 1;
        let is_nearer = nearest.as_ref().is_none_or(|best| failures.len() < best.len());
        if is_nearer && (is_candidate || nearest.is_none()) {
            nearest = Some(failures);
        }
    }
    if let Some(denied) = list.iter().filter(|one| one.is_deny()).find_map(|one| one.denial(&context, notes))
    {
        return refused(denied);
    }
    if is_allowed {
        return statement::other_actions(&list, &context, notes);
    }
    match nearest.and_then(|failures| failures.into_iter().next()) {
        Some(failure) => refused(failure),
        None => {
            let says = "no statement allows anything, and what is not allowed is denied";
            let finding = Finding::new("Statement", Cause::NothingTrusted, says);
            refused(pinned(question).into_iter().fold(finding, Finding::edited))
        }
    }
}

fn unreadable(says: &str) -> Finding {
    Finding::new(NO_POLICY, Cause::Unreadable, says)
}

/// The trust policy, and where in the document it is.
fn policy(trust: &Trust) -> (&'static str, Option<&Value>) {
    let (base, policy) = inner(Family::Aws, &trust.policy);
    (base, policy.is_object().then_some(policy))
}

/// The statements of a trust policy, and where they are.
pub(crate) fn statements(trust: &Trust) -> Vec<Statement<'_>> {
    let (base, policy) = policy(trust);
    match policy.map(|policy| &policy["Statement"]) {
        Some(Value::Array(list)) => list
            .iter()
            .enumerate()
            .map(|(index, one)| Statement::new(one, format!("{base}/Statement/{index}")))
            .collect(),
        Some(one @ Value::Object(_)) => vec![Statement::new(one, format!("{base}/Statement"))],
        Some(_) | None => Vec::new(),
    }
}

/// The account that the role is in, and its partition.
fn account(trust: &Trust) -> Option<(&str, &str)> {
    let named = [trust.role.as_deref(), trust.policy["Role"]["Arn"].as_str()];
    let mut parts = named.into_iter().flatten().next()?.split(':').skip(1);
    let partition = parts.next()?;
    let account = parts.nth(2)?;
    Some((partition, account))
}

/// The OIDC provider: its URL and the audiences that it lists.
fn identity_provider(question: &Question, provider: &Value) -> Checked {
    let claims = &question.claims;
    if let Some(url) = provider.get("Url").and_then(Value::as_str) {
        let host = url.strip_prefix("https://").unwrap_or(url);
        if host != claims.issuer_host() {
            let finding = compare::finding(
                "Url of the OIDC provider",
                "the issuer of the token is not the URL of the OIDC provider",
                Kind::Issuer,
                claims.issuer_host(),
                host,
                Reading::Exact,
            );
            return refused(
                finding
                    .helped(
                        "the URL of an OIDC provider cannot be changed: create one whose URL is the issuer",
                    )
                    .edited(Edit::set(Part::Beside, "/Url", claims.issuer_host())),
            );
        }
    }
    let Some(list) = provider.get("ClientIDList") else { return Ok(()) };
    let listed = texts(Some(list));
    let presented = context::audience(claims);
    if presented.iter().any(|one| listed.contains(one)) {
        return Ok(());
    }
    let own = presented.first().copied().unwrap_or_default();
    let finding = match compare::nearest(own, &listed, Kind::Audience, Reading::Exact) {
        Some(expected) => compare::finding(
            "ClientIDList of the OIDC provider",
            "the audience of the token is not in the client id list",
            Kind::Audience,
            own,
            expected,
            Reading::Exact,
        ),
        None => Finding::new(
            "ClientIDList of the OIDC provider",
            Cause::NoAudience,
            "the client id list is empty, so that no audience is accepted",
        ),
    };
    refused(
        finding
            .helped("or set TFC_AWS_WORKLOAD_IDENTITY_AUDIENCE to an audience that is in the list")
            .edited(match list {
                Value::Array(_) => Edit::set(Part::Beside, "/ClientIDList/-", own),
                _ => Edit::set(Part::Beside, "/ClientIDList", json!([own])),
            }),
    )
}

/// The name of the OIDC provider that must be trusted.
fn provider_arn(question: &Question, stated: Option<&str>) -> String {
    let stated: Vec<&str> = stated.unwrap_or_default().split(':').collect();
    let fallback = |index: usize, other: &'static str| {
        stated.get(index).copied().filter(|part| !part.is_empty()).unwrap_or(other).to_owned()
    };
    let (partition, account) = match account(&question.trust) {
        Some((partition, account)) => (partition.to_owned(), account.to_owned()),
        None => (fallback(1, "aws"), fallback(4, "ACCOUNT")),
    };
    format!("arn:{partition}:iam::{account}:oidc-provider/{}", question.claims.issuer_host())
}

/// A statement of its own for this token.
pub(super) fn pinned(question: &Question) -> Vec<Edit> {
    let (base, policy) = policy(&question.trust);
    let host = question.claims.issuer_host();
    let statements = policy.map(|policy| &policy["Statement"]);
    let stated = principal::stated(statements);
    let subject = question.claims.subject();
    if subject.contains("${") {
        return Vec::new();
    }
    let mut actions = vec!["sts:AssumeRoleWithWebIdentity"];
    actions.extend(Context::new(question).further_actions());
    let statement = json!({
        "Effect": "Allow",
        "Principal": { "Federated": provider_arn(question, stated.as_deref()) },
        "Action": if actions.len() == 1 { json!(actions[0]) } else { json!(actions) },
        "Condition": { "StringEquals": {
            format!("{host}:aud"): context::audience(&question.claims).first(), format!("{host}:sub"): subject,
        } },
    });
    match statements {
        Some(Value::Array(_)) => vec![Edit::set(Part::Policy, format!("{base}/Statement/-"), statement)],
        Some(Value::Object(one)) => {
            vec![Edit::set(Part::Policy, format!("{base}/Statement"), json!([one, statement]))]
        }
        _ => {
            let document = json!({ "Version": "2012-10-17", "Statement": [statement] });
            vec![Edit::set(Part::Policy, base, document)]
        }
    }
}
