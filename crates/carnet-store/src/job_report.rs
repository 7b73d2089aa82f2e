//! What agents reported of the jobs of a run.

use carnet_model::{JobId, Phase, RunId, Timestamp};

use crate::db::{StoreError, Tx};

/// A job of a run and what its agent reported at its end.
#[derive(Debug, Clone)]
pub struct JobReport {
    /// The job.
    pub job_id: JobId,
    /// The phase.
    pub phase: Phase,
    /// Where the job stands.
    pub status: String,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When an agent took it.
    pub claimed_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// The agent's report, JSON.
    pub report: Option<String>,
}

impl Tx {
    /// The jobs of a run, the plan's first.
    pub async fn job_reports(&mut self, run: &RunId) -> Result<Vec<JobReport>, StoreError> {
        let rows = self
            .all(
                "SELECT id, phase, status, created_at, claimed_at, finished_at, report FROM jobs \
                 WHERE run_id = $1 ORDER BY CASE phase WHEN 'plan' THEN 0 ELSE 1 END",
                &[run.into()],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(JobReport {
                    job_id: row.parsed("id")?,
                    phase: row.parsed("phase")?,
                    status: row.text("status")?,
                    created_at: row.time("created_at")?,
                    claimed_at: row.optional_time("claimed_at")?,
                    finished_at: row.optional_time("finished_at")?,
                    report: row.optional_text("report")?,
                })
            })
            .collect()
    }
}
