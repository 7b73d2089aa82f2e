//! Runs.

use std::collections::BTreeMap;

use carnet_model::{
    ConfigurationVersionId, QueuedRun, Run, RunId, RunOptions, StateVersionId, StatusTimestamps, WorkspaceId,
};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::db::{Row, StoreError, Tx, corrupt};
use crate::seal::Sealer;
use crate::search::{hundred, hundreds};

/// The variables that came with a run: names and HCL expressions.
pub type RunVariables = Vec<(String, SecretString)>;

fn place(id: &RunId) -> String {
    format!("variables of run {id}")
}

pub(crate) fn json(value: &impl serde::Serialize, column: &str) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| corrupt(column))
}

fn timestamps(run: &Run) -> Result<String, StoreError> {
    json(&run.status_timestamps, "status_timestamps")
}

/// A row that has every column of `runs`.
pub(crate) fn run(row: &Row) -> Result<Run, StoreError> {
    Ok(Run {
        id: row.parsed("id")?,
        workspace_id: row.parsed("workspace_id")?,
        organization_id: row.parsed("organization_id")?,
        configuration_version_id: row.parsed("configuration_version_id")?,
        plan_id: row.parsed("plan_id")?,
        apply_id: row.parsed("apply_id")?,
        status: row.parsed("status")?,
        options: RunOptions {
            plan_only: row.boolean("plan_only")?,
            save_plan: row.boolean("save_plan")?,
            auto_apply: row.boolean("auto_apply")?,
            allow_empty_apply: row.boolean("allow_empty_apply")?,
            allow_config_generation: row.boolean("allow_config_generation")?,
            debugging_mode: row.boolean("debugging_mode")?,
            is_destroy: row.boolean("is_destroy")?,
            refresh: row.boolean("refresh")?,
            refresh_only: row.boolean("refresh_only")?,
            target_addrs: row.json("target_addrs")?,
            replace_addrs: row.json("replace_addrs")?,
        },
        message: row.text("message")?,
        source: row.parsed("source")?,
        terraform_version: row.text("terraform_version")?,
        structured_output: row.boolean("structured_output")?,
        has_changes: row.boolean("has_changes")?,
        triggering_run_id: row.optional_parsed("triggering_run_id")?,
        created_by: row.optional_parsed("created_by")?,
        confirmed_by: row.optional_parsed("confirmed_by")?,
        created_at: row.time("created_at")?,
        canceled_at: row.optional_time("canceled_at")?,
        force_cancel_available_at: row.optional_time("force_cancel_available_at")?,
        status_timestamps: row.json::<StatusTimestamps>("status_timestamps")?,
    })
}

fn opened(sealer: &Sealer, id: &RunId, row: &Row) -> Result<RunVariables, StoreError> {
    let plain = sealer.open(&place(id), &row.text("sealed_variables")?)?;
    serde_json::from_slice(&plain).map_err(|_| corrupt("sealed_variables"))
}

impl Tx {
    /// Stores a new run with its variables, sealed.
    pub async fn insert_run(&mut self, run: &Run, variables: &RunVariables) -> Result<(), StoreError> {
        let exposed: Vec<(&str, &str)> =
            variables.iter().map(|(key, value)| (key.as_str(), value.expose_secret())).collect();
        let plain = Zeroizing::new(json(&exposed, "sealed_variables")?);
        let sealed = self.sealer.seal(&place(&run.id), plain.as_bytes())?;
        let options = &run.options;
        self.execute(
            "INSERT INTO runs (id, workspace_id, configuration_version_id, plan_id, apply_id, status, is_final, \
             plan_only, save_plan, auto_apply, allow_empty_apply, allow_config_generation, is_destroy, refresh, \
             refresh_only, target_addrs, replace_addrs, sealed_variables, message, source, terraform_version, \
             structured_output, has_changes, created_by, created_at, status_timestamps, organization_id, \
             triggering_run_id, debugging_mode) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, \
             $22, $23, $24, $25, $26, $27, $28, $29)",
            &[
                (&run.id).into(),
                (&run.workspace_id).into(),
                (&run.configuration_version_id).into(),
                (&run.plan_id).into(),
                (&run.apply_id).into(),
                run.status.as_str().into(),
                run.status.is_final().into(),
                options.plan_only.into(),
                options.save_plan.into(),
                options.auto_apply.into(),
                options.allow_empty_apply.into(),
                options.allow_config_generation.into(),
                options.is_destroy.into(),
                options.refresh.into(),
                options.refresh_only.into(),
                json(&options.target_addrs, "target_addrs")?.into(),
                json(&options.replace_addrs, "replace_addrs")?.into(),
                sealed.into(),
                (&run.message).into(),
                run.source.as_str().into(),
                (&run.terraform_version).into(),
                run.structured_output.into(),
                run.has_changes.into(),
                run.created_by.as_ref().into(),
                run.created_at.into(),
                timestamps(run)?.into(),
                (&run.organization_id).into(),
                run.triggering_run_id.as_ref().into(),
                options.debugging_mode.into(),
            ],
        )
        .await?;
        self.count_run(run).await
    }

    /// The run of this id.
    pub async fn run(&mut self, id: &RunId) -> Result<Option<Run>, StoreError> {
        let row = self.optional("SELECT * FROM runs WHERE id = $1", &[id.into()]).await?;
        row.as_ref().map(run).transpose()
    }

    /// The variables that came with a run.
    pub async fn run_variables(&mut self, id: &RunId) -> Result<RunVariables, StoreError> {
        let Some(row) =
            self.optional("SELECT sealed_variables FROM runs WHERE id = $1", &[id.into()]).await?
        else {
            return Ok(Vec::new());
        };
        opened(&self.sealer, id, &row)
    }

    /// The variables that came with each of these runs.
    pub async fn variables_of_runs(
        &mut self,
        runs: &[RunId],
    ) -> Result<BTreeMap<RunId, RunVariables>, StoreError> {
        let mut found = BTreeMap::new();
        for binds in hundreds(runs) {
            let sql = concat!("SELECT id, sealed_variables FROM runs WHERE id IN (", hundred!(), ")");
            for row in &self.all(sql, &binds).await? {
                let id: RunId = row.parsed("id")?;
                let variables = opened(&self.sealer, &id, row)?;
                found.insert(id, variables);
            }
        }
        Ok(found)
    }

    /// Saves what changes during the life of a run.
    pub async fn update_run(&mut self, run: &Run) -> Result<(), StoreError> {
        self.execute(
            "UPDATE runs SET status = $2, is_final = $3, terraform_version = $4, has_changes = $5, confirmed_by = $6, \
             canceled_at = $7, force_cancel_available_at = $8, status_timestamps = $9 WHERE id = $1",
            &[
                (&run.id).into(),
                run.status.as_str().into(),
                run.status.is_final().into(),
                (&run.terraform_version).into(),
                run.has_changes.into(),
                run.confirmed_by.as_ref().into(),
                run.canceled_at.into(),
                run.force_cancel_available_at.into(),
                timestamps(run)?.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// The runs of a workspace that are not final, the oldest first.
    pub async fn open_runs(&mut self, workspace: &WorkspaceId) -> Result<Vec<QueuedRun>, StoreError> {
        let rows = self
            .all(
                "SELECT id, status, plan_only, save_plan FROM runs WHERE workspace_id = $1 AND is_final = FALSE \
                 ORDER BY created_at, id",
                &[workspace.into()],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(QueuedRun {
                    id: row.parsed("id")?,
                    status: row.parsed("status")?,
                    plan_only: row.boolean("plan_only")?,
                    save_plan: row.boolean("save_plan")?,
                })
            })
            .collect()
    }

    /// The configuration that a run uses which names none: the newest that was uploaded and may be applied.
    pub async fn latest_configuration(
        &mut self,
        workspace: &WorkspaceId,
    ) -> Result<Option<ConfigurationVersionId>, StoreError> {
        let row = self
            .optional(
                "SELECT id FROM configuration_versions WHERE workspace_id = $1 AND status = 'uploaded' \
                 AND speculative = FALSE AND provisional = FALSE ORDER BY created_at DESC, id DESC LIMIT 1",
                &[workspace.into()],
            )
            .await?;
        row.map(|row| row.parsed("id")).transpose()
    }

    /// The state versions that a run wrote, the oldest first.
    pub async fn run_state_versions(&mut self, id: &RunId) -> Result<Vec<StateVersionId>, StoreError> {
        let rows = self
            .all("SELECT id FROM state_versions WHERE run_id = $1 ORDER BY created_at, id", &[id.into()])
            .await?;
        rows.iter().map(|row| row.parsed("id")).collect()
    }
}
