//! Whether the agent of a job is still one of ours.

use carnet_model::{Job, Timestamp};
use carnet_store::Tx;

use crate::error::ApiError;

/// Why a job ended whose agent token was revoked.
pub(crate) const TOKEN_REVOKED: &str = "the agent token with which this job was claimed was revoked";

/// Tells whether the agent token with which a job was claimed still works.
pub(crate) async fn is_trusted(tx: &mut Tx, job: &Job, now: Timestamp) -> Result<bool, ApiError> {
    let Some(id) = &job.agent_token_id else {
        return Ok(false);
    };
    let token = tx.token(id).await?;
    Ok(token.is_some_and(|token| token.expires_at.is_none_or(|end| now < end)))
}
