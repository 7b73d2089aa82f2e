//! Logs of plans and applies. Clients read them without a token: the address is the capability.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use carnet_model::RunPhase;
use carnet_store::Tx;
use secrecy::ExposeSecret as _;

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

/// How much longer than a phase may take its address works: clients read the log of a long apply from one address.
const PATIENCE: Duration = Duration::from_hours(2);

/// Where a log is read, until a moment that the address names and proves. Clients replace the query, so all of it stands in the
/// path; within an hour it stays the same.
pub(crate) fn log_url(app: &App, phase: &RunPhase) -> String {
    let time = app.settings.apply_timeout.max(app.settings.plan_timeout).saturating_add(PATIENCE);
    let hour = app.now().as_second().div_euclid(3600) * 3600;
    let end = hour.saturating_add(i64::try_from(time.as_secs()).unwrap_or(i64::MAX));
    let text = format!("{}.{end}", phase.id);
    let proof: String = hmac::sign(&key_of(phase), text.as_bytes())
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    app.url(&format!("/_logs/{text}.{proof}"))
}

fn key_of(phase: &RunPhase) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, phase.log_key.expose_secret().as_bytes())
}

/// The phase of an address that is genuine and not over.
async fn phase_of(app: &App, tx: &mut Tx, key: &str) -> Result<RunPhase, ApiError> {
    let (text, proof) = key.rsplit_once('.').ok_or(ApiError::NotFound)?;
    let (id, end) = text.split_once('.').ok_or(ApiError::NotFound)?;
    let phase = tx.phase(&id.parse()?).await?.ok_or(ApiError::NotFound)?;
    let proof = bytes_of(proof).ok_or(ApiError::NotFound)?;
    hmac::verify(&key_of(&phase), text.as_bytes(), &proof).map_err(|_| ApiError::NotFound)?;
    let end: i64 = end.parse().map_err(|_| ApiError::NotFound)?;
    if app.now().as_second() < end { Ok(phase) } else { Err(ApiError::NotFound) }
}

fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let is_hex = hex.len().is_multiple_of(2) && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    let pairs = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok());
    if is_hex { pairs.collect() } else { None }
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
    let phase = phase_of(&app, &mut tx, &key).await?;
    let bytes = tx.read_log(&phase.id, offset, limit).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], bytes).into_response())
}
