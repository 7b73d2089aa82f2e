//! The uploads that a new state version waits for. The addresses carry a secret each and work once.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use carnet_model::{Permission, StateStatus, StateVersion, check_successor};
use carnet_store::{StateUpload, TokenHash, Tx};

use super::state_version_writes::{check_lock, fill};
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{Context, Id, Uploader};
use crate::route::{Access, Routes};
use crate::state::file::StateFile;
use crate::state::{
    conflict, head, insert_outputs, json_blob, put_blob, raw_blob, read_client_file, unreadable,
};
use crate::upload::{Capability, blocking, collect, delete_blob, receive};

pub(crate) fn routes() -> Routes {
    Routes::default().put("/_uploads/state-versions/{key}", Access::Capability, upload).put(
        "/_uploads/json-state-versions/{key}",
        Access::Capability,
        upload_json,
    )
}

/// The state is what the next one must follow before the answer: clients unlock right after it.
async fn upload(
    State(app): State<Arc<App>>,
    Id(key): Id<Capability>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let hash = key.hash();
    let mut tx = app.store.read().await?;
    let waiting = tx.state_version_by_upload(&hash).await?.ok_or(ApiError::NotFound)?;
    admit(&app, tx, &waiting).await?;
    let version = waiting.version;
    let bytes = collect(&headers, body, app.settings.upload_limit).await?;
    let file = read_client_file(bytes.clone()).await?;
    if file.md5 != version.md5 {
        return Err(unreadable(format!("the MD5 of the upload is {}, not {}", file.md5, version.md5)));
    }
    store(&app, &hash, &version, bytes, &file).await?;
    Ok(StatusCode::OK.into_response())
}

/// Who asked for the address, if that caller may still write the state.
async fn admit(app: &Arc<App>, tx: Tx, waiting: &StateUpload) -> Result<Context, ApiError> {
    let StateUpload { version, token_id, .. } = waiting;
    let uploader = Uploader { token_id: token_id.clone(), asked_at: version.created_at };
    Ok(uploader.admit(app, tx, &version.workspace_id, Permission::WriteState).await?.0)
}

async fn store(
    app: &Arc<App>,
    hash: &TokenHash,
    version: &StateVersion,
    bytes: Bytes,
    file: &StateFile,
) -> Result<(), ApiError> {
    put_blob(app, raw_blob(&version.id), bytes).await?;
    let finalized = finalize(app, hash, file).await;
    // A second upload at the same time may have been faster: then the blob is in use, and its bytes are the same.
    if finalized.is_err() {
        let now = app.store.read().await?.state_version(&version.id).await?;
        if now.is_none_or(|version| version.status != StateStatus::Finalized) {
            delete_blob(app, raw_blob(&version.id)).await;
        }
    }
    finalized
}

async fn finalize(app: &Arc<App>, hash: &TokenHash, file: &StateFile) -> Result<(), ApiError> {
    let mut tx = app.store.write().await?;
    let waiting = tx.state_version_by_upload(hash).await?.ok_or(ApiError::NotFound)?;
    let cx = admit(app, tx, &waiting).await?;
    let user = cx.require_user()?;
    let mut tx = cx.tx;
    let StateUpload { mut version, forced, .. } = waiting;
    check_lock(&mut tx, &version.workspace_id, &user).await?;
    fill(&mut version, file);
    let current = tx.newest_state_version(&version.workspace_id).await?;
    if let Err(problem) = check_successor(current.as_ref().map(head), head(&version), forced) {
        // It can never become current any more, and must not keep the workspace from being unlocked.
        tx.discard_pending_states(&version.workspace_id).await?;
        tx.commit().await?;
        return Err(conflict(problem));
    }
    if !tx.finalize_state_version(&version).await? {
        return Err(ApiError::NotFound);
    }
    // The client may have sent the outputs with the first request.
    if tx.state_output_ids(&version.id).await?.is_empty() {
        insert_outputs(&mut tx, &version.id, &file.outputs).await?;
    }
    if version.intermediate {
        tx.set_snapshot(&version.workspace_id, &version.id).await?;
    } else {
        tx.set_current_state(&version.workspace_id, &version.id, version.resource_count).await?;
    }
    Ok(tx.commit().await?)
}

async fn upload_json(
    State(app): State<Arc<App>>,
    Id(key): Id<Capability>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let hash = key.hash();
    let mut tx = app.store.read().await?;
    let waiting = tx.state_version_by_json_upload(&hash).await?.ok_or(ApiError::NotFound)?;
    admit(&app, tx, &waiting).await?;
    let id = waiting.version.id.clone();
    let writer = receive(&app, &json_blob(&id), &headers, body, app.settings.upload_limit).await?;
    // First the bytes, so that a client that is told to try again can; of two at the same time, both hold the capability.
    blocking(move || writer.finish()).await?.map_err(ApiError::blob)?;
    let mut tx = admit(&app, app.store.write().await?, &waiting).await?.tx;
    if !tx.take_json_upload(&hash).await? {
        return Err(ApiError::NotFound);
    }
    tx.set_has_json(&id).await?;
    tx.commit().await?;
    Ok(StatusCode::OK.into_response())
}
