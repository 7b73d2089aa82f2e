//! What teams may do on projects and on all workspaces in them.

use carnet_api::jsonapi::Resource;
use carnet_model::{
    CredentialVariableAccess, Permission, Project, ProjectAccess, ProjectId, ProjectLevel, TeamProject,
    TeamProjectId,
};
use carnet_store::StoreError;
use serde::Deserialize;
use serde_json::json;

use super::delegation::refuse_project_access;
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
    let read = Access::Allowed(Permission::ReadProject);
    let manage = Access::Allowed(Permission::ManageProjectTeams);
    let one = "/api/v2/team-projects/{team_project}";
    Routes::default()
        .get("/api/v2/team-projects", read, index)
        .post("/api/v2/team-projects", manage, create)
        .get(one, read, show)
        .patch(one, manage, update)
        .delete(one, manage, delete)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Input {
    access: Option<String>,
    project_access: Option<ProjectInput>,
    workspace_access: Option<WorkspaceInput>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct ProjectInput {
    settings: Option<String>,
    teams: Option<String>,
    variable_sets: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct WorkspaceInput {
    runs: Option<String>,
    sentinel_mocks: Option<String>,
    state_versions: Option<String>,
    variables: Option<String>,
    credential_variables: Option<String>,
    create: Option<bool>,
    locking: Option<bool>,
    delete: Option<bool>,
    r#move: Option<bool>,
    run_tasks: Option<bool>,
    policy_overrides: Option<bool>,
}

async fn index(Read(mut cx): Read, params: Params) -> Reply {
    let id = params.get("filter[project][id]");
    let id = id.ok_or_else(|| ApiError::BadRequest("filter[project][id] is required".to_owned()))?;
    let project = cx.project(&id.parse()?, Permission::ReadProject).await?;
    let mut grants = Vec::new();
    for grant in cx.tx.team_projects(&project.id).await? {
        if is_visible(&mut cx, &project, &grant).await? {
            grants.push(grant);
        }
    }
    let (grants, pagination) = page_of(grants, params.page()?);
    list("/api/v2/team-projects", grants.iter().map(resource).collect(), Vec::new(), pagination)
}

async fn create(Write(mut cx): Write, doc: Doc<Input>) -> Reply {
    let id: ProjectId = related(&doc, "project")?;
    let project = cx.project(&id, Permission::ManageProjectTeams).await?;
    let team = teams::visible(&mut cx, &related(&doc, "team")?).await?;
    if team.organization_id != project.organization_id {
        return Err(ApiError::NotFound);
    }
    let level: ProjectLevel = chosen(doc.attributes.access.as_deref())?;
    let mut grant = TeamProject {
        id: TeamProjectId::from_entropy(entropy()?),
        team_id: team.id,
        project_id: project.id.clone(),
        level,
        access: ProjectAccess::of_level(level).unwrap_or(ProjectAccess::CUSTOM),
        created_at: cx.now,
    };
    change(&mut grant, &doc.attributes)?;
    refuse_project_access(&mut cx, &project.organization_id, &project.id, &grant.access).await?;
    cx.tx.insert_team_project(&grant).await.map_err(taken)?;
    record_resources(&mut cx.tx, None, Some(&resource(&grant)));
    cx.tx.commit().await?;
    created(resource(&grant))
}

async fn show(Read(mut cx): Read, Id(id): Id<TeamProjectId>) -> Reply {
    let (grant, _) = found(&mut cx, &id, Permission::ReadProject).await?;
    ok(resource(&grant))
}

async fn update(Write(mut cx): Write, Id(id): Id<TeamProjectId>, doc: Doc<Input>) -> Reply {
    let (mut grant, project) = found(&mut cx, &id, Permission::ManageProjectTeams).await?;
    refuse_project_access(&mut cx, &project.organization_id, &project.id, &grant.access).await?;
    let before = resource(&grant);
    if let Some(level) = doc.attributes.access.as_deref() {
        let was_named = grant.level != ProjectLevel::Custom;
        grant.level = chosen(Some(level))?;
        grant.access =
            ProjectAccess::of_level(grant.level).unwrap_or_else(|| without_administration(grant.access));
        if was_named && grant.level == ProjectLevel::Custom {
            grant.access.workspaces.credential_variables = CredentialVariableAccess::Follows;
        }
    }
    change(&mut grant, &doc.attributes)?;
    refuse_project_access(&mut cx, &project.organization_id, &project.id, &grant.access).await?;
    cx.tx.update_team_project(&grant).await?;
    record_resources(&mut cx.tx, Some(&before), Some(&resource(&grant)));
    cx.tx.commit().await?;
    ok(resource(&grant))
}

fn without_administration(mut access: ProjectAccess) -> ProjectAccess {
    access.workspaces.administers = false;
    access
}

async fn delete(Write(mut cx): Write, Id(id): Id<TeamProjectId>) -> Reply {
    let (grant, project) = found(&mut cx, &id, Permission::ManageProjectTeams).await?;
    refuse_project_access(&mut cx, &project.organization_id, &project.id, &grant.access).await?;
    cx.tx.delete_team_project(&grant.id).await?;
    record_resources(&mut cx.tx, Some(&resource(&grant)), None);
    cx.tx.commit().await?;
    no_content()
}

fn change(grant: &mut TeamProject, input: &Input) -> Result<(), ApiError> {
    let level = grant.level.as_str();
    let is_custom = grant.level == ProjectLevel::Custom;
    let access = &mut grant.access;
    if let Some(input) = &input.project_access {
        set(&mut access.settings, "settings", input.settings.as_deref(), is_custom, level)?;
        set(&mut access.teams, "teams", input.teams.as_deref(), is_custom, level)?;
        set(&mut access.variable_sets, "variable-sets", input.variable_sets.as_deref(), is_custom, level)?;
    }
    if let Some(input) = &input.workspace_access {
        let inside = &mut access.workspaces;
        set(&mut inside.runs, "runs", input.runs.as_deref(), is_custom, level)?;
        set(&mut inside.sentinel_mocks, "sentinel-mocks", input.sentinel_mocks.as_deref(), is_custom, level)?;
        set(&mut inside.state_versions, "state-versions", input.state_versions.as_deref(), is_custom, level)?;
        set(&mut inside.variables, "variables", input.variables.as_deref(), is_custom, level)?;
        let credential_variables = input.credential_variables.as_deref();
        set(
            &mut inside.credential_variables,
            "credential-variables",
            credential_variables,
            is_custom,
            level,
        )?;
        set_flag(&mut inside.locking, "locking", input.locking, is_custom, level)?;
        set_flag(&mut inside.run_tasks, "run-tasks", input.run_tasks, is_custom, level)?;
        set_flag(&mut inside.policy_overrides, "policy-overrides", input.policy_overrides, is_custom, level)?;
        set_flag(&mut access.create, "create", input.create, is_custom, level)?;
        set_flag(&mut access.delete, "delete", input.delete, is_custom, level)?;
        set_flag(&mut access.moves, "move", input.r#move, is_custom, level)?;
    }
    Ok(())
}

async fn found(
    cx: &mut Context,
    id: &TeamProjectId,
    permission: Permission,
) -> Result<(TeamProject, Project), ApiError> {
    let grant = cx.tx.team_project(id).await?.ok_or(ApiError::NotFound)?;
    let project = cx.project(&grant.project_id, permission).await?;
    if !is_visible(cx, &project, &grant).await? {
        return Err(ApiError::NotFound);
    }
    Ok((grant, project))
}

/// Everybody may know what their own teams may do; who may see the access of all teams sees that of teams that are visible.
async fn is_visible(cx: &mut Context, project: &Project, grant: &TeamProject) -> Result<bool, ApiError> {
    match teams::visible(cx, &grant.team_id).await {
        Ok(team) => Ok(teams::is_in(cx, &team).await?
            || cx
                .may_on_project(Permission::ReadProjectTeams, &project.organization_id, &project.id)
                .await?),
        Err(ApiError::NotFound) => Ok(false),
        Err(other) => Err(other),
    }
}

fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Conflict => ApiError::invalid(
            "/data/relationships/team",
            "Team has already been taken: it has access to this project; change that instead",
        ),
        other => other.into(),
    }
}

fn resource(grant: &TeamProject) -> Resource {
    let access = &grant.access;
    let inside = &access.workspaces;
    let attributes = json!({
        "access": grant.level.as_str(),
        "project-access": {
            "settings": access.settings.as_str(),
            "teams": access.teams.as_str(),
            "variable-sets": access.variable_sets.as_str(),
        },
        "workspace-access": {
            "runs": inside.runs.as_str(),
            "sentinel-mocks": inside.sentinel_mocks.as_str(),
            "state-versions": inside.state_versions.as_str(),
            "variables": inside.variables.as_str(),
            "credential-variables": inside.credential_variables.as_str(),
            "create": access.create,
            "locking": inside.locking,
            "delete": access.delete,
            "move": access.moves,
            "run-tasks": inside.run_tasks,
            "policy-overrides": inside.policy_overrides,
        },
    });
    Resource::new("team-projects", &grant.id, attributes)
        .to_one("team", "teams", Some(&grant.team_id))
        .to_one("project", "projects", Some(&grant.project_id))
        .link("self", format!("/api/v2/team-projects/{}", grant.id))
}

#[cfg(test)]
mod tests;
