//! What goes between server and agent besides the log: configuration, artifacts, state.

use axum::body::Body;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use carnet_api::job::Artifact;
use carnet_model::{JobId, JobStatus, LockOwner, Phase, RunStatus};
use carnet_store::BlobName;
use jiff::SignedDuration;

use super::artifact_blob;
use super::caller::{DeliveryCall, JobCall};
use super::document::run_of;
use crate::api::applies::errored_state_blob;
use crate::error::ApiError;
use crate::extract::Ids;
use crate::jobs::{TOKEN_REVOKED, is_trusted};
use crate::reply::{Reply, no_content};
use crate::state::{current_state_bytes, put_blob, read_file, store_run_state};
use crate::upload::{blocking, collect, receive, send};

const BINARY: &str = "application/octet-stream";

/// How long after the end of an apply its agent may come back with the state.
const DELIVERY_TIME: SignedDuration = SignedDuration::from_hours(7 * 24);

pub(crate) async fn configuration(call: JobCall) -> Reply {
    call.require_trusted()?;
    let (run, _) = run_of(&mut call.app.store.read().await?, &call.job).await?;
    let name = BlobName::new("configuration", &run.configuration_version_id);
    send(&call.app, &name, "application/gzip").await?.ok_or(ApiError::NotFound)
}

pub(crate) async fn put_artifact(
    call: JobCall,
    Ids(_, artifact): Ids<JobId, Artifact>,
    headers: HeaderMap,
    body: Body,
) -> Reply {
    call.require_trusted()?;
    if call.job.phase != Phase::Plan {
        return Err(ApiError::Conflict("an apply leaves no artifacts of its plan".to_owned()));
    }
    let name = artifact_blob(artifact, &call.job.run_id);
    let writer = receive(&call.app, &name, &headers, body, call.app.settings.upload_limit).await?;
    // The plan that was looked at is the plan that is applied: none comes after the end of its job.
    let mut tx = call.app.store.read().await?;
    call.trusted(&mut tx).await?;
    drop(tx);
    blocking(move || writer.finish()).await?.map_err(ApiError::blob)?;
    no_content()
}

pub(crate) async fn artifact(call: JobCall, Ids(_, artifact): Ids<JobId, Artifact>) -> Reply {
    call.require_trusted()?;
    let name = artifact_blob(artifact, &call.job.run_id);
    send(&call.app, &name, BINARY).await?.ok_or(ApiError::NotFound)
}

pub(crate) async fn state(call: JobCall) -> Reply {
    call.require_trusted()?;
    match current_state_bytes(&call.app, &call.job.workspace_id).await? {
        Some(bytes) => Ok(([(header::CONTENT_TYPE, BINARY)], bytes).into_response()),
        None => no_content(),
    }
}

pub(crate) async fn put_state(call: DeliveryCall, headers: HeaderMap, body: Body) -> Reply {
    if call.job.phase != Phase::Apply {
        return Err(ApiError::Conflict("a plan does not write the state".to_owned()));
    }
    require_open(&call).await?;
    let bytes = collect(&headers, body, call.app.settings.upload_limit).await?;
    let stored = match why_set_aside(&call).await? {
        None => store_run_state(&call.app, &call.job.workspace_id, &call.job.run_id, bytes.clone()).await,
        Some(why) => read_file(bytes.clone()).await.and(Err(ApiError::Conflict(why.to_owned()))),
    };
    if let Err(ApiError::Conflict(_)) = &stored {
        // It cannot become current any more, and it is the only record of what was made.
        put_blob(&call.app, errored_state_blob(&call.job.run_id), bytes).await?;
    }
    stored?;
    no_content()
}

/// Refuses what comes when there is nothing left to deliver: the apply succeeded, which it does after its state came, or ended
/// long ago.
async fn require_open(call: &DeliveryCall) -> Result<(), ApiError> {
    let mut tx = call.app.store.read().await?;
    let job = tx.job(&call.job.id).await?.ok_or(ApiError::NotFound)?;
    let Some(finished_at) = job.finished_at else {
        return Ok(());
    };
    let run = tx.run(&job.run_id).await?.ok_or(ApiError::NotFound)?;
    let is_over = call.app.now().duration_since(finished_at) > DELIVERY_TIME;
    if is_over || run.status == RunStatus::Applied {
        return Err(ApiError::Gone("the job has delivered its state, or ended long ago".to_owned()));
    }
    Ok(())
}

/// Why a state that comes after the end of its job may not become current any more: an agent that was away delivers into a
/// workspace that nobody has used since.
async fn why_set_aside(call: &DeliveryCall) -> Result<Option<&'static str>, ApiError> {
    let mut tx = call.app.store.read().await?;
    let job = tx.job(&call.job.id).await?.ok_or(ApiError::NotFound)?;
    if job.status == JobStatus::Running {
        return Ok(None);
    }
    if !is_trusted(&mut tx, &job, call.app.now()).await? {
        return Ok(Some(TOKEN_REVOKED));
    }
    let workspace = tx.workspace(&job.workspace_id).await?.ok_or(ApiError::NotFound)?;
    let own = LockOwner::Run(job.run_id.clone());
    if workspace.lock.is_some_and(|lock| lock.owner != own) {
        return Ok(Some("the job has ended, and somebody else holds the workspace"));
    }
    let newest = tx.newest_state_version(&job.workspace_id).await?;
    let is_newer = newest.is_some_and(|newest| {
        let came_since = job.claimed_at.is_none_or(|claimed_at| newest.created_at > claimed_at);
        came_since && newest.run_id.as_ref() != Some(&job.run_id)
    });
    Ok(is_newer.then_some("the job has ended, and another state was stored since it began"))
}
