//! The plan and the apply of each run.

use carnet_model::{Phase, PhaseAgent, PhaseId, ResourceCounts, RunId, RunPhase, StatusTimestamps};
use secrecy::{ExposeSecret, SecretString};

use crate::db::{Row, StoreError, Tx, corrupt};
use crate::run::json;
use crate::store::TokenHash;

fn place(id: &PhaseId) -> String {
    format!("log key of {id}")
}

fn counts(row: &Row) -> Result<Option<ResourceCounts>, StoreError> {
    if row.optional_integer("additions")?.is_none() {
        return Ok(None);
    }
    Ok(Some(ResourceCounts {
        additions: row.count("additions")?,
        changes: row.count("changes")?,
        destructions: row.count("destructions")?,
        imports: row.count("imports")?,
    }))
}

impl Tx {
    fn opened_phase(&self, row: &Row) -> Result<RunPhase, StoreError> {
        let id: PhaseId = row.parsed("id")?;
        let plain = self.sealer.open(&place(&id), &row.text("sealed_log_key")?)?;
        let log_key = std::str::from_utf8(&plain).map_err(|_| corrupt("sealed_log_key"))?;
        Ok(RunPhase {
            run_id: row.parsed("run_id")?,
            phase: row.parsed("phase")?,
            status: row.parsed("status")?,
            counts: counts(row)?,
            generated_configuration: row.boolean("generated_configuration")?,
            log_key: SecretString::from(log_key),
            log_length: row.count("log_length")?,
            status_timestamps: row.json::<StatusTimestamps>("status_timestamps")?,
            id,
        })
    }

    /// Stores a new phase.
    pub async fn insert_phase(&mut self, phase: &RunPhase) -> Result<(), StoreError> {
        let sealed = self.sealer.seal(&place(&phase.id), phase.log_key.expose_secret().as_bytes())?;
        self.execute(
            "INSERT INTO phases (id, run_id, phase, status, generated_configuration, log_hash, sealed_log_key, \
             log_length, status_timestamps) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8)",
            &[
                (&phase.id).into(),
                (&phase.run_id).into(),
                phase.phase.as_str().into(),
                phase.status.as_str().into(),
                phase.generated_configuration.into(),
                (&TokenHash::of(&phase.log_key)).into(),
                sealed.into(),
                json(&phase.status_timestamps, "status_timestamps")?.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// The phase of this id.
    pub async fn phase(&mut self, id: &PhaseId) -> Result<Option<RunPhase>, StoreError> {
        let row = self.optional("SELECT * FROM phases WHERE id = $1", &[id.into()]).await?;
        row.map(|row| self.opened_phase(&row)).transpose()
    }

    /// A phase of a run.
    pub async fn run_phase(&mut self, run: &RunId, phase: Phase) -> Result<Option<RunPhase>, StoreError> {
        let row = self
            .optional(
                "SELECT * FROM phases WHERE run_id = $1 AND phase = $2",
                &[run.into(), phase.as_str().into()],
            )
            .await?;
        row.map(|row| self.opened_phase(&row)).transpose()
    }

    /// Saves everything of a phase but its log.
    pub async fn update_phase(&mut self, phase: &RunPhase) -> Result<(), StoreError> {
        let count =
            |pick: fn(&ResourceCounts) -> u32| phase.counts.as_ref().map(|counts| i64::from(pick(counts)));
        self.execute(
            "UPDATE phases SET status = $2, additions = $3, changes = $4, destructions = $5, imports = $6, \
             generated_configuration = $7, status_timestamps = $8 WHERE id = $1",
            &[
                (&phase.id).into(),
                phase.status.as_str().into(),
                count(|counts| counts.additions).into(),
                count(|counts| counts.changes).into(),
                count(|counts| counts.destructions).into(),
                count(|counts| counts.imports).into(),
                phase.generated_configuration.into(),
                json(&phase.status_timestamps, "status_timestamps")?.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// Where a phase of a run is executed; `None` before it is queued.
    pub async fn phase_agent(&mut self, run: &RunId, phase: Phase) -> Result<Option<PhaseAgent>, StoreError> {
        let sql = "SELECT a.id, a.name, j.agent_pool_id AS pool_id, p.name AS pool_name FROM jobs j \
             LEFT JOIN agents a ON a.id = j.agent_id LEFT JOIN agent_pools p ON p.id = j.agent_pool_id \
             WHERE j.run_id = $1 AND j.phase = $2";
        let Some(row) = self.optional(sql, &[run.into(), phase.as_str().into()]).await? else {
            return Ok(None);
        };
        let pool = match row.optional_parsed("pool_id")? {
            Some(id) => Some((id, row.optional_text("pool_name")?)),
            None => None,
        };
        let agent = match row.optional_parsed("id")? {
            Some(id) => Some((id, row.text("name")?)),
            None => None,
        };
        Ok(Some(PhaseAgent { agent, pool }))
    }
}
