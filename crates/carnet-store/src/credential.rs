//! What agents reported about the credentials of their jobs.

use carnet_model::{JobId, OrgId, Phase, RunId, Timestamp, WorkspaceId, WorkspaceName};

use crate::db::{Row, StoreError, Tx};

/// A job and the last report about its credentials.
#[derive(Debug, Clone)]
pub struct JobCredentials {
    /// The job.
    pub job_id: JobId,
    /// The run.
    pub run_id: RunId,
    /// The workspace of the run.
    pub workspace_id: WorkspaceId,
    /// The workspace's name.
    pub workspace_name: WorkspaceName,
    /// The phase.
    pub phase: Phase,
    /// The agent's report, JSON.
    pub report: String,
}

fn credentials(row: &Row) -> Result<JobCredentials, StoreError> {
    Ok(JobCredentials {
        job_id: row.parsed("id")?,
        run_id: row.parsed("run_id")?,
        workspace_id: row.parsed("workspace_id")?,
        workspace_name: row.parsed("workspace_name")?,
        phase: row.parsed("phase")?,
        report: row.text("credentials")?,
    })
}

impl Tx {
    /// Replaces the report of a job; `outstanding_until` is when the last of what must be revoked ends by itself.
    pub async fn set_job_credentials(
        &mut self,
        id: &JobId,
        report: String,
        outstanding_until: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        self.execute(
            "UPDATE jobs SET credentials = $2, outstanding_until = $3 WHERE id = $1",
            &[id.into(), report.into(), outstanding_until.into()],
        )
        .await
        .map(drop)
    }

    /// The last report of a job, if there is one.
    pub async fn job_credentials(&mut self, id: &JobId) -> Result<Option<String>, StoreError> {
        let row = self.optional("SELECT credentials FROM jobs WHERE id = $1", &[id.into()]).await?;
        row.map_or(Ok(None), |row| row.optional_text("credentials"))
    }

    /// The last report of a job of an organization that is over.
    pub async fn ended_job_credentials(
        &mut self,
        organization: &OrgId,
        id: &JobId,
    ) -> Result<Option<JobCredentials>, StoreError> {
        let row = self
            .optional(
                "SELECT j.*, w.name AS workspace_name FROM jobs j JOIN workspaces w ON w.id = j.workspace_id \
                 WHERE j.id = $2 AND w.organization_id = $1 AND j.finished_at IS NOT NULL \
                 AND j.credentials IS NOT NULL",
                &[organization.into(), id.into()],
            )
            .await?;
        row.as_ref().map(credentials).transpose()
    }

    /// The last reports of the jobs of a run, the plan's first.
    pub async fn run_credentials(&mut self, run: &RunId) -> Result<Vec<JobCredentials>, StoreError> {
        let rows = self
            .all(
                "SELECT j.*, w.name AS workspace_name FROM jobs j JOIN workspaces w ON w.id = j.workspace_id \
                 WHERE j.run_id = $1 AND j.credentials IS NOT NULL ORDER BY CASE j.phase WHEN 'plan' THEN 0 ELSE 1 END",
                &[run.into()],
            )
            .await?;
        rows.iter().map(credentials).collect()
    }

    /// The reports of an organization's jobs that are over and of which something still works, in the order of their ends.
    pub async fn outstanding_credentials(
        &mut self,
        organization: &OrgId,
        now: Timestamp,
    ) -> Result<Vec<JobCredentials>, StoreError> {
        // CROSS JOIN keeps SQLite from walking through all jobs of the organization: only few are outstanding.
        let rows = self
            .all(
                "SELECT j.*, w.name AS workspace_name FROM jobs j CROSS JOIN workspaces w \
                 WHERE w.id = j.workspace_id AND j.outstanding_until > $2 AND j.finished_at IS NOT NULL \
                 AND w.organization_id = $1 ORDER BY j.finished_at, j.id",
                &[organization.into(), now.into()],
            )
            .await?;
        rows.iter().map(credentials).collect()
    }
}
