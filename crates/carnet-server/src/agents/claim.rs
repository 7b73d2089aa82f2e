//! Agents wait for a job and take it.

use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use carnet_api::job::{JobDocument, LEASE_SECONDS};
use carnet_model::{Agent, AgentId, Phase, PhaseStatus, RunStatus, Timestamp};
use carnet_store::{Claim, TokenHash, Tx};
use jiff::SignedDuration;
use secrecy::SecretString;
use tokio::time::{Instant, timeout_at};

use super::caller::AgentCall;
use super::document::job_document;
use crate::app::{App, new_secret};
use crate::error::ApiError;
use crate::extract::{Id, Params};
use crate::issuance::grants_of_document;
use crate::jobs::{Cause, move_phase, move_run};
use crate::reply::{Reply, no_content};

/// The longest an agent may wait in one request.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// How often it is noted that a waiting agent is there.
const PING_PERIOD: SignedDuration = SignedDuration::from_secs(10);

/// The three tokens of a job; the server keeps their hashes only.
#[derive(Debug, Default)]
pub(crate) struct JobTokens {
    pub(crate) control: SecretString,
    pub(crate) run: SecretString,
    pub(crate) delivery: SecretString,
}

pub(crate) async fn claim(call: AgentCall, Id(agent_id): Id<AgentId>, params: Params) -> Reply {
    let agent = call.agent(&agent_id).await?;
    let seconds = match params.get("wait") {
        None => 0,
        Some(text) => {
            text.parse().map_err(|_| ApiError::BadRequest("wait is a number of seconds".to_owned()))?
        }
    };
    note_ping(&call.app, &agent).await?;
    let until = Instant::now() + Duration::from_secs(seconds).min(MAX_WAIT);
    loop {
        // Listening begins before looking, so that no wake-up is missed in between.
        let woken = call.app.jobs_waiting.notified();
        tokio::pin!(woken);
        woken.as_mut().enable();
        if let Some(document) = claim_next(&call, &agent_id).await? {
            return Ok((StatusCode::OK, Json(document)).into_response());
        }
        if timeout_at(until, woken).await.is_err() {
            return no_content();
        }
    }
}

/// Notes that a waiting agent is there, but not with every short request.
async fn note_ping(app: &App, agent: &Agent) -> Result<(), ApiError> {
    let now = app.now();
    if agent.stopped_at.is_none() && now.duration_since(agent.last_ping_at) < PING_PERIOD {
        return Ok(());
    }
    let mut tx = app.store.write().await?;
    tx.touch_agent(&agent.id, now).await?;
    Ok(tx.commit().await?)
}

async fn claim_next(call: &AgentCall, agent_id: &AgentId) -> Result<Option<JobDocument>, ApiError> {
    let app = &*call.app;
    let pool = call.agent_pool_id.as_ref();
    // Waiting agents must not make others wait for the write lock.
    if !app.store.read().await?.has_queued_jobs(pool).await? {
        return Ok(None);
    }
    let tokens = JobTokens {
        control: new_secret("carnet-job-")?,
        run: new_secret("carnet-run-")?,
        delivery: new_secret("carnet-state-")?,
    };
    let mut tx = app.store.write().await?;
    let now = app.now();
    tx.touch_agent(agent_id, now).await?;
    let claim = Claim {
        agent_id,
        token_id: &call.token_id,
        agent_pool_id: pool,
        control_hash: &TokenHash::of(&tokens.control),
        run_hash: &TokenHash::of(&tokens.run),
        delivery_hash: &TokenHash::of(&tokens.delivery),
        claimed_at: now,
        lease_expires_at: later(now, Duration::from_secs(LEASE_SECONDS))?,
        plan_deadline_at: later(now, app.settings.plan_timeout)?,
        apply_deadline_at: later(now, app.settings.apply_timeout)?,
    };
    let Some(job) = tx.claim_job(claim).await? else {
        return Ok(None);
    };
    begin_phase(&mut tx, &job, now).await?;
    let document = job_document(&mut tx, app, &job, tokens, now).await?;
    tx.set_token_grants(&job.id, Some(grants_of_document(&document, &job)?)).await?;
    tx.commit().await?;
    tracing::info!(job.id = %job.id, run.id = %job.run_id, agent.id = %agent_id, "a job was claimed");
    Ok(Some(document))
}

pub(super) fn later(now: Timestamp, time: Duration) -> Result<Timestamp, ApiError> {
    now.checked_add(time).map_err(ApiError::internal)
}

async fn begin_phase(tx: &mut Tx, job: &carnet_model::Job, now: Timestamp) -> Result<(), ApiError> {
    let missing = || ApiError::internal("the run of a queued job is not there");
    let mut run = tx.run(&job.run_id).await?.ok_or_else(missing)?;
    let mut phase = tx.run_phase(&job.run_id, job.phase).await?.ok_or_else(missing)?;
    let next = match job.phase {
        Phase::Plan => RunStatus::Planning,
        Phase::Apply => RunStatus::Applying,
    };
    move_run(tx, &mut run, next, Cause::default(), now).await?;
    move_phase(tx, &mut phase, PhaseStatus::Running, now).await
}
