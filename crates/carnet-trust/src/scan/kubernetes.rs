//! Structured authentication of Kubernetes, and bindings.

use serde_json::Value;

use super::{Severity, Wide};
use crate::check::{Trust, document::texts};

pub(super) fn scan(trust: &Trust) -> Vec<Wide> {
    let mut found = Vec::new();
    for (index, one) in trust.policy["jwt"].as_array().into_iter().flatten().enumerate() {
        let at = |place: &str| format!("jwt[{index}].{place}");
        if texts(one["issuer"].get("audiences")).is_empty() {
            found.push(
                Wide::new("audience-missing", Severity::High, at("issuer.audiences"))
                    .says("no audience is configured")
                    .because("tokens that were made for other services would be taken, too")
                    .narrower(r#""audiences": ["kubernetes"]"#),
            );
        }
        let rules = one["claimValidationRules"].as_array().into_iter().flatten();
        let is_pinned = rules.into_iter().any(|rule| {
            let text = |name: &str| rule[name].as_str().unwrap_or_default().to_owned();
            let about = text("claim") + &text("expression");
            ["organization", ".sub", "terraform_workspace_id", "terraform_project_id"]
                .iter()
                .any(|one| about.contains(one))
                || about == "sub"
        });
        if !is_pinned {
            found.push(
                Wide::new("claims-not-validated", Severity::Medium, at("claimValidationRules"))
                    .says("no rule names the organization")
                    .because("every workspace of every organization of the issuer is a user of the cluster, in system:authenticated")
                    .narrower(r#"{"claim": "terraform_organization_id", "requiredValue": "org-…"}"#),
            );
        }
        let username = &one["claimMappings"]["username"];
        if username["claim"].is_string() && username["prefix"].as_str().is_some_and(str::is_empty) {
            found.push(
                Wide::new("prefix-empty", Severity::Medium, at("claimMappings.username.prefix"))
                    .says("users have no prefix")
                    .because(
                        "a claim could be the name of another user, such as one that begins with system:",
                    )
                    .narrower(r#""prefix": "carnet:""#),
            );
        }
    }
    found.extend(trust.beside.as_ref().and_then(everybody));
    found
}

fn everybody(binding: &Value) -> Option<Wide> {
    let groups = binding["subjects"].as_array().into_iter().flatten().filter(|one| one["kind"] == "Group");
    let group = groups
        .into_iter()
        .filter_map(|one| one["name"].as_str())
        .find(|name| matches!(*name, "system:authenticated" | "system:unauthenticated"))?;
    Some(
        Wide::new("bound-to-everybody", Severity::High, "subjects")
            .says(format!("the binding is for {group}"))
            .because("every token that the API server accepts, of any issuer, gets the role")
            .narrower("one subject of kind User for each phase"),
    )
}
