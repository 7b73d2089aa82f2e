//! A team as clients read it.

use carnet_api::jsonapi::Resource;
use carnet_model::{OrganizationAccess, Permission, Team};
use serde_json::{Map, Value, json};

use super::delegation::is_stronger_in_organization;
use super::{account, organization_memberships};
use crate::error::ApiError;
use crate::extract::{Context, Params};

/// A team as the caller may read it.
pub(super) async fn resource(cx: &mut Context, team: &Team) -> Result<Resource, ApiError> {
    let organization = cx.tx.organization_by_id(&team.organization_id).await?.ok_or(ApiError::NotFound)?;
    // Its grants on projects and workspaces count as well, but lists are not the place to compare them all.
    let can_manage = cx.may(Permission::ManageTeams, &team.organization_id, None).await?
        && !is_stronger_in_organization(cx, team).await?;
    let can_grant = cx.may(Permission::ManageOrganizationAccess, &team.organization_id, None).await?;
    let members = cx.tx.team_members(&team.id).await?;
    let memberships = cx.tx.team_memberships(&team.id).await?;
    let attributes = json!({
        "name": team.name,
        "visibility": team.visibility.as_str(),
        "sso-team-id": team.sso_team_id,
        "allow-member-token-management": team.member_token_management,
        "users-count": members.len(),
        "is-unified": false,
        "organization-access": access(&team.access),
        "permissions": {
            "can-destroy": can_manage && !team.is_owners,
            "can-update-membership": can_manage,
            "can-update-organization-access": can_grant && !team.is_owners,
            "can-update-api-token": can_manage,
            "can-update-visibility": can_manage,
            "can-update-name": can_manage && !team.is_owners,
            "can-update-sso-team-id": can_manage,
            "can-update-member-token-management": can_manage,
            "can-view-api-token": can_manage,
        },
    });
    Ok(Resource::new("teams", &team.id, attributes)
        .to_one("organization", "organizations", Some(&organization.name))
        .to_many("users", "users", members.iter().map(|user| &user.id))
        .to_many(
            "organization-memberships",
            "organization-memberships",
            memberships.iter().map(|one| &one.id),
        )
        .to_one(
            "authentication-token",
            "authentication-tokens",
            cx.tx.legacy_team_token(&team.id).await?.map(|token| token.id),
        )
        .link("self", format!("/api/v2/teams/{}", team.id)))
}

/// What the ledger tells of a team.
pub(super) fn decided(team: &Team) -> String {
    let allowed = OrganizationAccess::NAMES.iter().filter(|name| team.access.get(name) == Some(true));
    json!({ "name": team.name, "organization-access": allowed.collect::<Vec<_>>() }).to_string()
}

fn access(access: &OrganizationAccess) -> Value {
    let names = OrganizationAccess::NAMES.iter();
    Value::Object(names.map(|name| ((*name).to_owned(), json!(access.get(name)))).collect::<Map<_, _>>())
}

/// What `include` asks for besides the teams.
pub(super) async fn included(
    cx: &mut Context,
    teams: &[Team],
    params: &Params,
) -> Result<Vec<Resource>, ApiError> {
    let wanted = params.include();
    let mut found: Vec<Resource> = Vec::new();
    for team in teams {
        if wanted.contains("users") {
            for user in cx.tx.team_members(&team.id).await? {
                found.push(account::resource(&user));
            }
        }
        if wanted.contains("organization_memberships") {
            for membership in cx.tx.team_memberships(&team.id).await? {
                found.push(organization_memberships::resource(cx, &membership).await?);
            }
        }
    }
    found.sort_by(|left, right| (&left.kind, &left.id).cmp(&(&right.kind, &right.id)));
    found.dedup_by(|left, right| left.kind == right.kind && left.id == right.id);
    Ok(found)
}
