//! The policies in what `carnet trust FAMILY --format json` prints, and in what the API answers.

use serde_json::{Value, json};

use crate::check::{Family, Trust};

/// The policies of a document that Carnet printed, each with what stands beside it and its name; none of any other document.
pub fn printed(document: &Value) -> Vec<(String, Family, Trust)> {
    let documents = match (&document["documents"], &document["variables"]) {
        (Value::Array(documents), Value::Array(_)) => documents,
        _ => return Vec::new(),
    };
    let bodies = || documents.iter().map(|one| &one["body"]);
    let beside = |family: Family| match family {
        Family::Gcp => {
            let bindings: Vec<&Value> = bodies().filter(|body| body["members"].is_array()).collect();
            (!bindings.is_empty()).then(|| json!({ "bindings": bindings }))
        }
        Family::Kubernetes => {
            let bindings: Vec<&Value> = bodies().filter(|body| !body["roleRef"].is_null()).collect();
            (!bindings.is_empty()).then(|| json!({ "items": bindings }))
        }
        Family::Aws => bodies().find(|body| !body["ClientIDList"].is_null()).cloned(),
        Family::Azure | Family::Vault => None,
    };
    let policies = documents.iter().filter_map(|one| {
        let (name, body) = (one["name"].as_str()?, one.get("body")?);
        let family = Family::of(body)?;
        let trust = Trust { policy: body.clone(), beside: beside(family), role: None };
        Some((name.to_owned(), family, trust))
    });
    policies.collect()
}
