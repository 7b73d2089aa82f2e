//! Service discovery and `ping`.

use axum::Json;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::login;
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    Routes::default().get("/.well-known/terraform.json", Access::Public, services).get(
        "/api/v2/ping",
        Access::Public,
        ping,
    )
}

/// Relative addresses that end in a slash: some clients put them together by hand.
async fn services() -> Json<Value> {
    Json(json!({
        "login.v1": login::service(),
        "modules.v1": "/api/registry/v1/modules/",
        "providers.v1": "/api/registry/v1/providers/",
        "state.v2": "/api/v2/",
        "tfe.v2": "/api/v2/",
        "tfe.v2.1": "/api/v2/",
        "tfe.v2.2": "/api/v2/",
    }))
}

/// Clients read only its headers.
async fn ping() -> StatusCode {
    StatusCode::NO_CONTENT
}
