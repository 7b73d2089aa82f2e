//! The account behind a token, and users as others see them.

use carnet_api::jsonapi::Resource;
use carnet_model::{NameError, User, UserId};
use carnet_store::StoreError;
use serde::Deserialize;
use serde_json::json;

use super::organization_memberships;
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Id, Read, Write};
use crate::reply::{Reply, ok};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    Routes::default()
        .get("/api/v2/account/details", Access::User, details)
        .patch("/api/v2/account/update", Access::User, update)
        .patch("/api/v2/account/password", Access::User, password)
        .get("/api/v2/users/{user}", Access::User, show)
}

async fn details(Read(mut cx): Read) -> Reply {
    let id = cx.require_user()?;
    let user = cx.tx.user(&id).await?.ok_or(ApiError::NotFound)?;
    ok(resource(&user))
}

async fn show(Read(mut cx): Read, Id(id): Id<UserId>) -> Reply {
    let caller = cx.require_user()?;
    let is_known = caller == id || cx.tx.users_share_organization(&caller, &id).await?;
    if !is_known {
        return Err(ApiError::NotFound);
    }
    let user = cx.tx.user(&id).await?.ok_or(ApiError::NotFound)?;
    ok(resource(&user))
}

#[derive(Debug, Deserialize)]
struct Input {
    username: Option<String>,
    email: Option<String>,
}

async fn update(Write(mut cx): Write, doc: Doc<Input>) -> Reply {
    let id = cx.require_person()?;
    let mut user = cx.tx.user(&id).await?.ok_or(ApiError::NotFound)?;
    if let Some(username) = doc.attributes.username.as_deref() {
        user.username = username
            .parse()
            .map_err(|error: NameError| ApiError::attribute("username", error.to_string()))?;
    }
    if doc.attributes.email.is_some() {
        user.email = organization_memberships::parsed_email(doc.attributes.email.as_deref())?;
        let other = cx.tx.user_by_email(&user.email).await?;
        if other.is_some_and(|other| other.id != user.id) {
            return Err(ApiError::attribute("email", "Email has already been taken"));
        }
    }
    cx.tx.update_user(&user).await.map_err(|error| match error {
        StoreError::Conflict => ApiError::attribute("username", "Username has already been taken"),
        other => other.into(),
    })?;
    cx.tx.commit().await?;
    ok(resource(&user))
}

async fn password(Read(cx): Read) -> Reply {
    cx.require_person()?;
    let detail =
        "this server has no passwords: people sign in with API tokens, which can be revoked one by one";
    Err(ApiError::Invalid { detail: detail.to_owned(), pointer: None })
}

/// A user as clients read it.
pub(crate) fn resource(user: &User) -> Resource {
    let attributes = json!({
        "username": user.username.as_str(),
        "email": user.email,
        "unconfirmed-email": null,
        "avatar-url": "data:,",
        "is-service-account": user.service_of.is_some(),
        "is-admin": user.is_site_admin,
        "is-site-admin": user.is_site_admin,
        "is-sso-login": false,
        "auth-method": "token",
        "v2-only": false,
        "two-factor": { "enabled": false, "verified": false },
        "permissions": {
            "can-create-organizations": user.service_of.is_none(),
            "can-change-email": user.service_of.is_none(),
            "can-change-username": user.service_of.is_none(),
            "can-manage-user-tokens": user.service_of.is_none(),
        },
    });
    let path = format!("/api/v2/users/{}", user.id);
    let tokens = json!({ "links": { "related": format!("{path}/authentication-tokens") } });
    let mut resource = Resource::new("users", &user.id, attributes).link("self", path);
    resource.relationships.insert("authentication-tokens".to_owned(), tokens);
    resource
}
