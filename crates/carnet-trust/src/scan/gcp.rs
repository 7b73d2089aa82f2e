//! Workload identity pool providers of Google Cloud, and members of IAM policies.

use serde_json::{Map, Value, json};

use super::{
    Severity, Wide,
    literal::literals,
    pattern,
    probe::{Probes, Until},
};
use crate::check::{
    Claims, Trust,
    document::texts,
    gcp::{attributes, is_admitted, principals},
};

/// What stands in the name of a member before what it says of an identity.
const POOLS: &str = "/workloadIdentityPools/";

pub(super) fn scan(trust: &Trust) -> Vec<Wide> {
    let provider = &trust.policy;
    let mut found = Vec::new();
    let condition = provider.get("attributeCondition").and_then(Value::as_str).unwrap_or_default();
    let probes = Probes::new(&literals(condition), base(provider));
    let admits = |claims: &Claims| is_admitted(provider, claims);
    let bindings: Vec<&Value> =
        trust.beside.iter().flat_map(|policy| policy["bindings"].as_array()).flatten().collect();
    if condition.trim().is_empty() || condition.trim() == "true" {
        found.push(
            Wide::new("condition-missing", Severity::High, "attributeCondition")
                .says("the provider has no condition")
                .because("every token of the issuer becomes an identity of the pool, whatever organization it is of")
                .narrower("assertion.terraform_organization_id == 'org-…' && assertion.terraform_workspace_id == 'ws-…'"),
        );
    } else {
        // Where members are given they say which workspace; the pool is the organization's.
        let names_members =
            bindings.iter().any(|one| texts(one.get("members")).iter().any(|one| one.contains(POOLS)));
        let until = if names_members { Until::Organization } else { Until::Phase };
        found.extend(probes.widest("attributeCondition", until, &admits));
        found.extend(shared_subject(provider, &probes, &admits));
    }
    for (index, binding) in bindings.iter().enumerate() {
        members(provider, &texts(binding.get("members")), &format!("bindings[{index}].members"), &mut found);
    }
    found
}

/// What all tokens of the issuer have.
fn base(provider: &Value) -> Map<String, Value> {
    let mut base = Map::new();
    if let Some(issuer) = provider["oidc"]["issuerUri"].as_str() {
        base.insert("iss".to_owned(), json!(issuer));
    }
    if let Some(audience) = texts(provider["oidc"].get("allowedAudiences")).first() {
        base.insert("aud".to_owned(), json!(audience));
    }
    base
}

/// Identities that are let in and have one name in the pool.
fn shared_subject(provider: &Value, probes: &Probes, admits: &dyn Fn(&Claims) -> bool) -> Option<Wide> {
    let source = provider["attributeMapping"]["google.subject"].as_str()?;
    let admitted = probes.admitted(admits);
    let named: Vec<_> = admitted
        .iter()
        .filter_map(|one| Some((one, attributes(provider, &one.claims).get("google.subject")?.clone())))
        .collect();
    let pairs = named
        .iter()
        .enumerate()
        .flat_map(|(index, one)| named[index + 1..].iter().map(move |other| (one, other)));
    let (one, other) = pairs.into_iter().find(|(one, other)| one.1 == other.1)?;
    let severity = if one.0.is_of_same_organization(other.0) { Severity::Medium } else { Severity::High };
    Some(
        Wide::new("subject-shared", severity, "attributeMapping.google.subject")
            .says(format!(
                "{source} is {} for {:?} and for {:?}",
                one.1,
                one.0.claims.subject(),
                other.0.claims.subject()
            ))
            .because("a member that names this subject lets all of them in")
            .narrower("google.subject = assertion.sub"),
    )
}

fn members(provider: &Value, members: &[&str], at: &str, found: &mut Vec<Wide>) {
    for member in members {
        if matches!(*member, "allUsers" | "allAuthenticatedUsers") {
            found.push(
                Wide::new("member-anybody", Severity::High, at)
                    .says(format!("{member} is a member"))
                    .because("everybody has the role, with a token of the issuer or without one")
                    .narrower(
                        "principal://iam.googleapis.com/projects/…/subject/organization:…:run_phase:plan",
                    ),
            );
        }
        if member.starts_with("principalSet://") && member.ends_with("/*") {
            found.push(
                Wide::new("pool-wide-member", Severity::High, at)
                    .says(format!("the whole pool is a member: {member}"))
                    .because("every identity of every provider of the pool gets the role, also of providers added later")
                    .narrower(member.replace("/*", "/attribute.terraform_workspace_id/ws-…")),
            );
        }
    }
    let both = pattern::both_phases(at, members);
    let has_both = both.is_some();
    found.extend(both);
    // What is behind the name of the pool.
    let tails: Vec<&str> = members
        .iter()
        .filter_map(|member| member.split_once(POOLS)?.1.split_once('/').map(|(_, tail)| tail))
        .filter(|tail| *tail != "*")
        .collect();
    for tail in tails {
        let Some((kind, value)) = tail.split_once('/') else { continue };
        let provider = &assumed(provider, kind);
        let source =
            provider["attributeMapping"][if kind == "subject" { "google.subject" } else { kind }].as_str();
        let about = format!("{kind} {}", source.unwrap_or_default());
        let mut texts = literals(provider["attributeCondition"].as_str().unwrap_or_default());
        texts.insert(0, (about, value.to_owned()));
        let probes = Probes::new(&texts, base(provider));
        let admits = |claims: &Claims| {
            is_admitted(provider, claims)
                && principals(&attributes(provider, claims)).iter().any(|own| own == tail)
        };
        let wide = probes.widest(at, Until::Phase, &admits);
        // A member of another provider of the pool is nobody whom this one lets in.
        found.extend(
            wide.filter(|wide| wide.rule != "not-judged" && !(has_both && wide.rule == "phase-wildcard")),
        );
    }
}

/// A provider with a mapping of an attribute that is named as a claim is; another provider of the pool may have it.
fn assumed(provider: &Value, kind: &str) -> Value {
    let mut assumed = provider.clone();
    let name = kind.strip_prefix("attribute.").filter(|name| name.starts_with("terraform_"));
    if let (Some(name), true) = (name, provider["attributeMapping"][kind].is_null()) {
        assumed["attributeMapping"][kind] = json!(format!("assertion.{name}"));
    }
    assumed
}
