//! An agent pool as clients read it.

use carnet_api::jsonapi::Resource;
use carnet_model::{AgentPool, Organization, Permission, WorkspaceId, abandoned_since};
use serde_json::json;

use crate::api::workspace_document;
use crate::error::ApiError;
use crate::extract::{Context, Params};

/// A pool as the caller may read it: whom it is for, its agents and its tokens are shown to those who manage pools.
pub(in crate::api) async fn resource(
    cx: &mut Context,
    organization: &Organization,
    pool: &AgentPool,
) -> Result<Resource, ApiError> {
    let attributes = json!({
        "name": pool.name,
        "organization-scoped": pool.organization_scoped,
        "agent-count": cx.tx.agent_count(&pool.id, abandoned_since(cx.now)).await?,
        "created-at": pool.created_at,
    });
    let document = Resource::new("agent-pools", &pool.id, attributes)
        .to_one("organization", "organizations", Some(&organization.name))
        .link("self", format!("/api/v2/agent-pools/{}", pool.id));
    if !cx.may(Permission::ManageAgentPools, &organization.id, None).await? {
        return Ok(document);
    }
    let contents = cx.tx.agent_pool_contents(&pool.id).await?;
    Ok(document
        .to_many("workspaces", "workspaces", &contents.workspaces)
        .to_many("allowed-workspaces", "workspaces", &contents.scope.allowed_workspaces)
        .to_many("allowed-projects", "projects", &contents.scope.allowed_projects)
        .to_many("excluded-workspaces", "workspaces", &contents.scope.excluded_workspaces)
        .to_many("agents", "agents", &contents.agents)
        .to_many("authentication-tokens", "authentication-tokens", &contents.tokens))
}

/// The workspaces that the pools of an answer name, if the request asks for them and the caller may see them.
pub(super) async fn included(
    cx: &mut Context,
    pools: &[Resource],
    params: &Params,
) -> Result<Vec<Resource>, ApiError> {
    if !params.include().contains("workspaces") {
        return Ok(Vec::new());
    }
    let named = pools.iter().filter_map(|pool| pool.relationships.get("workspaces")?.get("data")?.as_array());
    let ids: Vec<WorkspaceId> =
        named.flatten().filter_map(|one| one.get("id")?.as_str()?.parse().ok()).collect();
    let mut resources = Vec::with_capacity(ids.len());
    for id in ids {
        if let Ok(workspace) = cx.workspace(&id, Permission::ReadWorkspace).await {
            resources.push(workspace_document::document(cx, &workspace).await?);
        }
    }
    Ok(resources)
}
