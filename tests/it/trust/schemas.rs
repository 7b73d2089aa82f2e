//! Every resource and attribute is one that the provider has, and none that it needs is missing.

use carnet_tests::{Tool, tool};
use carnet_trust::setup::{Block, Entry, FAMILIES, Phases, Scope, TrustRequest, Value as Attribute, blocks};
use serde_json::{Value, json};

use super::request;

/// Arguments that Terraform itself knows of every resource.
const META: [&str; 3] = ["for_each", "depends_on", "count"];

/// Requests that write every attribute there is.
fn requests() -> Vec<TrustRequest> {
    let mut requests = Vec::new();
    for family in FAMILIES {
        for scope in [Scope::Workspace, Scope::Project, Scope::Organization] {
            for phases in [Phases::Plan, Phases::Both] {
                for knows_issuer in [false, true] {
                    let audience = knows_issuer.then(|| "somebody".to_owned());
                    let plain = request(family, Value::Null);
                    requests.push(TrustRequest { scope, phases, knows_issuer, audience, ..plain });
                }
            }
        }
    }
    for (family, options) in [
        ("azure", json!({"application-per-phase": true})),
        ("gcp", json!({"direct": true})),
        ("gcp", json!({"service-account-plan": "a@b", "service-account-apply": "c@d"})),
        ("vault", json!({"namespace": "team", "policy-plan": ["p"], "policy-apply": ["p"]})),
    ] {
        let keys = Some("{\"keys\":[]}".to_owned());
        requests.push(TrustRequest { issuer_keys: keys, ..request(family, options) });
    }
    let ca = Some("-----BEGIN CERTIFICATE-----\n".to_owned());
    requests.push(TrustRequest { issuer_ca: ca, ..request("vault", Value::Null) });
    requests
}

#[tokio::test]
async fn providers_know_every_attribute_that_is_written() -> anyhow::Result<()> {
    let schemas = std::fs::read_to_string(tool(Tool::ProviderSchemas).await?)?;
    let schemas: Value = serde_json::from_str(&schemas)?;
    let (mut checked, mut problems) = (std::collections::BTreeSet::new(), Vec::new());
    for request in requests() {
        // Entra refuses what is wider than a workspace.
        let Ok(blocks) = blocks(&request) else { continue };
        for block in blocks {
            let Some(kind) = block.labels.first() else { continue };
            let is_resource = matches!(block.kind, "resource" | "data");
            // AWS is held against the provider itself; there are no bindings of Tencent Cloud.
            if !is_resource || kind.starts_with("aws_") || kind.starts_with("tencentcloud_") {
                continue;
            }
            let name = if block.kind == "data" { format!("data.{kind}") } else { kind.clone() };
            match schemas.get(&name) {
                Some(schema) => check(&name, &block, schema, &mut problems),
                None => problems.push(format!("{name} is not in WRITTEN_RESOURCES of tools/install.py")),
            }
            checked.insert(name);
        }
    }
    problems.dedup();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let known: Vec<&String> = schemas.as_object().into_iter().flatten().map(|(name, _)| name).collect();
    assert_eq!(checked.iter().collect::<Vec<_>>(), known, "each of them is written by some request");
    Ok(())
}

fn check(name: &str, block: &Block, schema: &Value, problems: &mut Vec<String>) {
    let mut written = Vec::new();
    for entry in &block.body {
        let found = match entry {
            Entry::Attribute(found, value) => {
                if let (Attribute::Map(members), inner @ Value::Object(_)) = (value, &schema["blocks"][found])
                {
                    let known = |member: &String| inner["attributes"].get(member).is_some();
                    let unknown = members.iter().filter(|(member, _)| !known(member));
                    problems.extend(unknown.map(|(member, _)| format!("{name}.{found} has no {member}")));
                }
                found
            }
            Entry::Block(nested) => {
                match schema["blocks"].get(nested.kind) {
                    Some(inner) => check(&format!("{name}.{}", nested.kind), nested, inner, problems),
                    None => problems.push(format!("{name} has no block {}", nested.kind)),
                }
                &nested.kind
            }
        };
        if schema["attributes"].get(found).is_none() && !META.contains(found) {
            problems.push(format!("{name} has no attribute {found}"));
        }
        written.push(*found);
    }
    for (attribute, is_needed) in schema["attributes"].as_object().into_iter().flatten() {
        if is_needed == &Value::Bool(true) && !written.contains(&attribute.as_str()) {
            problems.push(format!("{name} needs {attribute}"));
        }
    }
}
