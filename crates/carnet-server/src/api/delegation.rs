//! Nobody gives away rights that they lack: what callers may do is compared with what they would let a team do.

use carnet_model::{
    OrgId, OrganizationAccess, Permission, ProjectAccess, ProjectId, Team, TokenOwner, WorkspaceAccess,
    WorkspaceId,
};

use crate::error::ApiError;
use crate::extract::Context;

/// Nobody grants in the whole organization what nobody granted to them.
pub(super) async fn refuse_escalation(
    cx: &mut Context,
    organization: &OrgId,
    before: OrganizationAccess,
    after: OrganizationAccess,
) -> Result<(), ApiError> {
    if !cx.may(Permission::ManageOrganizationAccess, organization, None).await? {
        return Err(ApiError::Forbidden(format!(
            "this token may not {}",
            Permission::ManageOrganizationAccess.describe()
        )));
    }
    let own = own_access(cx, organization).await?;
    let more = OrganizationAccess::NAMES.iter().find(|name| {
        after.get(name) == Some(true) && before.get(name) != Some(true) && own.get(name) != Some(true)
    });
    match more {
        None => Ok(()),
        Some(name) => {
            Err(ApiError::Forbidden(format!("only who has the permission {name} may grant it to a team")))
        }
    }
}

/// Nobody changes a team, who is in it or its tokens that may do more than they themselves may, wherever that is: in the
/// organization, on a project or on a workspace. The owners are left to owners: the token of the organization may not run.
pub(super) async fn refuse_stronger(cx: &mut Context, team: &Team) -> Result<(), ApiError> {
    if is_stronger_in_organization(cx, team).await? || has_stronger_grants(cx, team).await? {
        return Err(ApiError::Forbidden(format!(
            "the team {:?} may do more than this token; ask an owner of the organization",
            team.name
        )));
    }
    Ok(())
}

/// Tells whether the team may do more than the caller in the organization as such.
pub(super) async fn is_stronger_in_organization(cx: &mut Context, team: &Team) -> Result<bool, ApiError> {
    let own = own_access(cx, &team.organization_id).await?;
    if team.is_owners {
        return Ok(own != OrganizationAccess::ALL || matches!(cx.owner, TokenOwner::Organization { .. }));
    }
    Ok(own.union(team.access) != own)
}

async fn has_stronger_grants(cx: &mut Context, team: &Team) -> Result<bool, ApiError> {
    if is_unlimited(cx, &team.organization_id).await? {
        return Ok(false);
    }
    let (projects, workspaces) = cx.tx.grants_of_team(&team.id).await?;
    for grant in projects {
        if !covers_project(cx, &team.organization_id, &grant.project_id, &grant.access).await? {
            return Ok(true);
        }
    }
    for grant in workspaces {
        if !covers_workspace(cx, &team.organization_id, &grant.workspace_id, &grant.access).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Nobody gives or takes access to a project that they do not have.
pub(super) async fn refuse_project_access(
    cx: &mut Context,
    organization: &OrgId,
    project: &ProjectId,
    access: &ProjectAccess,
) -> Result<(), ApiError> {
    match is_unlimited(cx, organization).await? || covers_project(cx, organization, project, access).await? {
        true => Ok(()),
        false => Err(beyond("project")),
    }
}

/// Nobody gives or takes access to a workspace that they do not have.
pub(super) async fn refuse_workspace_access(
    cx: &mut Context,
    organization: &OrgId,
    workspace: &WorkspaceId,
    access: &WorkspaceAccess,
) -> Result<(), ApiError> {
    match is_unlimited(cx, organization).await?
        || covers_workspace(cx, organization, workspace, access).await?
    {
        true => Ok(()),
        false => Err(beyond("workspace")),
    }
}

fn beyond(place: &str) -> ApiError {
    ApiError::Forbidden(format!(
        "this access to the {place} is more than this token has; ask somebody who administers it"
    ))
}

async fn covers_project(
    cx: &mut Context,
    organization: &OrgId,
    project: &ProjectId,
    access: &ProjectAccess,
) -> Result<bool, ApiError> {
    // What is granted in the whole organization needs no look at the project.
    Ok(cx.standing(organization).await?.covers_project(access)
        || cx.rights(organization, Some(project)).await?.standing().covers_project(access))
}

async fn covers_workspace(
    cx: &mut Context,
    organization: &OrgId,
    workspace: &WorkspaceId,
    access: &WorkspaceAccess,
) -> Result<bool, ApiError> {
    Ok(cx.standing(organization).await?.covers_workspace(access)
        || cx.workspace_rights(organization, Some(workspace)).await?.standing().covers_workspace(access))
}

/// Owners, administrators of the site and the token of the organization, whose rights are no lists.
async fn is_unlimited(cx: &mut Context, organization: &OrgId) -> Result<bool, ApiError> {
    cx.may(Permission::ManageOrganization, organization, None).await
}

async fn own_access(cx: &mut Context, organization: &OrgId) -> Result<OrganizationAccess, ApiError> {
    if is_unlimited(cx, organization).await? {
        return Ok(OrganizationAccess::ALL);
    }
    Ok(cx.standing(organization).await?.organization)
}
