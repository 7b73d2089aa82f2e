//! State versions: writing them, by one request, by uploads, or by going back to an older one.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use carnet_model::{
    LockOwner, Permission, RunId, StateHead, StateStatus, StateVersion, StateVersionId, Timestamp, UserId,
    WorkspaceId, check_successor,
};
use carnet_store::{PendingState, Tx};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::Value;

use super::state_version_document::{UploadUrls, resource};
use crate::app::{App, entropy, new_secret};
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Id, Read};
use crate::reply::{Reply, created};
use crate::route::{Access, Routes};
use crate::state::file::{self, FileOutput, StateFile};
use crate::state::{
    conflict, head, insert_current, insert_outputs, json_blob, put_blob, raw_blob, raw_bytes, read_file,
};
use crate::upload::{Capability, blocking, delete_blob};

pub(crate) fn routes() -> Routes {
    let write = Access::Allowed(Permission::WriteState);
    Routes::default().post("/api/v2/workspaces/{workspace}/state-versions", write, create).patch(
        "/api/v2/workspaces/{workspace}/state-versions",
        write,
        roll_back,
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Input {
    serial: Option<i64>,
    md5: Option<String>,
    lineage: Option<String>,
    force: Option<bool>,
    state: Option<String>,
    json_state: Option<String>,
    json_state_outputs: Option<String>,
}

/// What a client wants to write, checked as far as that needs no other state.
struct NewState {
    version: StateVersion,
    force: bool,
    bytes: Option<Bytes>,
    json: Option<Bytes>,
    outputs: Vec<FileOutput>,
}

// Read, not Write: the body is long, and what is in it is stored before the transaction that makes it current.
async fn create(Read(mut cx): Read, Id(workspace): Id<WorkspaceId>, doc: Doc<Input>) -> Reply {
    cx.workspace(&workspace, Permission::WriteState).await?;
    let user = cx.require_user()?;
    let run = run_of(&mut cx.tx, &workspace, &doc).await?;
    let new = checked(doc.attributes, &workspace, &user, run, cx.now)?;
    let current = check_writer(&mut cx.tx, &new.version, new.force, &user).await?;
    let app = Arc::clone(&cx.app);
    drop(cx);
    match (new.bytes.clone(), current) {
        (Some(_), Some(current))
            if current.serial == new.version.serial && current.md5 == new.version.md5 =>
        {
            let outputs = app.store.read().await?.state_output_ids(&current.id).await?;
            created(resource(&app, &current, &outputs, None))
        }
        (Some(bytes), _) => create_whole(&app, new, bytes, &user).await,
        (None, _) => create_pending(&app, &new, &user).await,
    }
}

async fn create_whole(app: &App, mut new: NewState, bytes: Bytes, user: &UserId) -> Reply {
    let file = read_file(bytes.clone()).await.map_err(|error| at("state", error))?;
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
    let stored = store_whole(app, &new.version, new.force, outputs, user).await;
    if stored.is_err() {
        delete_blob(app, raw_blob(&id)).await;
        delete_blob(app, json_blob(&id)).await;
    }
    stored?;
    let outputs = app.store.read().await?.state_output_ids(&id).await?;
    created(resource(app, &new.version, &outputs, None))
}

async fn store_whole(
    app: &App,
    version: &StateVersion,
    force: bool,
    outputs: &[FileOutput],
    user: &UserId,
) -> Result<(), ApiError> {
    let mut tx = app.store.write().await?;
    check_writer(&mut tx, version, force, user).await?;
    insert_current(&mut tx, version, outputs).await?;
    Ok(tx.commit().await?)
}

async fn create_pending(app: &App, new: &NewState, user: &UserId) -> Reply {
    let (raw, json) = (Capability(new_secret("")?), Capability(new_secret("")?));
    let mut tx = app.store.write().await?;
    check_writer(&mut tx, &new.version, new.force, user).await?;
    tx.discard_pending_states(&new.version.workspace_id).await?;
    let (upload, json_upload) = (raw.hash(), json.hash());
    let pending =
        PendingState { version: &new.version, forced: new.force, upload: &upload, json_upload: &json_upload };
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

async fn roll_back(Read(mut cx): Read, Id(workspace): Id<WorkspaceId>, doc: Doc<Value>) -> Reply {
    cx.workspace(&workspace, Permission::WriteState).await?;
    let user = cx.require_user()?;
    let pointer = "/data/relationships/rollback-state-version";
    let reference = doc.to_one("rollback-state-version")?.flatten();
    let reference =
        reference.ok_or_else(|| ApiError::invalid(pointer, "the state version to go back to is missing"))?;
    let old = find_old(&mut cx, &workspace, &reference.id.parse()?).await?;
    check_lock(&mut cx.tx, &workspace, &user).await?;
    let current = cx.tx.current_state_version(&workspace).await?;
    let (app, now) = (Arc::clone(&cx.app), cx.now);
    drop(cx);
    let serial = current.as_ref().map_or(old.serial, |current| current.serial.max(old.serial)) + 1;
    // The next writer counts from the serial in the file, so it must rise there, too.
    let bytes = raw_bytes(&app, &old.id).await?;
    let bytes = blocking(move || file::with_serial(&bytes, serial)).await?.map_err(ApiError::internal)?;
    let file = read_file(Bytes::from(bytes.clone())).await?;
    let mut version = StateVersion {
        id: StateVersionId::from_entropy(entropy()?),
        run_id: None,
        created_by: Some(user.clone()),
        serial,
        md5: file.md5.clone(),
        has_json: false,
        created_at: now,
        ..old
    };
    fill(&mut version, &file);
    put_blob(&app, raw_blob(&version.id), Bytes::from(bytes)).await?;
    // What was once current may follow anything; its serial is higher anyway.
    let stored = store_whole(&app, &version, true, &file.outputs, &user).await;
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

/// Checks that the user holds the lock and that the version may follow the current one, which is returned.
async fn check_writer(
    tx: &mut Tx,
    version: &StateVersion,
    force: bool,
    user: &UserId,
) -> Result<Option<StateVersion>, ApiError> {
    check_lock(tx, &version.workspace_id, user).await?;
    let current = tx.current_state_version(&version.workspace_id).await?;
    let next = StateHead { serial: version.serial, lineage: &version.lineage, md5: &version.md5 };
    check_successor(current.as_ref().map(head), next, force).map_err(conflict)?;
    Ok(current)
}

async fn check_lock(tx: &mut Tx, workspace: &WorkspaceId, user: &UserId) -> Result<(), ApiError> {
    let workspace = tx.workspace(workspace).await?.ok_or(ApiError::NotFound)?;
    match workspace.lock.map(|lock| lock.owner) {
        Some(LockOwner::User(owner)) if owner == *user => Ok(()),
        Some(LockOwner::User(_) | LockOwner::Run(_)) => {
            Err(ApiError::Conflict("the workspace is locked by somebody else".to_owned()))
        }
        None => {
            Err(ApiError::Conflict("the workspace must be locked before its state can be written".to_owned()))
        }
    }
}

async fn run_of(tx: &mut Tx, workspace: &WorkspaceId, doc: &Doc<Input>) -> Result<Option<RunId>, ApiError> {
    let Some(reference) = doc.to_one("run")?.flatten() else {
        return Ok(None);
    };
    let unknown = || ApiError::invalid("/data/relationships/run", "there is no such run in this workspace");
    let id: RunId = reference.id.parse().map_err(|_| unknown())?;
    match tx.run(&id).await? {
        Some(run) if run.workspace_id == *workspace => Ok(Some(id)),
        Some(_) | None => Err(unknown()),
    }
}

fn checked(
    input: Input,
    workspace: &WorkspaceId,
    user: &UserId,
    run_id: Option<RunId>,
    now: Timestamp,
) -> Result<NewState, ApiError> {
    let serial = input.serial.ok_or_else(|| ApiError::attribute("serial", "Serial can't be blank"))?;
    if serial < 0 {
        return Err(ApiError::attribute("serial", "Serial can't be negative"));
    }
    let md5 = input.md5.ok_or_else(|| ApiError::attribute("md5", "MD5 can't be blank"))?.to_ascii_lowercase();
    if md5.len() != 32 || !md5.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(ApiError::attribute("md5", "MD5 must be 32 hexadecimal digits"));
    }
    let outputs = decoded("json-state-outputs", input.json_state_outputs)?
        .map(|json| file::outputs(&json))
        .transpose()
        .map_err(|error| ApiError::attribute("json-state-outputs", error.to_string()))?;
    let version = StateVersion {
        id: StateVersionId::from_entropy(entropy()?),
        workspace_id: workspace.clone(),
        run_id,
        created_by: Some(user.clone()),
        status: StateStatus::Pending,
        serial,
        lineage: input.lineage.unwrap_or_default(),
        md5,
        size: 0,
        terraform_version: None,
        resource_count: 0,
        resources: Vec::new(),
        has_json: false,
        created_at: now,
    };
    Ok(NewState {
        version,
        force: input.force.unwrap_or(false),
        bytes: decoded("state", input.state)?,
        json: decoded("json-state", input.json_state)?,
        outputs: outputs.unwrap_or_default(),
    })
}

fn decoded(name: &str, text: Option<String>) -> Result<Option<Bytes>, ApiError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let bytes =
        STANDARD.decode(text).map_err(|error| ApiError::attribute(name, format!("not Base64: {error}")))?;
    Ok(Some(Bytes::from(bytes)))
}

fn at(name: &str, error: ApiError) -> ApiError {
    match error {
        ApiError::Invalid { detail, pointer: None } => ApiError::attribute(name, detail),
        other => other,
    }
}
