//! The account behind a token, and users as others see them.

use carnet_api::jsonapi::Resource;
use carnet_model::{NameError, OrgId, Permission, User, UserId, Username};
use carnet_store::StoreError;
use serde::Deserialize;
use serde_json::json;

use super::organization_memberships;
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Id, Read, Write};
use crate::reply::{Reply, ok};
use crate::route::{Access, Routes};

/// How the names begin that the server gives to users of its own making.
const RESERVED: [&str; 2] = ["api-", "invited-"];

/// The administrator of the site whom a bootstrap token stands for.
pub(crate) const BOOTSTRAPPED: &str = "admin";

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
    ok(own(&mut cx, &user).await?)
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
        let username: Username = username
            .parse()
            .map_err(|error: NameError| ApiError::attribute("username", error.to_string()))?;
        if username != user.username && is_reserved(&username) {
            return Err(ApiError::attribute("username", "Username is reserved"));
        }
        // What is reserved nobody can choose anyway; the name of the first administrator must be free for the next one.
        if !is_reserved(&user.username) {
            cx.tx.keep_former_username(&user.id, &user.username).await?;
        }
        user.username = username;
    }
    if doc.attributes.email.is_some() {
        let email = organization_memberships::parsed_email(doc.attributes.email.as_deref())?;
        change_email(&mut cx, &mut user, email).await?;
    }
    cx.tx.update_user(&user).await.map_err(|error| match error {
        StoreError::Conflict => ApiError::attribute("username", "Username has already been taken"),
        other => other.into(),
    })?;
    let data = own(&mut cx, &user).await?;
    cx.tx.commit().await?;
    ok(data)
}

/// Tells whether nobody may choose this name for themselves.
pub(crate) fn is_reserved(username: &Username) -> bool {
    let username = username.as_str().to_ascii_lowercase();
    username == BOOTSTRAPPED || RESERVED.iter().any(|start| username.starts_with(start))
}

/// Invitations go by address, so an address is the user's only when somebody else vouches for it: what a user asks for is
/// noted, and changes nothing. Administrators of the site vouch for themselves.
async fn change_email(cx: &mut Context, user: &mut User, email: String) -> Result<(), ApiError> {
    if !cx.is_site_admin() {
        let wish = Some(email).filter(|email| *email != user.email);
        return Ok(cx.tx.set_unconfirmed_email(&user.id, wish.as_deref()).await?);
    }
    let other = cx.tx.user_by_email(&email).await?;
    if other.is_some_and(|other| other.id != user.id) {
        return Err(ApiError::attribute("email", "Email has already been taken"));
    }
    user.email = email;
    Ok(cx.tx.set_unconfirmed_email(&user.id, None).await?)
}

/// The user who calls, with what nobody else is shown.
async fn own(cx: &mut Context, user: &User) -> Result<Resource, ApiError> {
    let mut resource = resource(user);
    resource.attributes["unconfirmed-email"] = json!(cx.tx.unconfirmed_email(&user.id).await?);
    Ok(resource)
}

/// A user that something in the organization names, for callers who may know its members. The runs of a workspace may not: what
/// Terraform executes needs nobody's address.
pub(crate) async fn related(
    cx: &mut Context,
    organization: &OrgId,
    id: &UserId,
) -> Result<Option<Resource>, ApiError> {
    if !cx.may(Permission::ReadOrganization, organization, None).await? {
        return Ok(None);
    }
    Ok(cx.tx.user(id).await?.as_ref().map(resource))
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
        "is-suspended": user.is_suspended,
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
