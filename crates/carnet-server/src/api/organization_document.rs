//! An organization as clients read it.

use carnet_api::jsonapi::Resource;
use carnet_model::{Organization, Permission};
use carnet_store::ProjectFilter;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::extract::{Context, Rights};

/// An organization as the caller reads it, with what the caller may do in it.
pub(crate) async fn document(cx: &mut Context, organization: &Organization) -> Result<Resource, ApiError> {
    let rights = cx.rights(&organization.id, None).await?;
    let creates_workspaces = creates_workspaces(cx, organization, &rights).await?;
    let mut attributes = attributes(organization);
    attributes["permissions"] = permissions(&rights, creates_workspaces);
    let execution = &organization.settings.default_execution;
    Ok(Resource::new("organizations", &organization.name, attributes)
        .to_one("default-project", "projects", Some(&organization.default_project_id))
        .to_one("default-agent-pool", "agent-pools", execution.agent_pool())
        .to_one("entitlement-set", "entitlement-sets", Some(&organization.id))
        .link("self", format!("/api/v2/organizations/{}", organization.name)))
}

/// Whether the caller may make workspaces in at least one project.
async fn creates_workspaces(
    cx: &mut Context,
    organization: &Organization,
    rights: &Rights,
) -> Result<bool, ApiError> {
    if rights.may(Permission::CreateWorkspaces) {
        return Ok(true);
    }
    let Some(grantee) = cx.grantee() else {
        return Ok(false);
    };
    let filter = ProjectFilter { creatable_by: Some(grantee), ..ProjectFilter::default() };
    Ok(cx.tx.count_projects(&organization.id, &filter).await? > 0)
}

fn attributes(organization: &Organization) -> Value {
    let settings = &organization.settings;
    json!({
        "name": organization.name.as_str(),
        "external-id": organization.id.as_str(),
        "email": organization.email,
        "created-at": organization.created_at,
        "collaborator-auth-policy": "password",
        "cost-estimation-enabled": settings.cost_estimation_enabled,
        "assessments-enforced": settings.assessments_enforced,
        "stacks-enabled": settings.stacks_enabled,
        "enforce-hyok": false,
        "default-execution-mode": settings.default_execution.mode(),
        "identity-token-ttl": organization.identity_token_ttl.map(|ttl| ttl.as_seconds()),
        "static-credentials": organization.static_credentials.as_str(),
        "session-timeout": settings.session_timeout,
        "session-remember": settings.session_remember,
        "owners-team-saml-role-id": settings.owners_team_saml_role_id,
        "send-passing-statuses-for-untriggered-speculative-plans": settings.send_passing_statuses,
        "aggregated-commit-status-enabled": settings.aggregated_commit_status,
        "speculative-plan-management-enabled": settings.speculative_plan_management,
        "allow-force-delete-workspaces": settings.allow_force_delete_workspaces,
        "credential-variables-need-admin": settings.credential_variables_need_admin,
        "user-tokens-enabled": settings.user_tokens_enabled,
        "max-ttl-enabled": settings.max_ttl_enabled,
        "registry-monorepo-support-enabled": settings.registry_monorepo_support,
        "is-unified": false,
        "saml-enabled": false,
        "two-factor-conformant": true,
        "remaining-testable-count": 0,
        "trial-expires-at": null,
        "plan-expired": false,
        "plan-identifier": "self-hosted",
        "fair-run-queuing-enabled": false,
        "permissions": {},
    })
}

fn permissions(rights: &Rights, creates_workspaces: bool) -> Value {
    let manages = rights.may(Permission::ManageOrganization);
    json!({
        "can-update": manages,
        "can-destroy": manages,
        "can-create-workspace": creates_workspaces,
        "can-create-project": rights.may(Permission::CreateProjects),
        "can-manage-tags": rights.may(Permission::ManageTags),
        "can-traverse": rights.may(Permission::ReadOrganization),
        "can-create-team": rights.may(Permission::ManageTeams),
        "can-create-workspace-migration": false,
        "can-deploy-no-code-modules": false,
        "can-enable-stacks": false,
        "can-manage-auditing": manages,
        "can-manage-no-code-modules": false,
        "can-manage-run-tasks": false,
        "can-manage-users": rights.may(Permission::ManageMembership),
        "can-manage-varsets": rights.may(Permission::ManageVariableSets),
        "can-read-varsets": rights.may(Permission::ReadOrganization),
        "can-update-agent-pools": rights.may(Permission::ManageAgentPools),
        "can-update-api-token": manages,
        "can-update-oauth": false,
        "can-update-sentinel": false,
        "can-update-ssh-keys": manages,
        "can-view-usage": manages,
    })
}

/// What the organization is entitled to: what this server can do, for everybody. Clients expect version control among it.
pub(super) fn entitlement_set(organization: &Organization) -> Resource {
    let attributes = json!({
        "operations": true,
        "state-storage": true,
        "agents": true,
        "teams": true,
        "private-module-registry": true,
        "audit-logging": true,
        "vcs-integrations": true,
        "usage-reporting": false,
        "cost-estimation": false,
        "sentinel": false,
        "policy-enforcement": false,
        "run-tasks": false,
        "global-run-tasks": false,
        "private-run-tasks": false,
        "sso": false,
        "configuration-designer": false,
        "waypoint-actions": false,
        "waypoint-templates-and-addons": false,
        "user-limit": null,
    });
    let path = format!("/api/v2/organizations/{}/entitlement-set", organization.name);
    Resource::new("entitlement-sets", &organization.id, attributes).link("self", path)
}
