//! Variables of workspaces, and all that take effect in one.

use std::collections::BTreeMap;

use carnet_api::jsonapi::Resource;
use carnet_model::{
    EffectiveVariable, Permission, Variable, VariableId, VariableOwner, WorkspaceId, merge_variables,
};
use serde_json::json;

use super::variable_document::resource;
use super::variable_input::{self, Input};
use crate::document::Doc;
use crate::effective_variables::{candidate, stored_variables};
use crate::error::ApiError;
use crate::extract::{Context, Id, Ids, Read, Write};
use crate::reply::{Reply, created, no_content, ok, whole_list};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    let read = Access::Allowed(Permission::ReadVariables);
    let write = Access::Allowed(Permission::WriteVariables);
    let one = "/api/v2/workspaces/{workspace}/vars/{variable}";
    Routes::default()
        .get("/api/v2/workspaces/{workspace}/vars", read, index)
        .post("/api/v2/workspaces/{workspace}/vars", write, create)
        .get(one, read, show)
        .patch(one, write, update)
        .delete(one, write, delete)
        .get("/api/v2/workspaces/{workspace}/all-vars", read, effective)
}

async fn index(Read(mut cx): Read, Id(id): Id<WorkspaceId>) -> Reply {
    cx.workspace(&id, Permission::ReadVariables).await?;
    let path = format!("/api/v2/workspaces/{id}/vars");
    let variables = cx.tx.variables(&VariableOwner::Workspace(id)).await?;
    whole_list(&path, variables.iter().map(resource).collect())
}

async fn create(Write(mut cx): Write, Id(id): Id<WorkspaceId>, doc: Doc<Input>) -> Reply {
    cx.workspace(&id, Permission::WriteVariables).await?;
    let variable = variable_input::create(&mut cx, VariableOwner::Workspace(id), doc.attributes).await?;
    cx.tx.commit().await?;
    created(resource(&variable))
}

async fn show(Read(mut cx): Read, Ids(id, variable): Ids<WorkspaceId, VariableId>) -> Reply {
    ok(resource(&visible(&mut cx, id, &variable, Permission::ReadVariables).await?))
}

async fn update(
    Write(mut cx): Write,
    Ids(id, variable): Ids<WorkspaceId, VariableId>,
    doc: Doc<Input>,
) -> Reply {
    let mut variable = visible(&mut cx, id, &variable, Permission::WriteVariables).await?;
    variable_input::update(&mut cx, &mut variable, doc.attributes).await?;
    cx.tx.commit().await?;
    ok(resource(&variable))
}

async fn delete(Write(mut cx): Write, Ids(id, variable): Ids<WorkspaceId, VariableId>) -> Reply {
    let variable = visible(&mut cx, id, &variable, Permission::WriteVariables).await?;
    variable_input::delete(&mut cx, &variable).await?;
    cx.tx.commit().await?;
    no_content()
}

async fn visible(
    cx: &mut Context,
    id: WorkspaceId,
    variable: &VariableId,
    permission: Permission,
) -> Result<Variable, ApiError> {
    cx.workspace(&id, permission).await?;
    let variable = cx.tx.variable(variable).await?.ok_or(ApiError::NotFound)?;
    if variable.owner != VariableOwner::Workspace(id) {
        return Err(ApiError::NotFound);
    }
    Ok(variable)
}

async fn effective(Read(mut cx): Read, Id(id): Id<WorkspaceId>) -> Reply {
    let workspace = cx.workspace(&id, Permission::ReadVariables).await?;
    let stored = stored_variables(&mut cx.tx, &workspace).await?;
    let effective = merge_variables(stored.iter().map(candidate));
    let by_id: BTreeMap<&VariableId, &Variable> =
        stored.iter().map(|(_, variable)| (&variable.id, variable)).collect();
    let found = effective.iter().filter_map(|one| Some((one, *by_id.get(one.variable.id.as_ref()?)?)));
    let data = found.map(|(one, variable)| effective_resource(one, variable)).collect();
    whole_list(&format!("/api/v2/workspaces/{id}/all-vars"), data)
}

/// The variable, where it was set and what it overwrites.
fn effective_resource(effective: &EffectiveVariable, variable: &Variable) -> Resource {
    let mut resource = resource(variable);
    let overwritten: Vec<String> =
        effective.overwritten.iter().map(|other| other.source.to_string()).collect();
    resource.attributes["origin"] = json!(effective.variable.source.to_string());
    resource.attributes["overwrites"] = json!(overwritten);
    resource
}
