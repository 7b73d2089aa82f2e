//! Role trust policies of AWS.

use serde_json::Value;

use super::{Severity, Wide, pattern};
use crate::check::{Trust, aws::Operator, document::texts};

pub(super) fn scan(trust: &Trust) -> Vec<Wide> {
    let policy = &trust.policy;
    let inner = policy.get("Role").unwrap_or(policy);
    let policy = inner.get("AssumeRolePolicyDocument").unwrap_or(inner);
    let list: Vec<&Value> = match &policy["Statement"] {
        Value::Array(list) => list.iter().collect(),
        Value::Object(_) => vec![&policy["Statement"]],
        _ => Vec::new(),
    };
    let mut found = Vec::new();
    for (index, statement) in list.into_iter().enumerate() {
        let is_about = |action: &&str| {
            let action = action.to_ascii_lowercase();
            action.contains('*') || action == "sts:assumerolewithwebidentity"
        };
        let federated = texts(statement["Principal"].get("Federated"));
        let is_oidc = statement["Principal"] == "*"
            || federated.iter().any(|name| *name == "*" || name.contains(":oidc-provider/"));
        if statement["Effect"] == "Allow" && is_oidc && texts(statement.get("Action")).iter().any(is_about) {
            examine(statement, &format!("Statement[{index}]"), &mut found);
        }
    }
    found
}

fn examine(statement: &Value, at: &str, found: &mut Vec<Wide>) {
    let principal = &statement["Principal"];
    if principal == "*" || texts(principal.get("Federated")).contains(&"*") {
        found.push(
            Wide::new("principal-any", Severity::High, format!("{at}.Principal"))
                .says("every identity provider is trusted")
                .because("anybody with an identity provider of their own can make a token that fits the conditions")
                .narrower(r#"{"Federated": "arn:aws:iam::ACCOUNT:oidc-provider/HOST"}"#),
        );
    }
    let (mut has_audience, mut has_subject, mut has_negated) = (false, false, false);
    for (name, keys) in statement["Condition"].as_object().into_iter().flatten() {
        let Some(operator) = Operator::parse(name) else { continue };
        for (key, values) in keys.as_object().into_iter().flatten() {
            let at = format!("{at}.Condition.{name}[{key:?}]");
            let is_subject = key.ends_with(":sub");
            let is_audience = key.ends_with(":aud") || key.ends_with(":oaud");
            if !is_subject && !is_audience || name == "Null" {
                continue;
            }
            if operator.is_negated {
                has_negated |= is_subject;
                continue;
            }
            (has_audience, has_subject) = (has_audience || is_audience, has_subject || is_subject);
            found.extend(optional(operator, name, &at));
            if is_subject {
                subject(operator, &texts(Some(values)), &at, found);
            }
        }
    }
    if !has_subject {
        let rule = if has_negated { "negated-only" } else { "subject-missing" };
        let says = if has_negated {
            "the subject must only not be another one"
        } else {
            "no condition is on the subject"
        };
        found.push(
            Wide::new(rule, Severity::High, format!("{at}.Condition"))
                .says(says)
                .because(
                    "every workspace of every organization of the issuer is let in, but for what is excluded",
                )
                .narrower(
                    "StringEquals on HOST:sub with organization:…:project:…:workspace:…:run_phase:plan",
                ),
        );
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
