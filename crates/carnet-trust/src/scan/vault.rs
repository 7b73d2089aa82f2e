//! Roles of Vault and OpenBao.

use serde_json::{Map, Value};

use super::{
    Severity, Wide, pattern,
    probe::{Probes, Until},
};
use crate::check::{
    Claims, Family, Trust,
    document::{inner, texts},
    vault::is_admitted,
};

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

/// The claims that probes have.
const OWN: [&str; 10] = [
    "sub",
    "terraform_organization_id",
    "terraform_organization_name",
    "terraform_project_id",
    "terraform_project_name",
    "terraform_workspace_id",
    "terraform_workspace_name",
    "terraform_full_workspace",
    "terraform_run_phase",
    "terraform_run_id",
];

pub(super) fn scan(trust: &Trust) -> Vec<Wide> {
    let (_, role) = inner(Family::Vault, &trust.policy);
    let claims = role.get("bound_claims").and_then(Value::as_object).filter(|claims| !claims.is_empty());
    let has_subject = !role["bound_subject"].as_str().unwrap_or_default().is_empty();
    let mut found = Vec::new();
    if claims.is_none() && !has_subject {
        found.push(
            Wide::new("subject-missing", Severity::High, "bound_claims")
                .says("the role is bound to no claim")
                .because("every workspace of every organization of the issuer gets the role's policies")
                .narrower(r#"bound_claims = {"sub": "organization:…:project:…:workspace:…:run_phase:plan"}"#),
        );
    } else {
        found.extend(tried(role, claims));
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
    let is_pointer = role["user_claim_json_pointer"] == true;
    let user = user.strip_prefix('/').filter(|_| is_pointer).unwrap_or(user);
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
    let config = trust.beside.as_ref().map(|config| inner(Family::Vault, config).1);
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

/// Whom the role lets in.
fn tried(role: &Value, claims: Option<&Map<String, Value>>) -> Option<Wide> {
    let subject = role["bound_subject"].as_str().filter(|subject| !subject.is_empty());
    let mut names: Vec<(String, String)> =
        subject.map(|subject| ("sub".to_owned(), subject.to_owned())).into_iter().collect();
    let mut base = Map::new();
    for (name, value) in claims.into_iter().flatten() {
        let own = name.strip_prefix('/').unwrap_or(name);
        names.extend(texts(Some(value)).into_iter().map(|text| (own.to_owned(), text.to_owned())));
        // Other claims are what the role wants them to be.
        if !OWN.contains(&own) && !own.contains('/') {
            let first = value.as_array().and_then(|list| list.first()).unwrap_or(value);
            base.insert(own.to_owned(), first.clone());
        }
    }
    let at = if claims.is_some() { "bound_claims" } else { "bound_subject" };
    let wide =
        Probes::new(&names, base).widest(at, Until::Phase, &|claims: &Claims| is_admitted(role, claims))?;
    // Both phases in one list are named below.
    let lists_both = pattern::both_phases(at, &texts(claims.and_then(|claims| claims.get("sub")))).is_some();
    (!(lists_both && wide.rule == "phase-wildcard")).then_some(wide)
}

fn subjects(role: &Value, bound: Option<&Value>) -> Vec<Wide> {
    let at = "bound_claims.sub";
    let values = texts(bound);
    let mut found: Vec<Wide> = pattern::both_phases(at, &values).into_iter().collect();
    let is_glob = role["bound_claims_type"] == "glob" && !values.is_empty();
    if is_glob && !values.iter().any(|value| value.contains('*')) {
        found.push(
            Wide::new("pattern-without-need", Severity::Low, "bound_claims_type")
                .says("patterns are compared although no value has a wildcard")
                .because("a wildcard that somebody adds later opens it without a second thought")
                .narrower("bound_claims_type = \"string\""),
        );
    }
    found
}
