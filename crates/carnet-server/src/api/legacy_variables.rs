//! Variables of workspaces by the older paths, which name no workspace; some clients know only these.

use carnet_model::{
    OrgName, Permission, Variable, VariableId, VariableOwner, Workspace, WorkspaceId, WorkspaceName,
};

use super::variable_document::resource;
use super::variable_input::{self, Input};
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read, Write};
use crate::reply::{Reply, created, no_content, ok, whole_list};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    let read = Access::Allowed(Permission::ReadVariables);
    let write = Access::Allowed(Permission::WriteVariables);
    let one = "/api/v2/vars/{variable}";
    Routes::default()
        .get("/api/v2/vars", read, index)
        .post("/api/v2/vars", write, create)
        .get(one, read, show)
        .patch(one, write, update)
        .delete(one, write, delete)
}

async fn index(Read(mut cx): Read, params: Params) -> Reply {
    let workspace = filtered_workspace(&mut cx, &params).await?;
    let variables = cx.tx.variables(&VariableOwner::Workspace(workspace.id)).await?;
    whole_list("/api/v2/vars", variables.iter().map(resource).collect())
}

/// The workspace that both filters name; without them the list would be that of everything.
async fn filtered_workspace(cx: &mut Context, params: &Params) -> Result<Workspace, ApiError> {
    let filter = |name: &str| {
        let parameter = format!("filter[{name}][name]");
        let missing = || ApiError::BadRequest(format!("{parameter} is required"));
        params.get(&parameter).map(str::to_owned).ok_or_else(missing)
    };
    let organization = filter("organization")?.parse::<OrgName>().map_err(|_| ApiError::NotFound)?;
    let name = filter("workspace")?.parse::<WorkspaceName>().map_err(|_| ApiError::NotFound)?;
    let organization = cx.tx.organization(&organization).await?.ok_or(ApiError::NotFound)?;
    let found = cx.tx.workspace_by_name(&organization.id, &name).await?.ok_or(ApiError::NotFound)?;
    cx.workspace(&found.id, Permission::ReadVariables).await
}

async fn create(Write(mut cx): Write, doc: Doc<Input>) -> Reply {
    let named = match doc.to_one("workspace")? {
        Some(named) => named,
        None => doc.to_one("configurable")?.flatten(),
    };
    let named =
        named.ok_or_else(|| ApiError::invalid("/data/relationships/workspace", "a workspace is required"))?;
    let id: WorkspaceId = named.id.parse()?;
    cx.workspace(&id, Permission::WriteVariables).await?;
    let variable = variable_input::create(&mut cx, VariableOwner::Workspace(id), doc.attributes).await?;
    cx.tx.commit().await?;
    created(resource(&variable))
}

async fn show(Read(mut cx): Read, Id(id): Id<VariableId>) -> Reply {
    ok(resource(&visible(&mut cx, &id, Permission::ReadVariables).await?))
}

async fn update(Write(mut cx): Write, Id(id): Id<VariableId>, doc: Doc<Input>) -> Reply {
    let mut variable = visible(&mut cx, &id, Permission::WriteVariables).await?;
    variable_input::update(&mut cx, &mut variable, doc.attributes).await?;
    cx.tx.commit().await?;
    ok(resource(&variable))
}

async fn delete(Write(mut cx): Write, Id(id): Id<VariableId>) -> Reply {
    let variable = visible(&mut cx, &id, Permission::WriteVariables).await?;
    variable_input::delete(&mut cx, &variable).await?;
    cx.tx.commit().await?;
    no_content()
}

/// The variable of a workspace; those of variable sets have paths of their own.
async fn visible(cx: &mut Context, id: &VariableId, permission: Permission) -> Result<Variable, ApiError> {
    let variable = cx.tx.variable(id).await?.ok_or(ApiError::NotFound)?;
    let VariableOwner::Workspace(workspace) = &variable.owner else {
        return Err(ApiError::NotFound);
    };
    cx.workspace(workspace, permission).await?;
    Ok(variable)
}

#[cfg(test)]
mod tests;
