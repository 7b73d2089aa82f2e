//! Tokens of teams: one without a description, which a new one replaces, and any number with one.

use carnet_model::{
    ApiToken, LimitedToken, OrgName, Permission, Team, TeamId, Timestamp, TokenId, TokenKind, TokenOwner,
};
use carnet_store::{TeamTokenFilter, TeamTokenOrder};

use super::authentication_tokens::{
    Input, created_document, description, expiry, resource, resources, store_token,
};
use super::delegation::refuse_stronger;
use super::service_users::service_user;
use super::teams;
use crate::app::entropy;
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read, Write};
use crate::reply::{Reply, created, list, no_content, ok};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    let manage = Access::Allowed(Permission::ManageTeams);
    let one = "/api/v2/teams/{team}/authentication-token";
    Routes::default()
        .get(one, manage, show)
        .post(one, manage, replace)
        .delete(one, manage, delete)
        .post("/api/v2/teams/{team}/authentication-tokens", manage, create)
        .get("/api/v2/organizations/{organization}/team-tokens", manage, index)
}

async fn show(Read(mut cx): Read, Id(id): Id<TeamId>) -> Reply {
    let team = managed(&mut cx, &id).await?;
    let token = cx.tx.legacy_team_token(&team.id).await?.ok_or(ApiError::NotFound)?;
    ok(resource(&mut cx, &token).await?)
}

async fn replace(Write(mut cx): Write, Id(id): Id<TeamId>, doc: OptionalDoc) -> Reply {
    let team = managed(&mut cx, &id).await?;
    if let Some(old) = cx.tx.legacy_team_token(&team.id).await? {
        cx.tx.delete_token(&old.id).await?;
    }
    made(cx, &team, String::new(), &doc.0).await
}

async fn create(Write(mut cx): Write, Id(id): Id<TeamId>, doc: Doc<Input>) -> Reply {
    let team = managed(&mut cx, &id).await?;
    let description = description(&doc.attributes)?;
    if description.is_empty() {
        return Err(ApiError::attribute("description", "Description can't be blank"));
    }
    if cx.tx.team_token(&team.id, &description).await?.is_some() {
        return Err(ApiError::attribute("description", "Description has already been taken"));
    }
    made(cx, &team, description, &doc.attributes).await
}

async fn made(mut cx: Context, team: &Team, description: String, input: &Input) -> Reply {
    let max_ttl = cx.tx.max_token_ttl(&team.organization_id, LimitedToken::Team).await?;
    let end = expiry(input, max_ttl, cx.now)?;
    let expires_at = within_own_life(&mut cx, end, input).await?;
    let token = ApiToken {
        id: TokenId::from_entropy(entropy()?),
        kind: TokenKind::Team,
        user_id: Some(service_user(&mut cx.tx, team.id.as_str(), cx.now).await?),
        team_id: Some(team.id.clone()),
        organization_id: Some(team.organization_id.clone()),
        agent_pool_id: None,
        created_by: cx.user_id().cloned(),
        description,
        created_at: cx.now,
        expires_at: Some(expires_at),
        last_used_at: None,
    };
    let secret = store_token(&mut cx.tx, &token).await?;
    let data = created_document(&mut cx, &token, &secret).await?;
    cx.tx.commit().await?;
    created(data)
}

/// A token that the token of a team makes ends no later than that one: otherwise none would ever end.
async fn within_own_life(cx: &mut Context, end: Timestamp, input: &Input) -> Result<Timestamp, ApiError> {
    let TokenOwner::Team { token_id, .. } = cx.owner.clone() else { return Ok(end) };
    let own = cx.tx.token(&token_id).await?.ok_or(ApiError::Unauthorized)?.expires_at;
    match own {
        Some(own) if own < end && input.chooses_end() => {
            let detail = format!("the token of a team makes none that outlives it, and ends at {own}");
            Err(ApiError::attribute("expired-at", detail))
        }
        Some(own) => Ok(end.min(own)),
        None => Ok(end),
    }
}

async fn delete(Write(mut cx): Write, Id(id): Id<TeamId>) -> Reply {
    let team = managed(&mut cx, &id).await?;
    let token = cx.tx.legacy_team_token(&team.id).await?.ok_or(ApiError::NotFound)?;
    cx.tx.delete_token(&token.id).await?;
    cx.tx.commit().await?;
    no_content()
}

async fn index(Read(mut cx): Read, Id(name): Id<OrgName>, params: Params) -> Reply {
    let organization = cx.organization(&name, Permission::ManageTeams).await?;
    let page = params.page()?;
    let (tokens, total) =
        cx.tx.team_tokens(&organization.id, filter(&params), page.offset(), page.size).await?;
    let path = format!("/api/v2/organizations/{name}/team-tokens");
    list(&path, resources(&mut cx, &tokens).await?, Vec::new(), page.of(total))
}

fn filter(params: &Params) -> TeamTokenFilter<'_> {
    let sort = params.get("sort").unwrap_or_default();
    let order = match sort.trim_start_matches('-').replace('_', "-").as_str() {
        "team-name" => TeamTokenOrder::Team,
        "created-by" => TeamTokenOrder::Maker,
        "expired-at" => TeamTokenOrder::End,
        "last-used-at" => TeamTokenOrder::Use,
        _ => TeamTokenOrder::Made,
    };
    TeamTokenFilter { text: params.get("q"), order, is_descending: sort.starts_with('-') }
}

/// The team whose tokens the caller may manage: with the permission to manage teams that may not do more than the caller,
/// or as a member of a team that lets its members do so. Without that
/// permission, a team's own token makes no further ones.
pub(super) async fn managed(cx: &mut Context, id: &TeamId) -> Result<Team, ApiError> {
    let team = teams::visible(cx, id).await?;
    if cx.may(Permission::ManageTeams, &team.organization_id, None).await? {
        refuse_stronger(cx, &team).await?;
        return Ok(team);
    }
    let is_person = cx.require_person().is_ok();
    if is_person && team.member_token_management && teams::is_in(cx, &team).await? {
        return Ok(team);
    }
    Err(ApiError::Forbidden("this token may not manage the tokens of the team".to_owned()))
}

/// The input of a token, which clients may leave out: they send nothing, or an object with nothing in it.
pub(super) struct OptionalDoc(pub Input);

impl<S: Send + Sync> axum::extract::FromRequest<S> for OptionalDoc {
    type Rejection = ApiError;

    async fn from_request(request: axum::extract::Request, state: &S) -> Result<Self, ApiError> {
        let body = crate::document::json_body(request, state).await?;
        let is_empty = |object: serde_json::Map<String, serde_json::Value>| object.is_empty();
        if body.iter().all(u8::is_ascii_whitespace) || serde_json::from_slice(&body).is_ok_and(is_empty) {
            return Ok(Self(Input::default()));
        }
        let request = axum::extract::Request::new(axum::body::Body::from(body));
        Ok(Self(Doc::<Input>::from_request(request, state).await?.attributes))
    }
}

#[cfg(test)]
mod tests;
