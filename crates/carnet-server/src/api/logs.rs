//! Logs of plans and applies. Clients read them without a token: the address is the capability.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use carnet_model::RunPhase;
use secrecy::{ExposeSecret, SecretString};

use crate::app::App;
use crate::error::ApiError;
use crate::extract::{Id, Params};
use crate::reply::Reply;
use crate::route::{Access, Routes};

/// How many bytes a client gets that does not say how many.
const DEFAULT_LIMIT: u64 = 65_536;

/// The most bytes of one answer.
const MAX_LIMIT: u64 = 1024 * 1024;

pub(crate) fn routes() -> Routes {
    Routes::default().get("/_logs/{key}", Access::Capability, read)
}

/// Where a log is read. Clients replace the query, so the capability stands in the path.
pub(crate) fn log_url(app: &App, phase: &RunPhase) -> String {
    app.url(&format!("/_logs/{}", phase.log_key.expose_secret()))
}

/// Behind the end there is nothing, and that is no error: clients ask again.
async fn read(State(app): State<Arc<App>>, Id(key): Id<String>, params: Params) -> Reply {
    let number = |name: &str, default: u64| match params.get(name) {
        None => Ok(default),
        Some(text) => text.parse().map_err(|_| ApiError::BadRequest(format!("{name} is a number of bytes"))),
    };
    let offset: u64 = number("offset", 0)?;
    let limit = number("limit", DEFAULT_LIMIT)?.min(MAX_LIMIT);
    let mut tx = app.store.read().await?;
    let phase = tx.phase_by_log_key(&SecretString::from(key)).await?.ok_or(ApiError::NotFound)?;
    let bytes = tx.read_log(&phase.id, offset, limit).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], bytes).into_response())
}
