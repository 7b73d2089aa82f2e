//! The account behind a token, and users as others see them.

use carnet_api::jsonapi::Resource;
use carnet_model::{User, UserId};
use serde_json::json;

use crate::error::ApiError;
use crate::extract::{Id, Read};
use crate::reply::{Reply, ok};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    Routes::default().get("/api/v2/account/details", Access::User, details).get(
        "/api/v2/users/{user}",
        Access::User,
        show,
    )
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

/// A user as clients read it.
pub(crate) fn resource(user: &User) -> Resource {
    let attributes = json!({
        "username": user.username.as_str(),
        "email": user.email,
        "unconfirmed-email": null,
        "avatar-url": "data:,",
        "is-service-account": false,
        "is-admin": user.is_site_admin,
        "is-site-admin": user.is_site_admin,
        "is-sso-login": false,
        "auth-method": "token",
        "v2-only": false,
        "two-factor": { "enabled": false, "verified": false },
        "permissions": {
            "can-create-organizations": true,
            "can-change-email": false,
            "can-change-username": false,
            "can-manage-user-tokens": true,
        },
    });
    let path = format!("/api/v2/users/{}", user.id);
    let tokens = json!({ "links": { "related": format!("{path}/authentication-tokens") } });
    let mut resource = Resource::new("users", &user.id, attributes).link("self", path);
    resource.relationships.insert("authentication-tokens".to_owned(), tokens);
    resource
}
