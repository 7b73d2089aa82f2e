//! Agents say that they live, and hear what is wanted.

use std::time::Duration;

use axum::Json;
use axum::response::IntoResponse;
use carnet_api::job::{Heartbeat, HeartbeatReply, LEASE_SECONDS};
use carnet_model::{Job, Signal, Timestamp};
use carnet_store::Tx;

use super::caller::{JobCall, Plain};
use super::claim::later;
use super::document::run_of;
use crate::error::ApiError;
use crate::jobs::{Cause, TOKEN_REVOKED, is_trusted, note_event};
use crate::reply::Reply;

/// The most bytes of a version.
const VERSION_LIMIT: usize = 64;

pub(crate) async fn heartbeat(call: JobCall, Plain(heartbeat): Plain<Heartbeat>) -> Reply {
    let mut tx = call.app.store.write_to_job(&call.job.id).await?;
    let mut job = call.running(&mut tx).await?;
    if !is_trusted(&mut tx, &job, call.now).await? {
        stop_revoked(&mut tx, &mut job, call.now).await?;
    }
    let lease_expires_at = lease(&job, call.now)?;
    tx.renew_lease(&job.id, lease_expires_at).await?;
    if let Some(agent_id) = &job.agent_id {
        tx.touch_agent(agent_id, call.now).await?;
    }
    note_version(&mut tx, &job, heartbeat.terraform_version.as_deref()).await?;
    tx.commit().await?;
    let reply = HeartbeatReply { signal: job.signal.as_str().to_owned(), lease_expires_at };
    Ok(Json(reply).into_response())
}

/// Asks an agent to end whose token was revoked: Terraform may write its state, but after the time for that the agent is killed.
async fn stop_revoked(tx: &mut Tx, job: &mut Job, now: Timestamp) -> Result<(), ApiError> {
    if job.deadline_at.is_some_and(|deadline| deadline > now) {
        tx.limit_deadline(&job.id, now).await?;
        note_event(tx, &job.run_id, "token_revoked", Cause::server(TOKEN_REVOKED), now).await?;
    }
    if job.signal < Signal::Interrupt {
        tx.set_signal(&job.id, Signal::Interrupt).await?;
        job.signal = Signal::Interrupt;
    }
    Ok(())
}

/// When the lease ends. Once the agent was told to kill, it is not renewed: the run ends, whatever the agent does.
fn lease(job: &Job, now: Timestamp) -> Result<Timestamp, ApiError> {
    match (job.signal, job.lease_expires_at) {
        (Signal::Kill, Some(end)) => Ok(end),
        (Signal::Kill, None) => Ok(now),
        (Signal::None | Signal::Interrupt, _) => later(now, Duration::from_secs(LEASE_SECONDS)),
    }
}

/// Notes which Terraform runs, once it is known.
pub(super) async fn note_version(tx: &mut Tx, job: &Job, version: Option<&str>) -> Result<(), ApiError> {
    let Some(version) = version else {
        return Ok(());
    };
    if version.len() > VERSION_LIMIT || !version.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ApiError::invalid("/terraform_version", "not a version"));
    }
    let (mut run, _) = run_of(tx, job).await?;
    if run.terraform_version != version {
        version.clone_into(&mut run.terraform_version);
        tx.update_run(&run).await?;
    }
    Ok(())
}
