//! Documents around policies, and policies beside each other.

use carnet_trust::{
    check::{Family, Trust},
    scan::{NotScanned, printed, same, scan},
};
use serde_json::{Value, json};

use super::{APPLY, EXACT, aws, check, gcp};

#[test]
fn documents_are_unwrapped_or_not_called_narrow() {
    let open = aws(json!({}));
    let text = open.to_string();
    let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    for document in [json!(open), json!(text), json!(encoded)] {
        for wrapped in [
            json!({"Role": {"AssumeRolePolicyDocument": document}}),
            json!({"AssumeRolePolicyDocument": document}),
        ] {
            check(Family::Aws, wrapped, None, &["audience-missing", "subject-missing"]);
        }
    }
    let unread = |family: Family, policy: Value, beside: Option<Value>| {
        let found = scan(family, &Trust { policy: policy.clone(), beside, role: None });
        assert!(matches!(found, Err(NotScanned::Unreadable(_))), "{family}: {policy}: {found:?}");
    };
    for policy in [
        json!({"Role": {"RoleName": "x"}}),
        json!({"Role": {}}),
        json!({"Role": {"AssumeRolePolicyDocument": "%7B"}}),
        json!({"Statement": "x"}),
        json!({"Statement": ["x"]}),
        json!({"Statement": [{"effect": "Allow"}]}),
        json!({"Statement": [{"Effect": "Allow", "Condition": {"StringEquals": "x"}}]}),
        json!([]),
        json!("x"),
    ] {
        unread(Family::Aws, policy, None);
    }
    for family in [Family::Azure, Family::Gcp, Family::Vault, Family::Kubernetes] {
        unread(family, aws(json!({})), None);
        unread(family, json!({}), None);
    }
    unread(Family::Kubernetes, json!({"jwt": {"issuer": {}}}), None);
    unread(Family::Kubernetes, json!({"jwt": ["x"]}), None);
    unread(Family::Gcp, json!({"attributeCondition": {"x": 1}}), None);
    unread(Family::Vault, json!({"data": {"keys": ["a"]}}), None);
    unread(Family::Vault, json!({"user_claim": "sub", "bound_claims": "sub=x"}), None);
    unread(Family::Azure, json!([{"issuer": "https://h"}]), None);
    unread(Family::Gcp, gcp("true"), Some(json!({"bindings": {"members": []}})));
    unread(Family::Kubernetes, json!({"jwt": []}), Some(json!({"items": [{"kind": "Pod"}]})));
    let costly = gcp(&format!("assertion.sub == 'x' && {}true{}", "(".repeat(200), ")".repeat(200)));
    check(Family::Gcp, costly, None, &["not-judged"]);
}

#[test]
fn roles_with_the_same_policy_are_told() {
    let role = |name: &str, policy: &Value| Trust {
        policy: json!({"Role": {"RoleName": name, "AssumeRolePolicyDocument": policy}}),
        ..Trust::default()
    };
    let (one, other) =
        (aws(json!({"StringEquals": {"h:sub": EXACT}})), aws(json!({"StringEquals": {"h:sub": APPLY}})));
    let compared = |one: &Trust, other: &Trust| same(Family::Aws, ("plan", "apply"), (one, other)).is_some();
    assert!(compared(&role("plan", &one), &role("apply", &one)));
    assert!(compared(&role("plan", &one), &role("apply", &json!(one.to_string()))));
    assert!(!compared(&role("plan", &one), &role("apply", &other)));
}

#[test]
fn policies_are_found_in_what_carnet_prints() {
    let (first, second) = (aws(json!({})), aws(json!({"StringEquals": {"h:sub": EXACT}})));
    let provider = json!({"Url": "https://h", "ClientIDList": ["a"]});
    let document = json!({"variables": [], "documents": [
        {"name": "open-id-connect-provider", "body": provider},
        {"name": "trust-policy-plan", "body": first}, {"name": "trust-policy-apply", "body": second},
    ]});
    let found = printed(&document);
    let names: Vec<&str> = found.iter().map(|(name, _, _)| name.as_str()).collect();
    assert_eq!(names, ["trust-policy-plan", "trust-policy-apply"]);
    assert!(
        found
            .iter()
            .all(|(_, family, trust)| *family == Family::Aws && trust.beside == Some(provider.clone()))
    );
    assert_eq!(printed(&first), []);
    assert_eq!(printed(&json!([])), []);
}
