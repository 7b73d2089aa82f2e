//! Jobs whose agent stopped answering, and jobs that take too long.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use carnet_model::{Job, JobId, JobStatus, Phase, RunStatus, Signal, Timestamp};
use carnet_store::Tx;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::checkpoints::keep_checkpoints;
use super::key_rotation::rotate_keys;
use super::publication::publish_keys;
use super::visibility::watch_keys;
use super::waiting::WaitingJobs;
use super::wake_up::wake_agents;
use super::{Cause, TOKEN_REVOKED, end_run, is_trusted, note_event, note_unrevoked};
use crate::app::App;
use crate::error::ApiError;
use crate::notifications::send_notifications;

/// How often leases are looked at.
const PERIOD: Duration = Duration::from_secs(1);

/// After a start, agents that worked on get time for two heartbeats before their leases are looked at.
const FIRST_SWEEP: Duration = Duration::from_secs(10);

/// How long after the interrupt a job that is over its time is killed.
const KILL_AFTER: Duration = Duration::from_secs(120);

/// Runs the background work until `stop` completes.
pub async fn run_background(app: Arc<App>, stop: impl Future<Output = ()>) {
    // Nothing is waited for: what is not committed has not happened, and the database may be away.
    tokio::select! {
        () = stop => {}
        () = look_after_jobs(&app) => {}
        () = keep_checkpoints(&app) => {}
        () = wake_agents(&app) => {}
        () = app.store.pulse() => {}
        () = send_notifications(&app) => {}
        () = rotate_keys(&app) => {}
        () = publish_keys(&app) => {}
        () = watch_keys(&app) => {}
    }
}

async fn look_after_jobs(app: &App) {
    let mut ticks = interval_at(Instant::now() + FIRST_SWEEP, PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut waiting = WaitingJobs::default();
    loop {
        ticks.tick().await;
        if let Err(error) = sweep(app).await {
            tracing::error!(%error, "the leases of jobs could not be looked at");
        }
        if let Err(error) = waiting.look(app).await {
            tracing::error!(%error, "the queue of jobs could not be looked at");
        }
    }
}

/// Deals with every job whose lease or time ended.
pub(crate) async fn sweep(app: &App) -> Result<(), ApiError> {
    let now = app.now();
    let overdue = app.store.read().await?.overdue_jobs(now).await?;
    for job in overdue {
        if let Err(error) = settle(app, &job.id, now).await {
            tracing::error!(job.id = %job.id, %error, "an overdue job could not be dealt with");
        }
    }
    Ok(())
}

async fn settle(app: &App, id: &JobId, now: Timestamp) -> Result<(), ApiError> {
    let mut tx = app.store.write().await?;
    let Some(job) = tx.job(id).await?.filter(|job| job.status == JobStatus::Running) else {
        return Ok(());
    };
    let is_lost = job.lease_expires_at.is_none_or(|end| end <= now);
    if is_lost {
        lose(&mut tx, app, &job, now).await?;
    } else if !stop_late(&mut tx, &job, now).await? {
        return Ok(());
    }
    tx.commit().await?;
    app.jobs_waiting.notify_waiters();
    Ok(())
}

async fn lose(tx: &mut Tx, app: &App, job: &Job, now: Timestamp) -> Result<(), ApiError> {
    tx.end_job(&job.id, JobStatus::Lost, None, now).await?;
    note_unrevoked(tx, job, &[], now).await?;
    let mut run =
        tx.run(&job.run_id).await?.ok_or_else(|| ApiError::internal("the run of a job is not there"))?;
    tracing::warn!(job.id = %job.id, run.id = %run.id, "an agent stopped answering");
    let is_revoked = job.signal != Signal::None && !is_trusted(tx, job, now).await?;
    let what = if is_revoked { TOKEN_REVOKED } else { "the agent stopped answering" };
    let note = match job.phase {
        Phase::Plan => format!("Error: {what}; the run was ended. Nothing was changed. Start a new run."),
        Phase::Apply => format!(
            "Error: {what}; the run was ended. Resources may have been changed: the agent delivers the state that it \
             kept as soon as it is back. Check the state before you start a new run."
        ),
    };
    let next = if run.canceled_at.is_some() { RunStatus::Canceled } else { RunStatus::Errored };
    end_run(tx, app, &mut run, next, (Cause::server(what), &note), now).await
}

/// Asks the agent to end a job that is over its time; `false` when that was done before.
async fn stop_late(tx: &mut Tx, job: &Job, now: Timestamp) -> Result<bool, ApiError> {
    let Some(deadline) = job.deadline_at else {
        return Ok(false);
    };
    let kill_at = deadline.checked_add(KILL_AFTER).map_err(ApiError::internal)?;
    let wanted = if now < deadline {
        Signal::None
    } else if now < kill_at {
        Signal::Interrupt
    } else {
        Signal::Kill
    };
    if wanted <= job.signal {
        return Ok(false);
    }
    tx.set_signal(&job.id, wanted).await?;
    let cause = match is_trusted(tx, job, now).await? {
        true => Cause::server("the time limit of this phase has passed"),
        false => Cause::server(TOKEN_REVOKED),
    };
    note_event(tx, &job.run_id, "timed_out", cause, now).await?;
    Ok(true)
}
