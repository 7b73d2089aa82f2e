//! Bodies of the API are read whole before a handler begins: a handler may hold the only writer of the database, and a slow
//! client must not make everybody wait for it.
//!
//! A state may be as long as an upload: clients that do not upload it send it in the body. That is for callers who may write it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use carnet_model::{Permission, WorkspaceId};

use crate::app::App;
use crate::document::{BodyLimit, JSON_LIMIT, json_body};
use crate::error::ApiError;
use crate::extract::Read;

/// How long a client may take to send a body.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a client may take that sends a whole state.
const PATIENCE_FOR_STATES: Duration = Duration::from_secs(600);

/// Tells whether the body may hold a state that the caller may write.
async fn takes_state(parts: &mut Parts, app: &Arc<App>) -> bool {
    let path = parts.uri.path().strip_prefix("/api/v2/workspaces/");
    let workspace = path.and_then(|path| path.strip_suffix("/state-versions")).map(str::parse::<WorkspaceId>);
    let (Some(Ok(workspace)), true) = (workspace, parts.method == Method::POST) else {
        return false;
    };
    match Read::from_request_parts(parts, app).await {
        Ok(Read(mut cx)) => cx.workspace(&workspace, Permission::WriteState).await.is_ok(),
        Err(_) => false,
    }
}

/// Reads the body, then goes on.
pub(crate) async fn read_first(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_api = ["/api/v2/", "/api/carnet/", "/setup/", "/oauth/", "/trust"]
        .iter()
        .any(|start| path.starts_with(start));
    // Without a token the answer is 401, whatever the body.
    let is_refused =
        request.uri().path().starts_with("/api/") && !request.headers().contains_key(header::AUTHORIZATION);
    if !is_api || is_refused || request.method() == Method::GET {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let mut patience = PATIENCE;
    if takes_state(&mut parts, &app).await {
        parts.extensions.insert(BodyLimit(app.settings.upload_limit.max(JSON_LIMIT)));
        patience = PATIENCE_FOR_STATES;
    }
    let mut request = Request::new(body);
    *request.extensions_mut() = parts.extensions.clone();
    match tokio::time::timeout(patience, json_body(request, &())).await {
        Ok(Ok(bytes)) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Ok(Err(error)) => error.into_response(),
        Err(_) => {
            ApiError::BadRequest(format!("the body did not arrive within {} seconds", patience.as_secs()))
                .into_response()
        }
    }
}
