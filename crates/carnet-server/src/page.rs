//! Pages for people.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use crate::app::App;
use crate::error::ApiError;
use crate::route::{Access, Routes};

/// Nothing is loaded from elsewhere, and no script runs.
const POLICY: &str =
    "default-src 'none'; style-src 'self' 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'";

pub(crate) fn routes() -> Routes {
    Routes::default().get("/app/{*path}", Access::Public, no_interface)
}

/// A template as a page.
pub(crate) fn page(template: &impl Template) -> Result<Response, ApiError> {
    let html = template.render().map_err(ApiError::internal)?;
    Ok(([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(html)).into_response())
}

#[derive(Template)]
#[template(path = "no_interface.html")]
struct NoInterface<'a> {
    url: &'a str,
}

/// Terraform prints addresses of runs below `/app`; whoever follows one learns where to look instead.
async fn no_interface(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    let mut response = page(&NoInterface { url: &app.settings.url })?;
    *response.status_mut() = StatusCode::NOT_FOUND;
    Ok(response)
}
