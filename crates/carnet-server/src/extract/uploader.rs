//! Whose right an upload is: that of whoever asked for its address, as it stands when the bytes come.

use std::sync::Arc;

use carnet_model::{Permission, Timestamp, TokenId, Workspace, WorkspaceId};
use carnet_store::Tx;
use jiff::SignedDuration;

use super::caller::token_owner;
use super::context::Context;
use crate::app::App;
use crate::error::ApiError;

/// How long the address of an upload works.
const UPLOAD_TIME: SignedDuration = SignedDuration::from_hours(1);

/// Who asked for the address of an upload, and when.
#[derive(Debug, Clone)]
pub(crate) struct Uploader {
    pub(crate) token_id: Option<TokenId>,
    pub(crate) asked_at: Timestamp,
}

impl Uploader {
    /// Who asked for the address, if that is not too long ago, the token still works and its owner may still do this; to
    /// everybody else the address leads nowhere.
    pub(crate) async fn admit(
        &self,
        app: &Arc<App>,
        mut tx: Tx,
        workspace: &WorkspaceId,
        permission: Permission,
    ) -> Result<(Context, Workspace), ApiError> {
        let now = app.now();
        let token_id = self.token_id.as_ref().ok_or(ApiError::NotFound)?;
        let token = tx.token(token_id).await?.ok_or(ApiError::NotFound)?;
        let is_over = token.expires_at.is_some_and(|end| end <= now);
        if is_over || now.duration_since(self.asked_at) > UPLOAD_TIME {
            return Err(ApiError::NotFound);
        }
        let owner = token_owner(&mut tx, token).await?;
        let mut cx = Context::new(Arc::clone(app), owner, tx, now);
        match cx.workspace(workspace, permission).await {
            Ok(workspace) => Ok((cx, workspace)),
            Err(ApiError::Forbidden(_) | ApiError::Unauthorized) => Err(ApiError::NotFound),
            Err(other) => Err(other),
        }
    }
}
