//! Who may see and change variable sets: who manages those of the organization or of the owning project, and, to see them,
//! whoever may read variables somewhere the set applies.

use carnet_model::{Permission, VariableSet, VariableSetId};

use crate::error::ApiError;
use crate::extract::Context;

/// What a caller wants with a variable set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// To see it.
    Read,
    /// To change it.
    Manage,
}

/// The variable set, if the caller may do this with it.
pub(super) async fn visible(
    cx: &mut Context,
    id: &VariableSetId,
    wish: Wish,
) -> Result<VariableSet, ApiError> {
    let set = cx.tx.variable_set(id).await?.ok_or(ApiError::NotFound)?;
    if may_manage(cx, &set).await? || (wish == Wish::Read && may_read(cx, &set).await?) {
        return Ok(set);
    }
    if wish == Wish::Manage && may_read(cx, &set).await? {
        return Err(ApiError::Forbidden("this token may see the variable set, and not change it".to_owned()));
    }
    Err(ApiError::NotFound)
}

/// The sets of a list that the caller may see.
pub(super) async fn readable(cx: &mut Context, sets: Vec<VariableSet>) -> Result<Vec<VariableSet>, ApiError> {
    let mut found = Vec::new();
    for set in sets {
        if may_manage(cx, &set).await? || may_read(cx, &set).await? {
            found.push(set);
        }
    }
    Ok(found)
}

/// Tells whether the caller may change the set.
pub(super) async fn may_manage(cx: &mut Context, set: &VariableSet) -> Result<bool, ApiError> {
    if cx.may(Permission::ManageVariableSets, &set.organization_id, None).await? {
        return Ok(true);
    }
    match &set.parent_project_id {
        Some(project) => {
            cx.may_on_project(Permission::ManageProjectVariableSets, &set.organization_id, project).await
        }
        None => Ok(false),
    }
}

async fn may_read(cx: &mut Context, set: &VariableSet) -> Result<bool, ApiError> {
    let granted = cx.standing(&set.organization_id).await?.organization;
    if granted.read_projects || granted.read_workspaces {
        return Ok(true);
    }
    if set.is_global {
        return has_grants(cx, set).await;
    }
    let contents = cx.tx.variable_set_contents(&set.id).await?;
    for project in set.parent_project_id.iter().chain(&contents.projects) {
        if cx.may_on_project(Permission::ReadProjectVariableSets, &set.organization_id, project).await? {
            return Ok(true);
        }
    }
    for workspace in &contents.workspaces {
        if cx.may(Permission::ReadVariables, &set.organization_id, Some(workspace)).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A global set applies wherever the caller has any access.
async fn has_grants(cx: &mut Context, set: &VariableSet) -> Result<bool, ApiError> {
    match cx.grantee() {
        Some(grantee) => Ok(cx.tx.has_grants(&set.organization_id, &grantee).await?),
        None => Ok(false),
    }
}
