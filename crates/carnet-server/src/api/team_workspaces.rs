//! What teams may do on workspaces.

use carnet_api::jsonapi::Resource;
use carnet_model::{
    CredentialVariableAccess, Permission, TeamWorkspace, TeamWorkspaceId, Workspace, WorkspaceAccess,
    WorkspaceId, WorkspaceLevel,
};
use carnet_store::StoreError;
use serde::Deserialize;
use serde_json::json;

use super::delegation::refuse_workspace_access;
use super::team_access::{chosen, related, set, set_flag};
use super::teams;
use crate::app::entropy;
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read, Write};
use crate::ledger::record_resources;
use crate::reply::{Reply, created, list, no_content, ok, page_of};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    let read = Access::Allowed(Permission::ReadWorkspace);
    let manage = Access::Allowed(Permission::ManageWorkspaceTeams);
    let one = "/api/v2/team-workspaces/{team_workspace}";
    Routes::default()
        .get("/api/v2/team-workspaces", read, index)
        .post("/api/v2/team-workspaces", manage, create)
        .get(one, read, show)
        .patch(one, manage, update)
        .delete(one, manage, delete)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Input {
    access: Option<String>,
    runs: Option<String>,
    variables: Option<String>,
    credential_variables: Option<String>,
    state_versions: Option<String>,
    sentinel_mocks: Option<String>,
    workspace_locking: Option<bool>,
    run_tasks: Option<bool>,
    policy_overrides: Option<bool>,
}

async fn index(Read(mut cx): Read, params: Params) -> Reply {
    let id = params.get("filter[workspace][id]");
    let id = id.ok_or_else(|| ApiError::BadRequest("filter[workspace][id] is required".to_owned()))?;
    let workspace = cx.workspace(&id.parse()?, Permission::ReadWorkspace).await?;
    let mut grants = Vec::new();
    for grant in cx.tx.team_workspaces(&workspace.id).await? {
        if is_visible(&mut cx, &grant).await? {
            grants.push(grant);
        }
    }
    let (grants, pagination) = page_of(grants, params.page()?);
    list("/api/v2/team-workspaces", grants.iter().map(resource).collect(), Vec::new(), pagination)
}

async fn create(Write(mut cx): Write, doc: Doc<Input>) -> Reply {
    let id: WorkspaceId = related(&doc, "workspace")?;
    let workspace = cx.workspace(&id, Permission::ManageWorkspaceTeams).await?;
    let team = teams::visible(&mut cx, &related(&doc, "team")?).await?;
    if team.organization_id != workspace.organization_id {
        return Err(ApiError::NotFound);
    }
    let level: WorkspaceLevel = chosen(doc.attributes.access.as_deref())?;
    let mut grant = TeamWorkspace {
        id: TeamWorkspaceId::from_entropy(entropy()?),
        team_id: team.id,
        workspace_id: workspace.id.clone(),
        level,
        access: WorkspaceAccess::of_level(level).unwrap_or(WorkspaceAccess::CUSTOM),
        created_at: cx.now,
    };
    change(&mut grant, &doc.attributes)?;
    refuse_workspace_access(&mut cx, &workspace.organization_id, &workspace.id, &grant.access).await?;
    cx.tx.insert_team_workspace(&grant).await.map_err(taken)?;
    record_resources(&mut cx.tx, None, Some(&resource(&grant)));
    cx.tx.commit().await?;
    created(resource(&grant))
}

async fn show(Read(mut cx): Read, Id(id): Id<TeamWorkspaceId>) -> Reply {
    let (grant, _) = found(&mut cx, &id, Permission::ReadWorkspace).await?;
    ok(resource(&grant))
}

async fn update(Write(mut cx): Write, Id(id): Id<TeamWorkspaceId>, doc: Doc<Input>) -> Reply {
    let (mut grant, workspace) = found(&mut cx, &id, Permission::ManageWorkspaceTeams).await?;
    refuse_workspace_access(&mut cx, &workspace.organization_id, &workspace.id, &grant.access).await?;
    let before = resource(&grant);
    if let Some(level) = doc.attributes.access.as_deref() {
        let was_named = grant.level != WorkspaceLevel::Custom;
        grant.level = chosen(Some(level))?;
        grant.access = WorkspaceAccess::of_level(grant.level)
            .unwrap_or(WorkspaceAccess { administers: false, ..grant.access });
        if was_named && grant.level == WorkspaceLevel::Custom {
            grant.access.credential_variables = CredentialVariableAccess::Follows;
        }
    }
    change(&mut grant, &doc.attributes)?;
    refuse_workspace_access(&mut cx, &workspace.organization_id, &workspace.id, &grant.access).await?;
    cx.tx.update_team_workspace(&grant).await?;
    record_resources(&mut cx.tx, Some(&before), Some(&resource(&grant)));
    cx.tx.commit().await?;
    ok(resource(&grant))
}

async fn delete(Write(mut cx): Write, Id(id): Id<TeamWorkspaceId>) -> Reply {
    let (grant, workspace) = found(&mut cx, &id, Permission::ManageWorkspaceTeams).await?;
    refuse_workspace_access(&mut cx, &workspace.organization_id, &workspace.id, &grant.access).await?;
    cx.tx.delete_team_workspace(&grant.id).await?;
    record_resources(&mut cx.tx, Some(&resource(&grant)), None);
    cx.tx.commit().await?;
    no_content()
}

fn change(grant: &mut TeamWorkspace, input: &Input) -> Result<(), ApiError> {
    let level = grant.level.as_str();
    let is_custom = grant.level == WorkspaceLevel::Custom;
    let access = &mut grant.access;
    set(&mut access.runs, "runs", input.runs.as_deref(), is_custom, level)?;
    set(&mut access.variables, "variables", input.variables.as_deref(), is_custom, level)?;
    let credential_variables = input.credential_variables.as_deref();
    set(&mut access.credential_variables, "credential-variables", credential_variables, is_custom, level)?;
    set(&mut access.state_versions, "state-versions", input.state_versions.as_deref(), is_custom, level)?;
    set(&mut access.sentinel_mocks, "sentinel-mocks", input.sentinel_mocks.as_deref(), is_custom, level)?;
    set_flag(&mut access.locking, "workspace-locking", input.workspace_locking, is_custom, level)?;
    set_flag(&mut access.run_tasks, "run-tasks", input.run_tasks, is_custom, level)?;
    set_flag(&mut access.policy_overrides, "policy-overrides", input.policy_overrides, is_custom, level)
}

async fn found(
    cx: &mut Context,
    id: &TeamWorkspaceId,
    permission: Permission,
) -> Result<(TeamWorkspace, Workspace), ApiError> {
    let grant = cx.tx.team_workspace(id).await?.ok_or(ApiError::NotFound)?;
    let workspace = cx.workspace(&grant.workspace_id, permission).await?;
    if !is_visible(cx, &grant).await? {
        return Err(ApiError::NotFound);
    }
    Ok((grant, workspace))
}

async fn is_visible(cx: &mut Context, grant: &TeamWorkspace) -> Result<bool, ApiError> {
    match teams::visible(cx, &grant.team_id).await {
        Ok(_) => Ok(true),
        Err(ApiError::NotFound) => Ok(false),
        Err(other) => Err(other),
    }
}

fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Conflict => ApiError::invalid(
            "/data/relationships/team",
            "Team has already been taken: it has access to this workspace; change that instead",
        ),
        other => other.into(),
    }
}

fn resource(grant: &TeamWorkspace) -> Resource {
    let access = &grant.access;
    let attributes = json!({
        "access": grant.level.as_str(),
        "runs": access.runs.as_str(),
        "variables": access.variables.as_str(),
        "credential-variables": access.credential_variables.as_str(),
        "state-versions": access.state_versions.as_str(),
        "sentinel-mocks": access.sentinel_mocks.as_str(),
        "workspace-locking": access.locking,
        "run-tasks": access.run_tasks,
        "policy-overrides": access.policy_overrides,
    });
    Resource::new("team-workspaces", &grant.id, attributes)
        .to_one("team", "teams", Some(&grant.team_id))
        .to_one("workspace", "workspaces", Some(&grant.workspace_id))
        .link("self", format!("/api/v2/team-workspaces/{}", grant.id))
}

#[cfg(test)]
mod tests;
