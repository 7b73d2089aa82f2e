//! Projects.

use carnet_api::jsonapi::Resource;
use carnet_model::{NameError, OrgName, Organization, Permission, Project, ProjectId, ProjectName};
use carnet_store::StoreError;
use serde::Deserialize;
use serde_json::json;

use crate::app::entropy;
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read, Write};
use crate::reply::{Reply, created, list, no_content, ok, page_of};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    let read = Access::Allowed(Permission::ReadProject);
    let update_it = Access::Allowed(Permission::UpdateProject);
    Routes::default()
        .get(
            "/api/v2/organizations/{organization}/projects",
            Access::Allowed(Permission::ReadOrganization),
            index,
        )
        .post(
            "/api/v2/organizations/{organization}/projects",
            Access::Allowed(Permission::CreateProjects),
            create,
        )
        .get("/api/v2/projects/{project}", read, show)
        .patch("/api/v2/projects/{project}", update_it, update)
        .delete("/api/v2/projects/{project}", Access::Allowed(Permission::DeleteProject), delete)
}

#[derive(Deserialize)]
struct ProjectInput {
    name: Option<String>,
    description: Option<String>,
}

async fn index(Read(mut cx): Read, Id(name): Id<OrgName>, params: Params) -> Reply {
    let organization = cx.organization(&name, Permission::ReadOrganization).await?;
    let mut projects = cx.tx.projects(&organization.id).await?;
    let names = params.list("filter[names]");
    if !names.is_empty() {
        projects.retain(|project| names.iter().any(|name| name.eq_ignore_ascii_case(project.name.as_str())));
    } else if let Some(part) = params.get("q") {
        let part = part.to_ascii_lowercase();
        projects.retain(|project| project.name.as_str().to_ascii_lowercase().contains(&part));
    }
    if params.get("sort") == Some("name") {
        projects.sort_by(|left, right| left.name.cmp(&right.name));
    }
    let (projects, pagination) = page_of(projects, params.page()?);
    let mut data = Vec::new();
    for project in &projects {
        data.push(resource(project, &organization, cx.tx.project_workspace_count(&project.id).await?));
    }
    list(&format!("/api/v2/organizations/{name}/projects"), data, Vec::new(), pagination)
}

async fn create(Write(mut cx): Write, Id(name): Id<OrgName>, doc: Doc<ProjectInput>) -> Reply {
    let organization = cx.organization(&name, Permission::CreateProjects).await?;
    let project = Project {
        id: ProjectId::from_entropy(entropy()?),
        organization_id: organization.id.clone(),
        name: parsed_name(doc.attributes.name.as_deref())?,
        description: parsed_description(doc.attributes.description)?,
        created_at: cx.now,
    };
    cx.tx.insert_project(&project).await.map_err(taken)?;
    cx.tx.commit().await?;
    created(resource(&project, &organization, 0))
}

async fn show(Read(mut cx): Read, Id(id): Id<ProjectId>) -> Reply {
    let (project, organization) = visible(&mut cx, &id, Permission::ReadProject).await?;
    let count = cx.tx.project_workspace_count(&id).await?;
    ok(resource(&project, &organization, count))
}

async fn update(Write(mut cx): Write, Id(id): Id<ProjectId>, doc: Doc<ProjectInput>) -> Reply {
    let (mut project, organization) = visible(&mut cx, &id, Permission::UpdateProject).await?;
    if doc.attributes.name.is_some() {
        project.name = parsed_name(doc.attributes.name.as_deref())?;
    }
    if doc.attributes.description.is_some() {
        project.description = parsed_description(doc.attributes.description)?;
    }
    cx.tx.update_project(&project).await.map_err(taken)?;
    let count = cx.tx.project_workspace_count(&id).await?;
    cx.tx.commit().await?;
    ok(resource(&project, &organization, count))
}

async fn delete(Write(mut cx): Write, Id(id): Id<ProjectId>) -> Reply {
    let (_, organization) = visible(&mut cx, &id, Permission::DeleteProject).await?;
    if organization.default_project_id == id {
        return Err(ApiError::Forbidden("the default project cannot be deleted".to_owned()));
    }
    if cx.tx.project_workspace_count(&id).await? > 0 {
        return Err(ApiError::Forbidden(
            "the project still holds workspaces; move or delete them first".to_owned(),
        ));
    }
    cx.tx.delete_project(&id).await?;
    cx.tx.commit().await?;
    no_content()
}

async fn visible(
    cx: &mut Context,
    id: &ProjectId,
    permission: Permission,
) -> Result<(Project, Organization), ApiError> {
    let project = cx.project(id, permission).await?;
    let organization = cx.tx.organization_by_id(&project.organization_id).await?.ok_or(ApiError::NotFound)?;
    Ok((project, organization))
}

fn parsed_name(name: Option<&str>) -> Result<ProjectName, ApiError> {
    let name = name.ok_or_else(|| ApiError::attribute("name", "Name can't be blank"))?;
    name.parse().map_err(|error: NameError| error.into())
}

fn parsed_description(description: Option<String>) -> Result<String, ApiError> {
    let description = description.unwrap_or_default();
    if description.len() > 256 {
        return Err(ApiError::attribute("description", "Description must be at most 256 characters long"));
    }
    Ok(description)
}

fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Conflict => ApiError::attribute("name", "Name has already been taken"),
        other => other.into(),
    }
}

/// A project as clients read it.
pub(crate) fn resource(project: &Project, organization: &Organization, workspace_count: u64) -> Resource {
    let attributes = json!({
        "name": project.name.as_str(),
        "description": project.description,
        "created-at": project.created_at,
        "workspace-count": workspace_count,
        "team-count": 0,
        "is-unified": false,
        "auto-destroy-activity-duration": null,
        "default-execution-mode": "remote",
        "setting-overwrites": { "default-execution-mode": false, "default-agent-pool": false },
        "permissions": {
            "can-read": true,
            "can-update": true,
            "can-destroy": organization.default_project_id != project.id,
            "can-create-workspace": true,
            "can-move-workspace": true,
            "can-manage-teams": false,
            "can-read-teams": false,
            "can-manage-tags": false,
            "can-manage-varsets": false,
            "can-deploy-no-code-modules": false,
        },
    });
    Resource::new("projects", &project.id, attributes)
        .to_one("organization", "organizations", Some(&organization.name))
        .link("self", format!("/api/v2/projects/{}", project.id))
}
