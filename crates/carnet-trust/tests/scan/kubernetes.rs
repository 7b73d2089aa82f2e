//! Authentication of Kubernetes, and bindings.

use carnet_trust::check::Family;
use serde_json::{Value, json};

use super::{APPLY, EXACT, check};

#[test]
fn rules_and_mappings_of_kubernetes_are_tried() {
    let named = json!([{"claim": "terraform_organization_name", "requiredValue": "acme"}]);
    let of = |rules: &Value, mappings: Value| {
        let mut all = json!({"username": {"claim": "sub", "prefix": "c:"}});
        all.as_object_mut().unwrap().extend(mappings.as_object().unwrap().clone());
        json!({"jwt": [{"issuer": {"url": "https://h", "audiences": ["a"]}, "claimMappings": all, "claimValidationRules": rules}]})
    };
    for expression in [
        "claims.terraform_organization_name != ''",
        "has(claims.sub)",
        "true || claims.sub == 'x'",
        "claims.terraform_workspace_name == 'net'",
    ] {
        let rules = json!([{"expression": expression, "message": "organization"}]);
        check(Family::Kubernetes, of(&rules, json!({})), None, &["claims-not-validated"]);
    }
    for expression in [
        "claims.terraform_organization_name.startsWith('acme')",
        "claims.sub.startsWith('organization:acme')",
    ] {
        let rules = json!([{"expression": expression}]);
        check(Family::Kubernetes, of(&rules, json!({})), None, &["no-end-mark"]);
    }
    let with = |mappings: Value| of(&named, mappings);
    check(Family::Kubernetes, with(json!({})), None, &[]);
    let masters = json!({"groups": {"expression": "['system:masters']"}});
    check(Family::Kubernetes, with(masters), None, &["group-reserved"]);
    let groups = json!({"groups": {"claim": "terraform_organization_name", "prefix": ""}});
    check(Family::Kubernetes, with(groups), None, &["prefix-empty"]);
    let name = json!({"username": {"expression": "claims.terraform_workspace_name"}});
    check(Family::Kubernetes, with(name), None, &["prefix-empty", "user-claim-shared"]);
    let name = json!({"username": {"claim": "terraform_workspace_name", "prefix": "c:"}});
    check(Family::Kubernetes, with(name), None, &["user-claim-shared"]);
    let user = |name: &str| json!({"kind": "User", "name": format!("c:{name}")});
    let both = json!({"subjects": [user(EXACT), user(APPLY)], "roleRef": {}});
    check(Family::Kubernetes, with(json!({})), Some(both.clone()), &["plan-and-apply-identical"]);
    let list = json!({"kind": "List", "items": [both, {"subjects": [{"kind": "Group", "name": "system:authenticated"}]}]});
    check(
        Family::Kubernetes,
        with(json!({})),
        Some(list),
        &["bound-to-everybody", "plan-and-apply-identical"],
    );
}
