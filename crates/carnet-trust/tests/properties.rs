//! What holds of every judgement, whatever is judged.

use carnet_trust::{
    check::{Claims, Family, Question, Trust, judge},
    scan::scan,
};
use proptest::{prelude::*, test_runner::TestCaseError};
use serde_json::{Map, Value, json};

/// JSON that is made of the words of policies, so that it gets beyond the first line of an evaluator.
fn json_value() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("Statement"),
        Just("Effect"),
        Just("Allow"),
        Just("Deny"),
        Just("Principal"),
        Just("Federated"),
        Just("Action"),
        Just("Condition"),
        Just("StringEquals"),
        Just("ForAnyValue:StringLike"),
        Just("h:sub"),
        Just("h:aud"),
        Just("*"),
        Just("sts:AssumeRoleWithWebIdentity"),
        Just("jwt"),
        Just("issuer"),
        Just("url"),
        Just("audiences"),
        Just("oidc"),
        Just("issuerUri"),
        Just("attributeMapping"),
        Just("google.subject"),
        Just("assertion.sub"),
        Just("attributeCondition"),
        Just("role_type"),
        Just("user_claim"),
        Just("bound_claims"),
        Just("bound_audiences"),
        Just("claimMappings"),
        Just("username"),
        Just("claim"),
        Just("prefix"),
        Just("https://h"),
        Just("sub"),
        Just("aud"),
        Just("subject"),
        Just("arn:aws:iam::1:oidc-provider/h"),
        Just("value"),
        Just("data"),
        Just("((("),
        Just("${x"),
        Just("ä/~1"),
    ]
    .prop_map(str::to_owned);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(word.clone(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn members(value: Value) -> Map<String, Value> {
    if let Value::Object(members) = value { members } else { Map::new() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn nothing_breaks_on_any_json(
        policy in json_value(), beside in prop::option::of(json_value()), claims in json_value(), now in any::<i64>()
    ) {
        let trust = Trust { policy, beside, role: None };
        for family in Family::ALL {
            let question =
                Question { claims: Claims::new(members(claims.clone())), trust: trust.clone(), now: Some(now) };
            let judgement = judge(family, &question);
            if let Some(patch) = judgement.patch {
                let again = Question { trust: patch.trust, ..question.clone() };
                prop_assert!(judge(family, &again).is_accepted());
            }
            let _findings = scan(family, &trust);
        }
    }

    #[test]
    fn nothing_breaks_on_any_expression(source in "[a-z.'=&|()!\\[\\]{}?:+<>0-9 ]{0,60}") {
        let policy = json!({
            "oidc": {"issuerUri": "https://h"}, "attributeMapping": {"google.subject": "assertion.sub"},
            "attributeCondition": source,
        });
        let claims = Claims::new(members(json!({"iss": "https://h", "sub": "s", "aud": "a"})));
        let trust = Trust { policy, ..Trust::default() };
        judge(Family::Gcp, &Question { claims, trust, now: None });
    }
}

/// Names as they occur, near enough to each other to be mixed up.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("net"),
        Just("net-prod"),
        Just("Net"),
        Just("ne"),
        Just("a*"),
        Just("Default Project"),
        Just("d'x")
    ]
    .prop_map(str::to_owned)
}

fn subject() -> impl Strategy<Value = String> {
    (name(), name(), name(), prop_oneof![Just("plan"), Just("apply")]).prop_map(
        |(organization, project, workspace, phase)| {
            format!("organization:{organization}:project:{project}:workspace:{workspace}:run_phase:{phase}")
        },
    )
}

/// What people bind: a subject, a part of it, or one with wildcards.
fn bound() -> impl Strategy<Value = String> {
    (subject(), 0..6_usize).prop_map(|(subject, form)| match form {
        0 => subject.rsplit_once(':').map_or(subject.clone(), |(start, _)| format!("{start}:*")),
        1 => subject.rsplit_once(":run_phase").map_or(subject.clone(), |(start, _)| format!("{start}*")),
        2 => subject.split(":workspace").next().map_or(subject.clone(), |start| format!("{start}:*")),
        3 => "organization:*".to_owned(),
        _ => subject,
    })
}

fn policies(bound: &str, audience: &str, operator: &str) -> Vec<(Family, Trust)> {
    let quoted = bound.replace('\'', "\\'");
    let prefix = quoted.trim_end_matches('*');
    let aws = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/h"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {operator: {"h:sub": bound}, "StringEquals": {"h:aud": audience}}}]});
    let vault = json!({"role_type": "jwt", "user_claim": "sub", "bound_audiences": [audience],
        "bound_claims_type": if operator == "StringLike" { "glob" } else { "string" }, "bound_claims": {"sub": bound}});
    let azure = json!([{"name": "n", "issuer": "https://h", "subject": bound, "audiences": [audience]}]);
    let gcp = json!({"oidc": {"issuerUri": "https://h", "allowedAudiences": [audience]},
        "attributeMapping": {"google.subject": "assertion.sub"},
        "attributeCondition": format!("assertion.sub.startsWith('{prefix}')")});
    let kubernetes = json!({"jwt": [{"issuer": {"url": "https://h", "audiences": [audience]},
        "claimValidationRules": [{"expression": format!("claims.sub.startsWith('{prefix}')")}],
        "claimMappings": {"username": {"claim": "sub", "prefix": ""}}}]});
    let all = [Family::Aws, Family::Vault, Family::Azure, Family::Gcp, Family::Kubernetes];
    let policies = [aws, vault, azure, gcp, kubernetes];
    all.into_iter()
        .zip(policies)
        .map(|(family, policy)| (family, Trust { policy, ..Trust::default() }))
        .collect()
}

/// What is bound, and who asks.
#[derive(Debug, Clone)]
struct Bound {
    own: String,
    others: Vec<String>,
    bound: String,
    audience: &'static str,
    operator: &'static str,
}

fn situation() -> impl Strategy<Value = Bound> {
    let operators = prop_oneof![Just("StringEquals"), Just("StringLike"), Just("StringNotLike")];
    let parts = (
        subject(),
        prop::collection::vec(subject(), 5),
        bound(),
        prop_oneof![Just("a"), Just("b")],
        operators,
    );
    parts.prop_map(|(own, others, bound, audience, operator)| Bound {
        own,
        others,
        bound,
        audience,
        operator,
    })
}

fn claims(subject: &str) -> Claims {
    Claims::new(members(json!({"iss": "https://h", "sub": subject, "aud": "a", "exp": 200})))
}

fn accepts(family: Family, trust: &Trust, subject: &str) -> bool {
    judge(family, &Question { claims: claims(subject), trust: trust.clone(), now: Some(100) }).is_accepted()
}

/// A patch admits the token, and nobody who was refused before.
fn is_exact(one: &Bound, families: &[Family]) -> Result<(), TestCaseError> {
    for (family, trust) in policies(&one.bound, one.audience, one.operator) {
        if !families.contains(&family) {
            continue;
        }
        let judgement =
            judge(family, &Question { claims: claims(&one.own), trust: trust.clone(), now: Some(100) });
        let Some(patch) = &judgement.patch else {
            prop_assert!(judgement.is_accepted(), "{family}: {:?}", judgement.findings);
            continue;
        };
        prop_assert!(accepts(family, &patch.trust, &one.own));
        for other in one.others.iter().filter(|other| **other != one.own) {
            let is_new = !accepts(family, &trust, other) && accepts(family, &patch.trust, other);
            prop_assert!(!is_new, "{family}: {other} is let in by {:?}", patch.edits);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_patch_lets_nobody_else_in(one in situation()) {
        is_exact(&one, &[Family::Aws, Family::Azure, Family::Vault])?;
    }
}

proptest! {
    // Expressions are compiled for each question.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_patched_expression_lets_nobody_else_in(one in situation()) {
        is_exact(&one, &[Family::Gcp, Family::Kubernetes])?;
    }
}
