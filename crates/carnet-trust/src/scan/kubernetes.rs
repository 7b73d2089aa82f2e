//! Structured authentication of Kubernetes, and bindings.

use serde_json::{Map, Value, json};

use super::{
    Severity, Wide,
    literal::literals,
    pattern,
    probe::{Probes, Until},
    reading::bindings,
};
use crate::check::{
    Claims, Trust,
    document::texts,
    kubernetes::{is_admitted, user},
};

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
        let probes = Probes::new(&rules(one), base(one));
        found.extend(validated(one, &probes, &at("claimValidationRules")));
        found.extend(prefixes(one, &at("claimMappings")));
        found.extend(reserved(one, &at("claimMappings")));
        found.extend(shared(one, &probes, &at("claimMappings.username")));
    }
    for (index, binding) in trust.beside.iter().flat_map(bindings).enumerate() {
        let at = if trust.beside.as_ref().is_some_and(|one| one["items"].is_array()) {
            format!("items[{index}].subjects")
        } else {
            "subjects".to_owned()
        };
        found.extend(everybody(binding, &at));
        let users: Vec<&str> =
            subjects(binding, "User").into_iter().chain(subjects(binding, "Group")).collect();
        let both = pattern::both_phases(&at, &users);
        let has_both = both.is_some();
        found.extend(both);
        let wide = bound(&trust.policy, binding, &at);
        found.extend(wide.into_iter().filter(|wide| !(has_both && wide.rule == "phase-wildcard")));
    }
    found
}

/// The texts of the rules, each with what it is compared with.
fn rules(authenticator: &Value) -> Vec<(String, String)> {
    let stated = ["claimValidationRules", "userValidationRules"].into_iter();
    let rules = stated.flat_map(|name| authenticator[name].as_array()).flatten();
    rules
        .flat_map(|rule| match (rule["expression"].as_str(), rule["claim"].as_str()) {
            (Some(source), _) => literals(source),
            (None, Some(claim)) => {
                vec![(claim.to_owned(), rule["requiredValue"].as_str().unwrap_or_default().to_owned())]
            }
            (None, None) => Vec::new(),
        })
        .collect()
}

fn base(authenticator: &Value) -> Map<String, Value> {
    let issuer = &authenticator["issuer"];
    let audience = texts(issuer.get("audiences")).first().map(|audience| json!(audience));
    let all = [("iss", issuer.get("url").cloned()), ("aud", audience)];
    all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// Who is a user of the cluster at all: one organization, whose workspaces are told apart by bindings.
fn validated(authenticator: &Value, probes: &Probes, at: &str) -> Option<Wide> {
    let wide =
        probes.widest(at, Until::Organization, &|claims: &Claims| is_admitted(authenticator, claims))?;
    if wide.rule != "organization-not-pinned" {
        return Some(wide);
    }
    Some(
        Wide::new("claims-not-validated", Severity::Medium, at)
            .says(format!("no rule holds back other organizations: {}", wide.says))
            .because("every workspace of every organization of the issuer is a user of the cluster, in system:authenticated")
            .narrower(r#"{"claim": "terraform_organization_id", "requiredValue": "org-…"}"#),
    )
}

fn prefixes(authenticator: &Value, at: &str) -> Vec<Wide> {
    let is_empty = |name: &str| {
        let mapping = &authenticator["claimMappings"][name];
        mapping["claim"].is_string() && mapping["prefix"].as_str().unwrap_or_default().is_empty()
    };
    let wide = |name: &str, what: &str, prefix: &str| {
        Wide::new("prefix-empty", Severity::Medium, format!("{at}.{name}.prefix"))
            .says(format!("{what} have no prefix"))
            .because(
                "a claim could be the name of another user or group, such as one that begins with system:",
            )
            .narrower(format!(r#""prefix": "{prefix}""#))
    };
    let username = is_empty("username").then(|| wide("username", "users", "carnet:"));
    username.into_iter().chain(is_empty("groups").then(|| wide("groups", "groups", "carnet:"))).collect()
}

/// Names that the cluster itself gives, made by an expression: always, or out of a name that somebody chose.
fn reserved(authenticator: &Value, at: &str) -> Vec<Wide> {
    let mappings = &authenticator["claimMappings"];
    let mut hostile = base(authenticator);
    for name in [
        "sub",
        "terraform_organization_id",
        "terraform_organization_name",
        "terraform_project_id",
        "terraform_project_name",
        "terraform_workspace_id",
        "terraform_workspace_name",
        "terraform_full_workspace",
        "terraform_run_phase",
    ] {
        hostile.insert(name.to_owned(), json!("system:masters"));
    }
    let Some(user) = user(authenticator, &Claims::new(hostile)) else { return Vec::new() };
    let is_reserved = |name: &str| name.starts_with("system:");
    let is_expression = |name: &str| mappings[name]["expression"].is_string();
    let mut found = Vec::new();
    if is_expression("username") && is_reserved(&user.name) {
        found.push(
            Wide::new("prefix-empty", Severity::Medium, format!("{at}.username.expression"))
                .says("a claim alone can be the whole name of the user")
                .because("a claim could be the name of another user, such as one that begins with system:")
                .narrower(r#""expression": "'carnet:' + claims.sub""#),
        );
    }
    let constant = mappings["groups"]["expression"].as_str().unwrap_or_default().contains("system:");
    if is_expression("groups") && user.groups.iter().any(|group| is_reserved(group)) {
        let says = if constant {
            "a group of the cluster itself is given"
        } else {
            "a claim alone can be the whole name of a group"
        };
        found.push(
            Wide::new("group-reserved", Severity::High, format!("{at}.groups.expression"))
                .says(format!("{says}: {}", user.groups.join(", ")))
                .because(
                    "groups that begin with system: have rights of their own; system:masters has all of them",
                )
                .narrower(r#""expression": "['carnet:' + claims.terraform_organization_name]""#),
        );
    }
    found
}

/// Workspaces that the cluster takes for one user.
fn shared(authenticator: &Value, probes: &Probes, at: &str) -> Option<Wide> {
    let admitted = probes.admitted(&|claims: &Claims| is_admitted(authenticator, claims));
    let named: Vec<_> = admitted
        .iter()
        .filter_map(|one| user(authenticator, &one.claims).map(|user| (user.name, one)))
        .collect();
    let pairs = named
        .iter()
        .enumerate()
        .flat_map(|(index, one)| named[index + 1..].iter().map(move |other| (one, other)));
    let (one, other) = pairs.into_iter().find(|(one, other)| one.0 == other.0)?;
    Some(
        Wide::new("user-claim-shared", Severity::Medium, at)
            .says(format!(
                "{:?} is the user for {:?} and for {:?}",
                one.0,
                one.1.claims.subject(),
                other.1.claims.subject()
            ))
            .because("a binding that names this user is for all of them")
            .narrower(r#""username": {"claim": "sub", "prefix": "carnet:"}"#),
    )
}

fn subjects<'a>(binding: &'a Value, kind: &str) -> Vec<&'a str> {
    let all = binding["subjects"].as_array().into_iter().flatten();
    all.filter(|one| one["kind"] == kind).filter_map(|one| one["name"].as_str()).collect()
}

/// Whom a binding is for beside one phase of one workspace: its users and groups are tried with the identities that get those names.
fn bound(policy: &Value, binding: &Value, at: &str) -> Vec<Wide> {
    let mut found = Vec::new();
    for authenticator in policy["jwt"].as_array().into_iter().flatten() {
        for (kind, name) in ["User", "Group"]
            .into_iter()
            .flat_map(|kind| subjects(binding, kind).into_iter().map(move |name| (kind, name)))
        {
            let mut texts = rules(authenticator);
            // In front of the subject stands what the cluster puts there.
            let names = name.find("organization:").map_or("", |start| &name[start..]);
            texts.insert(0, ("sub".to_owned(), names.to_owned()));
            let probes = Probes::new(&texts, base(authenticator));
            let admits = |claims: &Claims| {
                is_admitted(authenticator, claims)
                    && user(authenticator, claims).is_some_and(|user| match kind {
                        "User" => user.name == name,
                        _ => user.groups.iter().any(|group| group == name),
                    })
            };
            // A name that no identity of this issuer gets is somebody else's.
            found.extend(probes.widest(at, Until::Phase, &admits).filter(|wide| wide.rule != "not-judged"));
        }
    }
    found
}

fn everybody(binding: &Value, at: &str) -> Option<Wide> {
    let group = subjects(binding, "Group")
        .into_iter()
        .find(|name| matches!(*name, "system:authenticated" | "system:unauthenticated"))?;
    Some(
        Wide::new("bound-to-everybody", Severity::High, at)
            .says(format!("the binding is for {group}"))
            .because("every token that the API server accepts, of any issuer, gets the role")
            .narrower("one subject of kind User for each phase"),
    )
}
