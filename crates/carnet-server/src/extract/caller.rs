//! Whose token a request brings.

use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use carnet_model::{ApiToken, Timestamp, TokenId, TokenKind, TokenOwner};
use carnet_store::{StoreError, TokenHash, Tx};
use jiff::SignedDuration;
use secrecy::SecretString;

use crate::app::App;
use crate::error::ApiError;
use crate::jobs::is_trusted;

/// The bearer token of a request.
pub(crate) fn bearer(parts: &Parts) -> Result<SecretString, ApiError> {
    bearer_of(&parts.headers)
}

/// The bearer token among the headers of a request.
pub(crate) fn bearer_of(headers: &HeaderMap) -> Result<SecretString, ApiError> {
    let value = headers.get(header::AUTHORIZATION).ok_or(ApiError::Unauthorized)?;
    let text = value.to_str().map_err(|_| ApiError::Unauthorized)?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => {
            Ok(SecretString::from(token.trim()))
        }
        _ => Err(ApiError::Unauthorized),
    }
}

/// How much later than its last use a token is that only reads may be.
const USE_PERIOD: SignedDuration = SignedDuration::from_mins(1);

/// Whom a token stands for, and its name when its last use is to be noted.
pub(super) struct Caller {
    pub(super) owner: TokenOwner,
    pub(super) unnoted: Option<TokenId>,
}

pub(super) async fn authenticate(
    tx: &mut Tx,
    token: &SecretString,
    now: Timestamp,
) -> Result<Caller, ApiError> {
    let hash = TokenHash::of(token);
    if let Some(token) = tx.token_by_hash(&hash, now).await? {
        let is_noted = token.last_used_at.is_some_and(|last| now.duration_since(last) < USE_PERIOD);
        let unnoted = (!is_noted).then(|| token.id.clone());
        return Ok(Caller { owner: token_owner(tx, token).await?, unnoted });
    }
    let job = tx.job_by_run_hash(&hash).await?.ok_or(ApiError::Unauthorized)?;
    if !is_trusted(tx, &job, now).await? {
        return Err(ApiError::Unauthorized);
    }
    let owner = TokenOwner::Run { job_id: job.id, run_id: job.run_id, workspace_id: job.workspace_id };
    Ok(Caller { owner, unnoted: None })
}

/// Notes in the background that a token was used: who only reads does not wait for the writer.
pub(super) fn note_use(app: &Arc<App>, token: TokenId, now: Timestamp) {
    let app = Arc::clone(app);
    tokio::spawn(async move {
        if let Err(error) = store_use(&app, &token, now).await {
            tracing::debug!(%error, "the last use of a token could not be noted");
        }
    });
}

async fn store_use(app: &App, token: &TokenId, now: Timestamp) -> Result<(), StoreError> {
    let mut tx = app.store.write().await?;
    tx.touch_token(token, now).await?;
    tx.commit().await
}

pub(super) async fn token_owner(tx: &mut Tx, token: ApiToken) -> Result<TokenOwner, ApiError> {
    let ApiToken { id: token_id, kind, user_id, team_id, organization_id, agent_pool_id, .. } = token;
    match (kind, user_id, team_id, organization_id) {
        (TokenKind::User, Some(user_id), ..) => {
            let user = tx.user(&user_id).await?.ok_or(ApiError::Unauthorized)?;
            Ok(TokenOwner::User { token_id, user_id, is_site_admin: user.is_site_admin })
        }
        (TokenKind::Team, Some(user_id), Some(team_id), Some(organization_id)) => {
            Ok(TokenOwner::Team { token_id, user_id, team_id, organization_id })
        }
        (TokenKind::Organization, Some(user_id), _, Some(organization_id)) => {
            Ok(TokenOwner::Organization { token_id, user_id, organization_id })
        }
        (TokenKind::AuditTrail, _, _, Some(organization_id)) => {
            Ok(TokenOwner::AuditTrail { token_id, organization_id })
        }
        (TokenKind::Agent, None, ..) => Ok(TokenOwner::Agent { token_id, agent_pool_id }),
        _ => Err(ApiError::Unauthorized),
    }
}
