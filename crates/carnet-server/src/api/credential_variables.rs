//! Who may change the variables that decide which identity runs ask for, and where: a permission of its own.

use carnet_creds::is_credential_variable;
use carnet_model::{
    OrgId, Permission, TokenOwner, Variable, VariableCategory, VariableKey, VariableOwner, VariableSet,
};

use crate::adapters::not_replaced;
use crate::error::ApiError;
use crate::extract::Context;
use crate::issuance::grants::adapters;

/// Refuses to make, to change or to remove a variable of one of these names without the permission, if one of them counts.
pub(super) async fn guard(
    cx: &mut Context,
    owner: &VariableOwner,
    category: VariableCategory,
    names: &[&VariableKey],
) -> Result<(), ApiError> {
    if category != VariableCategory::Env {
        return Ok(());
    }
    match owner {
        VariableOwner::Workspace(id) => {
            let workspace = cx.tx.workspace(id).await?.ok_or(ApiError::NotFound)?;
            let organization = &workspace.organization_id;
            let Some(name) = credential_variable(cx, organization, names).await? else { return Ok(()) };
            match cx.may(Permission::WriteCredentialVariables, organization, Some(id)).await? {
                true => Ok(()),
                false => Err(refused(cx, &name, "this workspace")),
            }
        }
        VariableOwner::Set(id) => {
            let set = cx.tx.variable_set(id).await?.ok_or(ApiError::NotFound)?;
            let Some(name) = credential_variable(cx, &set.organization_id, names).await? else {
                return Ok(());
            };
            guard_place(cx, &set, &name).await
        }
    }
}

/// Refuses to change where a set applies, what it wins over, or whether it is there, if it holds such a variable.
pub(super) async fn guard_set(cx: &mut Context, set: &VariableSet) -> Result<(), ApiError> {
    let variables = cx.tx.variables(&VariableOwner::Set(set.id.clone())).await?;
    let of_env = |variable: &&Variable| variable.input.category == VariableCategory::Env;
    let names: Vec<&VariableKey> =
        variables.iter().filter(of_env).map(|variable| &variable.input.key).collect();
    match credential_variable(cx, &set.organization_id, &names).await? {
        Some(name) => guard_place(cx, set, &name).await,
        None => Ok(()),
    }
}

/// Where the set belongs to the caller must have the permission: in all workspaces of the project, or of the organization.
async fn guard_place(cx: &mut Context, set: &VariableSet, name: &str) -> Result<(), ApiError> {
    let permission = Permission::WriteCredentialVariables;
    let organization = &set.organization_id;
    let may = match &set.parent_project_id {
        _ if cx.may(permission, organization, None).await? => true,
        Some(project) => cx.may_on_project(permission, organization, project).await?,
        None => false,
    };
    if may { Ok(()) } else { Err(refused(cx, name, "the workspaces of this variable set")) }
}

/// The first of the names that is a setting of a family of credentials, or of an adapter.
async fn credential_variable(
    cx: &mut Context,
    organization: &OrgId,
    names: &[&VariableKey],
) -> Result<Option<String>, ApiError> {
    if names.is_empty() {
        return Ok(None);
    }
    let of_organization = cx.tx.adapters(organization).await?;
    let of_server = not_replaced(&cx.app.settings.adapters, &of_organization);
    let mut documents: Vec<String> = of_server.map(|adapter| adapter.document.clone()).collect();
    documents.extend(of_organization.into_iter().map(|adapter| adapter.definition));
    let adapters = adapters(&documents);
    let found = names.iter().find(|name| is_credential_variable(name.as_str(), &adapters));
    Ok(found.map(|name| name.to_string()))
}

/// Who comes here may change other variables, so that nothing is given away.
fn refused(cx: &Context, name: &str, place: &str) -> ApiError {
    match &cx.owner {
        TokenOwner::User { .. } | TokenOwner::Team { .. } => ApiError::Forbidden(format!(
            "{name} decides which identity runs ask for: this token may change other variables of {place}, and not its \
             credential variables; somebody who administers it can change them, or grant \"credential-variables\" to one of \
             your teams"
        )),
        TokenOwner::Organization { .. }
        | TokenOwner::AuditTrail { .. }
        | TokenOwner::Agent { .. }
        | TokenOwner::Run { .. } => ApiError::NotFound,
    }
}
