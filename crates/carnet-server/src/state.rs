//! State of workspaces: what is stored when new bytes come, from clients or from the agent of a run.

pub(crate) mod file;
pub(crate) mod snapshot;

use bytes::Bytes;
use carnet_model::{
    RunId, StateConflict, StateHead, StateOutput, StateStatus, StateVersion, StateVersionId,
    StateVersionOutputId, WorkspaceId, check_successor,
};
use carnet_store::{BlobName, Tx};

use self::file::{FileOutput, StateFile, is_same_content};
use crate::app::{App, entropy};
use crate::error::ApiError;
use crate::upload::{blocking, delete_blob};

/// Where the raw bytes of a state version are.
pub(crate) fn raw_blob(id: &StateVersionId) -> BlobName {
    BlobName::new("state", id)
}

/// Where the JSON form of a state version is.
pub(crate) fn json_blob(id: &StateVersionId) -> BlobName {
    BlobName::new("state-json", id)
}

/// Stores the raw state that a run's agent delivers and makes it current.
///
/// Delivering the same again changes nothing. A state that is older than the current one is a conflict, and so is
/// another content of the same serial, unless this very run wrote the current one.
pub(crate) async fn store_run_state(
    app: &App,
    workspace_id: &WorkspaceId,
    run_id: &RunId,
    bytes: Bytes,
) -> Result<(), ApiError> {
    let file = read_file(bytes.clone()).await?;
    let serial = file.serial.ok_or_else(|| unreadable("the state has no serial"))?;
    let current = app.store.read().await?.newest_state_version(workspace_id).await?;
    if is_delivered(app, current.as_ref(), run_id, serial, &file, &bytes).await? {
        return Ok(());
    }
    let created_by = app.store.read().await?.run(run_id).await?.and_then(|run| run.created_by);
    let version = StateVersion {
        id: StateVersionId::from_entropy(entropy()?),
        workspace_id: workspace_id.clone(),
        run_id: Some(run_id.clone()),
        created_by,
        status: StateStatus::Finalized,
        intermediate: false,
        serial,
        lineage: file.lineage.clone(),
        md5: file.md5.clone(),
        size: file.size,
        terraform_version: file.terraform_version.clone(),
        resource_count: file.resource_count,
        resources: file.resources,
        has_json: false,
        created_at: app.now(),
    };
    put_blob(app, raw_blob(&version.id), bytes).await?;
    let stored = store_after(app, current.as_ref(), &version, &file.outputs).await;
    if stored.is_err() {
        delete_blob(app, raw_blob(&version.id)).await;
    }
    stored
}

/// The raw bytes of the current state; `None` when the workspace has none.
pub(crate) async fn current_state_bytes(
    app: &App,
    workspace_id: &WorkspaceId,
) -> Result<Option<Vec<u8>>, ApiError> {
    let current = app.store.read().await?.current_state_version(workspace_id).await?;
    match current {
        None => Ok(None),
        Some(version) => raw_bytes(app, &version.id).await.map(Some),
    }
}

/// The raw bytes of a finalized state version.
pub(crate) async fn raw_bytes(app: &App, id: &StateVersionId) -> Result<Vec<u8>, ApiError> {
    let (blobs, name) = (app.store.blobs(), raw_blob(id));
    let found = blocking(move || blobs.get(&name)).await?.map_err(ApiError::blob)?;
    found.ok_or_else(|| ApiError::internal("the bytes of a stored state are missing"))
}

/// Tells whether the run need not deliver this state, because it is the current one already.
async fn is_delivered(
    app: &App,
    current: Option<&StateVersion>,
    run_id: &RunId,
    serial: i64,
    file: &StateFile,
    bytes: &Bytes,
) -> Result<bool, ApiError> {
    let Some(current) = current else {
        return Ok(false);
    };
    if current.serial == serial && current.md5 == file.md5 {
        return Ok(true);
    }
    match check_successor(
        Some(head(current)),
        StateHead { serial, lineage: &file.lineage, md5: &file.md5 },
        false,
    ) {
        Ok(()) => Ok(false),
        // Terraform counts from the state it began with: back at that content, it repeats a serial.
        Err(StateConflict::SameSerial) if current.run_id.as_ref() == Some(run_id) => Ok(false),
        Err(StateConflict::SameSerial) => {
            let old = raw_bytes(app, &current.id).await?;
            let new = bytes.clone();
            match blocking(move || is_same_content(&old, &new)).await? {
                true => Ok(true),
                false => Err(conflict(StateConflict::SameSerial)),
            }
        }
        Err(other @ (StateConflict::OlderSerial | StateConflict::OtherLineage)) => Err(conflict(other)),
    }
}

/// Makes the version current if `expected` still is.
async fn store_after(
    app: &App,
    expected: Option<&StateVersion>,
    version: &StateVersion,
    outputs: &[FileOutput],
) -> Result<(), ApiError> {
    let mut tx = app.store.write().await?;
    let current = tx.newest_state_version(&version.workspace_id).await?;
    if current.map(|version| version.id).as_ref() != expected.map(|version| &version.id) {
        return Err(ApiError::Conflict("another state was stored at the same time".to_owned()));
    }
    insert_current(&mut tx, version, outputs).await?;
    Ok(tx.commit().await?)
}

/// Stores a finalized version with its outputs and makes it current; an older one that waits for bytes is given up.
pub(crate) async fn insert_current(
    tx: &mut Tx,
    version: &StateVersion,
    outputs: &[FileOutput],
) -> Result<(), ApiError> {
    tx.discard_pending_states(&version.workspace_id).await?;
    tx.insert_state_version(version).await?;
    insert_outputs(tx, &version.id, outputs).await?;
    Ok(tx.set_current_state(&version.workspace_id, &version.id, version.resource_count).await?)
}

/// Stores the outputs of a state version.
pub(crate) async fn insert_outputs(
    tx: &mut Tx,
    version: &StateVersionId,
    outputs: &[FileOutput],
) -> Result<(), ApiError> {
    for output in outputs {
        let output = StateOutput {
            id: StateVersionOutputId::from_entropy(entropy()?),
            state_version_id: version.clone(),
            name: output.name.clone(),
            sensitive: output.sensitive,
            value_type: output.value_type.to_owned(),
            detailed_type: output.detailed_type.clone(),
            value: output.value.clone(),
        };
        tx.insert_state_output(&output).await?;
    }
    Ok(())
}

/// Reads what a client sends as a state, and refuses what Terraform could not go on from.
pub(crate) async fn read_client_file(bytes: Bytes) -> Result<StateFile, ApiError> {
    blocking(move || StateFile::read_strictly(&bytes)).await?.map_err(|error| unreadable(error.to_string()))
}

/// Reads a state where parsing of a large one does no harm. What an agent delivers is taken as it is: it may be the only record
/// of what was made.
pub(crate) async fn read_file(bytes: Bytes) -> Result<StateFile, ApiError> {
    blocking(move || StateFile::read(&bytes)).await?.map_err(|error| unreadable(error.to_string()))
}

/// Stores bytes as a blob.
pub(crate) async fn put_blob(app: &App, name: BlobName, bytes: Bytes) -> Result<(), ApiError> {
    let blobs = app.store.blobs();
    blocking(move || blobs.put(&name, &bytes)).await?.map_err(ApiError::blob)
}

/// What is compared with the next state.
pub(crate) fn head(version: &StateVersion) -> StateHead<'_> {
    StateHead { serial: version.serial, lineage: &version.lineage, md5: &version.md5 }
}

/// The refusal of a state that may not follow the current one.
pub(crate) fn conflict(conflict: StateConflict) -> ApiError {
    ApiError::Conflict(conflict.to_string())
}

/// The refusal of bytes that are no state.
pub(crate) fn unreadable(detail: impl Into<String>) -> ApiError {
    ApiError::Invalid { detail: detail.into(), pointer: None }
}
