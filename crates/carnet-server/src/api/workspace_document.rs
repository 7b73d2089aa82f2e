//! A workspace as clients read it.

mod included;

use carnet_api::jsonapi::Resource;
use carnet_model::{ExecutionMode, LockOwner, Organization, Permission, Workspace};
use carnet_store::WorkspaceStatistics;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::extract::{Context, Rights};

pub(crate) use self::included::RELATIONS;
pub(super) use self::included::{Wanted, included};

/// A workspace as the caller may read it.
pub(crate) async fn document(cx: &mut Context, workspace: &Workspace) -> Result<Resource, ApiError> {
    let organization = cx.tx.organization_by_id(&workspace.organization_id).await?;
    document_in(cx, workspace, &organization.ok_or(ApiError::NotFound)?).await
}

/// The same for a workspace whose organization is known.
pub(super) async fn document_in(
    cx: &mut Context,
    workspace: &Workspace,
    organization: &Organization,
) -> Result<Resource, ApiError> {
    let rights = cx.workspace_rights(&workspace.organization_id, Some(&workspace.id)).await?;
    Ok(resource(workspace, &rights, may_force_delete(&rights, organization)))
}

/// Whether the caller may delete the workspace while it manages resources.
pub(super) fn may_force_delete(rights: &Rights, organization: &Organization) -> bool {
    rights.may(Permission::DeleteWorkspace)
        && (organization.settings.allow_force_delete_workspaces || rights.may(Permission::ManageOrganization))
}

/// Adds what the runs of the workspace took and came to.
pub(super) fn add_statistics(document: &mut Resource, statistics: &WorkspaceStatistics) {
    document.attributes["plan-duration-average"] = json!(statistics.plan_average);
    document.attributes["apply-duration-average"] = json!(statistics.apply_average);
    document.attributes["run-failures"] = json!(statistics.failures);
    document.attributes["workspace-kpis-runs-count"] = json!(statistics.runs);
}

fn resource(workspace: &Workspace, rights: &Rights, may_force_delete: bool) -> Resource {
    let path = format!("/api/v2/organizations/{}/workspaces/{}", workspace.organization_name, workspace.name);
    let page = format!("/app/{}/workspaces/{}", workspace.organization_name, workspace.name);
    let mut attributes = settings(workspace);
    let facts = facts(workspace, rights.may(Permission::QueuePlans));
    if let (Value::Object(attributes), Value::Object(facts)) = (&mut attributes, facts) {
        attributes.extend(facts);
    }
    attributes["permissions"] = permissions(workspace, rights, may_force_delete);
    let mut resource = Resource::new("workspaces", &workspace.id, attributes)
        .to_one("organization", "organizations", Some(&workspace.organization_name))
        .to_one("project", "projects", Some(&workspace.project_id))
        .to_one("agent-pool", "agent-pools", workspace.agent_pool_id.as_ref())
        .to_one("ssh-key", "ssh-keys", workspace.ssh_key_id.as_ref())
        .to_one("current-run", "runs", workspace.current_run_id.as_ref())
        .to_one("latest-run", "runs", workspace.current_run_id.as_ref())
        .to_one("current-state-version", "state-versions", workspace.current_state_version_id.as_ref())
        .to_one(
            "current-configuration-version",
            "configuration-versions",
            workspace.current_configuration_version_id.as_ref(),
        )
        .to_one("readme", "workspace-readme", None::<&str>)
        .link("self", path)
        .link("self-html", page);
    let consumers = format!("/api/v2/workspaces/{}/relationships/remote-state-consumers", workspace.id);
    let consumers = json!({ "links": { "related": consumers } });
    resource.relationships.insert("remote-state-consumers".to_owned(), consumers);
    let holder = workspace.lock.as_ref().map(|lock| &lock.owner);
    match (holder, &workspace.locked_by_team_id) {
        (Some(LockOwner::Run(run)), _) => resource.to_one("locked-by", "runs", Some(run)),
        (Some(LockOwner::User(_)), Some(team)) => resource.to_one("locked-by", "teams", Some(team)),
        (Some(LockOwner::User(user)), None) => resource.to_one("locked-by", "users", Some(user)),
        (None, _) => resource.to_one("locked-by", "users", None::<&str>),
    }
}

/// What its administrators decide.
fn settings(workspace: &Workspace) -> Value {
    let auto_destroy = &workspace.auto_destroy;
    json!({
        "name": workspace.name.as_str(),
        "description": workspace.description,
        "execution-mode": workspace.execution_mode.as_str(),
        "operations": workspace.execution_mode != ExecutionMode::Local,
        "setting-overwrites": {
            "execution-mode": workspace.overwrites_execution_mode,
            "agent-pool": workspace.overwrites_execution_mode,
        },
        "terraform-version": workspace.terraform_version,
        "working-directory": workspace.working_directory,
        "auto-apply": workspace.auto_apply,
        "auto-apply-run-trigger": workspace.auto_apply_run_trigger,
        "allow-destroy-plan": workspace.allow_destroy_plan,
        "queue-all-runs": workspace.queue_all_runs,
        "speculative-enabled": workspace.speculative_enabled,
        "structured-run-output-enabled": workspace.structured_run_output,
        "identity-token-ttl": workspace.identity_token_ttl.map(|ttl| ttl.as_seconds()),
        "file-triggers-enabled": workspace.file_triggers_enabled,
        "trigger-prefixes": workspace.trigger_prefixes,
        "trigger-patterns": workspace.trigger_patterns,
        "global-remote-state": workspace.global_remote_state,
        "project-remote-state": workspace.project_remote_state,
        "assessments-enabled": workspace.assessments_enabled,
        "auto-destroy-at": auto_destroy.at,
        "auto-destroy-activity-duration":
            auto_destroy.activity_duration.as_ref().map(|duration| duration.as_str()),
        "inherits-project-auto-destroy": auto_destroy.inherits_project,
        "vcs-repo": null,
        "migration-environment": workspace.migration_environment,
    })
}

/// What happened to it.
fn facts(workspace: &Workspace, may_destroy: bool) -> Value {
    let tag_names: Vec<&str> = workspace.tags.iter().map(|tag| tag.key.as_str()).collect();
    let is_destroyable = may_destroy && workspace.allow_destroy_plan;
    json!({
        "source": workspace.source.as_str(),
        "source-name": workspace.source_name,
        "source-url": workspace.source_url,
        "environment": "default",
        "locked": workspace.lock.is_some(),
        "locked-reason": workspace.lock.as_ref().map(|lock| lock.reason.as_str()).unwrap_or_default(),
        "created-at": workspace.created_at,
        "updated-at": workspace.updated_at,
        "latest-change-at": workspace.latest_change_at,
        "resource-count": workspace.resource_count,
        "plan-duration-average": null,
        "apply-duration-average": null,
        "policy-check-failures": null,
        "run-failures": null,
        "workspace-kpis-runs-count": null,
        "tag-names": tag_names,
        "can-queue-destroy-plan": is_destroyable,
        "hyok-enabled": false,
        "no-code-upgrade-available": false,
        "actions": { "is-destroyable": is_destroyable },
    })
}

fn permissions(workspace: &Workspace, rights: &Rights, may_force_delete: bool) -> Value {
    let may = |permission| rights.may(permission);
    let (update, lock) = (may(Permission::UpdateWorkspace), may(Permission::LockWorkspace));
    json!({
        "can-update": update,
        "can-destroy": may(Permission::DeleteWorkspace),
        "can-force-delete": may_force_delete,
        "can-queue-run": may(Permission::QueuePlans),
        "can-queue-apply": may(Permission::ApplyRuns),
        "can-queue-destroy": may(Permission::ApplyRuns) && workspace.allow_destroy_plan,
        "can-read-run": may(Permission::ReadRuns),
        "can-read-variable": may(Permission::ReadVariables),
        "can-update-variable": may(Permission::WriteVariables),
        "can-update-credential-variable": may(Permission::WriteCredentialVariables),
        "can-read-state-versions": may(Permission::ReadState),
        "can-read-state-outputs": may(Permission::ReadStateOutputs),
        "can-create-state-versions": may(Permission::WriteState),
        "can-lock": lock,
        "can-unlock": lock,
        "can-force-unlock": may(Permission::ForceUnlock),
        "can-read-settings": may(Permission::ReadWorkspace),
        "can-manage-tags": update,
        "can-manage-run-tasks": false,
        "can-manage-assessments": update,
        "can-manage-ephemeral-workspaces": update,
        "can-read-assessment-results": may(Permission::ReadRuns),
    })
}
