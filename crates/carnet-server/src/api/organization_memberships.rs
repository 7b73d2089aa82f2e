//! Who belongs to organizations.

use carnet_api::jsonapi::Resource;
use carnet_model::{
    Membership, MembershipId, MembershipStatus, OrgId, OrgName, Permission, Team, TeamId, User, UserId,
    Username,
};
use carnet_store::{MembershipFilter, StoreError};
use serde::Deserialize;
use serde_json::json;

use super::delegation::refuse_stronger;
use super::{account, team_document, team_members, teams};
use crate::app::entropy;
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read, Write};
use crate::reply::{Reply, created, list, no_content, ok_with, page_of};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    let read = Access::Allowed(Permission::ReadOrganization);
    let manage = Access::Allowed(Permission::ManageMembership);
    let all = "/api/v2/organizations/{organization}/organization-memberships";
    let one = "/api/v2/organization-memberships/{membership}";
    Routes::default()
        .get(all, read, index)
        .post(all, manage, create)
        .get("/api/v2/organization-memberships", Access::User, index_of_caller)
        .get(one, read, show)
        .delete(one, manage, delete)
}

async fn index(Read(mut cx): Read, Id(name): Id<OrgName>, params: Params) -> Reply {
    let organization = cx.organization(&name, Permission::ReadOrganization).await?;
    let status = params.get("filter[status]").map(str::parse::<MembershipStatus>).transpose();
    let filter = MembershipFilter {
        text: params.get("q").map(str::to_owned),
        emails: params.list("filter[email]"),
        status: status.map_err(ApiError::BadRequest)?,
    };
    let page = params.page()?;
    let (found, total) = cx.tx.memberships(&organization.id, &filter, page.offset(), page.size).await?;
    let mut data = Vec::new();
    for membership in &found {
        data.push(resource(&mut cx, membership).await?);
    }
    let related = included(&mut cx, &found, &params).await?;
    let path = format!("/api/v2/organizations/{name}/organization-memberships");
    list(&path, data, related, page.of(total))
}

async fn index_of_caller(Read(mut cx): Read, params: Params) -> Reply {
    let user = cx.require_person()?;
    let (found, pagination) = page_of(cx.tx.memberships_of_user(&user).await?, params.page()?);
    let mut data = Vec::new();
    for membership in &found {
        data.push(resource(&mut cx, membership).await?);
    }
    let related = included(&mut cx, &found, &params).await?;
    list("/api/v2/organization-memberships", data, related, pagination)
}

#[derive(Debug, Deserialize)]
struct Input {
    email: Option<String>,
}

async fn create(Write(mut cx): Write, Id(name): Id<OrgName>, doc: Doc<Input>) -> Reply {
    let organization = cx.organization(&name, Permission::ManageMembership).await?;
    let email = parsed_email(doc.attributes.email.as_deref())?;
    let user = match cx.tx.user_by_email(&email).await? {
        Some(user) => user,
        None => invite(&mut cx, &email).await?,
    };
    let membership = Membership {
        id: MembershipId::from_entropy(entropy()?),
        organization_id: organization.id.clone(),
        user_id: user.id.clone(),
        status: match cx.tx.is_placeholder(&user.id).await? {
            true => MembershipStatus::Invited,
            false => MembershipStatus::Active,
        },
        created_at: cx.now,
    };
    cx.tx.insert_membership(&membership).await.map_err(taken)?;
    let teams = doc.to_many("teams")?.unwrap_or_default();
    // Who is in a team is up to those who manage teams; others do not learn which teams there are, either.
    if !teams.is_empty() {
        cx.organization(&name, Permission::ManageTeams).await?;
    }
    for reference in teams {
        let team = team(&mut cx, &organization.id, &reference.id).await?;
        team_members::add(&mut cx, &team, &membership).await?;
    }
    let data = resource(&mut cx, &membership).await?;
    cx.tx.commit().await?;
    created(data)
}

async fn show(Read(mut cx): Read, Id(id): Id<MembershipId>, params: Params) -> Reply {
    let membership = visible(&mut cx, &id).await?;
    let data = resource(&mut cx, &membership).await?;
    let related = included(&mut cx, std::slice::from_ref(&membership), &params).await?;
    ok_with(data, related)
}

async fn delete(Write(mut cx): Write, Id(id): Id<MembershipId>) -> Reply {
    let membership = visible(&mut cx, &id).await?;
    let is_own = cx.user_id() == Some(&membership.user_id);
    if !is_own && !cx.may(Permission::ManageMembership, &membership.organization_id, None).await? {
        return Err(ApiError::Forbidden(format!(
            "this token may not {}",
            Permission::ManageMembership.describe()
        )));
    }
    for team in cx.tx.teams_of_user(&membership.organization_id, &membership.user_id).await? {
        if team.is_owners && !is_own {
            refuse_stronger(&mut cx, &team).await?;
        }
        team_members::refuse_last_owner(&mut cx, &team, &membership.user_id).await?;
    }
    cx.tx.delete_membership(&membership).await?;
    cx.tx.commit().await?;
    no_content()
}

/// A user that is known by address only: it has no token, so nobody acts as it until an administrator makes the account.
async fn invite(cx: &mut Context, email: &str) -> Result<User, ApiError> {
    let id = UserId::from_entropy(entropy()?);
    let username: Username = format!("invited-{}", id.suffix()).parse()?;
    let user = User {
        id,
        username,
        email: email.to_owned(),
        service_of: None,
        is_site_admin: false,
        is_suspended: false,
        created_at: cx.now,
    };
    cx.tx.insert_placeholder(&user).await?;
    Ok(user)
}

async fn team(cx: &mut Context, organization: &OrgId, id: &str) -> Result<Team, ApiError> {
    let refused =
        || ApiError::invalid("/data/relationships/teams", format!("the organization has no team {id:?}"));
    let id: TeamId = id.parse().map_err(|_| refused())?;
    match teams::visible(cx, &id).await {
        Ok(team) if team.organization_id == *organization => Ok(team),
        Ok(_) | Err(ApiError::NotFound) => Err(refused()),
        Err(other) => Err(other),
    }
}

async fn visible(cx: &mut Context, id: &MembershipId) -> Result<Membership, ApiError> {
    let membership = cx.tx.membership(id).await?.ok_or(ApiError::NotFound)?;
    let is_own = cx.user_id() == Some(&membership.user_id);
    if !is_own && !cx.may(Permission::ReadOrganization, &membership.organization_id, None).await? {
        return Err(ApiError::NotFound);
    }
    Ok(membership)
}

/// An e-mail address in the form in which it is stored.
pub(crate) fn parsed_email(email: Option<&str>) -> Result<String, ApiError> {
    let email = email.map(str::trim).filter(|email| !email.is_empty());
    let email = email.ok_or_else(|| ApiError::attribute("email", "Email can't be blank"))?;
    let is_valid = email.len() <= 254
        && email
            .split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
        && !email
            .chars()
            .any(|character| character.is_whitespace() || character.is_control() || character == ',');
    if !is_valid {
        return Err(ApiError::attribute("email", "Email is not an address"));
    }
    Ok(email.to_lowercase())
}

fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Conflict => {
            ApiError::attribute("email", "Email belongs to a member already, or was invited before")
        }
        other => other.into(),
    }
}

/// A membership as clients read it.
pub(super) async fn resource(cx: &mut Context, membership: &Membership) -> Result<Resource, ApiError> {
    let user = cx.tx.user(&membership.user_id).await?.ok_or(ApiError::NotFound)?;
    let organization =
        cx.tx.organization_by_id(&membership.organization_id).await?.ok_or(ApiError::NotFound)?;
    let teams = visible_teams(cx, membership).await?;
    let attributes = json!({
        "status": membership.status.as_str(),
        "email": user.email,
        "username": user.username.as_str(),
        "created-at": membership.created_at,
    });
    Ok(Resource::new("organization-memberships", &membership.id, attributes)
        .to_one("user", "users", Some(&user.id))
        .to_one("organization", "organizations", Some(&organization.name))
        .to_many("teams", "teams", teams.iter().map(|team| &team.id))
        .link("self", format!("/api/v2/organization-memberships/{}", membership.id)))
}

async fn visible_teams(cx: &mut Context, membership: &Membership) -> Result<Vec<Team>, ApiError> {
    let mut found = Vec::new();
    for team in cx.tx.teams_of_user(&membership.organization_id, &membership.user_id).await? {
        if cx.user_id() == Some(&membership.user_id) || teams::visible(cx, &team.id).await.is_ok() {
            found.push(team);
        }
    }
    Ok(found)
}

async fn included(
    cx: &mut Context,
    memberships: &[Membership],
    params: &Params,
) -> Result<Vec<Resource>, ApiError> {
    let wanted = params.include();
    let mut found: Vec<Resource> = Vec::new();
    for membership in memberships {
        if wanted.contains("user")
            && let Some(user) = cx.tx.user(&membership.user_id).await?
        {
            found.push(account::resource(&user));
        }
        if wanted.contains("teams") {
            for team in visible_teams(cx, membership).await? {
                found.push(team_document::resource(cx, &team).await?);
            }
        }
    }
    found.sort_by(|left, right| (&left.kind, &left.id).cmp(&(&right.kind, &right.id)));
    found.dedup_by(|left, right| left.kind == right.kind && left.id == right.id);
    Ok(found)
}

#[cfg(test)]
mod tests;
