//! A variable as clients read it. A sensitive value is never answered.

use carnet_api::jsonapi::Resource;
use carnet_model::{Variable, VariableOwner};
use secrecy::ExposeSecret;
use serde_json::json;

/// A variable of a workspace or of a variable set as clients read it.
pub(super) fn resource(variable: &Variable) -> Resource {
    let input = &variable.input;
    let attributes = json!({
        "key": input.key.as_str(),
        "value": (!input.sensitive).then(|| input.value.0.expose_secret()),
        "description": input.description,
        "category": input.category.as_str(),
        "hcl": input.hcl,
        "sensitive": input.sensitive,
        "version-id": format!("{}-{}", variable.id.suffix(), variable.version),
        "created-at": variable.created_at,
    });
    let resource = Resource::new("vars", &variable.id, attributes);
    match &variable.owner {
        VariableOwner::Workspace(id) => resource
            .to_one("configurable", "workspaces", Some(id))
            .link("self", format!("/api/v2/workspaces/{id}/vars/{}", variable.id)),
        // Clients read the relation "configurable" as a workspace, so it is not there.
        VariableOwner::Set(id) => resource
            .to_one("varset", "varsets", Some(id))
            .link("self", format!("/api/v2/varsets/{id}/relationships/vars/{}", variable.id)),
    }
}
