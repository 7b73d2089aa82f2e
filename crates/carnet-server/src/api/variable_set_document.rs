//! A variable set as clients read it.

use std::collections::BTreeSet;

use carnet_api::jsonapi::{Identifier, Resource};
use carnet_model::{Permission, ProjectId, VariableId, VariableSet, WorkspaceId};
use carnet_store::VariableSetContents;
use serde::Deserialize;
use serde_json::json;

use super::variable_set_access::may_manage;
use super::{projects, variable_document, workspace_document};
use crate::error::ApiError;
use crate::extract::{Context, Params};

/// A variable set, and the related resources that `include` asks for.
pub(super) async fn shown(
    cx: &mut Context,
    set: &VariableSet,
    params: &Params,
) -> Result<(Resource, Vec<Resource>), ApiError> {
    let can_update = may_manage(cx, set).await?;
    let contents = cx.tx.variable_set_contents(&set.id).await?;
    let data = resource(set, &contents, can_update);
    let included = included(cx, std::slice::from_ref(&data), params).await?;
    Ok((data, included))
}

/// Variable sets of one organization.
pub(super) async fn resources(cx: &mut Context, sets: &[VariableSet]) -> Result<Vec<Resource>, ApiError> {
    let mut found = Vec::new();
    for set in sets {
        let can_update = may_manage(cx, set).await?;
        let contents = cx.tx.variable_set_contents(&set.id).await?;
        found.push(resource(set, &contents, can_update));
    }
    Ok(found)
}

fn resource(set: &VariableSet, contents: &VariableSetContents, can_update: bool) -> Resource {
    let attributes = json!({
        "name": set.name.as_str(),
        "description": set.description,
        "global": set.is_global,
        "priority": set.has_priority,
        "created-at": set.created_at,
        "updated-at": set.updated_at,
        "var-count": contents.variables.len(),
        "workspace-count": contents.workspaces.len(),
        "project-count": contents.projects.len(),
        "permissions": { "can-update": can_update },
    });
    let resource = Resource::new("varsets", &set.id, attributes)
        .to_one("organization", "organizations", Some(&set.organization_name))
        .to_many("workspaces", "workspaces", &contents.workspaces)
        .to_many("projects", "projects", &contents.projects)
        .to_many("vars", "vars", &contents.variables)
        .link("self", format!("/api/v2/varsets/{}", set.id));
    match &set.parent_project_id {
        Some(project) => resource.to_one("parent", "projects", Some(project)),
        None => resource.to_one("parent", "organizations", Some(&set.organization_name)),
    }
}

/// What was decided about a variable set, as the ledger tells it.
pub(super) async fn decided(cx: &mut Context, set: &VariableSet) -> Result<String, ApiError> {
    let contents = cx.tx.variable_set_contents(&set.id).await?;
    let workspaces: Vec<&str> = contents.workspaces.iter().map(WorkspaceId::as_str).collect();
    let projects: Vec<&str> = contents.projects.iter().map(ProjectId::as_str).collect();
    let decided = json!({
        "name": set.name.as_str(),
        "global": set.is_global,
        "priority": set.has_priority,
        "project": set.parent_project_id.as_ref().map(ProjectId::as_str),
        "workspaces": workspaces,
        "projects": projects,
    });
    Ok(decided.to_string())
}

/// What `include` asks for of the resources of this page and the caller may see, each once.
pub(super) async fn included(
    cx: &mut Context,
    sets: &[Resource],
    params: &Params,
) -> Result<Vec<Resource>, ApiError> {
    let wanted = params.include();
    let mut found = Vec::new();
    if wanted.contains("workspaces") {
        for id in ids::<WorkspaceId>(sets, "workspaces") {
            found.extend(workspace(cx, &id).await?);
        }
    }
    if wanted.contains("projects") {
        for id in ids::<ProjectId>(sets, "projects") {
            found.extend(project(cx, &id).await?);
        }
    }
    if wanted.contains("vars") {
        for id in ids::<VariableId>(sets, "vars") {
            found.extend(cx.tx.variable(&id).await?.as_ref().map(variable_document::resource));
        }
    }
    Ok(found)
}

/// The ids in a relation of these resources, each once.
fn ids<T: std::str::FromStr + Ord>(sets: &[Resource], relation: &str) -> BTreeSet<T> {
    let relations = sets.iter().filter_map(|set| set.relationships.get(relation));
    let references = relations.filter_map(|relation| Vec::<Identifier>::deserialize(&relation["data"]).ok());
    references.flatten().filter_map(|reference| reference.id.parse().ok()).collect()
}

async fn workspace(cx: &mut Context, id: &WorkspaceId) -> Result<Option<Resource>, ApiError> {
    let Some(workspace) = cx.tx.workspace(id).await? else {
        return Ok(None);
    };
    if !cx.may(Permission::ReadWorkspace, &workspace.organization_id, Some(id)).await? {
        return Ok(None);
    }
    workspace_document::document(cx, &workspace).await.map(Some)
}

async fn project(cx: &mut Context, id: &ProjectId) -> Result<Option<Resource>, ApiError> {
    let Some(project) = cx.tx.project(id).await? else {
        return Ok(None);
    };
    if !cx.may_on_project(Permission::ReadProject, &project.organization_id, id).await? {
        return Ok(None);
    }
    match cx.tx.organization_by_id(&project.organization_id).await? {
        Some(organization) => projects::document(cx, &project, &organization).await.map(Some),
        None => Ok(None),
    }
}
