//! Agent pools: groups of agents for the workspaces of execution mode `agent`.

mod document;
mod tokens;

use std::collections::BTreeSet;
use std::str::FromStr;

use carnet_api::jsonapi::Identifier;
use carnet_model::{
    AgentPool, AgentPoolId, AgentPoolScope, OrgId, OrgName, Organization, Permission, ProjectId, WorkspaceId,
};
use carnet_store::{AgentPoolFilter, AgentPoolOrder, StoreError};
use serde::Deserialize;

use self::document::included;
use crate::app::entropy;
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read, Write};
use crate::reply::{Reply, json, list, no_content, ok_with};
use crate::route::{Access, Routes};

pub(super) use self::document::resource;
pub(super) use self::tokens::managed_token;

pub(crate) fn routes() -> Routes {
    let of_organization = "/api/v2/organizations/{organization}/agent-pools";
    let one = "/api/v2/agent-pools/{pool}";
    let read = Access::Allowed(Permission::ReadOrganization);
    let manage = Access::Allowed(Permission::ManageAgentPools);
    Routes::default()
        .get(of_organization, read, index)
        .post(of_organization, manage, create)
        .get(one, read, show)
        .patch(one, manage, update)
        .delete(one, manage, delete)
        .merge(tokens::routes())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Input {
    name: Option<String>,
    organization_scoped: Option<bool>,
}

/// The pool of this id and its organization, if the caller may do this with it.
pub(super) async fn find(
    cx: &mut Context,
    id: &AgentPoolId,
    permission: Permission,
) -> Result<(AgentPool, Organization), ApiError> {
    let pool = cx.tx.agent_pool(id).await?.ok_or(ApiError::NotFound)?;
    let organization = cx.tx.organization_by_id(&pool.organization_id).await?.ok_or(ApiError::NotFound)?;
    let organization = cx.organization(&organization.name, permission).await?;
    Ok((pool, organization))
}

async fn index(Read(mut cx): Read, Id(name): Id<OrgName>, params: Params) -> Reply {
    let organization = cx.organization(&name, Permission::ReadOrganization).await?;
    let filter = AgentPoolFilter {
        text: params.get("q").map(str::to_owned),
        workspace: params.get("filter[allowed_workspaces][name]").map(str::to_owned),
        project: params.get("filter[allowed_projects][name]").map(str::to_owned),
        order: order(&params),
    };
    let page = params.page()?;
    let (pools, total) = match sees_filtered(&mut cx, &organization.id, &filter).await? {
        true => cx.tx.agent_pools(&organization.id, &filter, page.offset(), page.size).await?,
        false => (Vec::new(), 0),
    };
    let mut resources = Vec::with_capacity(pools.len());
    for pool in &pools {
        resources.push(resource(&mut cx, &organization, pool).await?);
    }
    let related = included(&mut cx, &resources, &params).await?;
    list(&format!("/api/v2/organizations/{name}/agent-pools"), resources, related, page.of(total))
}

/// Tells whether the caller may see the workspace and the project by which pools are searched: what is hidden is answered like
/// what is not there.
async fn sees_filtered(
    cx: &mut Context,
    organization: &OrgId,
    filter: &AgentPoolFilter,
) -> Result<bool, ApiError> {
    if let Some(name) = &filter.workspace {
        let workspace = match name.parse() {
            Ok(name) => cx.tx.workspace_by_name(organization, &name).await?,
            Err(_) => None,
        };
        let Some(workspace) = workspace else { return Ok(false) };
        if !cx.may(Permission::ReadWorkspace, organization, Some(&workspace.id)).await? {
            return Ok(false);
        }
    }
    if let Some(name) = &filter.project {
        let project = match name.parse() {
            Ok(name) => cx.tx.project_by_name(organization, &name).await?,
            Err(_) => None,
        };
        let Some(project) = project else { return Ok(false) };
        return cx.may_on_project(Permission::ReadProject, organization, &project.id).await;
    }
    Ok(true)
}

fn order(params: &Params) -> AgentPoolOrder {
    match params.get("sort") {
        Some("name") => AgentPoolOrder::Name,
        Some("-name") => AgentPoolOrder::NameDescending,
        Some("-created-at") => AgentPoolOrder::Newest,
        _ => AgentPoolOrder::Oldest,
    }
}

async fn create(Write(mut cx): Write, Id(name): Id<OrgName>, doc: Doc<Input>) -> Reply {
    let organization = cx.organization(&name, Permission::ManageAgentPools).await?;
    let pool = AgentPool {
        id: AgentPoolId::from_entropy(entropy()?),
        organization_id: organization.id.clone(),
        name: checked_name(doc.attributes.name.as_deref().unwrap_or_default())?,
        organization_scoped: doc.attributes.organization_scoped.unwrap_or(true),
        created_at: cx.now,
    };
    cx.tx.insert_agent_pool(&pool).await.map_err(taken)?;
    let scope = changed_scope(&mut cx, &organization.id, AgentPoolScope::default(), &doc).await?;
    cx.tx.set_agent_pool_scope(&pool.id, &scope).await?;
    let data = resource(&mut cx, &organization, &pool).await?;
    cx.tx.commit().await?;
    Ok(json(axum::http::StatusCode::CREATED, carnet_api::jsonapi::Document { data, included: Vec::new() }))
}

async fn show(Read(mut cx): Read, Id(id): Id<AgentPoolId>, params: Params) -> Reply {
    let (pool, organization) = find(&mut cx, &id, Permission::ReadOrganization).await?;
    let data = resource(&mut cx, &organization, &pool).await?;
    let related = included(&mut cx, std::slice::from_ref(&data), &params).await?;
    ok_with(data, related)
}

async fn update(Write(mut cx): Write, Id(id): Id<AgentPoolId>, doc: Doc<Input>) -> Reply {
    let (mut pool, organization) = find(&mut cx, &id, Permission::ManageAgentPools).await?;
    if let Some(name) = &doc.attributes.name {
        pool.name = checked_name(name)?;
    }
    if let Some(scoped) = doc.attributes.organization_scoped {
        pool.organization_scoped = scoped;
    }
    cx.tx.update_agent_pool(&pool).await.map_err(taken)?;
    let scope = cx.tx.agent_pool_scope(&id).await?;
    let scope = changed_scope(&mut cx, &organization.id, scope, &doc).await?;
    cx.tx.set_agent_pool_scope(&id, &scope).await?;
    let data = resource(&mut cx, &organization, &pool).await?;
    cx.tx.commit().await?;
    ok_with(data, Vec::new())
}

async fn delete(Write(mut cx): Write, Id(id): Id<AgentPoolId>) -> Reply {
    let (pool, _) = find(&mut cx, &id, Permission::ManageAgentPools).await?;
    if cx.tx.is_agent_pool_in_use(&id).await? {
        let detail = format!(
            "Agent pool {:?} is in use: a workspace, a project or the organization chose it, or a run waits for it",
            pool.name
        );
        return Err(ApiError::Invalid { detail, pointer: None });
    }
    cx.tx.delete_agent_pool(&id).await?;
    cx.tx.commit().await?;
    no_content()
}

fn checked_name(text: &str) -> Result<String, ApiError> {
    AgentPool::checked_name(text).map_err(|error| ApiError::attribute("name", error.to_string()))
}

fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Conflict => ApiError::attribute("name", "Name has already been taken"),
        other => other.into(),
    }
}

/// The scope of a pool after a request: what the request names replaces what was there.
async fn changed_scope(
    cx: &mut Context,
    organization: &OrgId,
    mut scope: AgentPoolScope,
    doc: &Doc<Input>,
) -> Result<AgentPoolScope, ApiError> {
    if let Some(named) = doc.to_many("allowed-workspaces")? {
        scope.allowed_workspaces = workspaces(cx, organization, &named, "allowed-workspaces").await?;
    }
    if let Some(named) = doc.to_many("excluded-workspaces")? {
        scope.excluded_workspaces = workspaces(cx, organization, &named, "excluded-workspaces").await?;
    }
    if let Some(named) = doc.to_many("allowed-projects")? {
        let mut projects = BTreeSet::new();
        for id in ids::<ProjectId>(&named, "allowed-projects")? {
            let project = cx.tx.project(&id).await?;
            if project.is_none_or(|project| project.organization_id != *organization) {
                return Err(unknown("allowed-projects", id.as_str()));
            }
            projects.insert(id);
        }
        scope.allowed_projects = projects;
    }
    Ok(scope)
}

async fn workspaces(
    cx: &mut Context,
    organization: &OrgId,
    named: &[Identifier],
    relation: &str,
) -> Result<BTreeSet<WorkspaceId>, ApiError> {
    let mut workspaces = BTreeSet::new();
    for id in ids::<WorkspaceId>(named, relation)? {
        let workspace = cx.tx.workspace(&id).await?;
        if workspace.is_none_or(|workspace| workspace.organization_id != *organization) {
            return Err(unknown(relation, id.as_str()));
        }
        workspaces.insert(id);
    }
    Ok(workspaces)
}

fn ids<T: FromStr>(named: &[Identifier], relation: &str) -> Result<Vec<T>, ApiError> {
    named.iter().map(|one| one.id.parse().map_err(|_| unknown(relation, &one.id))).collect()
}

fn unknown(relation: &str, id: &str) -> ApiError {
    let detail = format!("{id:?} is not in the organization of the agent pool");
    ApiError::invalid(&format!("/data/relationships/{relation}"), detail)
}

#[cfg(test)]
mod tests;
