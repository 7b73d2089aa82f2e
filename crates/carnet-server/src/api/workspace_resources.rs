//! The objects in the current state of a workspace. Their attributes, which may be secret, are not read.

use aws_lc_rs::digest;
use carnet_api::jsonapi::Resource;
use carnet_model::{Permission, StateVersion, WorkspaceId};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::extract::{Context, Id, Params, Read};
use crate::reply::{Reply, list, page_of};
use crate::route::{Access, Routes};
use crate::state::raw_bytes;
use crate::upload::blocking;

pub(crate) fn routes() -> Routes {
    let read = Access::Allowed(Permission::ReadState);
    Routes::default().get("/api/v2/workspaces/{workspace}/resources", read, index)
}

async fn index(Read(mut cx): Read, Id(id): Id<WorkspaceId>, params: Params) -> Reply {
    cx.workspace(&id, Permission::ReadState).await?;
    let page = params.page()?;
    let version = cx.tx.current_state_version(&id).await?;
    // Reading a state may take long: the transaction must not last as long.
    let Context { app, tx, .. } = cx;
    drop(tx);
    let objects = match &version {
        Some(version) => {
            let bytes = raw_bytes(&app, &version.id).await?;
            blocking(move || objects(&bytes)).await?
        }
        None => Vec::new(),
    };
    let (objects, pagination) = page_of(objects, page);
    let data = version
        .map_or_else(Vec::new, |version| objects.iter().map(|object| resource(&version, object)).collect());
    list(&format!("/api/v2/workspaces/{id}/resources"), data, Vec::new(), pagination)
}

#[derive(Deserialize)]
struct State {
    #[serde(default)]
    resources: Vec<Block>,
}

#[derive(Deserialize)]
struct Block {
    module: Option<String>,
    mode: String,
    #[serde(rename = "type")]
    kind: String,
    name: String,
    #[serde(default)]
    provider: String,
    #[serde(default)]
    instances: Vec<Instance>,
}

#[derive(Deserialize)]
struct Instance {
    index_key: Option<Value>,
}

struct Object {
    address: String,
    name: String,
    kind: String,
    module: String,
    provider: String,
    index: Option<Value>,
}

/// The managed objects of a state, in its order; a state that is encrypted or of an old format shows none.
fn objects(bytes: &[u8]) -> Vec<Object> {
    let blocks = serde_json::from_slice::<State>(bytes).map(|state| state.resources).unwrap_or_default();
    let mut objects = Vec::new();
    for block in blocks.into_iter().filter(|block| block.mode == "managed") {
        let module = block.module.unwrap_or_default();
        let prefix = if module.is_empty() { String::new() } else { format!("{module}.") };
        for instance in block.instances {
            let index = instance.index_key.as_ref().map(|key| format!("[{key}]")).unwrap_or_default();
            objects.push(Object {
                address: format!("{prefix}{}.{}{index}", block.kind, block.name),
                name: block.name.clone(),
                kind: block.kind.clone(),
                module: if module.is_empty() { "root".to_owned() } else { module.clone() },
                provider: provider_source(&block.provider),
                index: instance.index_key,
            });
        }
    }
    objects
}

/// `provider["registry.terraform.io/hashicorp/aws"].eu` is the provider `hashicorp/aws`; that of another registry keeps its
/// host.
fn provider_source(address: &str) -> String {
    let source = address.split('"').nth(1).unwrap_or(address);
    let known = ["registry.terraform.io/", "registry.opentofu.org/"];
    known.iter().find_map(|host| source.strip_prefix(host)).unwrap_or(source).to_owned()
}

/// The time of the state stands for both times of an object: a state does not tell when which object changed.
fn resource(version: &StateVersion, object: &Object) -> Resource {
    let date = version.created_at.strftime("%Y-%m-%d").to_string();
    let attributes = json!({
        "address": object.address,
        "name": object.name,
        "created-at": date,
        "updated-at": date,
        "module": object.module,
        "provider": object.provider,
        "provider-type": object.kind,
        "modified-by-state-version-id": version.id.as_str(),
        "name-index": object.index.as_ref().map(|key| match key {
            Value::String(text) => text.clone(),
            number => number.to_string(),
        }),
    });
    Resource::new("resources", id(version, &object.address), attributes)
}

/// An id that an object keeps as long as it keeps its address.
fn id(version: &StateVersion, address: &str) -> String {
    let hash = digest::digest(&digest::SHA256, format!("{} {address}", version.workspace_id).as_bytes());
    let hex: String = hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("wr-{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_have_the_addresses_that_terraform_shows() {
        let state = json!({ "version": 4, "resources": [
            { "mode": "managed", "type": "a", "name": "one", "provider": "provider[\"registry.terraform.io/hashicorp/aws\"]",
              "instances": [{ "attributes": { "password": "s3cret" } }] },
            { "module": "module.net[0]", "mode": "managed", "type": "b", "name": "many", "provider": "provider[\"x.example/y/z\"].eu",
              "instances": [{ "index_key": 0 }, { "index_key": "eu" }] },
            { "mode": "data", "type": "c", "name": "read", "instances": [{}] },
        ] });
        let found = objects(&serde_json::to_vec(&state).expect("JSON"));
        let addresses: Vec<&str> = found.iter().map(|object| object.address.as_str()).collect();
        assert_eq!(addresses, ["a.one", "module.net[0].b.many[0]", "module.net[0].b.many[\"eu\"]"]);
        assert_eq!((found[0].provider.as_str(), found[0].module.as_str()), ("hashicorp/aws", "root"));
        assert_eq!(found[1].provider, "x.example/y/z");
        assert!(objects(b"not a state").is_empty());
    }
}
