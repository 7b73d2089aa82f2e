//! Providers and members of Google Cloud.

use carnet_trust::check::Family;
use serde_json::json;

use super::{APPLY, EXACT, check, gcp};

const POOL: &str = "iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p";

#[test]
fn conditions_of_google_are_tried_with_strangers() {
    for condition in [
        "assertion.sub != ''",
        "has(assertion.terraform_organization_name)",
        "assertion.terraform_organization_name != 'evil'",
        "assertion.sub.endsWith(':run_phase:plan')",
        "assertion.sub.contains('acme')",
        "assertion.terraform_run_id != ''",
        "assertion.sub == 'x' || true",
        "true || assertion.sub == 'x'",
        "assertion.terraform_organization_name in ['acme'] || assertion.terraform_run_phase == 'plan'",
        "( true )",
        "1 == 1",
        "size(assertion.sub) > 0",
        "assertion.terraform_workspace_name == 'net' // organization",
        "assertion.sub.matches('^organization:.*:project:p:workspace:net:run_phase:plan$')",
    ] {
        check(Family::Gcp, gcp(condition), None, &["organization-not-pinned"]);
    }
    for condition in [
        "assertion['sub'].startsWith('organization:acme')",
        "assertion.sub.startsWith( 'organization:acme')",
        "assertion.terraform_organization_name.startsWith('acme')",
        "assertion.sub.matches('organization:acme')",
        "assertion.sub.matches('^organization:acme:project:p:workspace:net')",
        "assertion.sub.startsWith('organization:acme:project:p:workspace:net')",
    ] {
        check(Family::Gcp, gcp(condition), None, &["no-end-mark"]);
    }
    check(Family::Gcp, gcp("assertion.sub.startsWith('organization:acme:')"), None, &["project-wildcard"]);
    check(Family::Gcp, gcp("assertion.terraform_organization_name == 'acme'"), None, &["project-wildcard"]);
    check(
        Family::Gcp,
        gcp("assertion.sub.startsWith('organization:acme:project:p:workspace:')"),
        None,
        &["workspace-wildcard"],
    );
    check(Family::Gcp, gcp("assertion.terraform_workspace_id == 'ws-1'"), None, &["phase-wildcard"]);
    let narrow = "assertion.terraform_workspace_id == 'ws-1' && assertion.terraform_run_phase == 'plan'";
    check(Family::Gcp, gcp(narrow), None, &[]);
    check(Family::Gcp, gcp(&format!("assertion.sub in ['{EXACT}']")), None, &[]);
    check(Family::Gcp, gcp("assertion.sub == 'ws-1:plan'"), None, &[]);
    check(Family::Gcp, gcp("assertion.sub.startsWith('ws-1:plan')"), None, &["no-end-mark"]);
    check(Family::Gcp, gcp("assertion.nobody == 'has-this'"), None, &["not-judged"]);
}

#[test]
fn members_of_google_that_are_too_many_are_found() {
    let members = |condition: &str, members: &[String]| {
        let bindings = json!({"bindings": [{"role": "roles/iam.workloadIdentityUser", "members": members}]});
        (gcp(condition), Some(bindings))
    };
    let organization = "assertion.terraform_organization_name == 'acme'";
    let subject = |subject: &str| format!("principal://{POOL}/subject/{subject}");
    let check = |condition: &str, names: &[String], expected: &[&str]| {
        let (policy, beside) = members(condition, names);
        check(Family::Gcp, policy, beside, expected);
    };
    check(organization, &[subject(EXACT)], &[]);
    check(organization, &["allUsers".to_owned()], &["member-anybody", "project-wildcard"]);
    check(organization, &["allAuthenticatedUsers".to_owned(), subject(EXACT)], &["member-anybody"]);
    check(organization, &[subject(EXACT), subject(APPLY)], &["plan-and-apply-identical"]);
    let (mut policy, _) = members(organization, &[]);
    policy["attributeMapping"]["attribute.terraform_workspace_name"] =
        json!("assertion.terraform_workspace_name");
    let named = format!("principalSet://{POOL}/attribute.terraform_workspace_name/net");
    let beside = json!({"bindings": [{"role": "roles/iam.workloadIdentityUser", "members": [named]}]});
    self::check(Family::Gcp, policy, Some(beside), &["project-wildcard"]);
    // Another provider of the pool may map what this one does not.
    let phase = format!("principalSet://{POOL}/attribute.terraform_run_phase/plan");
    check(organization, &[phase], &["project-wildcard"]);
    for (source, rules) in [
        ("assertion.terraform_workspace_name", &["project-wildcard", "subject-shared"][..]),
        ("'x'", &["project-wildcard", "subject-shared"]),
        ("assertion.sub", &["project-wildcard"]),
    ] {
        let (mut policy, _) = members(organization, &[]);
        policy["attributeMapping"]["google.subject"] = json!(source);
        self::check(Family::Gcp, policy, None, rules);
    }
}
