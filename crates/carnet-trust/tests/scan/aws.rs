//! Trust policies of AWS roles.

use carnet_trust::check::Family;
use serde_json::{Value, json};

use super::{EXACT, aws, check};

#[test]
fn conditions_of_aws_that_admit_too_many_are_found() {
    let like = |pattern: &str| aws(json!({"StringLike": {"h:sub": pattern}, "StringEquals": {"h:aud": "a"}}));
    check(Family::Aws, aws(json!({})), None, &["audience-missing", "subject-missing"]);
    check(Family::Aws, like("*"), None, &["subject-any"]);
    check(Family::Aws, like("organization:*:workspace:net:*"), None, &["organization-not-pinned"]);
    check(Family::Aws, like("organization:acme*"), None, &["no-end-mark"]);
    check(Family::Aws, like("organization:acme:*"), None, &["project-wildcard"]);
    check(
        Family::Aws,
        like("organization:acme:project:*:workspace:net:run_phase:plan"),
        None,
        &["project-wildcard"],
    );
    check(Family::Aws, like("organization:acme:project:p:workspace:net*"), None, &["no-end-mark"]);
    check(Family::Aws, like("organization:acme:project:p:workspace:*"), None, &["workspace-wildcard"]);
    check(
        Family::Aws,
        like("organization:acme:project:p:workspace:net:run_phase:*"),
        None,
        &["phase-wildcard"],
    );
    check(Family::Aws, like(EXACT), None, &["pattern-without-need"]);
    let all = aws(json!({"ForAllValues:StringEquals": {"h:sub": EXACT}, "StringEquals": {"h:aud": "a"}}));
    check(Family::Aws, all, None, &["for-all-values"]);
    let if_exists = aws(json!({"StringEqualsIfExists": {"h:sub": EXACT}, "StringEquals": {"h:aud": "a"}}));
    check(Family::Aws, if_exists, None, &["if-exists"]);
    let negated = aws(json!({"StringNotEquals": {"h:sub": EXACT}, "StringEquals": {"h:aud": "a"}}));
    check(Family::Aws, negated, None, &["negated-only"]);
    let mut anybody = aws(json!({"StringEquals": {"h:sub": EXACT, "h:aud": "a"}}));
    anybody["Statement"][0]["Principal"] = json!("*");
    check(Family::Aws, anybody, None, &["principal-any"]);
    let apply = EXACT.replace(":plan", ":apply");
    let both = aws(json!({"StringEquals": {"h:sub": [EXACT, apply], "h:aud": "a"}}));
    check(Family::Aws, both, None, &["plan-and-apply-identical"]);
    let mut two = aws(json!({"StringEquals": {"h:sub": EXACT, "h:aud": "a"}}));
    let mut other = two["Statement"][0].clone();
    other["Condition"]["StringEquals"]["h:sub"] = json!(EXACT.replace(":plan", ":apply"));
    two["Statement"].as_array_mut().unwrap().push(other);
    check(Family::Aws, two, None, &["plan-and-apply-identical"]);
}

#[test]
fn principals_and_actions_of_aws_that_are_everybody_are_found() {
    let with = |principal: Value, action: &str| {
        let mut policy = aws(json!({"StringEquals": {"h:sub": EXACT, "h:aud": "a"}}));
        policy["Statement"][0]["Principal"] = principal;
        policy["Statement"][0]["Action"] = json!(action);
        policy
    };
    let oidc = json!({"Federated": "arn:aws:iam::1:oidc-provider/h"});
    check(Family::Aws, with(json!({"AWS": "*"}), "sts:AssumeRole"), None, &["principal-any"]);
    check(Family::Aws, with(json!("*"), "sts:AssumeRole"), None, &["principal-any"]);
    check(
        Family::Aws,
        with(json!({"AWS": ["*"]}), "sts:AssumeRoleWithWebIdentity"),
        None,
        &["principal-any"],
    );
    check(Family::Aws, with(json!({"Federated": "*"}), "sts:*"), None, &["principal-any"]);
    check(Family::Aws, with(json!({"AWS": "arn:aws:iam::1:root"}), "sts:AssumeRole"), None, &[]);
    check(Family::Aws, with(oidc.clone(), "sts:TagSession"), None, &[]);
    let mut open = with(oidc, "sts:AssumeRoleWithWebIdentit?");
    open["Statement"][0]["Condition"] = json!({});
    check(Family::Aws, open.clone(), None, &["audience-missing", "subject-missing"]);
    let members = open["Statement"][0].as_object_mut().unwrap();
    members.remove("Action");
    members.insert("NotAction".to_owned(), json!("sts:TagSession"));
    check(Family::Aws, open, None, &["audience-missing", "not-action", "subject-missing"]);
    let not = json!({"Statement": {"Effect": "Allow", "NotPrincipal": {"AWS": "arn:aws:iam::1:root"}, "Action": "sts:AssumeRole"}});
    check(Family::Aws, not, None, &["principal-any"]);
}

#[test]
fn values_of_conditions_of_aws_are_examined() {
    let equals = |sub: &str, aud: Value| aws(json!({"StringEquals": {"h:sub": sub, "h:aud": aud}}));
    let audience =
        |pattern: &str| aws(json!({"StringEquals": {"h:sub": EXACT}, "StringLike": {"h:aud": pattern}}));
    check(Family::Aws, audience("*"), None, &["audience-any"]);
    check(Family::Aws, audience("aws.*"), None, &["audience-wildcard"]);
    check(Family::Aws, equals("${h:sub}", json!("a")), None, &["variable-in-value"]);
    check(Family::Aws, equals(EXACT, json!(["${h:aud}"])), None, &["variable-in-value"]);
    let any = aws(json!({"StringLike": {"h:sub": "?*"}, "StringEquals": {"h:aud": "a"}}));
    check(Family::Aws, any, None, &["subject-any"]);
    // Names of keys are not told apart by case.
    check(Family::Aws, aws(json!({"StringEquals": {"h:SUB": EXACT, "h:AUD": "a"}})), None, &[]);
    let wide = aws(json!({"StringLike": {"H:Sub": "*"}, "StringEquals": {"h:aud": "a"}}));
    check(Family::Aws, wide, None, &["subject-any"]);
}
