//! A workspace as clients read it.

use carnet_api::jsonapi::Resource;
use carnet_model::{ExecutionMode, LockOwner, Workspace};
use serde_json::{Value, json};

use super::{account, organizations, projects};
use crate::error::ApiError;
use crate::extract::{Context, Params};

/// A workspace as clients read it; `can_manage` tells what the caller may do with it.
pub(crate) fn resource(workspace: &Workspace, can_manage: bool) -> Resource {
    let path = format!("/api/v2/organizations/{}/workspaces/{}", workspace.organization_name, workspace.name);
    let page = format!("/app/{}/workspaces/{}", workspace.organization_name, workspace.name);
    let resource = Resource::new("workspaces", &workspace.id, attributes(workspace, can_manage))
        .to_one("organization", "organizations", Some(&workspace.organization_name))
        .to_one("project", "projects", Some(&workspace.project_id))
        .to_one("current-run", "runs", workspace.current_run_id.as_ref())
        .to_one("latest-run", "runs", workspace.current_run_id.as_ref())
        .to_one("current-state-version", "state-versions", workspace.current_state_version_id.as_ref())
        .to_one(
            "current-configuration-version",
            "configuration-versions",
            workspace.current_configuration_version_id.as_ref(),
        )
        .link("self", path)
        .link("self-html", page);
    match workspace.lock.as_ref().map(|lock| &lock.owner) {
        Some(LockOwner::User(user)) => resource.to_one("locked-by", "users", Some(user)),
        Some(LockOwner::Run(run)) => resource.to_one("locked-by", "runs", Some(run)),
        None => resource.to_one("locked-by", "users", None::<&str>),
    }
}

fn attributes(workspace: &Workspace, can_manage: bool) -> Value {
    let tag_names: Vec<&str> = workspace.tags.iter().map(|tag| tag.key.as_str()).collect();
    json!({
        "name": workspace.name.as_str(),
        "description": workspace.description,
        "execution-mode": workspace.execution_mode.as_str(),
        "operations": workspace.execution_mode == ExecutionMode::Remote,
        "terraform-version": workspace.terraform_version,
        "working-directory": workspace.working_directory,
        "auto-apply": workspace.auto_apply,
        "auto-apply-run-trigger": false,
        "allow-destroy-plan": workspace.allow_destroy_plan,
        "queue-all-runs": false,
        "speculative-enabled": true,
        "structured-run-output-enabled": workspace.structured_run_output,
        "identity-token-ttl": workspace.identity_token_ttl.map(|ttl| ttl.as_seconds()),
        "file-triggers-enabled": true,
        "trigger-prefixes": [],
        "trigger-patterns": [],
        "global-remote-state": false,
        "project-remote-state": false,
        "assessments-enabled": false,
        "auto-destroy-at": null,
        "auto-destroy-activity-duration": null,
        "inherits-project-auto-destroy": false,
        "vcs-repo": null,
        "source": "tfe-api",
        "environment": "default",
        "locked": workspace.lock.is_some(),
        "locked-reason": workspace.lock.as_ref().map(|lock| lock.reason.as_str()).unwrap_or_default(),
        "created-at": workspace.created_at,
        "updated-at": workspace.updated_at,
        "latest-change-at": workspace.updated_at,
        "resource-count": workspace.resource_count,
        "tag-names": tag_names,
        "setting-overwrites": { "execution-mode": true, "agent-pool": true },
        "actions": { "is-destroyable": can_manage },
        "permissions": permissions(can_manage),
    })
}

fn permissions(can_manage: bool) -> Value {
    json!({
        "can-update": can_manage,
        "can-destroy": can_manage,
        "can-force-delete": can_manage,
        "can-queue-run": can_manage,
        "can-queue-apply": can_manage,
        "can-queue-destroy": can_manage,
        "can-read-run": true,
        "can-read-variable": can_manage,
        "can-update-variable": can_manage,
        "can-read-state-versions": true,
        "can-read-state-outputs": true,
        "can-create-state-versions": can_manage,
        "can-lock": can_manage,
        "can-unlock": can_manage,
        "can-force-unlock": can_manage,
        "can-read-settings": true,
        "can-manage-tags": can_manage,
        "can-manage-run-tasks": false,
        "can-manage-assessments": false,
        "can-manage-ephemeral-workspaces": false,
        "can-read-assessment-results": false,
    })
}

/// The related resources that `include` asks for.
pub(crate) async fn included(
    cx: &mut Context,
    workspace: &Workspace,
    params: &Params,
) -> Result<Vec<Resource>, ApiError> {
    let wanted = params.include();
    let mut found = Vec::new();
    if let Some(organization) = cx.tx.organization_by_id(&workspace.organization_id).await? {
        if wanted.contains("organization") {
            found.push(organizations::resource(&organization, false));
        }
        if wanted.contains("project")
            && let Some(project) = cx.tx.project(&workspace.project_id).await?
        {
            found.push(projects::resource(&project, &organization, 0));
        }
    }
    if wanted.contains("locked_by")
        && let Some(LockOwner::User(user)) = workspace.lock.as_ref().map(|lock| &lock.owner)
        && let Some(user) = cx.tx.user(user).await?
    {
        found.push(account::resource(&user));
    }
    Ok(found)
}
