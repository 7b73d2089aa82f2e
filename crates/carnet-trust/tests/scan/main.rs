//! Trust that is too wide is found, and what is narrow is left alone.

mod aws;
mod azure;
mod documents;
mod google;
mod kubernetes;
mod vault;

use carnet_trust::{
    check::{Family, Trust},
    scan::{same, scan},
};
use serde_json::{Value, json};

const EXACT: &str = "organization:acme:project:p:workspace:net:run_phase:plan";
const APPLY: &str = "organization:acme:project:p:workspace:net:run_phase:apply";

#[track_caller]
fn check(family: Family, policy: Value, beside: Option<Value>, expected: &[&str]) {
    let found = scan(family, &Trust { policy, beside, role: None }).unwrap_or_else(|error| panic!("{error}"));
    let mut rules: Vec<&str> = found.iter().map(|one| one.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    assert_eq!(rules, expected, "{found:#?}");
    assert!(found.iter().all(|one| !one.says.is_empty() && !one.why.is_empty() && !one.narrower.is_empty()));
}

fn aws(condition: Value) -> Value {
    json!({"Statement": [{"Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::1:oidc-provider/h"},
        "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition}]})
}
fn gcp(condition: &str) -> Value {
    json!({"attributeCondition": condition, "attributeMapping": {"google.subject": "assertion.sub"},
        "oidc": {"issuerUri": "https://h"}})
}

#[test]
fn exact_trust_is_narrow() {
    check(Family::Aws, aws(json!({"StringEquals": {"h:sub": EXACT, "h:aud": "a"}})), None, &[]);
    check(
        Family::Vault,
        json!({"role_type": "jwt", "user_claim": "terraform_workspace_id", "bound_audiences": ["a"],
            "bound_claims": {"sub": EXACT}}),
        None,
        &[],
    );
    check(Family::Azure, json!([{"issuer": "https://h", "subject": EXACT, "audiences": ["a"]}]), None, &[]);
    let condition = format!("assertion.sub == '{EXACT}'");
    check(Family::Gcp, json!({"attributeCondition": condition, "oidc": {}}), None, &[]);
    check(
        Family::Kubernetes,
        json!({"jwt": [{"issuer": {"audiences": ["a"]}, "claimMappings": {"username": {"claim": "sub", "prefix": "c:"}},
            "claimValidationRules": [{"claim": "terraform_organization_name", "requiredValue": "acme"}]}]}),
        None,
        &[],
    );
}

#[test]
fn the_others_are_looked_at_too() {
    check(Family::Gcp, json!({"oidc": {}}), None, &["condition-missing"]);
    let loose = json!({"attributeCondition": "assertion.sub.startsWith('organization:acme:project:p:workspace:net')"});
    check(Family::Gcp, loose, None, &["no-end-mark"]);
    let pool = json!({"bindings": [{"members": ["principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/*"]}]});
    let condition = format!("assertion.sub == '{EXACT}'");
    check(Family::Gcp, json!({"attributeCondition": condition}), Some(pool), &["pool-wide-member"]);
    check(
        Family::Kubernetes,
        json!({"jwt": [{"issuer": {}, "claimMappings": {"username": {"claim": "sub", "prefix": ""}}}]}),
        Some(json!({"subjects": [{"kind": "Group", "name": "system:authenticated"}]})),
        &["audience-missing", "bound-to-everybody", "claims-not-validated", "prefix-empty"],
    );
    let expression = json!([{"issuer": "https://app.terraform.io", "audiences": ["a"],
        "claimsMatchingExpression": {"value": "claims['sub'] matches 'organization:acme:*'"}}]);
    check(Family::Azure, expression, None, &["project-wildcard"]);
    let found = same(Family::Azure, ("plan.json", "apply.json"), (&Trust::default(), &Trust::default()));
    assert_eq!(found.map(|one| one.rule), Some("plan-and-apply-identical"));
}
