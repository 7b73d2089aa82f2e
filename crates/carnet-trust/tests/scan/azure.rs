//! Federated credentials of Entra.

use carnet_trust::check::Family;
use serde_json::json;

use super::{EXACT, check};

#[test]
fn expressions_of_entra_are_tried() {
    let of = |expression: &str| {
        json!([{"issuer": "https://app.terraform.io", "audiences": ["a"],
        "claimsMatchingExpression": {"value": expression}}])
    };
    check(Family::Azure, of("claims['sub']  matches '*'"), None, &["organization-not-pinned"]);
    check(
        Family::Azure,
        of("claims['sub'] matches '*:run_phase:plan' and claims['sub'] matches '*'"),
        None,
        &["organization-not-pinned"],
    );
    check(
        Family::Azure,
        of("claims['terraform_workspace_name'] eq 'net'"),
        None,
        &["organization-not-pinned"],
    );
    check(Family::Azure, of(&format!("claims['sub'] eq '{EXACT}'")), None, &[]);
    check(Family::Azure, of("claims['sub'] matches 'organization:acme*'"), None, &["no-end-mark"]);
}
