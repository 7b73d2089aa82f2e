//! Who is in a team.

use carnet_model::{Membership, Permission, Team, TeamId, UserId};
use serde_json::json;

use super::delegation::refuse_stronger;
use super::teams::managed;
use crate::document::References;
use crate::error::ApiError;
use crate::extract::{Context, Id, Write};
use crate::ledger::record_change;
use crate::reply::{Reply, no_content};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    let manage = Access::Allowed(Permission::ManageTeams);
    let users = "/api/v2/teams/{team}/relationships/users";
    let memberships = "/api/v2/teams/{team}/relationships/organization-memberships";
    Routes::default()
        .post(users, manage, add_users)
        .delete(users, manage, remove_users)
        .post(memberships, manage, add_memberships)
        .delete(memberships, manage, remove_memberships)
}

async fn add_users(Write(mut cx): Write, Id(id): Id<TeamId>, References(given): References) -> Reply {
    let team = managed(&mut cx, &id).await?;
    for reference in given {
        let membership = member_by_name(&mut cx, &team, &reference.id).await?;
        add(&mut cx, &team, &membership).await?;
    }
    cx.tx.commit().await?;
    no_content()
}

async fn remove_users(Write(mut cx): Write, Id(id): Id<TeamId>, References(given): References) -> Reply {
    let team = managed(&mut cx, &id).await?;
    for reference in given {
        let membership = member_by_name(&mut cx, &team, &reference.id).await?;
        remove(&mut cx, &team, &membership.user_id).await?;
    }
    cx.tx.commit().await?;
    no_content()
}

async fn add_memberships(Write(mut cx): Write, Id(id): Id<TeamId>, References(given): References) -> Reply {
    let team = managed(&mut cx, &id).await?;
    for reference in given {
        let membership = membership(&mut cx, &team, &reference.id).await?;
        add(&mut cx, &team, &membership).await?;
    }
    cx.tx.commit().await?;
    no_content()
}

async fn remove_memberships(
    Write(mut cx): Write,
    Id(id): Id<TeamId>,
    References(given): References,
) -> Reply {
    let team = managed(&mut cx, &id).await?;
    for reference in given {
        let membership = membership(&mut cx, &team, &reference.id).await?;
        remove(&mut cx, &team, &membership.user_id).await?;
    }
    cx.tx.commit().await?;
    no_content()
}

/// Puts a member into a team that may not do more than the caller.
pub(super) async fn add(cx: &mut Context, team: &Team, membership: &Membership) -> Result<(), ApiError> {
    refuse_stronger(cx, team).await?;
    record_change(&mut cx.tx, None, Some(&decided(team, &membership.user_id)));
    Ok(cx.tx.add_team_member(&team.id, &membership.user_id).await?)
}

async fn remove(cx: &mut Context, team: &Team, user: &UserId) -> Result<(), ApiError> {
    refuse_stronger(cx, team).await?;
    refuse_last_owner(cx, team, user).await?;
    record_change(&mut cx.tx, Some(&decided(team, user)), None);
    Ok(cx.tx.remove_team_member(&team.id, user).await?)
}

/// What the ledger tells of a member.
fn decided(team: &Team, user: &UserId) -> String {
    json!({ "team": team.id.as_str(), "member": user.as_str() }).to_string()
}

/// An organization keeps an owner.
pub(super) async fn refuse_last_owner(cx: &mut Context, team: &Team, user: &UserId) -> Result<(), ApiError> {
    if !team.is_owners {
        return Ok(());
    }
    let members = cx.tx.team_members(&team.id).await?;
    if members.iter().any(|member| member.id == *user) && members.len() == 1 {
        return Err(ApiError::Forbidden("the last owner of the organization cannot be removed".to_owned()));
    }
    Ok(())
}

/// Clients name users by username; ids of users work, too.
async fn member_by_name(cx: &mut Context, team: &Team, name: &str) -> Result<Membership, ApiError> {
    let user = match name.parse::<UserId>() {
        Ok(id) => cx.tx.user(&id).await?,
        Err(_) => match name.parse() {
            Ok(username) => cx.tx.user_by_name(&username).await?,
            Err(_) => None,
        },
    };
    let missing = || ApiError::invalid("/data", format!("the organization has no member {name:?}"));
    let user = user.ok_or_else(missing)?;
    cx.tx.membership_of(&team.organization_id, &user.id).await?.ok_or_else(missing)
}

async fn membership(cx: &mut Context, team: &Team, id: &str) -> Result<Membership, ApiError> {
    let missing = || ApiError::invalid("/data", format!("the organization has no membership {id:?}"));
    let parsed = id.parse().map_err(|_| missing())?;
    let membership = cx.tx.membership(&parsed).await?.ok_or_else(missing)?;
    if membership.organization_id != team.organization_id {
        return Err(missing());
    }
    Ok(membership)
}
