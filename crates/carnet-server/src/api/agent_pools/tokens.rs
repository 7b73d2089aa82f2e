//! Tokens with which agents of a pool register and claim its jobs.

use carnet_model::{AgentPoolId, ApiToken, Permission, Timestamp, TokenId, TokenKind};
use carnet_store::{NewToken, TokenHash};
use serde::Deserialize;

use super::find;
use crate::api::authentication_tokens::{created_document, resources};
use crate::app::{entropy, new_secret};
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read, Write};
use crate::reply::{Reply, created, list};
use crate::route::{Access, Routes};

/// The most characters of a description.
const DESCRIPTION_LIMIT: usize = 255;

pub(super) fn routes() -> Routes {
    let path = "/api/v2/agent-pools/{pool}/authentication-tokens";
    let manage = Access::Allowed(Permission::ManageAgentPools);
    Routes::default().get(path, manage, index).post(path, manage, create)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Input {
    description: Option<String>,
    /// Without one the token has no end: agents run for years, and nobody is there to give them another.
    expired_at: Option<Timestamp>,
}

async fn index(Read(mut cx): Read, Id(id): Id<AgentPoolId>, params: Params) -> Reply {
    find(&mut cx, &id, Permission::ManageAgentPools).await?;
    let page = params.page()?;
    let (tokens, total) = cx.tx.agent_pool_tokens(&id, page.offset(), page.size).await?;
    let path = format!("/api/v2/agent-pools/{id}/authentication-tokens");
    list(&path, resources(&mut cx, &tokens).await?, Vec::new(), page.of(total))
}

async fn create(Write(mut cx): Write, Id(id): Id<AgentPoolId>, doc: Doc<Input>) -> Reply {
    let (pool, _) = find(&mut cx, &id, Permission::ManageAgentPools).await?;
    let description = doc.attributes.description.unwrap_or_default();
    if description.trim().is_empty() {
        return Err(ApiError::attribute("description", "Description can't be blank"));
    }
    if description.chars().count() > DESCRIPTION_LIMIT {
        let detail = format!("the description is longer than {DESCRIPTION_LIMIT} characters");
        return Err(ApiError::attribute("description", detail));
    }
    let expires_at = doc.attributes.expired_at;
    if expires_at.is_some_and(|end| end <= cx.now) {
        return Err(ApiError::attribute("expired-at", "the token would have expired already"));
    }
    let secret = new_secret("carnet-agent-")?;
    let token = ApiToken {
        id: TokenId::from_entropy(entropy()?),
        kind: TokenKind::Agent,
        user_id: None,
        team_id: None,
        organization_id: Some(pool.organization_id),
        agent_pool_id: Some(pool.id),
        created_by: cx.user_id().cloned(),
        description,
        created_at: cx.now,
        expires_at,
        last_used_at: None,
    };
    cx.tx.insert_token(NewToken { token: &token, hash: &TokenHash::of(&secret) }).await?;
    let data = created_document(&mut cx, &token, &secret).await?;
    cx.tx.commit().await?;
    created(data)
}

/// Tells whether the token belongs to a pool that the caller manages.
pub(in crate::api) async fn managed_token(cx: &mut Context, token: &ApiToken) -> Result<bool, ApiError> {
    match (&token.agent_pool_id, &token.organization_id) {
        (Some(_), Some(organization)) => cx.may(Permission::ManageAgentPools, organization, None).await,
        _ => Ok(false),
    }
}
