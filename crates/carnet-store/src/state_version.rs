//! State versions. Their bytes are blobs.

use carnet_model::{StateResource, StateStatus, StateVersion, StateVersionId, TokenId, WorkspaceId};
use serde::{Deserialize, Serialize};

use crate::db::{Row, StoreError, Tx, corrupt};
use crate::store::TokenHash;

/// A state version whose bytes are still to come.
#[derive(Debug)]
pub struct PendingState<'a> {
    /// What is known already.
    pub version: &'a StateVersion,
    /// Whether it may follow whatever state is current.
    pub forced: bool,
    /// The hash of the capability to upload the raw state.
    pub upload: &'a TokenHash,
    /// The hash of the capability to upload the JSON form.
    pub json_upload: &'a TokenHash,
    /// The token that asked for the uploads.
    pub token_id: &'a TokenId,
}

/// Whom a capability to upload belongs to.
#[derive(Debug, Clone)]
pub struct StateUpload {
    /// What waits for the bytes.
    pub version: StateVersion,
    /// Whether it may follow whatever state is current.
    pub forced: bool,
    /// The token that asked for the upload.
    pub token_id: Option<TokenId>,
}

fn state_upload(row: &Row) -> Result<StateUpload, StoreError> {
    Ok(StateUpload {
        version: state_version(row)?,
        forced: row.boolean("forced")?,
        token_id: row.optional_parsed("upload_token_id")?,
    })
}

#[derive(Serialize, Deserialize)]
struct StoredResource {
    name: String,
    kind: String,
    count: u32,
    module: String,
    provider: String,
}

fn stored_resources(resources: &[StateResource]) -> Result<String, StoreError> {
    let stored: Vec<StoredResource> = resources
        .iter()
        .cloned()
        .map(|StateResource { name, kind, count, module, provider }| StoredResource {
            name,
            kind,
            count,
            module,
            provider,
        })
        .collect();
    serde_json::to_string(&stored).map_err(|_| corrupt("resources"))
}

fn state_version(row: &Row) -> Result<StateVersion, StoreError> {
    let resources: Vec<StoredResource> = row.json("resources")?;
    Ok(StateVersion {
        id: row.parsed("id")?,
        workspace_id: row.parsed("workspace_id")?,
        run_id: row.optional_parsed("run_id")?,
        created_by: row.optional_parsed("created_by")?,
        status: row.parsed("status")?,
        intermediate: row.boolean("intermediate")?,
        serial: row.integer("serial")?,
        lineage: row.text("lineage")?,
        md5: row.text("md5")?,
        size: row.count("size")?,
        terraform_version: row.optional_text("terraform_version")?,
        resource_count: row.count("resource_count")?,
        resources: resources
            .into_iter()
            .map(|StoredResource { name, kind, count, module, provider }| StateResource {
                name,
                kind,
                count,
                module,
                provider,
            })
            .collect(),
        has_json: row.boolean("has_json")?,
        created_at: row.time("created_at")?,
    })
}

impl Tx {
    async fn insert_state(
        &mut self,
        version: &StateVersion,
        pending: Option<&PendingState<'_>>,
    ) -> Result<(), StoreError> {
        let forced = pending.is_some_and(|pending| pending.forced);
        let upload = pending.map(|pending| pending.upload.as_hex().to_owned());
        let json_upload = pending.map(|pending| pending.json_upload.as_hex().to_owned());
        self.execute(
            "INSERT INTO state_versions (id, workspace_id, run_id, created_by, status, serial, lineage, md5, size, \
             terraform_version, resource_count, resources, forced, has_json, upload_hash, json_upload_hash, created_at, \
             intermediate, upload_token_id) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
            &[
                (&version.id).into(),
                (&version.workspace_id).into(),
                version.run_id.as_ref().into(),
                version.created_by.as_ref().into(),
                version.status.as_str().into(),
                version.serial.into(),
                (&version.lineage).into(),
                (&version.md5).into(),
                version.size.into(),
                version.terraform_version.clone().into(),
                version.resource_count.into(),
                stored_resources(&version.resources)?.into(),
                forced.into(),
                version.has_json.into(),
                upload.into(),
                json_upload.into(),
                version.created_at.into(),
                version.intermediate.into(),
                pending.map(|pending| pending.token_id).into(),
            ],
        )
        .await
        .map(drop)
    }

    /// Stores a state version whose bytes are there.
    pub async fn insert_state_version(&mut self, version: &StateVersion) -> Result<(), StoreError> {
        self.insert_state(version, None).await
    }

    /// Stores a state version whose bytes are still to come.
    pub async fn insert_pending_state(&mut self, pending: PendingState<'_>) -> Result<(), StoreError> {
        self.insert_state(pending.version, Some(&pending)).await
    }

    /// Notes that the bytes of a pending state version came, and what they say; `false` when it is not pending any more.
    pub async fn finalize_state_version(&mut self, version: &StateVersion) -> Result<bool, StoreError> {
        let changed = self
            .execute(
                "UPDATE state_versions SET status = $2, lineage = $3, size = $4, terraform_version = $5, \
                 resource_count = $6, resources = $7, upload_hash = NULL WHERE id = $1 AND status = $8",
                &[
                    (&version.id).into(),
                    StateStatus::Finalized.as_str().into(),
                    (&version.lineage).into(),
                    version.size.into(),
                    version.terraform_version.clone().into(),
                    version.resource_count.into(),
                    stored_resources(&version.resources)?.into(),
                    StateStatus::Pending.as_str().into(),
                ],
            )
            .await?;
        Ok(changed > 0)
    }

    /// Gives up the state versions of a workspace whose bytes did not come; their capabilities end.
    pub async fn discard_pending_states(&mut self, workspace: &WorkspaceId) -> Result<(), StoreError> {
        self.execute(
            "UPDATE state_versions SET status = $2, upload_hash = NULL, json_upload_hash = NULL \
             WHERE workspace_id = $1 AND status = $3",
            &[workspace.into(), StateStatus::Discarded.as_str().into(), StateStatus::Pending.as_str().into()],
        )
        .await
        .map(drop)
    }

    /// Tells whether the newest state version of a workspace still waits for its bytes.
    pub async fn has_pending_state(&mut self, workspace: &WorkspaceId) -> Result<bool, StoreError> {
        // A newer state version discards the pending one, so that a pending one is always the newest.
        let waiting = self
            .total(
                "SELECT COUNT(*) AS total FROM state_versions WHERE workspace_id = $1 AND status = $2",
                &[workspace.into(), StateStatus::Pending.as_str().into()],
            )
            .await?;
        Ok(waiting > 0)
    }

    /// The state version of this id.
    pub async fn state_version(&mut self, id: &StateVersionId) -> Result<Option<StateVersion>, StoreError> {
        let row = self.optional("SELECT * FROM state_versions WHERE id = $1", &[id.into()]).await?;
        row.as_ref().map(state_version).transpose()
    }

    /// The current state of a workspace.
    pub async fn current_state_version(
        &mut self,
        workspace: &WorkspaceId,
    ) -> Result<Option<StateVersion>, StoreError> {
        let row = self
            .optional(
                "SELECT s.* FROM state_versions s JOIN workspaces w ON w.current_state_version_id = s.id \
                 WHERE w.id = $1",
                &[workspace.into()],
            )
            .await?;
        row.as_ref().map(state_version).transpose()
    }

    /// The state that the next one must follow: the last snapshot of a local run that goes on, else the current state.
    pub async fn newest_state_version(
        &mut self,
        workspace: &WorkspaceId,
    ) -> Result<Option<StateVersion>, StoreError> {
        let row = self
            .optional(
                "SELECT s.* FROM workspaces w JOIN state_versions s \
                 ON s.id = COALESCE(w.snapshot_state_version_id, w.current_state_version_id) WHERE w.id = $1",
                &[workspace.into()],
            )
            .await?;
        row.as_ref().map(state_version).transpose()
    }

    /// Notes the last snapshot of a local run that goes on.
    pub async fn set_snapshot(
        &mut self,
        workspace: &WorkspaceId,
        snapshot: &StateVersionId,
    ) -> Result<(), StoreError> {
        self.execute(
            "UPDATE workspaces SET snapshot_state_version_id = $2 WHERE id = $1",
            &[workspace.into(), snapshot.into()],
        )
        .await
        .map(drop)
    }

    /// Makes the last snapshot of a workspace current, if there is one.
    pub(crate) async fn settle_snapshot(&mut self, workspace: &WorkspaceId) -> Result<(), StoreError> {
        let row = self
            .optional(
                "SELECT s.* FROM state_versions s JOIN workspaces w ON w.snapshot_state_version_id = s.id \
                 WHERE w.id = $1",
                &[workspace.into()],
            )
            .await?;
        let Some(snapshot) = row.as_ref().map(state_version).transpose()? else {
            return Ok(());
        };
        self.execute(
            "UPDATE state_versions SET intermediate = FALSE WHERE id = $1",
            &[(&snapshot.id).into()],
        )
        .await?;
        self.set_current_state(workspace, &snapshot.id, snapshot.resource_count).await
    }

    /// Some state versions of a workspace, all or those of one status, newest first.
    pub async fn state_versions(
        &mut self,
        workspace: &WorkspaceId,
        status: Option<StateStatus>,
        limit: u64,
        offset: u64,
    ) -> Result<Vec<StateVersion>, StoreError> {
        let (limit, offset) = (limit.into(), offset.into());
        let rows = match status {
            None => {
                self.all(
                    "SELECT * FROM state_versions WHERE workspace_id = $1 \
                     ORDER BY created_at DESC, serial DESC, id DESC LIMIT $2 OFFSET $3",
                    &[workspace.into(), limit, offset],
                )
                .await?
            }
            Some(status) => {
                self.all(
                    "SELECT * FROM state_versions WHERE workspace_id = $1 AND status = $2 \
                     ORDER BY created_at DESC, serial DESC, id DESC LIMIT $3 OFFSET $4",
                    &[workspace.into(), status.as_str().into(), limit, offset],
                )
                .await?
            }
        };
        rows.iter().map(state_version).collect()
    }

    /// How many state versions a workspace has, all or those of one status.
    pub async fn state_version_count(
        &mut self,
        workspace: &WorkspaceId,
        status: Option<StateStatus>,
    ) -> Result<u64, StoreError> {
        match status {
            None => {
                self.total(
                    "SELECT COUNT(*) AS total FROM state_versions WHERE workspace_id = $1",
                    &[workspace.into()],
                )
                .await
            }
            Some(status) => {
                self.total(
                    "SELECT COUNT(*) AS total FROM state_versions WHERE workspace_id = $1 AND status = $2",
                    &[workspace.into(), status.as_str().into()],
                )
                .await
            }
        }
    }

    /// The state version that waits for the raw upload with this capability.
    pub async fn state_version_by_upload(
        &mut self,
        upload: &TokenHash,
    ) -> Result<Option<StateUpload>, StoreError> {
        let row =
            self.optional("SELECT * FROM state_versions WHERE upload_hash = $1", &[upload.into()]).await?;
        row.as_ref().map(state_upload).transpose()
    }

    /// The state version that waits for the upload of its JSON form with this capability.
    pub async fn state_version_by_json_upload(
        &mut self,
        upload: &TokenHash,
    ) -> Result<Option<StateUpload>, StoreError> {
        let row = self
            .optional("SELECT * FROM state_versions WHERE json_upload_hash = $1", &[upload.into()])
            .await?;
        row.as_ref().map(state_upload).transpose()
    }

    /// Uses up the capability to upload a JSON form; `false` when it was used before.
    pub async fn take_json_upload(&mut self, upload: &TokenHash) -> Result<bool, StoreError> {
        let taken = self
            .execute(
                "UPDATE state_versions SET json_upload_hash = NULL WHERE json_upload_hash = $1",
                &[upload.into()],
            )
            .await?;
        Ok(taken > 0)
    }

    /// Notes that the JSON form of a state version is there.
    pub async fn set_has_json(&mut self, id: &StateVersionId) -> Result<(), StoreError> {
        self.execute("UPDATE state_versions SET has_json = $2 WHERE id = $1", &[id.into(), true.into()])
            .await
            .map(drop)
    }
}
