//! Jobs that wait although no agent is there: nobody asks for them.

use std::time::Duration;

use carnet_model::{RunId, Timestamp};

use crate::app::App;
use crate::error::ApiError;

/// An agent with a free place takes a job at once; after this time there is probably none.
const PATIENCE: Duration = Duration::from_secs(10);

/// An agent that was heard of since then is there: it takes jobs, or it works and sends heartbeats.
const SILENCE: Duration = Duration::from_secs(60);

/// While that lasts, the operator is told again after this time.
const SAID_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Tells the operator about runs that wait for an agent that is not there.
#[derive(Debug, Default)]
pub(crate) struct WaitingJobs {
    said_at: Option<Timestamp>,
}

impl WaitingJobs {
    /// Looks at the queue; returns the run that was named in the log of the server.
    pub(crate) async fn look(&mut self, app: &App) -> Result<Option<RunId>, ApiError> {
        let now = app.now();
        let again_at = self.said_at.map(|said_at| said_at.checked_add(SAID_AGAIN_AFTER));
        if again_at.transpose().map_err(ApiError::internal)?.is_some_and(|moment| now < moment) {
            return Ok(None);
        }
        let queued_until = now.checked_sub(PATIENCE).map_err(ApiError::internal)?;
        let silent_since = now.checked_sub(SILENCE).map_err(ApiError::internal)?;
        let Some(job) = app.store.read().await?.abandoned_job(queued_until, silent_since).await? else {
            return Ok(None);
        };
        self.said_at = Some(now);
        match &job.agent_pool_id {
            None => tracing::warn!(
                run.id = %job.run_id,
                job.id = %job.id,
                "a run waits and no agent asks for work: start one with `carnet agent`, or the server without --no-agent"
            ),
            Some(pool) => tracing::warn!(
                run.id = %job.run_id,
                job.id = %job.id,
                agent_pool.id = %pool,
                "a run waits and no agent of its pool asks for work: start one with `carnet agent` and a token of the pool"
            ),
        }
        Ok(Some(job.run_id))
    }
}
