//! `/healthz` tells that the process lives, `/readyz` that it can answer.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;

use crate::app::App;
use crate::error::ApiError;
use crate::route::{Access, Routes};

/// Whoever asks is a load balancer or a supervisor, which gives up soon.
const READY_LIMIT: Duration = Duration::from_millis(1500);

pub(crate) fn routes() -> Routes {
    Routes::default().get("/healthz", Access::Public, alive).get("/readyz", Access::Public, ready)
}

async fn alive() -> &'static str {
    "ok\n"
}

async fn ready(State(app): State<Arc<App>>) -> Result<String, ApiError> {
    let asked = async { app.store.read().await?.has_users().await };
    match tokio::time::timeout(READY_LIMIT, asked).await {
        Ok(answer) => answer?,
        Err(late) => return Err(ApiError::Unavailable(Box::new(late))),
    };
    // All servers of a database share their keys, and everything else works: a load balancer must not take the server away.
    let keys = app
        .issuer
        .problems
        .in_short()
        .map(|problems| format!("{problems}; the log and carnet issuer keys say why"));
    let ledger = "the ledger is not what was signed: no checkpoint is made, the log says why".to_owned();
    let problems: Vec<String> = app.ledger.has_fault().then_some(ledger).into_iter().chain(keys).collect();
    Ok(match problems.is_empty() {
        true => "ready\n".to_owned(),
        false => format!("ready; {}\n", problems.join("; ")),
    })
}
