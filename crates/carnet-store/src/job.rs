//! Jobs: their queue, their leases and the hashes of their tokens.

use carnet_model::{
    AgentId, AgentPoolId, Job, JobId, JobStatus, OrgId, Phase, RunId, Signal, Timestamp, TokenId, WorkspaceId,
};

use crate::agent_pool::serves;
use crate::db::{Bind, Engine, Row, StoreError, Tx};
use crate::granted::{id_of, is_granted};
use crate::standing::Grantee;
use crate::store::TokenHash;
use crate::wake_up::JOBS;

/// A job to be stored.
#[derive(Debug, Clone, Copy)]
pub struct NewJob<'a> {
    /// Its id.
    pub id: &'a JobId,
    /// The run.
    pub run_id: &'a RunId,
    /// The workspace of the run.
    pub workspace_id: &'a WorkspaceId,
    /// The phase.
    pub phase: Phase,
    /// The pool whose agents may take it; `None` for agents of the site.
    pub agent_pool_id: Option<&'a AgentPoolId>,
}

/// An agent's claim of the next job.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// The agent.
    pub agent_id: &'a AgentId,
    /// The token that claims.
    pub token_id: &'a TokenId,
    /// The pool of the agent's token; `None` for agents of the site.
    pub agent_pool_id: Option<&'a AgentPoolId>,
    /// The hash of the token that may mint and report.
    pub control_hash: &'a TokenHash,
    /// The hash of the token that Terraform sees.
    pub run_hash: &'a TokenHash,
    /// The hash of the token that may store the state.
    pub delivery_hash: &'a TokenHash,
    /// The moment of the claim.
    pub claimed_at: Timestamp,
    /// When the lease runs out.
    pub lease_expires_at: Timestamp,
    /// When the job has run for too long if it is a plan.
    pub plan_deadline_at: Timestamp,
    /// When the job has run for too long if it is an apply.
    pub apply_deadline_at: Timestamp,
}

fn job(row: &Row) -> Result<Job, StoreError> {
    Ok(Job {
        id: row.parsed("id")?,
        run_id: row.parsed("run_id")?,
        workspace_id: row.parsed("workspace_id")?,
        phase: row.parsed("phase")?,
        status: row.parsed("status")?,
        agent_id: row.optional_parsed("agent_id")?,
        agent_pool_id: row.optional_parsed("agent_pool_id")?,
        agent_token_id: row.optional_parsed("agent_token_id")?,
        signal: row.parsed("wanted_signal")?,
        lease_expires_at: row.optional_time("lease_expires_at")?,
        deadline_at: row.optional_time("deadline_at")?,
        claimed_at: row.optional_time("claimed_at")?,
        finished_at: row.optional_time("finished_at")?,
    })
}

/// The waiting jobs that agents of the site may take.
macro_rules! of_site {
    () => {
        "q.status = 'queued' AND q.agent_pool_id IS NULL"
    };
}

/// The waiting jobs that agents of this pool may take: the pool must still be for their workspaces.
macro_rules! of_pool {
    ($pool:literal) => {
        concat!(
            "q.status = 'queued' AND q.agent_pool_id = ",
            $pool,
            " AND EXISTS (SELECT 1 FROM agent_pools p, workspaces w WHERE p.id = q.agent_pool_id AND w.id = q.workspace_id AND ",
            serves!(),
            ")"
        )
    };
}

/// The claim of the job that waits longest; `lock` ends the query that chooses it.
macro_rules! claim_sql {
    ($mine:expr, $lock:literal) => {
        concat!(
            "UPDATE jobs SET status = 'running', agent_id = $1, control_hash = $2, run_hash = $3, delivery_hash = $4, \
             claimed_at = $5, lease_expires_at = $6, deadline_at = CASE phase WHEN 'plan' THEN $7 ELSE $8 END, \
             agent_token_id = $9 \
             WHERE status = 'queued' \
             AND id = (SELECT q.id FROM jobs q WHERE ",
            $mine,
            " ORDER BY q.created_at, q.id LIMIT 1",
            $lock,
            ") RETURNING *"
        )
    };
}

impl Tx {
    async fn one_job(&mut self, sql: &'static str, binds: &[Bind]) -> Result<Option<Job>, StoreError> {
        self.optional(sql, binds).await?.as_ref().map(job).transpose()
    }

    /// Stores a new job in the queue; a second one for the same phase of the same run is a conflict.
    pub async fn insert_job(&mut self, new: NewJob<'_>, now: Timestamp) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO jobs (id, run_id, workspace_id, phase, status, wanted_signal, created_at, agent_pool_id) \
             VALUES ($1, $2, $3, $4, 'queued', 'none', $5, $6)",
            &[
                new.id.into(),
                new.run_id.into(),
                new.workspace_id.into(),
                new.phase.as_str().into(),
                now.into(),
                new.agent_pool_id.into(),
            ],
        )
        .await?;
        self.notify(JOBS).await
    }

    /// The job of this id.
    pub async fn job(&mut self, id: &JobId) -> Result<Option<Job>, StoreError> {
        self.one_job("SELECT * FROM jobs WHERE id = $1", &[id.into()]).await
    }

    /// The job whose control token has this hash, whatever became of it.
    pub async fn job_by_control_hash(&mut self, hash: &TokenHash) -> Result<Option<Job>, StoreError> {
        self.one_job("SELECT * FROM jobs WHERE control_hash = $1", &[hash.into()]).await
    }

    /// The job whose delivery token has this hash, whatever became of it.
    pub async fn job_by_delivery_hash(&mut self, hash: &TokenHash) -> Result<Option<Job>, StoreError> {
        self.one_job("SELECT * FROM jobs WHERE delivery_hash = $1", &[hash.into()]).await
    }

    /// The running job whose run token has this hash.
    pub async fn job_by_run_hash(&mut self, hash: &TokenHash) -> Result<Option<Job>, StoreError> {
        self.one_job("SELECT * FROM jobs WHERE run_hash = $1 AND status = 'running'", &[hash.into()]).await
    }

    /// The running job of a run.
    pub async fn running_job(&mut self, run: &RunId) -> Result<Option<Job>, StoreError> {
        self.one_job("SELECT * FROM jobs WHERE run_id = $1 AND status = 'running'", &[run.into()]).await
    }

    /// Tells whether a job waits for an agent of this pool, or of the site.
    pub async fn has_queued_jobs(&mut self, pool: Option<&AgentPoolId>) -> Result<bool, StoreError> {
        let found = match pool {
            None => {
                self.optional(concat!("SELECT q.id FROM jobs q WHERE ", of_site!(), " LIMIT 1"), &[]).await?
            }
            Some(pool) => {
                let sql = concat!("SELECT q.id FROM jobs q WHERE ", of_pool!("$1"), " LIMIT 1");
                self.optional(sql, &[pool.into()]).await?
            }
        };
        Ok(found.is_some())
    }

    /// Gives the job that waits longest to an agent.
    pub async fn claim_job(&mut self, claim: Claim<'_>) -> Result<Option<Job>, StoreError> {
        // Postgres passes over a row that somebody holds, be it an administrator's session; SQLite has one writer.
        let sql = match (self.engine(), claim.agent_pool_id) {
            (Engine::Sqlite, None) => claim_sql!(of_site!(), ""),
            (Engine::Sqlite, Some(_)) => claim_sql!(of_pool!("$10"), ""),
            (Engine::Postgres, None) => claim_sql!(of_site!(), " FOR UPDATE SKIP LOCKED"),
            (Engine::Postgres, Some(_)) => claim_sql!(of_pool!("$10"), " FOR UPDATE SKIP LOCKED"),
        };
        let mut binds: Vec<Bind> = vec![
            claim.agent_id.into(),
            claim.control_hash.into(),
            claim.run_hash.into(),
            claim.delivery_hash.into(),
            claim.claimed_at.into(),
            claim.lease_expires_at.into(),
            claim.plan_deadline_at.into(),
            claim.apply_deadline_at.into(),
            claim.token_id.into(),
        ];
        binds.extend(claim.agent_pool_id.map(Bind::from));
        self.one_job(sql, &binds).await
    }

    /// Lets the lease of a running job end later; `false` when the job does not run any more.
    pub async fn renew_lease(&mut self, id: &JobId, expires_at: Timestamp) -> Result<bool, StoreError> {
        let renewed = self
            .execute(
                "UPDATE jobs SET lease_expires_at = $2 WHERE id = $1 AND status = 'running'",
                &[id.into(), expires_at.into()],
            )
            .await?;
        Ok(renewed > 0)
    }

    /// Notes what the agent of a running job is asked to do.
    pub async fn set_signal(&mut self, id: &JobId, signal: Signal) -> Result<(), StoreError> {
        self.execute(
            "UPDATE jobs SET wanted_signal = $2 WHERE id = $1 AND status = 'running'",
            &[id.into(), signal.as_str().into()],
        )
        .await
        .map(drop)
    }

    /// Lets the time of a running job be over at this moment at the latest.
    pub async fn limit_deadline(&mut self, id: &JobId, now: Timestamp) -> Result<(), StoreError> {
        self.execute(
            "UPDATE jobs SET deadline_at = $2 WHERE id = $1 AND status = 'running' AND deadline_at > $2",
            &[id.into(), now.into()],
        )
        .await
        .map(drop)
    }

    /// Ends a running job; `report` is what the agent told of it.
    pub async fn end_job(
        &mut self,
        id: &JobId,
        status: JobStatus,
        report: Option<String>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "UPDATE jobs SET status = $2, report = $3, finished_at = $4 WHERE id = $1 AND status = 'running'",
            &[id.into(), status.as_str().into(), report.into(), now.into()],
        )
        .await
        .map(drop)
    }

    /// Gives the waiting job of a run to the agents of another pool, or to those of the site.
    pub async fn set_queued_job_pool(
        &mut self,
        run: &RunId,
        pool: Option<&AgentPoolId>,
    ) -> Result<(), StoreError> {
        self.execute(
            "UPDATE jobs SET agent_pool_id = $2 WHERE run_id = $1 AND status = 'queued'",
            &[run.into(), pool.into()],
        )
        .await?;
        self.notify(JOBS).await
    }

    /// Takes the waiting job of a run out of the queue.
    pub async fn cancel_queued_job(&mut self, run: &RunId, now: Timestamp) -> Result<(), StoreError> {
        self.execute(
            "UPDATE jobs SET status = 'canceled', finished_at = $2 WHERE run_id = $1 AND status = 'queued'",
            &[run.into(), now.into()],
        )
        .await
        .map(drop)
    }

    /// The job that waits longest, if it was queued by `queued_until` and no agent that may take it was heard of after
    /// `silent_since`.
    pub async fn abandoned_job(
        &mut self,
        queued_until: Timestamp,
        silent_since: Timestamp,
    ) -> Result<Option<Job>, StoreError> {
        self.one_job(
            "SELECT * FROM jobs WHERE status = 'queued' AND created_at <= $1 AND NOT EXISTS (SELECT 1 FROM agents a \
             WHERE a.last_ping_at > $2 AND a.agent_pool_id IS NOT DISTINCT FROM jobs.agent_pool_id) \
             ORDER BY created_at, id LIMIT 1",
            &[queued_until.into(), silent_since.into()],
        )
        .await
    }

    /// The running jobs whose lease or time ended.
    pub async fn overdue_jobs(&mut self, now: Timestamp) -> Result<Vec<Job>, StoreError> {
        let rows = self
            .all(
                "SELECT * FROM jobs WHERE status = 'running' AND (lease_expires_at <= $1 OR deadline_at <= $1) \
                 ORDER BY created_at, id",
                &[now.into()],
            )
            .await?;
        rows.iter().map(job).collect()
    }

    /// How many jobs of an organization wait and how many run; with a grantee, those of workspaces whose runs it was granted to
    /// see.
    pub async fn job_counts(
        &mut self,
        organization: &OrgId,
        grantee: Option<&Grantee>,
    ) -> Result<(u64, u64), StoreError> {
        let binds = [organization.into(), id_of(grantee).into()];
        let queued = self
            .total(
                concat!(
                    "SELECT COUNT(*) AS total FROM jobs j JOIN workspaces w ON w.id = j.workspace_id ",
                    "WHERE w.organization_id = $1 AND j.status = 'queued' AND ",
                    is_granted!("w", "$2", "AND (g.level <> 'custom' OR g.runs <> 'none') ")
                ),
                &binds,
            )
            .await?;
        let running = self
            .total(
                concat!(
                    "SELECT COUNT(*) AS total FROM jobs j JOIN workspaces w ON w.id = j.workspace_id ",
                    "WHERE w.organization_id = $1 AND j.status = 'running' AND ",
                    is_granted!("w", "$2", "AND (g.level <> 'custom' OR g.runs <> 'none') ")
                ),
                &binds,
            )
            .await?;
        Ok((queued, running))
    }
}
