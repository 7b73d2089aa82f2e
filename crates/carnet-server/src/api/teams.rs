//! Teams of an organization.

use std::collections::BTreeMap;

use carnet_model::{
    OrgId, OrgName, OrganizationAccess, Permission, Team, TeamId, TeamVisibility, TokenOwner,
};
use carnet_store::{StoreError, TeamFilter};
use serde::Deserialize;

use super::delegation::{refuse_escalation, refuse_stronger};
use super::team_document::{decided, included, resource};
use crate::app::entropy;
use crate::document::{Doc, present};
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read, Write};
use crate::ledger::record_change;
use crate::reply::{Reply, created, list, no_content, ok, ok_with};
use crate::route::{Access, Routes};

/// The most characters of a name.
const NAME_LIMIT: usize = 90;

pub(crate) fn routes() -> Routes {
    let read = Access::Allowed(Permission::ReadOrganization);
    let manage = Access::Allowed(Permission::ManageTeams);
    let all = "/api/v2/organizations/{organization}/teams";
    let one = "/api/v2/teams/{team}";
    Routes::default()
        .get(all, read, index)
        .post(all, manage, create)
        .get(one, read, show)
        .patch(one, manage, update)
        .delete(one, manage, delete)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Input {
    name: Option<String>,
    visibility: Option<String>,
    #[serde(deserialize_with = "present")]
    sso_team_id: Option<Option<String>>,
    allow_member_token_management: Option<bool>,
    organization_access: Option<BTreeMap<String, Option<bool>>>,
}

async fn index(Read(mut cx): Read, Id(name): Id<OrgName>, params: Params) -> Reply {
    let organization = cx.organization(&name, Permission::ReadOrganization).await?;
    let filter = TeamFilter {
        text: params.get("q").map(str::to_owned),
        names: params.list("filter[names]"),
        visible_to: match sees_all(&mut cx, &organization.id).await? {
            true => None,
            false => Some(cx.require_user()?),
        },
    };
    let page = params.page()?;
    let (teams, total) = cx.tx.teams(&organization.id, &filter, page.offset(), page.size).await?;
    let mut data = Vec::new();
    for team in &teams {
        data.push(resource(&mut cx, team).await?);
    }
    let related = included(&mut cx, &teams, &params).await?;
    list(&format!("/api/v2/organizations/{name}/teams"), data, related, page.of(total))
}

async fn create(Write(mut cx): Write, Id(name): Id<OrgName>, doc: Doc<Input>) -> Reply {
    let organization = cx.organization(&name, Permission::ManageTeams).await?;
    let mut team = Team {
        id: TeamId::from_entropy(entropy()?),
        organization_id: organization.id.clone(),
        name: parsed_name(doc.attributes.name.as_deref())?,
        is_owners: false,
        visibility: TeamVisibility::Secret,
        sso_team_id: None,
        member_token_management: true,
        access: OrganizationAccess::default(),
        created_at: cx.now,
    };
    change(&mut cx, &mut team, &doc.attributes).await?;
    cx.tx.insert_team(&team).await.map_err(taken)?;
    record_change(&mut cx.tx, None, Some(&decided(&team)));
    let data = resource(&mut cx, &team).await?;
    cx.tx.commit().await?;
    created(data)
}

async fn show(Read(mut cx): Read, Id(id): Id<TeamId>, params: Params) -> Reply {
    let team = visible(&mut cx, &id).await?;
    let data = resource(&mut cx, &team).await?;
    let related = included(&mut cx, std::slice::from_ref(&team), &params).await?;
    ok_with(data, related)
}

async fn update(Write(mut cx): Write, Id(id): Id<TeamId>, doc: Doc<Input>) -> Reply {
    let mut team = managed(&mut cx, &id).await?;
    refuse_stronger(&mut cx, &team).await?;
    let before = decided(&team);
    if let Some(name) = doc.attributes.name.as_deref()
        && name != team.name
    {
        if team.is_owners {
            return Err(ApiError::attribute("name", "The team of owners cannot be renamed"));
        }
        team.name = parsed_name(Some(name))?;
    }
    change(&mut cx, &mut team, &doc.attributes).await?;
    cx.tx.update_team(&team).await.map_err(taken)?;
    record_change(&mut cx.tx, Some(&before), Some(&decided(&team)));
    let data = resource(&mut cx, &team).await?;
    cx.tx.commit().await?;
    ok(data)
}

async fn delete(Write(mut cx): Write, Id(id): Id<TeamId>) -> Reply {
    let team = managed(&mut cx, &id).await?;
    refuse_stronger(&mut cx, &team).await?;
    if team.is_owners {
        return Err(ApiError::Forbidden("the team of owners cannot be deleted".to_owned()));
    }
    cx.tx.delete_team(&team.id).await?;
    record_change(&mut cx.tx, Some(&decided(&team)), None);
    cx.tx.commit().await?;
    no_content()
}

async fn change(cx: &mut Context, team: &mut Team, input: &Input) -> Result<(), ApiError> {
    if let Some(visibility) = input.visibility.as_deref() {
        team.visibility =
            visibility.parse().map_err(|error: String| ApiError::attribute("visibility", error))?;
    }
    if let Some(id) = &input.sso_team_id {
        team.sso_team_id = id.clone().filter(|id| !id.is_empty());
    }
    team.member_token_management =
        input.allow_member_token_management.unwrap_or(team.member_token_management);
    if let Some(wanted) = &input.organization_access {
        let before = team.access;
        for (name, value) in wanted {
            // Clients send permissions of newer servers; what is not granted needs no name.
            if !team.access.set(name, value.unwrap_or_default()) && value.unwrap_or_default() {
                let detail = format!("this server knows no permission {name:?}");
                return Err(ApiError::attribute("organization-access", detail));
            }
        }
        team.access = with_implied(team.access);
        if team.is_owners && team.access != OrganizationAccess::ALL {
            let detail = "The team of owners may do everything; this cannot be taken from it";
            return Err(ApiError::attribute("organization-access", detail));
        }
        if team.access != before {
            refuse_escalation(cx, &team.organization_id, before, team.access).await?;
        }
    }
    Ok(())
}

/// Who manages all projects or workspaces sees them.
fn with_implied(mut access: OrganizationAccess) -> OrganizationAccess {
    access.read_projects |= access.manage_projects;
    access.manage_workspaces |= access.manage_projects;
    access.read_workspaces |= access.manage_workspaces;
    access
}

/// Tells whether secret teams are visible to the caller, too.
pub(super) async fn sees_all(cx: &mut Context, organization: &OrgId) -> Result<bool, ApiError> {
    Ok(cx.may(Permission::ManageTeams, organization, None).await?
        || cx.standing(organization).await?.organization.access_secret_teams)
}

/// The team, if the caller may know of it.
pub(super) async fn visible(cx: &mut Context, id: &TeamId) -> Result<Team, ApiError> {
    let team = cx.tx.team(id).await?.ok_or(ApiError::NotFound)?;
    if !cx.may(Permission::ReadOrganization, &team.organization_id, None).await? {
        return Err(ApiError::NotFound);
    }
    let is_open = team.visibility == TeamVisibility::Organization
        || sees_all(cx, &team.organization_id).await?
        || is_in(cx, &team).await?;
    if is_open { Ok(team) } else { Err(ApiError::NotFound) }
}

/// Whether the caller is in the team, or is its token.
pub(super) async fn is_in(cx: &mut Context, team: &Team) -> Result<bool, ApiError> {
    match cx.owner.clone() {
        TokenOwner::Team { team_id, .. } => Ok(team_id == team.id),
        TokenOwner::User { user_id, .. } => Ok(cx.tx.is_team_member(&team.id, &user_id).await?),
        _ => Ok(false),
    }
}

/// The team, if the caller may change it.
pub(super) async fn managed(cx: &mut Context, id: &TeamId) -> Result<Team, ApiError> {
    let team = visible(cx, id).await?;
    if !cx.may(Permission::ManageTeams, &team.organization_id, None).await? {
        return Err(ApiError::Forbidden(format!(
            "this token may not {}",
            Permission::ManageTeams.describe()
        )));
    }
    Ok(team)
}

fn parsed_name(name: Option<&str>) -> Result<String, ApiError> {
    let name = name.map(str::trim).filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| ApiError::attribute("name", "Name can't be blank"))?;
    let is_valid =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | ' ' | '.');
    if name.chars().count() > NAME_LIMIT || !name.chars().all(is_valid) {
        let detail =
            format!("Name may only contain letters, numbers, spaces, -, _ and ., up to {NAME_LIMIT}");
        return Err(ApiError::attribute("name", detail));
    }
    Ok(name.to_owned())
}

fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Conflict => ApiError::attribute("name", "Name has already been taken"),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests;
