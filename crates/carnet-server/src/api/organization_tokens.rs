//! Tokens of organizations: one that sets things up and one that reads the audit trail.

use carnet_model::{ApiToken, LimitedToken, OrgName, Organization, Permission, TokenId, TokenKind};

use super::authentication_tokens::{created_document, expiry, resource, store_token};
use super::service_users::service_user;
use super::team_tokens::OptionalDoc;
use crate::app::entropy;
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read, Write};
use crate::reply::{Reply, created, no_content, ok};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    let manage = Access::Allowed(Permission::ManageOrganization);
    let one = "/api/v2/organizations/{organization}/authentication-token";
    Routes::default().get(one, manage, show).post(one, manage, replace).delete(one, manage, delete)
}

/// Which of the two tokens is meant.
fn kind(params: &Params) -> Result<TokenKind, ApiError> {
    match params.get("token") {
        None => Ok(TokenKind::Organization),
        Some("audit-trails") => Ok(TokenKind::AuditTrail),
        Some(other) => Err(ApiError::BadRequest(format!("token is audit-trails or absent, not {other:?}"))),
    }
}

/// The organization whose tokens the caller may manage: owners do, in person.
async fn managed(cx: &mut Context, name: &OrgName) -> Result<Organization, ApiError> {
    let organization = cx.organization(name, Permission::ManageOrganization).await?;
    cx.require_person()?;
    Ok(organization)
}

async fn show(Read(mut cx): Read, Id(name): Id<OrgName>, params: Params) -> Reply {
    let organization = managed(&mut cx, &name).await?;
    let token = cx.tx.organization_token(&organization.id, kind(&params)?).await?;
    ok(resource(&mut cx, &token.ok_or(ApiError::NotFound)?).await?)
}

async fn replace(Write(mut cx): Write, Id(name): Id<OrgName>, params: Params, input: OptionalDoc) -> Reply {
    let organization = managed(&mut cx, &name).await?;
    let kind = kind(&params)?;
    let limited = match kind {
        TokenKind::AuditTrail => LimitedToken::AuditTrail,
        _ => LimitedToken::Organization,
    };
    let max_ttl = cx.tx.max_token_ttl(&organization.id, limited).await?;
    if let Some(old) = cx.tx.organization_token(&organization.id, kind).await? {
        cx.tx.delete_token(&old.id).await?;
    }
    let token = ApiToken {
        id: TokenId::from_entropy(entropy()?),
        kind,
        user_id: Some(service_user(&mut cx.tx, organization.id.as_str(), cx.now).await?),
        team_id: None,
        organization_id: Some(organization.id.clone()),
        agent_pool_id: None,
        created_by: cx.user_id().cloned(),
        description: String::new(),
        created_at: cx.now,
        expires_at: Some(expiry(&input.0, max_ttl, cx.now)?),
        last_used_at: None,
    };
    let secret = store_token(&mut cx.tx, &token).await?;
    let data = created_document(&mut cx, &token, &secret).await?;
    cx.tx.commit().await?;
    created(data)
}

async fn delete(Write(mut cx): Write, Id(name): Id<OrgName>, params: Params) -> Reply {
    let organization = managed(&mut cx, &name).await?;
    let token =
        cx.tx.organization_token(&organization.id, kind(&params)?).await?.ok_or(ApiError::NotFound)?;
    cx.tx.delete_token(&token.id).await?;
    cx.tx.commit().await?;
    no_content()
}

#[cfg(test)]
mod tests;
