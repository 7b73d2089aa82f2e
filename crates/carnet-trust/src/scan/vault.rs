//! Roles of Vault and OpenBao.

use serde_json::Value;

use super::{Severity, Wide, pattern};
use crate::check::{Trust, document::texts};

/// Claims that many workspaces share, or that a rename gives to another.
const SHARED: [&str; 9] = [
    "aud",
    "iss",
    "terraform_organization_id",
    "terraform_organization_name",
    "terraform_project_id",
    "terraform_project_name",
    "terraform_workspace_name",
    "terraform_run_phase",
    "terraform_run_id",
];

/// Claims that say which organization, directly or through an id that is unique.
const OF_ORGANIZATION: [&str; 6] = [
    "sub",
    "terraform_organization_id",
    "terraform_organization_name",
    "terraform_project_id",
    "terraform_workspace_id",
    "terraform_full_workspace",
];

pub(super) fn scan(trust: &Trust) -> Vec<Wide> {
    let role = trust.policy.get("data").unwrap_or(&trust.policy);
    let claims = role.get("bound_claims").and_then(Value::as_object).filter(|claims| !claims.is_empty());
    let has_subject = !role["bound_subject"].as_str().unwrap_or_default().is_empty();
    let mut found = Vec::new();
    match claims {
        None if !has_subject => found.push(
            Wide::new("subject-missing", Severity::High, "bound_claims")
                .says("the role is bound to no claim")
                .because("every workspace of every organization of the issuer gets the role's policies")
                .narrower(r#"bound_claims = {"sub": "organization:…:project:…:workspace:…:run_phase:plan"}"#),
        ),
        Some(claims) if !has_subject && !OF_ORGANIZATION.iter().any(|name| claims.contains_key(*name)) => {
            let names: Vec<&str> = claims.keys().map(String::as_str).collect();
            found.push(
                Wide::new("organization-not-pinned", Severity::High, "bound_claims")
                    .says(format!("only {} is bound", names.join(", ")))
                    .because(
                        "names of projects and workspaces are the same in other organizations of the issuer",
                    )
                    .narrower(r#"bind sub, or terraform_workspace_id, too"#),
            );
        }
        Some(_) | None => {}
    }
    found.extend(subjects(role, claims.and_then(|claims| claims.get("sub"))));
    if texts(role.get("bound_audiences")).is_empty() {
        found.push(
            Wide::new("audience-missing", Severity::Medium, "bound_audiences")
                .says("the role binds no audience")
                .because(
                    "older servers then take tokens that were made for other services; newer ones refuse all",
                )
                .narrower(r#"bound_audiences = ["vault.workload.identity"]"#),
        );
    }
    let user = role["user_claim"].as_str().unwrap_or_default();
    if SHARED.contains(&user) {
        found.push(
            Wide::new("user-claim-shared", Severity::Medium, "user_claim")
                .says(format!("the entity is named by {user}"))
                .because(
                    "workspaces with the same value share an entity, with its policies, groups and metadata",
                )
                .narrower("user_claim = \"terraform_workspace_id\""),
        );
    }
    let config = trust.beside.as_ref().map(|config| config.get("data").unwrap_or(config));
    if config.is_some_and(|config| config["bound_issuer"].as_str().unwrap_or_default().is_empty()) {
        found.push(
            Wide::new("issuer-not-bound", Severity::Low, "bound_issuer of the mount")
                .says("the mount does not compare the issuer")
                .because("with keys that several issuers share, tokens of the others are taken, too")
                .narrower("bound_issuer = the issuer's URL"),
        );
    }
    found
}

fn subjects(role: &Value, bound: Option<&Value>) -> Vec<Wide> {
    let at = "bound_claims.sub";
    let values = texts(bound);
    let mut found: Vec<Wide> = pattern::both_phases(at, &values).into_iter().collect();
    if role["bound_claims_type"] == "glob" && !values.is_empty() {
        found.extend(values.iter().filter_map(|value| pattern::examine(at, &value.replace('?', "_"))));
        if !values.iter().any(|value| value.contains('*')) {
            found.push(
                Wide::new("pattern-without-need", Severity::Low, "bound_claims_type")
                    .says("patterns are compared although no value has a wildcard")
                    .because("a wildcard that somebody adds later opens it without a second thought")
                    .narrower("bound_claims_type = \"string\""),
            );
        }
    }
    found
}
