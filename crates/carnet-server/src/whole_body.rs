//! Bodies of the API are read whole before a handler begins: a handler may hold the only writer of the database, and a slow
//! client must not make everybody wait for it.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::document::json_body;
use crate::error::ApiError;

/// How long a client may take to send a body.
const PATIENCE: Duration = Duration::from_secs(60);

/// Reads the body, then goes on.
pub(crate) async fn read_first(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_api =
        ["/api/v2/", "/api/carnet/", "/setup/", "/oauth/"].iter().any(|start| path.starts_with(start));
    // Without a token the answer is 401, whatever the body.
    let is_refused =
        request.uri().path().starts_with("/api/") && !request.headers().contains_key(header::AUTHORIZATION);
    if !is_api || is_refused || request.method() == Method::GET {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    match tokio::time::timeout(PATIENCE, json_body(Request::new(body), &())).await {
        Ok(Ok(bytes)) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Ok(Err(error)) => error.into_response(),
        Err(_) => {
            ApiError::BadRequest(format!("the body did not arrive within {} seconds", PATIENCE.as_secs()))
                .into_response()
        }
    }
}
