//! State versions: writing them, by one request, by uploads, or by going back to an older one.

mod input;
mod roll_back;

use std::sync::Arc;

use axum::http::HeaderMap;
use bytes::Bytes;
use carnet_model::{
    Lock, LockOwner, Permission, StateHead, StateStatus, StateVersion, StateVersionId, TokenId, TokenOwner,
    UserId, WorkspaceId, check_successor,
};
use carnet_store::{PendingState, Tx};
use secrecy::ExposeSecret as _;

use self::input::{Input, NewState, checked, run_of};
use self::roll_back::roll_back;
use super::state_version_document::{UploadUrls, resource};
use super::workspace_locks::holder;
use crate::app::{App, new_secret};
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Id, Read, Write};
use crate::reply::{Reply, created};
use crate::route::{Access, Routes};
use crate::state::file::{FileOutput, StateFile};
use crate::state::snapshot::{is_snapshot, with_interval};
use crate::state::{
    conflict, head, insert_current, insert_outputs, json_blob, put_blob, raw_blob, read_client_file,
};
use crate::upload::{Capability, delete_blob};

pub(crate) fn routes() -> Routes {
    let write = Access::Allowed(Permission::WriteState);
    Routes::default().post("/api/v2/workspaces/{workspace}/state-versions", write, create).patch(
        "/api/v2/workspaces/{workspace}/state-versions",
        write,
        roll_back,
    )
}

/// Who writes a state.
struct Writer {
    app: Arc<App>,
    owner: TokenOwner,
    user: UserId,
}

impl Writer {
    /// Begins the transaction that makes the state current, with its entry of the audit trail, if this user holds the lock.
    async fn begin(&self, workspace: &WorkspaceId) -> Result<(Tx, Lock), ApiError> {
        let Write(Context { mut tx, .. }) = Write::begin(Arc::clone(&self.app), self.owner.clone()).await?;
        let lock = check_lock(&mut tx, workspace, &self.user).await?;
        Ok((tx, lock))
    }
}

/// What a state is compared with before it is stored.
enum Basis<'a> {
    /// Serial and lineage must fit those of the newest state.
    Rules,
    /// Nothing: the client insists.
    Forced,
    /// This one, or none, must still be the newest state.
    After(Option<&'a StateVersionId>),
}

/// What became of a state that came whole.
enum Stored {
    /// It is there.
    New,
    /// The newest state is the very same.
    Same(Box<StateVersion>),
}

async fn create(
    Read(cx): Read,
    Id(workspace): Id<WorkspaceId>,
    headers: HeaderMap,
    doc: Doc<Input>,
) -> Reply {
    with_interval(create_either(cx, &workspace, &headers, doc).await)
}

// Read, not Write: the body is long, and what is in it is stored before the transaction that makes it current.
async fn create_either(
    mut cx: Context,
    workspace: &WorkspaceId,
    headers: &HeaderMap,
    doc: Doc<Input>,
) -> Reply {
    cx.workspace(workspace, Permission::WriteState).await?;
    let user = cx.require_user()?;
    let token = cx.require_token()?;
    let run = run_of(&mut cx.tx, workspace, &doc).await?;
    let new = checked(doc.attributes, workspace, &user, run, cx.now)?;
    check_lock(&mut cx.tx, workspace, &user).await?;
    let writer = Writer { app: Arc::clone(&cx.app), owner: cx.owner.clone(), user };
    drop(cx);
    match new.bytes.clone() {
        Some(bytes) => create_whole(&writer, new, bytes).await,
        None => create_pending(&writer, new, &token, headers).await,
    }
}

async fn create_whole(writer: &Writer, mut new: NewState, bytes: Bytes) -> Reply {
    let app = &*writer.app;
    let file = read_client_file(bytes.clone()).await.map_err(|error| at("state", error))?;
    if file.md5 != new.version.md5 {
        return Err(ApiError::attribute("md5", format!("the state has the MD5 {}", file.md5)));
    }
    fill(&mut new.version, &file);
    let id = new.version.id.clone();
    put_blob(app, raw_blob(&id), bytes).await?;
    if let Some(json) = new.json.take() {
        put_blob(app, json_blob(&id), json).await?;
        new.version.has_json = true;
    }
    let outputs = if new.outputs.is_empty() { &file.outputs } else { &new.outputs };
    let basis = if new.force { Basis::Forced } else { Basis::Rules };
    let stored = store_whole(writer, &new.version, basis, outputs).await;
    if !matches!(stored, Ok(Stored::New)) {
        delete_blob(app, raw_blob(&id)).await;
        delete_blob(app, json_blob(&id)).await;
    }
    let version = match stored? {
        Stored::New => new.version,
        Stored::Same(version) => *version,
    };
    let outputs = app.store.read().await?.state_output_ids(&version.id).await?;
    created(resource(app, &version, &outputs, None))
}

async fn store_whole(
    writer: &Writer,
    version: &StateVersion,
    basis: Basis<'_>,
    outputs: &[FileOutput],
) -> Result<Stored, ApiError> {
    let (mut tx, _) = writer.begin(&version.workspace_id).await?;
    let newest = tx.newest_state_version(&version.workspace_id).await?;
    match basis {
        Basis::After(expected) if newest.as_ref().map(|newest| &newest.id) != expected => {
            return Err(ApiError::Conflict("another state was stored at the same time".to_owned()));
        }
        Basis::Rules => check_rules(newest.as_ref(), version, false)?,
        Basis::Forced | Basis::After(_) => {}
    }
    if let (Basis::Rules | Basis::Forced, Some(newest)) = (basis, newest)
        && (newest.serial, &newest.md5, &newest.lineage) == (version.serial, &version.md5, &version.lineage)
    {
        return Ok(Stored::Same(Box::new(newest)));
    }
    insert_current(&mut tx, version, outputs).await?;
    tx.commit().await?;
    Ok(Stored::New)
}

async fn create_pending(
    writer: &Writer,
    mut new: NewState,
    token_id: &TokenId,
    headers: &HeaderMap,
) -> Reply {
    let (raw, json) = (Capability(new_secret("")?), Capability(new_secret("")?));
    let (mut tx, lock) = writer.begin(&new.version.workspace_id).await?;
    let app = &*writer.app;
    let newest = tx.newest_state_version(&new.version.workspace_id).await?;
    check_rules(newest.as_ref(), &new.version, new.force)?;
    new.version.intermediate = is_snapshot(headers, Some(&lock));
    tx.discard_pending_states(&new.version.workspace_id).await?;
    let (upload, json_upload) = (raw.hash(), json.hash());
    let pending = PendingState {
        version: &new.version,
        forced: new.force,
        upload: &upload,
        json_upload: &json_upload,
        token_id,
    };
    tx.insert_pending_state(pending).await?;
    insert_outputs(&mut tx, &new.version.id, &new.outputs).await?;
    let outputs = tx.state_output_ids(&new.version.id).await?;
    tx.commit().await?;
    let urls = UploadUrls {
        raw: app.url(&format!("/_uploads/state-versions/{}", raw.0.expose_secret())),
        json: app.url(&format!("/_uploads/json-state-versions/{}", json.0.expose_secret())),
    };
    created(resource(app, &new.version, &outputs, Some(urls)))
}

/// The version with what its bytes say.
pub(super) fn fill(version: &mut StateVersion, file: &StateFile) {
    version.status = StateStatus::Finalized;
    version.size = file.size;
    version.terraform_version.clone_from(&file.terraform_version);
    version.resource_count = file.resource_count;
    version.resources.clone_from(&file.resources);
    if version.lineage.is_empty() {
        version.lineage.clone_from(&file.lineage);
    }
}

fn check_rules(newest: Option<&StateVersion>, version: &StateVersion, force: bool) -> Result<(), ApiError> {
    let next = StateHead { serial: version.serial, lineage: &version.lineage, md5: &version.md5 };
    check_successor(newest.map(head), next, force).map_err(conflict)
}

/// Checks that the user holds the lock, which is returned.
pub(super) async fn check_lock(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    user: &UserId,
) -> Result<Lock, ApiError> {
    let workspace = tx.workspace(workspace).await?.ok_or(ApiError::NotFound)?;
    tx.audit_in(&workspace.organization_id);
    let other = holder(tx, &workspace).await?;
    match workspace.lock {
        Some(lock) if lock.owner == LockOwner::User(user.clone()) => Ok(lock),
        Some(_) => Err(ApiError::Conflict(format!("the workspace is locked by {other}"))),
        None => {
            Err(ApiError::Conflict("the workspace must be locked before its state can be written".to_owned()))
        }
    }
}

fn at(name: &str, error: ApiError) -> ApiError {
    match error {
        ApiError::Invalid { detail, pointer: None } => ApiError::attribute(name, detail),
        other => other,
    }
}
