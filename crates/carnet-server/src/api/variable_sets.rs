//! Variable sets. Who may see and change them stands in `variable_set_access.rs`.

use carnet_model::{OrgName, Permission, ProjectId, VariableSet, VariableSetId, WorkspaceId};

use super::credential_variables::guard_set;
use super::variable_set_access::{Wish, readable, visible};
use super::variable_set_document::{decided, included, resources, shown};
use super::variable_set_input::{self, Input};
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read, Write};
use crate::ledger::record_change;
use crate::reply::{Reply, created, list, no_content, ok_with, page_of};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    let read = Access::Allowed(Permission::ReadOrganization);
    let administer = Access::Allowed(Permission::ManageVariableSets);
    let of_workspace = Access::Allowed(Permission::ReadVariables);
    let all = "/api/v2/organizations/{organization}/varsets";
    let one = "/api/v2/varsets/{variable_set}";
    Routes::default()
        .get(all, read, index)
        .post(all, administer, create)
        .get(one, read, show)
        .patch(one, administer, update)
        .put(one, administer, update)
        .delete(one, administer, delete)
        .get("/api/v2/workspaces/{workspace}/varsets", of_workspace, index_of_workspace)
        .get("/api/v2/workspaces/{workspace}/applicable-varsets", of_workspace, index_applicable)
        .get(
            "/api/v2/projects/{project}/varsets",
            Access::Allowed(Permission::ReadProjectVariableSets),
            index_of_project,
        )
}

async fn index(Read(mut cx): Read, Id(name): Id<OrgName>, params: Params) -> Reply {
    let organization = cx.organization(&name, Permission::ReadOrganization).await?;
    let sets = cx.tx.variable_sets(&organization.id).await?;
    let sets = readable(&mut cx, sets).await?;
    listed(&mut cx, &format!("/api/v2/organizations/{name}/varsets"), sets, &params).await
}

async fn index_of_workspace(Read(cx): Read, Id(id): Id<WorkspaceId>, params: Params) -> Reply {
    of_workspace(cx, &id, "varsets", &params).await
}

async fn index_applicable(Read(cx): Read, Id(id): Id<WorkspaceId>, params: Params) -> Reply {
    of_workspace(cx, &id, "applicable-varsets", &params).await
}

async fn of_workspace(mut cx: Context, id: &WorkspaceId, list: &str, params: &Params) -> Reply {
    let workspace = cx.workspace(id, Permission::ReadVariables).await?;
    let applied = cx.tx.applied_variable_sets(&workspace).await?;
    let sets = applied.into_iter().map(|applied| applied.set).collect();
    listed(&mut cx, &format!("/api/v2/workspaces/{id}/{list}"), sets, params).await
}

async fn index_of_project(Read(mut cx): Read, Id(id): Id<ProjectId>, params: Params) -> Reply {
    let project = cx.project(&id, Permission::ReadProjectVariableSets).await?;
    let sets = cx.tx.variable_sets_of_project(&project.organization_id, &id).await?;
    listed(&mut cx, &format!("/api/v2/projects/{id}/varsets"), sets, &params).await
}

async fn listed(cx: &mut Context, path: &str, mut sets: Vec<VariableSet>, params: &Params) -> Reply {
    if let Some(part) = params.get("q") {
        let part = part.to_lowercase();
        sets.retain(|set| set.name.as_str().to_lowercase().contains(&part));
    }
    if let Some(wanted) = params.get("filter[global]") {
        let wanted: bool = wanted
            .parse()
            .map_err(|_| ApiError::BadRequest("filter[global] must be true or false".to_owned()))?;
        sets.retain(|set| set.is_global == wanted);
    }
    let (sets, pagination) = page_of(sets, params.page()?);
    let data = resources(cx, &sets).await?;
    let included = included(cx, &data, params).await?;
    list(path, data, included, pagination)
}

async fn create(Write(mut cx): Write, Id(name): Id<OrgName>, doc: Doc<Input>) -> Reply {
    let organization = cx.organization(&name, Permission::ReadOrganization).await?;
    let set = variable_set_input::create(&mut cx, &organization, &doc).await?;
    let (data, _) = shown(&mut cx, &set, &Params::default()).await?;
    let made = decided(&mut cx, &set).await?;
    record_change(&mut cx.tx, None, Some(&made));
    cx.tx.commit().await?;
    created(data)
}

async fn show(Read(mut cx): Read, Id(id): Id<VariableSetId>, params: Params) -> Reply {
    let set = visible(&mut cx, &id, Wish::Read).await?;
    let (data, included) = shown(&mut cx, &set, &params).await?;
    ok_with(data, included)
}

async fn update(Write(mut cx): Write, Id(id): Id<VariableSetId>, params: Params, doc: Doc<Input>) -> Reply {
    let mut set = visible(&mut cx, &id, Wish::Manage).await?;
    let before = decided(&mut cx, &set).await?;
    variable_set_input::update(&mut cx, &mut set, &doc).await?;
    let after = decided(&mut cx, &set).await?;
    record_change(&mut cx.tx, Some(&before), Some(&after));
    let (data, included) = shown(&mut cx, &set, &params).await?;
    cx.tx.commit().await?;
    ok_with(data, included)
}

async fn delete(Write(mut cx): Write, Id(id): Id<VariableSetId>) -> Reply {
    let set = visible(&mut cx, &id, Wish::Manage).await?;
    guard_set(&mut cx, &set).await?;
    let before = decided(&mut cx, &set).await?;
    record_change(&mut cx.tx, Some(&before), None);
    cx.tx.delete_variable_set(&id).await?;
    cx.tx.commit().await?;
    no_content()
}
