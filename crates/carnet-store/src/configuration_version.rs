//! Configuration versions. Their archives are blobs.

use carnet_model::{
    ConfigurationStatus, ConfigurationVersion, ConfigurationVersionId, RunId, Timestamp, TokenId, WorkspaceId,
};

use crate::db::{Row, StoreError, Tx};
use crate::store::TokenHash;

fn configuration_version(row: &Row) -> Result<ConfigurationVersion, StoreError> {
    Ok(ConfigurationVersion {
        id: row.parsed("id")?,
        workspace_id: row.parsed("workspace_id")?,
        status: row.parsed("status")?,
        auto_queue_runs: row.boolean("auto_queue_runs")?,
        speculative: row.boolean("speculative")?,
        provisional: row.boolean("provisional")?,
        may_auto_apply: row.boolean("may_auto_apply")?,
        source: row.text("source")?,
        error_message: row.optional_text("error_message")?,
        created_at: row.time("created_at")?,
        uploaded_at: row.optional_time("uploaded_at")?,
        archived_at: row.optional_time("archived_at")?,
    })
}

impl Tx {
    /// Stores a new configuration version whose archive may be uploaded with the capability of this hash, as the owner of
    /// this token may.
    pub async fn insert_configuration_version(
        &mut self,
        version: &ConfigurationVersion,
        upload: &TokenHash,
        upload_token: Option<&TokenId>,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO configuration_versions (id, workspace_id, status, auto_queue_runs, speculative, provisional, \
             source, error_message, upload_hash, created_at, uploaded_at, may_auto_apply, \
             upload_token_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            &[
                (&version.id).into(),
                (&version.workspace_id).into(),
                version.status.as_str().into(),
                version.auto_queue_runs.into(),
                version.speculative.into(),
                version.provisional.into(),
                (&version.source).into(),
                version.error_message.clone().into(),
                upload.into(),
                version.created_at.into(),
                version.uploaded_at.into(),
                version.may_auto_apply.into(),
                upload_token.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// The configuration version of this id.
    pub async fn configuration_version(
        &mut self,
        id: &ConfigurationVersionId,
    ) -> Result<Option<ConfigurationVersion>, StoreError> {
        let row = self.optional("SELECT * FROM configuration_versions WHERE id = $1", &[id.into()]).await?;
        row.as_ref().map(configuration_version).transpose()
    }

    /// The configuration version that waits for the upload with this capability, and the token that asked for it.
    pub async fn configuration_version_by_upload(
        &mut self,
        upload: &TokenHash,
    ) -> Result<Option<(ConfigurationVersion, Option<TokenId>)>, StoreError> {
        let row = self
            .optional("SELECT * FROM configuration_versions WHERE upload_hash = $1", &[upload.into()])
            .await?;
        row.map(|row| Ok((configuration_version(&row)?, row.optional_parsed("upload_token_id")?))).transpose()
    }

    /// Some configuration versions of a workspace, newest first.
    pub async fn configuration_versions(
        &mut self,
        workspace: &WorkspaceId,
        limit: u64,
        offset: u64,
    ) -> Result<Vec<ConfigurationVersion>, StoreError> {
        let rows = self
            .all(
                "SELECT * FROM configuration_versions WHERE workspace_id = $1 \
                 ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3",
                &[workspace.into(), limit.into(), offset.into()],
            )
            .await?;
        rows.iter().map(configuration_version).collect()
    }

    /// How many configuration versions a workspace has.
    pub async fn configuration_version_count(&mut self, workspace: &WorkspaceId) -> Result<u64, StoreError> {
        self.total(
            "SELECT COUNT(*) AS total FROM configuration_versions WHERE workspace_id = $1",
            &[workspace.into()],
        )
        .await
    }

    /// Uses up an upload capability; `false` when it was used before.
    pub async fn take_configuration_upload(&mut self, upload: &TokenHash) -> Result<bool, StoreError> {
        let taken = self
            .execute(
                "UPDATE configuration_versions SET upload_hash = NULL WHERE upload_hash = $1",
                &[upload.into()],
            )
            .await?;
        Ok(taken > 0)
    }

    /// Makes an upload capability usable again whose archive could not be stored.
    pub async fn give_back_configuration_upload(
        &mut self,
        id: &ConfigurationVersionId,
        upload: &TokenHash,
    ) -> Result<(), StoreError> {
        self.execute(
            "UPDATE configuration_versions SET upload_hash = $2 WHERE id = $1 AND status = 'pending'",
            &[id.into(), upload.into()],
        )
        .await
        .map(drop)
    }

    /// Notes what the check of the archive found: `None` when it is good, else why it was refused; and whether who uploaded
    /// it may let it be applied.
    pub async fn finish_configuration_upload(
        &mut self,
        id: &ConfigurationVersionId,
        refusal: Option<&str>,
        may_auto_apply: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let status = match refusal {
            None => ConfigurationStatus::Uploaded,
            Some(_) => ConfigurationStatus::Errored,
        };
        self.execute(
            "UPDATE configuration_versions SET status = $2, error_message = $3, uploaded_at = $4, \
             may_auto_apply = $5 WHERE id = $1",
            &[
                id.into(),
                status.as_str().into(),
                refusal.map(str::to_owned).into(),
                refusal.is_none().then_some(now).into(),
                may_auto_apply.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// Notes that somebody who may apply let a configuration be applied: from now on it may apply by itself.
    pub async fn trust_configuration(&mut self, id: &ConfigurationVersionId) -> Result<(), StoreError> {
        self.execute(
            "UPDATE configuration_versions SET may_auto_apply = $2 WHERE id = $1",
            &[id.into(), true.into()],
        )
        .await
        .map(drop)
    }

    /// Notes that the archive of a configuration version is removed.
    pub async fn archive_configuration(
        &mut self,
        id: &ConfigurationVersionId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "UPDATE configuration_versions SET status = 'archived', archived_at = $2 WHERE id = $1",
            &[id.into(), now.into()],
        )
        .await
        .map(drop)
    }

    /// Tells whether a run that is not final needs the archive of a configuration version.
    pub async fn configuration_has_open_runs(
        &mut self,
        id: &ConfigurationVersionId,
    ) -> Result<bool, StoreError> {
        let sql = "SELECT id FROM runs WHERE configuration_version_id = $1 AND is_final = FALSE LIMIT 1";
        Ok(self.optional(sql, &[id.into()]).await?.is_some())
    }

    /// The newest run of a configuration version.
    pub async fn configuration_run(
        &mut self,
        id: &ConfigurationVersionId,
    ) -> Result<Option<RunId>, StoreError> {
        let sql = "SELECT id FROM runs WHERE configuration_version_id = $1 ORDER BY created_at DESC, id DESC LIMIT 1";
        let row = self.optional(sql, &[id.into()]).await?;
        row.map(|row| row.parsed("id")).transpose()
    }
}
