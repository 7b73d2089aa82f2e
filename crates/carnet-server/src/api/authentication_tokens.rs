//! The API tokens of users: everybody lists, makes and revokes their own.

use carnet_api::jsonapi::Resource;
use carnet_model::{ApiToken, Timestamp, TokenId, TokenKind, UserId};
use carnet_store::{NewToken, TokenHash, Tx};
use jiff::ToSpan as _;
use jiff::tz::TimeZone;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

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
    only_oneself(&cx, &user)?;
    let (tokens, pagination) = page_of(cx.tx.user_tokens(&user).await?, params.page()?);
    let path = format!("/api/v2/users/{user}/authentication-tokens");
    list(&path, tokens.iter().map(resource).collect(), Vec::new(), pagination)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Input {
    description: Option<String>,
    expired_at: Option<Timestamp>,
}

async fn create(Write(mut cx): Write, Id(user): Id<UserId>, doc: Doc<Input>) -> Reply {
    only_oneself(&cx, &user)?;
    let description = doc.attributes.description.unwrap_or_default();
    if description.chars().count() > DESCRIPTION_LIMIT {
        let detail = format!("the description is longer than {DESCRIPTION_LIMIT} characters");
        return Err(ApiError::attribute("description", detail));
    }
    let expires_at = match doc.attributes.expired_at {
        Some(end) if end <= cx.now => {
            return Err(ApiError::attribute("expired-at", "the token would have expired already"));
        }
        Some(end) => end,
        None => default_expiry(cx.now),
    };
    let (token, secret) = new_user_token(&mut cx.tx, &user, &description, expires_at, cx.now).await?;
    cx.tx.commit().await?;
    let mut document = resource(&token);
    document.attributes["token"] = Value::String(secret.expose_secret().to_owned());
    created(document)
}

async fn show(Read(mut cx): Read, Id(id): Id<TokenId>) -> Reply {
    ok(resource(&own(&mut cx, &id).await?))
}

async fn delete(Write(mut cx): Write, Id(id): Id<TokenId>) -> Reply {
    own(&mut cx, &id).await?;
    cx.tx.delete_token(&id).await?;
    cx.tx.commit().await?;
    no_content()
}

/// Makes a token that stands for a user.
pub(crate) async fn new_user_token(
    tx: &mut Tx,
    user: &UserId,
    description: &str,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<(ApiToken, SecretString), ApiError> {
    let secret = new_secret("carnet-")?;
    let token = ApiToken {
        id: TokenId::from_entropy(entropy()?),
        kind: TokenKind::User,
        user_id: Some(user.clone()),
        team_id: None,
        organization_id: None,
        created_by: None,
        description: description.to_owned(),
        created_at: now,
        expires_at: Some(expires_at),
        last_used_at: None,
    };
    tx.insert_token(NewToken { token: &token, hash: &TokenHash::of(&secret) }).await?;
    Ok((token, secret))
}

/// When a token ends for which nobody chose an end: after two years, as HCP Terraform has it.
pub(crate) fn default_expiry(now: Timestamp) -> Timestamp {
    let end = now.to_zoned(TimeZone::UTC).checked_add(2.years());
    end.map_or(Timestamp::MAX, |end| end.timestamp())
}

/// Tokens of others are not there, not even for those who administer the site.
fn only_oneself(cx: &Context, user: &UserId) -> Result<(), ApiError> {
    if cx.require_user()? == *user { Ok(()) } else { Err(ApiError::NotFound) }
}

async fn own(cx: &mut Context, id: &TokenId) -> Result<ApiToken, ApiError> {
    let caller = cx.require_user()?;
    let token = cx.tx.token(id).await?.ok_or(ApiError::NotFound)?;
    if token.user_id.as_ref() != Some(&caller) {
        return Err(ApiError::NotFound);
    }
    Ok(token)
}

fn resource(token: &ApiToken) -> Resource {
    let attributes = json!({
        "created-at": token.created_at,
        "last-used-at": token.last_used_at,
        "description": token.description,
        "token": null,
        "expired-at": token.expires_at,
    });
    Resource::new("authentication-tokens", &token.id, attributes)
        .to_one("created-by", "users", token.user_id.as_ref())
        .link("self", format!("/api/v2/authentication-tokens/{}", token.id))
}
