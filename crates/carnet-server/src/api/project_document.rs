//! A project as clients read it.

use carnet_api::jsonapi::Resource;
use carnet_model::{Organization, Permission, Project, Tag, TagId};
use carnet_store::ProjectCounts;
use serde_json::{Value, json};

use super::workspace_tags::binding;
use crate::error::ApiError;
use crate::extract::{Context, Rights};

/// A project as the caller reads it, with what the caller may do with it.
pub(crate) async fn document(
    cx: &mut Context,
    project: &Project,
    organization: &Organization,
) -> Result<Resource, ApiError> {
    let counts = cx.tx.project_counts(&project.id).await?;
    counted_document(cx, project, organization, counts).await
}

/// The same when it is known already what the project holds.
pub(super) async fn counted_document(
    cx: &mut Context,
    project: &Project,
    organization: &Organization,
    counts: ProjectCounts,
) -> Result<Resource, ApiError> {
    let rights = cx.rights(&project.organization_id, Some(&project.id)).await?;
    let execution = project.execution_that_applies(organization);
    let is_overwritten = project.default_execution.is_some();
    let attributes = json!({
        "name": project.name.as_str(),
        "description": project.description,
        "created-at": project.created_at,
        "workspace-count": counts.workspaces,
        "team-count": counts.teams,
        "is-unified": false,
        "auto-destroy-activity-duration": project.auto_destroy_activity_duration.as_ref().map(|one| one.as_str()),
        "default-execution-mode": execution.mode(),
        "setting-overwrites": { "default-execution-mode": is_overwritten, "default-agent-pool": is_overwritten },
        "permissions": permissions(&rights, organization.default_project_id == project.id),
    });
    let path = format!("/api/v2/projects/{}", project.id);
    let mut resource = Resource::new("projects", &project.id, attributes)
        .to_one("organization", "organizations", Some(&organization.name))
        .to_one("default-agent-pool", "agent-pools", execution.agent_pool())
        .link("self", path.as_str());
    for name in ["tag-bindings", "effective-tag-bindings"] {
        let links = json!({ "links": { "related": format!("{path}/{name}") } });
        resource.relationships.insert(name.to_owned(), links);
    }
    Ok(resource)
}

fn permissions(rights: &Rights, is_default: bool) -> Value {
    json!({
        "can-read": rights.may(Permission::ReadProject),
        "can-update": rights.may(Permission::UpdateProject),
        "can-destroy": !is_default && rights.may(Permission::DeleteProject),
        "can-create-workspace": rights.may(Permission::CreateWorkspaces),
        "can-move-workspace": rights.may(Permission::MoveWorkspaces),
        "can-manage-teams": rights.may(Permission::ManageProjectTeams),
        "can-read-teams": rights.may(Permission::ReadProjectTeams),
        "can-manage-tags": rights.may(Permission::UpdateProject),
        "can-manage-varsets": rights.may(Permission::ManageProjectVariableSets),
        "can-deploy-no-code-modules": false,
    })
}

/// The bindings of a project as resources of the wanted type.
pub(super) fn bindings(project: &Project, tags: &[(TagId, Tag)], kind: &str) -> Vec<Resource> {
    tags.iter().map(|(id, tag)| binding(kind, project.id.suffix(), id, tag)).collect()
}

/// Names the effective bindings in the project and returns them for `included`.
pub(super) async fn with_bindings(
    cx: &mut Context,
    project: &Project,
    resource: Resource,
) -> Result<(Resource, Vec<Resource>), ApiError> {
    let tags = cx.tx.project_tags(&project.id).await?;
    let kind = "effective-tag-bindings";
    let related = bindings(project, &tags, kind);
    let resource = resource.to_many(kind, kind, related.iter().map(|one| one.id.as_str()));
    Ok((resource, related))
}
