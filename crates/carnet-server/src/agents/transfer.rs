//! What goes between server and agent besides the log: configuration, artifacts, state.

use axum::body::Body;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use carnet_api::job::Artifact;
use carnet_model::{JobId, Phase};
use carnet_store::BlobName;

use super::artifact_blob;
use super::caller::{DeliveryCall, JobCall};
use super::document::run_of;
use crate::api::applies::errored_state_blob;
use crate::error::ApiError;
use crate::extract::Ids;
use crate::reply::{Reply, no_content};
use crate::state::{current_state_bytes, put_blob, store_run_state};
use crate::upload::{blocking, collect, receive, send};

const BINARY: &str = "application/octet-stream";

pub(crate) async fn configuration(call: JobCall) -> Reply {
    call.require_running()?;
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
    call.require_running()?;
    if call.job.phase != Phase::Plan {
        return Err(ApiError::Conflict("an apply leaves no artifacts of its plan".to_owned()));
    }
    let name = artifact_blob(artifact, &call.job.run_id);
    let writer = receive(&call.app, &name, &headers, body, call.app.settings.upload_limit).await?;
    // The plan that was looked at is the plan that is applied: none comes after the end of its job.
    let mut tx = call.app.store.read().await?;
    call.running(&mut tx).await?;
    drop(tx);
    blocking(move || writer.finish()).await?.map_err(ApiError::blob)?;
    no_content()
}

pub(crate) async fn artifact(call: JobCall, Ids(_, artifact): Ids<JobId, Artifact>) -> Reply {
    call.require_running()?;
    let name = artifact_blob(artifact, &call.job.run_id);
    send(&call.app, &name, BINARY).await?.ok_or(ApiError::NotFound)
}

pub(crate) async fn state(call: JobCall) -> Reply {
    call.require_running()?;
    match current_state_bytes(&call.app, &call.job.workspace_id).await? {
        Some(bytes) => Ok(([(header::CONTENT_TYPE, BINARY)], bytes).into_response()),
        None => no_content(),
    }
}

pub(crate) async fn put_state(call: DeliveryCall, headers: HeaderMap, body: Body) -> Reply {
    if call.job.phase != Phase::Apply {
        return Err(ApiError::Conflict("a plan does not write the state".to_owned()));
    }
    let bytes = collect(&headers, body, call.app.settings.upload_limit).await?;
    let stored = store_run_state(&call.app, &call.job.workspace_id, &call.job.run_id, bytes.clone()).await;
    if let Err(ApiError::Conflict(_)) = &stored {
        // It cannot become current any more, and it is the only record of what was made.
        put_blob(&call.app, errored_state_blob(&call.job.run_id), bytes).await?;
    }
    stored?;
    no_content()
}
