//! The trust as one JSON object: documents, requests, variables.

use serde_json::{Map, Value, json};

use super::carnet_side::set_name;
use super::outline::TrustSetup;
use super::request::{Scope, TrustRequest};

/// The whole object.
pub(super) fn document(request: &TrustRequest, setup: &TrustSetup) -> Value {
    let requests: Vec<Value> = setup
        .requests
        .iter()
        .map(|one| {
            json!({ "method": "POST", "path": format!("/v1/{}", one.path), "body": one.body.to_json(),
                    "may-exist": one.may_exist })
        })
        .collect();
    let documents: Vec<Value> = setup
        .documents
        .iter()
        .map(|one| json!({ "name": one.name, "what": one.what, "body": one.body.to_json() }))
        .collect();
    let variables: Vec<Value> = setup
        .variables
        .iter()
        .map(|one| json!({ "key": one.key, "value": one.value.with_placeholders(), "category": "env" }))
        .collect();
    let placeholders: Map<String, Value> =
        setup.inputs.iter().map(|input| (input.name.to_uppercase(), input.what.clone().into())).collect();
    let place = match request.scope {
        Scope::Workspace => json!({ "workspace": request.workspace.as_ref().map(ToString::to_string) }),
        Scope::Project => json!({ "variable-set": set_name(request), "project": request.project.as_str() }),
        Scope::Organization => json!({ "variable-set": set_name(request), "global": true }),
    };
    json!({
        "title": setup.title,
        "notes": setup.notes,
        "placeholders": placeholders,
        "requests": requests,
        "documents": documents,
        "variables": variables,
        "variables-of": place,
    })
}
