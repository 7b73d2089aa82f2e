//! Role trust policies of AWS.

use serde_json::Value;

use super::{Severity, Wide, pattern};
use crate::check::{
    Trust,
    aws::{Operator, Statement, claim, names_anybody, statements},
    document::texts,
};

/// What lets somebody become the role.
const ACTIONS: [&str; 3] = ["sts:AssumeRoleWithWebIdentity", "sts:AssumeRole", "sts:AssumeRoleWithSAML"];

pub(super) fn scan(trust: &Trust) -> Vec<Wide> {
    let (mut found, mut subjects) = (Vec::new(), Vec::new());
    let all = statements(trust);
    for one in all.iter().filter(|one| one.value["Effect"] == "Allow") {
        let at = one.place();
        let assumed: Vec<&str> = ACTIONS.into_iter().filter(|action| one.covers(action)).collect();
        if assumed.is_empty() {
            continue;
        }
        found.extend(action(one, &at));
        let anybody = anybody(one, &assumed, &at);
        let is_anybody = anybody.is_some();
        found.extend(anybody);
        let is_oidc = texts(one.value["Principal"].get("Federated"))
            .iter()
            .any(|name| *name == "*" || name.contains(":oidc-provider/"));
        if assumed.contains(&ACTIONS[0]) && (is_oidc || is_anybody) {
            examine(one.value, &at, &mut found);
            subjects.extend(exact(one.value));
        }
    }
    if !found.iter().any(|one| one.rule == "plan-and-apply-identical") {
        found.extend(pattern::both_phases("Statement", &subjects));
    }
    found
}

/// The subjects that a statement compares with.
fn exact(statement: &Value) -> Vec<&str> {
    let operators = statement["Condition"].as_object().into_iter().flatten();
    let positive = operators.filter(|(name, _)| Operator::parse(name).is_some_and(|one| !one.is_negated));
    let keys = positive.flat_map(|(_, keys)| keys.as_object()).flatten();
    keys.filter(|(key, _)| claim(key) == "sub").flat_map(|(_, values)| texts(Some(values))).collect()
}

fn action(statement: &Statement<'_>, at: &str) -> Option<Wide> {
    statement.value.get("NotAction")?;
    Some(
        Wide::new("not-action", Severity::Medium, format!("{at}.NotAction"))
            .says("everything is allowed that is not named")
            .because("actions that AWS adds later are allowed, too")
            .narrower(r#""Action": "sts:AssumeRoleWithWebIdentity""#),
    )
}

/// A principal that is nobody in particular.
fn anybody(statement: &Statement<'_>, assumed: &[&str], at: &str) -> Option<Wide> {
    let value = statement.value;
    let principal = &value["Principal"];
    let is_provider = texts(principal.get("Federated")).contains(&"*");
    let is_not = value.get("NotPrincipal").is_some();
    if !(names_anybody(principal) || is_provider || is_not) {
        return None;
    }
    let says = match (is_not, is_provider) {
        (true, _) => "everybody is trusted who is not named".to_owned(),
        (false, true) => "every identity provider is trusted".to_owned(),
        (false, false) => format!("everybody is trusted, for {}", assumed.join(", ")),
    };
    let why = match assumed.contains(&ACTIONS[0]) {
        true => "anybody with an identity provider of their own can make a token that fits the conditions",
        false => "every account of AWS can become the role, as far as the conditions let it",
    };
    Some(
        Wide::new(
            "principal-any",
            Severity::High,
            format!("{at}.{}", if is_not { "NotPrincipal" } else { "Principal" }),
        )
        .says(says)
        .because(why)
        .narrower(r#"{"Federated": "arn:aws:iam::ACCOUNT:oidc-provider/HOST"}"#),
    )
}

fn examine(statement: &Value, at: &str, found: &mut Vec<Wide>) {
    let (mut has_audience, mut has_subject, mut has_negated) = (false, false, false);
    for (name, keys) in statement["Condition"].as_object().into_iter().flatten() {
        let Some(operator) = Operator::parse(name) else { continue };
        for (key, values) in keys.as_object().into_iter().flatten() {
            let at = format!("{at}.Condition.{name}[{key:?}]");
            let claim = claim(key);
            let is_subject = claim == "sub";
            let is_audience = claim == "aud" || claim == "oaud";
            if !is_subject && !is_audience || name == "Null" {
                continue;
            }
            if operator.is_negated {
                has_negated |= is_subject;
                continue;
            }
            (has_audience, has_subject) = (has_audience || is_audience, has_subject || is_subject);
            let values = texts(Some(values));
            found.extend(optional(operator, name, &at));
            found.extend(variable(&values, &at));
            if is_subject {
                subject(operator, &values, &at, found);
            } else if operator.has_wildcards() {
                found.extend(audience(&values, &at));
            }
        }
    }
    if !has_subject {
        found.push(unbound_subject(has_negated, at));
    }
    if !has_audience {
        found.push(
            Wide::new("audience-missing", Severity::Medium, format!("{at}.Condition"))
                .says("no condition is on the audience")
                .because("a token that was made for another service and is in the client id list is let in, too")
                .narrower(r#"StringEquals on HOST:aud with the audience of the workspaces, such as aws.workload.identity"#),
        );
    }
}

fn unbound_subject(has_negated: bool, at: &str) -> Wide {
    let (rule, says) = match has_negated {
        true => ("negated-only", "the subject must only not be another one"),
        false => ("subject-missing", "no condition is on the subject"),
    };
    Wide::new(rule, Severity::High, format!("{at}.Condition"))
        .says(says)
        .because("every workspace of every organization of the issuer is let in, but for what is excluded")
        .narrower("StringEquals on HOST:sub with organization:…:project:…:workspace:…:run_phase:plan")
}

/// Operators that are content when the claim is absent.
fn optional(operator: Operator, name: &str, at: &str) -> Option<Wide> {
    let (rule, says) = if name.starts_with("ForAllValues:") {
        ("for-all-values", "ForAllValues is met by a token without the claim")
    } else if operator.if_exists {
        ("if-exists", "IfExists is met by a token without the claim")
    } else {
        return None;
    };
    Some(
        Wide::new(rule, Severity::High, at)
            .says(says)
            .because("the condition guards nothing where the claim or the key is absent, as with a key of another host")
            .narrower(name.trim_start_matches("ForAllValues:").trim_end_matches("IfExists").to_owned()),
    )
}

/// A value that is made of what the caller presents.
fn variable(values: &[&str], at: &str) -> Option<Wide> {
    let is_variable = |value: &&&str| {
        value.split("${").skip(1).any(|rest| !["*}", "?}", "$}"].iter().any(|sign| rest.starts_with(sign)))
    };
    let value = values.iter().find(is_variable)?;
    Some(
        Wide::new("variable-in-value", Severity::High, at)
            .says(format!("the value holds a policy variable: {value:?}"))
            .because("it is replaced by what the request itself says, which a token of anybody can fit")
            .narrower("the value itself, without a variable"),
    )
}

fn audience(values: &[&str], at: &str) -> Option<Wide> {
    let value = values.iter().find(|value| value.contains(['*', '?']))?;
    let is_any = value.chars().all(|sign| sign == '*' || sign == '?');
    let (rule, severity) =
        if is_any { ("audience-any", Severity::High) } else { ("audience-wildcard", Severity::Medium) };
    Some(
        Wide::new(rule, severity, at)
            .says(format!("the audience may be {value:?}"))
            .because("a token that was made for another service is let in, too")
            .narrower(r#"StringEquals with the audience of the workspaces, such as aws.workload.identity"#),
    )
}

fn subject(operator: Operator, values: &[&str], at: &str, found: &mut Vec<Wide>) {
    found.extend(pattern::both_phases(at, values));
    if !operator.has_wildcards() {
        return;
    }
    let before = found.len();
    found.extend(values.iter().filter_map(|value| pattern::examine(at, value)));
    if found.len() == before && !values.iter().any(|value| value.contains(['*', '?'])) {
        found.push(
            Wide::new("pattern-without-need", Severity::Low, at)
                .says("a pattern is compared although no value has a wildcard")
                .because("a wildcard that somebody adds later opens it without a second thought")
                .narrower("StringEquals with the same values"),
        );
    }
}
