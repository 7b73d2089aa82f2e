//! Where variable sets are assigned to.

use carnet_api::jsonapi::Identifier;
use carnet_model::{Permission, ProjectId, VariableSet, VariableSetId, WorkspaceId};
use serde_json::json;

use super::credential_variables::guard_set;
use super::variable_set_access::{Wish, visible};
use crate::document::References;
use crate::error::ApiError;
use crate::extract::{Context, Id, Write};
use crate::ledger::record_change;
use crate::reply::{Reply, no_content};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    let administer = Access::Allowed(Permission::ManageVariableSets);
    let workspaces = "/api/v2/varsets/{variable_set}/relationships/workspaces";
    let projects = "/api/v2/varsets/{variable_set}/relationships/projects";
    let stacks = "/api/v2/varsets/{variable_set}/relationships/stacks";
    Routes::default()
        .post(workspaces, administer, add_workspaces)
        .delete(workspaces, administer, remove_workspaces)
        .post(projects, administer, add_projects)
        .delete(projects, administer, remove_projects)
        .post(stacks, administer, pass_over_stacks)
        .delete(stacks, administer, pass_over_stacks)
}

/// What a variable set is assigned to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// Workspaces, one by one.
    Workspace,
    /// All workspaces of projects.
    Project,
}

async fn add_workspaces(Write(cx): Write, Id(id): Id<VariableSetId>, References(given): References) -> Reply {
    added(cx, &id, Place::Workspace, &given).await
}

async fn add_projects(Write(cx): Write, Id(id): Id<VariableSetId>, References(given): References) -> Reply {
    added(cx, &id, Place::Project, &given).await
}

async fn remove_workspaces(
    Write(cx): Write,
    Id(id): Id<VariableSetId>,
    References(given): References,
) -> Reply {
    removed(cx, &id, Place::Workspace, &given).await
}

async fn remove_projects(
    Write(cx): Write,
    Id(id): Id<VariableSetId>,
    References(given): References,
) -> Reply {
    removed(cx, &id, Place::Project, &given).await
}

/// There are no stacks: clients that assign sets to everything find nothing to do.
async fn pass_over_stacks(Write(mut cx): Write, Id(id): Id<VariableSetId>, _: References) -> Reply {
    visible(&mut cx, &id, Wish::Manage).await?;
    no_content()
}

async fn added(mut cx: Context, id: &VariableSetId, place: Place, given: &[Identifier]) -> Reply {
    let set = assignable(&mut cx, id).await?;
    assign(&mut cx, &set, place, given).await?;
    record_change(&mut cx.tx, None, Some(&told(&set, place, given)));
    changed(cx, set).await
}

async fn removed(mut cx: Context, id: &VariableSetId, place: Place, given: &[Identifier]) -> Reply {
    let set = assignable(&mut cx, id).await?;
    for reference in given {
        match place {
            Place::Workspace => cx.tx.unassign_from_workspace(id, &parsed(reference)?).await?,
            Place::Project => cx.tx.unassign_from_project(id, &parsed(reference)?).await?,
        }
    }
    record_change(&mut cx.tx, Some(&told(&set, place, given)), None);
    changed(cx, set).await
}

/// Where the set was assigned to, or is no more, as the ledger tells it.
fn told(set: &VariableSet, place: Place, given: &[Identifier]) -> String {
    let ids: Vec<&str> = given.iter().map(|reference| reference.id.as_str()).collect();
    let place = match place {
        Place::Workspace => "workspaces",
        Place::Project => "projects",
    };
    json!({ "name": set.name.as_str(), place: ids }).to_string()
}

async fn assignable(cx: &mut Context, id: &VariableSetId) -> Result<VariableSet, ApiError> {
    let set = visible(cx, id, Wish::Manage).await?;
    guard_set(cx, &set).await?;
    if set.is_global {
        let detail = "The variable set is global: it applies to every workspace and is assigned to none";
        return Err(ApiError::invalid("/data", detail));
    }
    Ok(set)
}

async fn changed(mut cx: Context, mut set: VariableSet) -> Reply {
    set.updated_at = cx.now;
    cx.tx.update_variable_set(&set).await?;
    cx.tx.commit().await?;
    no_content()
}

/// Assigns a set to workspaces or projects of its organization; one that a project owns stays inside of it.
pub(super) async fn assign(
    cx: &mut Context,
    set: &VariableSet,
    place: Place,
    given: &[Identifier],
) -> Result<(), ApiError> {
    for reference in given {
        match place {
            Place::Workspace => assign_to_workspace(cx, set, reference).await?,
            Place::Project => assign_to_project(cx, set, reference).await?,
        }
    }
    Ok(())
}

async fn assign_to_workspace(
    cx: &mut Context,
    set: &VariableSet,
    reference: &Identifier,
) -> Result<(), ApiError> {
    let id: WorkspaceId = parsed(reference)?;
    let workspace = cx.tx.workspace(&id).await?.ok_or_else(|| unknown(reference))?;
    if workspace.organization_id != set.organization_id {
        return Err(unknown(reference));
    }
    if set.parent_project_id.as_ref().is_some_and(|parent| *parent != workspace.project_id) {
        return Err(outside(reference));
    }
    Ok(cx.tx.assign_to_workspace(&set.id, &id).await?)
}

async fn assign_to_project(
    cx: &mut Context,
    set: &VariableSet,
    reference: &Identifier,
) -> Result<(), ApiError> {
    let id: ProjectId = parsed(reference)?;
    let project = cx.tx.project(&id).await?.ok_or_else(|| unknown(reference))?;
    if project.organization_id != set.organization_id {
        return Err(unknown(reference));
    }
    if set.parent_project_id.as_ref().is_some_and(|parent| *parent != id) {
        return Err(outside(reference));
    }
    Ok(cx.tx.assign_to_project(&set.id, &id).await?)
}

fn parsed<T: std::str::FromStr>(reference: &Identifier) -> Result<T, ApiError> {
    reference.id.parse().map_err(|_| unknown(reference))
}

fn unknown(reference: &Identifier) -> ApiError {
    ApiError::invalid("/data", format!("nothing in this organization has the id {:?}", reference.id))
}

fn outside(reference: &Identifier) -> ApiError {
    let id = &reference.id;
    ApiError::invalid("/data", format!("{id} is outside of the project that owns the variable set"))
}
