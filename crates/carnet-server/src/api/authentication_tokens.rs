//! The API tokens of users: everybody lists, makes and revokes their own. Administrators of the site list and revoke anybody's.

use carnet_api::jsonapi::Resource;
use carnet_model::{ApiToken, MaxTtl, TeamId, Timestamp, TokenId, TokenKind, UserId};
use carnet_store::{NewToken, TokenHash, Tx};
use jiff::ToSpan as _;
use jiff::tz::TimeZone;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{agent_pools, team_tokens};
use crate::app::{entropy, new_secret};
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read, Write};
use crate::reply::{Reply, created, list, no_content, ok, page_of};
use crate::route::{Access, Routes};

/// The most characters of a description.
const DESCRIPTION_LIMIT: usize = 255;

pub(crate) fn routes() -> Routes {
    let of_user = "/api/v2/users/{user}/authentication-tokens";
    let one = "/api/v2/authentication-tokens/{token}";
    Routes::default()
        .get(of_user, Access::User, index)
        .post(of_user, Access::User, create)
        .get(one, Access::User, show)
        .delete(one, Access::User, delete)
}

async fn index(Read(mut cx): Read, Id(user): Id<UserId>, params: Params) -> Reply {
    if !cx.is_site_admin() {
        only_oneself(&cx, &user)?;
    }
    cx.tx.user(&user).await?.ok_or(ApiError::NotFound)?;
    let (tokens, pagination) = page_of(cx.tx.user_tokens(&user).await?, params.page()?);
    let path = format!("/api/v2/users/{user}/authentication-tokens");
    list(&path, resources(&mut cx, &tokens).await?, Vec::new(), pagination)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Input {
    description: Option<String>,
    expired_at: Option<Timestamp>,
}

impl Input {
    /// Whether the client chose when the token ends.
    pub(super) fn chooses_end(&self) -> bool {
        self.expired_at.is_some()
    }
}

async fn create(Write(mut cx): Write, Id(user): Id<UserId>, doc: Doc<Input>) -> Reply {
    only_oneself(&cx, &user)?;
    let description = description(&doc.attributes)?;
    let max_ttl = cx.tx.max_user_token_ttl(&user).await?;
    let expires_at = expiry(&doc.attributes, max_ttl, cx.now)?;
    let (token, secret) = new_user_token(&mut cx.tx, &user, &description, expires_at, cx.now).await?;
    let data = created_document(&mut cx, &token, &secret).await?;
    cx.tx.commit().await?;
    created(data)
}

async fn show(Read(mut cx): Read, Id(id): Id<TokenId>) -> Reply {
    let token = own(&mut cx, &id).await?;
    ok(resource(&mut cx, &token).await?)
}

async fn delete(Write(mut cx): Write, Id(id): Id<TokenId>) -> Reply {
    own(&mut cx, &id).await?;
    cx.tx.delete_token(&id).await?;
    cx.tx.commit().await?;
    no_content()
}

/// Makes a token that stands for a user. It lives no longer than the user's organizations allow.
pub(crate) async fn new_user_token(
    tx: &mut Tx,
    user: &UserId,
    description: &str,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<(ApiToken, SecretString), ApiError> {
    let latest = tx.max_user_token_ttl(user).await?.map_or(Timestamp::MAX, |max| max.latest_end(now));
    let token = ApiToken {
        id: TokenId::from_entropy(entropy()?),
        kind: TokenKind::User,
        user_id: Some(user.clone()),
        team_id: None,
        organization_id: None,
        agent_pool_id: None,
        created_by: Some(user.clone()),
        description: description.to_owned(),
        created_at: now,
        expires_at: Some(expires_at.min(latest)),
        last_used_at: None,
    };
    let secret = store_token(tx, &token).await?;
    Ok((token, secret))
}

/// Stores the record of a token and makes its secret.
pub(super) async fn store_token(tx: &mut Tx, token: &ApiToken) -> Result<SecretString, ApiError> {
    let secret = new_secret("carnet-")?;
    tx.insert_token(NewToken { token, hash: &TokenHash::of(&secret) }).await?;
    Ok(secret)
}

/// The document of a new token: the only one that shows the secret.
pub(super) async fn created_document(
    cx: &mut Context,
    token: &ApiToken,
    secret: &SecretString,
) -> Result<Resource, ApiError> {
    let mut document = resource(cx, token).await?;
    document.attributes["token"] = Value::String(secret.expose_secret().to_owned());
    Ok(document)
}

/// When a token shall end, by its input and by how long the organization lets it live.
pub(super) fn expiry(input: &Input, max: Option<MaxTtl>, now: Timestamp) -> Result<Timestamp, ApiError> {
    let latest = max.map_or(Timestamp::MAX, |max| max.latest_end(now));
    match input.expired_at {
        Some(end) if end <= now => {
            Err(ApiError::attribute("expired-at", "the token would have expired already"))
        }
        Some(end) if end > latest => {
            let detail = format!("the organization lets such a token live until {latest} at the longest");
            Err(ApiError::attribute("expired-at", detail))
        }
        Some(end) => Ok(end),
        None => Ok(default_expiry(now).min(latest)),
    }
}

/// The description of a token, by its input.
pub(super) fn description(input: &Input) -> Result<String, ApiError> {
    let description = input.description.clone().unwrap_or_default();
    if description.chars().count() > DESCRIPTION_LIMIT {
        let detail = format!("the description is longer than {DESCRIPTION_LIMIT} characters");
        return Err(ApiError::attribute("description", detail));
    }
    Ok(description)
}

/// When a token ends for which nobody chose an end: after two years, as HCP Terraform has it.
pub(crate) fn default_expiry(now: Timestamp) -> Timestamp {
    let end = now.to_zoned(TimeZone::UTC).checked_add(2.years());
    end.map_or(Timestamp::MAX, |end| end.timestamp())
}

/// Nobody makes tokens of others, not even those who administer the site.
fn only_oneself(cx: &Context, user: &UserId) -> Result<(), ApiError> {
    if cx.require_person()? == *user { Ok(()) } else { Err(ApiError::NotFound) }
}

async fn own(cx: &mut Context, id: &TokenId) -> Result<ApiToken, ApiError> {
    let token = cx.tx.token(id).await?.ok_or(ApiError::NotFound)?;
    let is_own = match (token.kind, &token.team_id) {
        (TokenKind::User, _) => cx.is_site_admin() || token.user_id.as_ref() == Some(&cx.require_person()?),
        (TokenKind::Team, Some(team)) => {
            let team = team.clone();
            team_tokens::managed(cx, &team).await.is_ok()
        }
        (TokenKind::Agent, _) => agent_pools::managed_token(cx, &token).await?,
        _ => false,
    };
    if is_own { Ok(token) } else { Err(ApiError::NotFound) }
}

/// Tokens as clients read them, without their secrets.
pub(super) async fn resources(cx: &mut Context, tokens: &[ApiToken]) -> Result<Vec<Resource>, ApiError> {
    let mut found = Vec::with_capacity(tokens.len());
    for token in tokens {
        found.push(resource(cx, token).await?);
    }
    Ok(found)
}

/// A token as clients read it, without its secret.
pub(super) async fn resource(cx: &mut Context, token: &ApiToken) -> Result<Resource, ApiError> {
    let attributes = json!({
        "created-at": token.created_at,
        "last-used-at": token.last_used_at,
        "description": Some(&token.description).filter(|text| !text.is_empty()),
        "token": null,
        "expired-at": token.expires_at,
    });
    let (kind, id) = maker(cx, token).await?;
    let document = Resource::new("authentication-tokens", &token.id, attributes)
        .to_one("created-by", kind, id.as_ref())
        .link("self", format!("/api/v2/authentication-tokens/{}", token.id));
    Ok(match &token.team_id {
        Some(team) => document.to_one("team", "teams", Some(team)),
        None => document,
    })
}

/// Who made a token: a person, or the team or the organization whose token did.
async fn maker(cx: &mut Context, token: &ApiToken) -> Result<(&'static str, Option<String>), ApiError> {
    let user = match token.created_by.as_ref().or(token.user_id.as_ref()) {
        Some(id) => cx.tx.user(id).await?,
        None => None,
    };
    let Some(user) = user else {
        return Ok(("users", None));
    };
    let Some(of) = &user.service_of else {
        return Ok(("users", Some(user.id.to_string())));
    };
    if let Ok(team) = of.parse::<TeamId>() {
        return Ok(("teams", Some(team.to_string())));
    }
    let organization = match of.parse() {
        Ok(id) => cx.tx.organization_by_id(&id).await?,
        Err(_) => None,
    };
    Ok(("organizations", organization.map(|organization| organization.name.to_string())))
}
