//! What a client sends to announce a new state.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use carnet_model::{RunId, StateStatus, StateVersion, StateVersionId, Timestamp, UserId, WorkspaceId};
use carnet_store::Tx;
use serde::Deserialize;

use crate::app::entropy;
use crate::document::Doc;
use crate::error::ApiError;
use crate::state::file::{self, FileOutput};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Input {
    serial: Option<i64>,
    md5: Option<String>,
    lineage: Option<String>,
    force: Option<bool>,
    state: Option<String>,
    json_state: Option<String>,
    json_state_outputs: Option<String>,
}

/// What a client wants to write, checked as far as that needs no other state.
pub(super) struct NewState {
    pub(super) version: StateVersion,
    pub(super) force: bool,
    pub(super) bytes: Option<Bytes>,
    pub(super) json: Option<Bytes>,
    pub(super) outputs: Vec<FileOutput>,
}

/// The run that the client says wrote the state.
pub(super) async fn run_of(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    doc: &Doc<Input>,
) -> Result<Option<RunId>, ApiError> {
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

/// What the client wants to write, as far as it makes sense.
pub(super) fn checked(
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
        intermediate: false,
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
