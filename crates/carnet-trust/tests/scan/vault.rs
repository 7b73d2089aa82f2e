//! Roles of Vault's JWT method.

use carnet_trust::check::Family;
use serde_json::{Value, json};

use super::{APPLY, EXACT, check};

#[test]
fn roles_of_vault_that_admit_too_many_are_found() {
    let role = |more: Value| {
        let mut role =
            json!({"role_type": "jwt", "user_claim": "terraform_workspace_id", "bound_audiences": ["a"]});
        role.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        role
    };
    check(Family::Vault, role(json!({})), None, &["subject-missing"]);
    let glob = role(
        json!({"bound_claims_type": "glob", "bound_claims": {"sub": "organization:acme:project:p:workspace:net*"}}),
    );
    check(Family::Vault, glob, None, &["no-end-mark"]);
    let name = role(json!({"bound_claims": {"terraform_workspace_name": "net"}}));
    check(Family::Vault, name, None, &["organization-not-pinned"]);
    let shared = role(json!({"user_claim": "terraform_organization_name", "bound_claims": {"sub": EXACT}}));
    check(Family::Vault, shared, None, &["user-claim-shared"]);
    let unbound = role(json!({"bound_audiences": [], "bound_claims": {"sub": EXACT}}));
    check(
        Family::Vault,
        unbound,
        Some(json!({"bound_issuer": ""})),
        &["audience-missing", "issuer-not-bound"],
    );
}

#[test]
fn roles_of_vault_are_tried_with_strangers() {
    let role = |kind: &str, claims: Value| {
        json!({"role_type": "jwt", "user_claim": "terraform_workspace_id", "bound_audiences": ["a"],
            "bound_claims_type": kind, "bound_claims": claims})
    };
    let check = |kind: &str, claims: Value, expected: &[&str]| {
        check(Family::Vault, role(kind, claims), None, expected);
    };
    check("glob", json!({"terraform_organization_name": "*"}), &["organization-not-pinned"]);
    check("glob", json!({"terraform_organization_name": "acme*"}), &["no-end-mark"]);
    check("glob", json!({"terraform_workspace_id": "*"}), &["organization-not-pinned"]);
    check("glob", json!({"terraform_full_workspace": "organization:acme*"}), &["no-end-mark"]);
    check("glob", json!({"/sub": "organization:acme*"}), &["no-end-mark"]);
    check("string", json!({"terraform_organization_name": "acme"}), &["project-wildcard"]);
    check(
        "string",
        json!({"terraform_organization_name": "acme", "terraform_run_phase": "plan"}),
        &["project-wildcard"],
    );
    check("string", json!({"terraform_workspace_id": "ws-1"}), &["phase-wildcard"]);
    check("string", json!({"terraform_workspace_id": "ws-1", "terraform_run_phase": "plan"}), &[]);
    check("string", json!({"sub": [EXACT, APPLY]}), &["plan-and-apply-identical"]);
    check("string", json!({"environment": "production"}), &["organization-not-pinned"]);
    let mut pointer = role("string", json!({"sub": EXACT}));
    pointer["user_claim"] = json!("/terraform_organization_name");
    pointer["user_claim_json_pointer"] = json!(true);
    self::check(Family::Vault, pointer, None, &["user-claim-shared"]);
    let mut subject = role("glob", json!({"sub": "*"}));
    subject["bound_subject"] = json!(EXACT);
    self::check(Family::Vault, subject, None, &[]);
}
