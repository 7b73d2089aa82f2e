//! Projects.

use axum::http::StatusCode;
use carnet_api::jsonapi::Resource;
use carnet_model::{
    FactName, OrgName, Organization, Permission, Project, ProjectId, SubjectPart, WorkspaceId,
};
use carnet_store::{ProjectFilter, ProjectOrder, StoreError};

pub(crate) use super::project_document::document;
use super::project_document::{counted_document, with_bindings};
use super::project_input::{ProjectInput, change, parsed_name, refuse_closed_pool};
use super::project_tags::bind_all;
use super::subject_graces::keep_for_days;
use super::subject_settings::project_scope;
use super::workspace_tags::parse_bindings;
use crate::app::entropy;
use crate::document::{Doc, References};
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read, Write};
use crate::ledger::{Names, record_names};
use crate::reply::{Reply, list, no_content, ok_with, with_warnings};
use crate::route::{Access, Routes};
use crate::subjects::{Renamed, refuse_kept_name, rename_warning};

pub(crate) fn routes() -> Routes {
    let all = "/api/v2/organizations/{organization}/projects";
    let one = "/api/v2/projects/{project}";
    Routes::default()
        .get(all, Access::Allowed(Permission::ReadOrganization), index)
        .post(all, Access::Allowed(Permission::CreateProjects), create)
        .get(one, Access::Allowed(Permission::ReadProject), show)
        .patch(one, Access::Allowed(Permission::UpdateProject), update)
        .delete(one, Access::Allowed(Permission::DeleteProject), delete)
        .post(
            "/api/v2/projects/{project}/relationships/workspaces",
            Access::Allowed(Permission::MoveWorkspaces),
            move_workspaces,
        )
}

async fn index(Read(mut cx): Read, Id(name): Id<OrgName>, params: Params) -> Reply {
    let organization = cx.organization(&name, Permission::ReadOrganization).await?;
    let filter = filter(&mut cx, &organization, &params).await?;
    let order = match params.get("sort") {
        Some("name") => ProjectOrder::Name,
        Some("-name") => ProjectOrder::NameBackwards,
        _ => ProjectOrder::Age,
    };
    let page = params.page()?;
    let place = (page.offset(), page.size);
    let (projects, total) = cx.tx.projects(&organization.id, &filter, order, place).await?;
    let (mut data, mut included) = (Vec::new(), Vec::new());
    for (project, counts) in &projects {
        let resource = counted_document(&mut cx, project, &organization, *counts).await?;
        let (resource, related) = related(&mut cx, project, resource, &params).await?;
        data.push(resource);
        included.extend(related);
    }
    list(&format!("/api/v2/organizations/{name}/projects"), data, included, page.of(total))
}

/// Names win over a part of a name; whoever does not see all projects sees those granted to one of its teams.
async fn filter(
    cx: &mut Context,
    organization: &Organization,
    params: &Params,
) -> Result<ProjectFilter, ApiError> {
    let names = params.list("filter[names]");
    let wants_creatable = params.get("filter[permissions][create-workspace]") == Some("true");
    let rights = cx.rights(&organization.id, None).await?;
    let grantee = cx.grantee();
    if grantee.is_none() && !rights.may(Permission::ReadProject) {
        return Err(ApiError::NotFound);
    }
    Ok(ProjectFilter {
        text: params.get("q").filter(|_| names.is_empty()).map(str::to_owned),
        names,
        granted_to: grantee.clone().filter(|_| !rights.may(Permission::ReadProject)),
        tags: params.tagged(),
        creatable_by: grantee.filter(|_| wants_creatable && !rights.may(Permission::CreateWorkspaces)),
    })
}

async fn related(
    cx: &mut Context,
    project: &Project,
    resource: Resource,
    params: &Params,
) -> Result<(Resource, Vec<Resource>), ApiError> {
    match params.include().contains("effective_tag_bindings") {
        true => with_bindings(cx, project, resource).await,
        false => Ok((resource, Vec::new())),
    }
}

async fn create(Write(mut cx): Write, Id(name): Id<OrgName>, doc: Doc<ProjectInput>) -> Reply {
    let organization = cx.organization(&name, Permission::CreateProjects).await?;
    let mut project = Project {
        id: ProjectId::from_entropy(entropy()?),
        organization_id: organization.id.clone(),
        name: parsed_name(doc.attributes.name.as_deref())?,
        description: String::new(),
        auto_destroy_activity_duration: None,
        default_execution: None,
        created_at: cx.now,
    };
    change(&mut cx, &organization, &mut project, &doc.attributes).await?;
    refuse_kept_project_name(&mut cx, &project).await?;
    cx.tx.insert_project(&project).await.map_err(taken)?;
    record_names(&mut cx.tx, None, Some(Names::new(project.name.as_str(), None)));
    refuse_closed_pool(&mut cx, &project, None).await?;
    if let Some(given) = doc.to_many("tag-bindings")? {
        bind_all(&mut cx, &project, &parse_bindings(&given)?).await?;
    }
    let resource = document(&mut cx, &project, &organization).await?;
    cx.tx.commit().await?;
    with_warnings(StatusCode::CREATED, resource, doc.attributes.warnings())
}

async fn show(Read(mut cx): Read, Id(id): Id<ProjectId>, params: Params) -> Reply {
    let (project, organization) = visible(&mut cx, &id, Permission::ReadProject).await?;
    let resource = document(&mut cx, &project, &organization).await?;
    let (resource, related) = related(&mut cx, &project, resource, &params).await?;
    ok_with(resource, related)
}

async fn update(Write(mut cx): Write, Id(id): Id<ProjectId>, doc: Doc<ProjectInput>) -> Reply {
    let (mut project, organization) = visible(&mut cx, &id, Permission::UpdateProject).await?;
    let (before, old_name) = (project.default_execution.clone(), project.name.clone());
    let kept = match doc.attributes.keep_subject_days {
        Some(days) => {
            let scope = project_scope(&mut cx, &id, Permission::UpdateProject).await?;
            Some(keep_for_days(&mut cx, &scope, days).await?)
        }
        None => None,
    };
    change(&mut cx, &organization, &mut project, &doc.attributes).await?;
    refuse_kept_project_name(&mut cx, &project).await?;
    cx.tx.update_project(&project).await.map_err(taken)?;
    let after = Names { kept: kept.as_ref(), ..Names::new(project.name.as_str(), None) };
    record_names(&mut cx.tx, Some(Names::new(old_name.as_str(), None)), Some(after));
    refuse_closed_pool(&mut cx, &project, before.as_ref()).await?;
    if let Some(given) = doc.to_many("tag-bindings")? {
        let tags = parse_bindings(&given)?;
        cx.tx.clear_project_tags(&id).await?;
        bind_all(&mut cx, &project, &tags).await?;
    }
    let resource = document(&mut cx, &project, &organization).await?;
    let mut warnings = doc.attributes.warnings();
    if old_name != project.name {
        let renamed = Renamed {
            part: SubjectPart::Project,
            path_id: id.as_str(),
            old_name: old_name.as_str(),
            kept_until: kept.as_ref().and_then(|kept| kept["until"].as_str()),
        };
        let place = (&project.organization_id, Some(&id));
        warnings.extend(rename_warning(&mut cx.tx, place, &renamed, cx.now).await?);
    }
    cx.tx.commit().await?;
    with_warnings(StatusCode::OK, resource, warnings)
}

async fn refuse_kept_project_name(cx: &mut Context, project: &Project) -> Result<(), ApiError> {
    let name = (SubjectPart::Project, project.id.as_str(), project.name.as_str());
    refuse_kept_name(&mut cx.tx, name, &project.organization_id, cx.now).await
}

async fn delete(Write(mut cx): Write, Id(id): Id<ProjectId>) -> Reply {
    let (project, organization) = visible(&mut cx, &id, Permission::DeleteProject).await?;
    if organization.default_project_id == id {
        return Err(ApiError::Forbidden("the default project cannot be deleted".to_owned()));
    }
    if cx.tx.project_counts(&id).await?.workspaces > 0 {
        return Err(ApiError::Forbidden(
            "the project still holds workspaces; move or delete them first".to_owned(),
        ));
    }
    cx.tx.delete_project(&id).await?;
    record_names(&mut cx.tx, Some(Names::new(project.name.as_str(), None)), None);
    cx.tx.commit().await?;
    no_content()
}

async fn move_workspaces(
    Write(mut cx): Write,
    Id(id): Id<ProjectId>,
    References(given): References,
) -> Reply {
    let project = cx.project(&id, Permission::MoveWorkspaces).await?;
    for reference in given {
        let workspace_id: WorkspaceId = reference.id.parse()?;
        let workspace = cx.workspace(&workspace_id, Permission::ReadWorkspace).await?;
        if workspace.organization_id != project.organization_id {
            return Err(ApiError::invalid("/data", "a workspace cannot leave its organization"));
        }
        if workspace.project_id == id {
            continue;
        }
        cx.project(&workspace.project_id, Permission::MoveWorkspaces).await?;
        cx.tx.move_workspace(&workspace_id, &id).await?;
        let name = workspace.name.as_str();
        let [old, new] =
            [&workspace.project_id, &id].map(|project| Some(Names::new(name, Some(project.as_str()))));
        cx.tx.audit_fact(FactName::Workspace, workspace_id.as_str());
        record_names(&mut cx.tx, old, new);
    }
    cx.tx.commit().await?;
    no_content()
}

/// The project of this id with its organization, if the caller may do this with it.
pub(super) async fn visible(
    cx: &mut Context,
    id: &ProjectId,
    permission: Permission,
) -> Result<(Project, Organization), ApiError> {
    let project = cx.project(id, permission).await?;
    let organization = cx.tx.organization_by_id(&project.organization_id).await?.ok_or(ApiError::NotFound)?;
    Ok((project, organization))
}

fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Conflict => ApiError::attribute("name", "Name has already been taken"),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests;
