//! Workload identity pool providers of Google Cloud, and members of IAM policies.

use serde_json::Value;

use super::{Severity, Wide, pattern};
use crate::check::{Trust, document::texts};

pub(super) fn scan(trust: &Trust) -> Vec<Wide> {
    let mut found = Vec::new();
    let condition = trust.policy.get("attributeCondition").and_then(Value::as_str).unwrap_or_default();
    let at = "attributeCondition";
    if condition.trim().is_empty() || condition.trim() == "true" {
        found.push(
            Wide::new("condition-missing", Severity::High, at)
                .says("the provider has no condition")
                .because("every token of the issuer becomes an identity of the pool, whatever organization it is of")
                .narrower("assertion.terraform_organization_id == 'org-…' && assertion.terraform_workspace_id == 'ws-…'"),
        );
    } else {
        found.extend(
            starts(condition).into_iter().filter_map(|start| pattern::examine(at, &format!("{start}*"))),
        );
        if !["organization", ".sub", "_id"].iter().any(|word| condition.contains(word)) {
            found.push(
                Wide::new("organization-not-pinned", Severity::High, at)
                    .says(format!("the condition does not name the organization: {condition}"))
                    .because(
                        "names of projects and workspaces are the same in other organizations of the issuer",
                    )
                    .narrower("assertion.terraform_organization_id == 'org-…' && …"),
            );
        }
    }
    for (index, binding) in
        trust.beside.iter().flat_map(|policy| policy["bindings"].as_array()).flatten().enumerate()
    {
        let members = texts(binding.get("members"));
        for member in
            members.iter().filter(|member| member.starts_with("principalSet://") && member.ends_with("/*"))
        {
            found.push(
                Wide::new("pool-wide-member", Severity::High, format!("bindings[{index}].members"))
                    .says(format!("the whole pool is a member: {member}"))
                    .because("every identity of every provider of the pool gets the role, also of providers added later")
                    .narrower(member.replace("/*", "/attribute.terraform_workspace_id/ws-…")),
            );
        }
    }
    found
}

/// The literals that subjects must begin with.
fn starts(condition: &str) -> Vec<&str> {
    let parts = condition.split("assertion.sub.startsWith(").skip(1);
    let parts = parts.chain(condition.split("google.subject.startsWith(").skip(1));
    parts
        .filter_map(|rest| {
            let quote = rest.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
            rest[1..].split(quote).next()
        })
        .collect()
}
