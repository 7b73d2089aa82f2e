//! Outputs of state versions. Lists leave sensitive values out; one output alone has its value.

use carnet_api::jsonapi::Resource;
use carnet_model::{Permission, StateOutput, StateVersionId, StateVersionOutputId, WorkspaceId};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::state_versions::find;
use crate::error::ApiError;
use crate::extract::{Id, Params, Read};
use crate::reply::{Reply, list, ok, whole_list};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    let read = Access::Allowed(Permission::ReadStateOutputs);
    Routes::default()
        .get("/api/v2/workspaces/{workspace}/current-state-version-outputs", read, index_current)
        .get("/api/v2/state-versions/{state_version}/outputs", read, index)
        .get("/api/v2/state-version-outputs/{output}", read, show)
}

async fn index_current(Read(mut cx): Read, Id(workspace): Id<WorkspaceId>) -> Reply {
    cx.workspace(&workspace, Permission::ReadStateOutputs).await?;
    let version = cx.tx.current_state_version(&workspace).await?.ok_or(ApiError::NotFound)?;
    let outputs = cx.tx.state_outputs(&version.id).await?;
    let path = format!("/api/v2/workspaces/{workspace}/current-state-version-outputs");
    whole_list(&path, outputs.iter().map(|output| resource(output, Sensitive::Hidden)).collect())
}

async fn index(Read(mut cx): Read, Id(id): Id<StateVersionId>, params: Params) -> Reply {
    find(&mut cx, &id, Permission::ReadStateOutputs).await?;
    let page = params.page()?;
    let outputs = cx.tx.some_state_outputs(&id, page.size, page.offset()).await?;
    let total = cx.tx.state_output_count(&id).await?;
    let data = outputs.iter().map(|output| resource(output, Sensitive::Hidden)).collect();
    list(&format!("/api/v2/state-versions/{id}/outputs"), data, Vec::new(), page.of(total))
}

async fn show(Read(mut cx): Read, Id(id): Id<StateVersionOutputId>) -> Reply {
    let output = cx.tx.state_output(&id).await?.ok_or(ApiError::NotFound)?;
    find(&mut cx, &output.state_version_id, Permission::ReadStateOutputs).await?;
    ok(resource(&output, Sensitive::Shown))
}

/// Whether sensitive values are part of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sensitive {
    /// They are null.
    Hidden,
    /// They are there.
    Shown,
}

/// An output as clients read it.
pub(crate) fn resource(output: &StateOutput, sensitive: Sensitive) -> Resource {
    let is_hidden = output.sensitive && sensitive == Sensitive::Hidden;
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
    let attributes = json!({
        "name": output.name,
        "sensitive": output.sensitive,
        "type": output.value_type,
        "detailed-type": parsed(&output.detailed_type),
        "value": if is_hidden { Value::Null } else { parsed(output.value.expose_secret()) },
    });
    Resource::new("state-version-outputs", &output.id, attributes)
        .link("self", format!("/api/v2/state-version-outputs/{}", output.id))
}
