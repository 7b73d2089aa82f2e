//! The log of a phase, as the agent streams it.

use axum::Json;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use carnet_api::job::LogPosition;

use super::caller::JobCall;
use crate::error::ApiError;
use crate::extract::Params;
use crate::reply::{Reply, no_content};
use crate::upload::collect;

/// The most bytes of one request.
const REQUEST_LIMIT: u64 = 1024 * 1024;

/// The most bytes of a log; what comes behind is dropped.
const LOG_LIMIT: u64 = 64 * 1024 * 1024;

const NOTICE: &[u8] = b"\n\nThe log is longer than 64 MiB; the rest is not kept.\n";

pub(crate) async fn append(call: JobCall, headers: HeaderMap, params: Params, body: Body) -> Reply {
    call.require_running()?;
    let offset: u64 = params
        .get("offset")
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| ApiError::BadRequest("offset is the length of the log so far".to_owned()))?;
    let bytes = collect(&headers, body, REQUEST_LIMIT).await?;
    let mut tx = call.app.store.write_to_job(&call.job.id).await?;
    let job = call.running(&mut tx).await?;
    let missing = || ApiError::internal("the phase of a job is not there");
    let mut phase = tx.run_phase(&job.run_id, job.phase).await?.ok_or_else(missing)?;
    if phase.log_length >= LOG_LIMIT {
        return no_content();
    }
    if offset != phase.log_length {
        let position = LogPosition { length: phase.log_length };
        return Ok((StatusCode::CONFLICT, Json(position)).into_response());
    }
    let room = usize::try_from(LOG_LIMIT - phase.log_length).unwrap_or(usize::MAX);
    if bytes.len() < room {
        tx.append_log(&mut phase, &bytes).await?;
    } else {
        tx.append_log(&mut phase, &bytes[..room]).await?;
        tx.append_log(&mut phase, NOTICE).await?;
    }
    tx.commit().await?;
    no_content()
}
