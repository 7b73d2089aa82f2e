//! `/healthz` tells that the process lives, `/readyz` that it can answer.

use std::sync::{Arc, PoisonError};
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

async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, ApiError> {
    let asked = async { app.store.read().await?.has_users().await };
    match tokio::time::timeout(READY_LIMIT, asked).await {
        Ok(answer) => answer?,
        Err(late) => return Err(ApiError::Unavailable(Box::new(late))),
    };
    let problem = app.issuer.publication_problem.lock().unwrap_or_else(PoisonError::into_inner);
    // Runs go on, with the key of before: a load balancer must not take the server away for either.
    Ok(match problem.as_ref() {
        _ if app.ledger.has_fault() => {
            "ready; the ledger is not what was signed: no checkpoint is made, the log says why\n"
        }
        Some(_) => "ready; discovery and keys could not be published, the log says why\n",
        None => "ready\n",
    })
}
