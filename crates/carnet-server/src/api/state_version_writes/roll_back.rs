//! Going back to an older state, which is stored again under the next serial.

use std::sync::Arc;

use bytes::Bytes;
use carnet_model::{Permission, StateStatus, StateVersion, StateVersionId, WorkspaceId};
use serde_json::Value;

use super::super::state_version_document::resource;
use super::{Basis, Writer, check_lock, fill, store_whole};
use crate::app::entropy;
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Id, Read};
use crate::reply::{Reply, created};
use crate::state::file;
use crate::state::{put_blob, raw_blob, raw_bytes, read_file};
use crate::upload::{blocking, delete_blob};

pub(super) async fn roll_back(Read(mut cx): Read, Id(workspace): Id<WorkspaceId>, doc: Doc<Value>) -> Reply {
    cx.workspace(&workspace, Permission::WriteState).await?;
    let user = cx.require_user()?;
    let pointer = "/data/relationships/rollback-state-version";
    let reference = doc.to_one("rollback-state-version")?.flatten();
    let reference =
        reference.ok_or_else(|| ApiError::invalid(pointer, "the state version to go back to is missing"))?;
    let old = find_old(&mut cx, &workspace, &reference.id.parse()?).await?;
    check_lock(&mut cx.tx, &workspace, &user).await?;
    let newest = cx.tx.newest_state_version(&workspace).await?;
    let (app, now, owner) = (Arc::clone(&cx.app), cx.now, cx.owner.clone());
    drop(cx);
    let serial = newest.as_ref().map_or(old.serial, |newest| newest.serial.max(old.serial)).checked_add(1);
    let serial = serial.ok_or_else(|| ApiError::Conflict("the serial cannot rise any further".to_owned()))?;
    // The next writer counts from the serial in the file, so it must rise there, too.
    let bytes = raw_bytes(&app, &old.id).await?;
    let bytes = blocking(move || file::with_serial(&bytes, serial)).await?.map_err(ApiError::internal)?;
    let file = read_file(Bytes::from(bytes.clone())).await?;
    let mut version = StateVersion {
        id: StateVersionId::from_entropy(entropy()?),
        run_id: None,
        created_by: Some(user.clone()),
        intermediate: false,
        serial,
        md5: file.md5.clone(),
        has_json: false,
        created_at: now,
        ..old
    };
    fill(&mut version, &file);
    put_blob(&app, raw_blob(&version.id), Bytes::from(bytes)).await?;
    // What was once current may follow anything, but nothing may have come in between.
    let basis = Basis::After(newest.as_ref().map(|newest| &newest.id));
    let writer = Writer { app: Arc::clone(&app), owner, user };
    let stored = store_whole(&writer, &version, basis, &file.outputs).await;
    if stored.is_err() {
        delete_blob(&app, raw_blob(&version.id)).await;
    }
    stored?;
    let outputs = app.store.read().await?.state_output_ids(&version.id).await?;
    created(resource(&app, &version, &outputs, None))
}

async fn find_old(
    cx: &mut Context,
    workspace: &WorkspaceId,
    id: &StateVersionId,
) -> Result<StateVersion, ApiError> {
    let old = cx.tx.state_version(id).await?.filter(|old| old.workspace_id == *workspace);
    let old = old.ok_or(ApiError::NotFound)?;
    if old.status != StateStatus::Finalized {
        return Err(ApiError::Conflict("that state version has no bytes to go back to".to_owned()));
    }
    Ok(old)
}
