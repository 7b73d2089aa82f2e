//! `/healthz` tells that the process lives, `/readyz` that it can answer.

use std::sync::Arc;

use axum::extract::State;

use crate::app::App;
use crate::error::ApiError;
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    Routes::default().get("/healthz", Access::Public, alive).get("/readyz", Access::Public, ready)
}

async fn alive() -> &'static str {
    "ok\n"
}

async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, ApiError> {
    app.store.read().await?.has_users().await?;
    Ok("ready\n")
}
