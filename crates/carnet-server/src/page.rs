//! Pages for people.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use carnet_issuer::DISCOVERY_PATH;

use crate::app::App;
use crate::error::ApiError;
use crate::route::{Access, Routes};

/// Nothing is loaded from elsewhere, and no script runs.
const POLICY: &str = "default-src 'none'; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'";

pub(crate) fn routes() -> Routes {
    Routes::default().get("/", Access::Public, start).get("/app/{*path}", Access::Public, no_interface)
}

/// A template as a page.
pub(crate) fn page(status: StatusCode, template: &impl Template) -> Result<Response, ApiError> {
    page_with_targets(status, template, "'self'")
}

/// The same for a page whose forms lead elsewhere: browsers hold redirects of a form to its policy, too.
pub(crate) fn page_with_targets(
    status: StatusCode,
    template: &impl Template,
    targets: &str,
) -> Result<Response, ApiError> {
    let html = template.render().map_err(ApiError::internal)?;
    let policy = format!("{POLICY}; form-action {targets}");
    Ok((status, [(header::CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response())
}

#[derive(Template)]
#[template(path = "start.html")]
struct StartPage<'a> {
    version: &'a str,
    host: &'a str,
    discovery: &'a str,
}

/// Says what this is to whoever opens the address in a browser.
async fn start(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    let template = StartPage {
        version: env!("CARGO_PKG_VERSION"),
        host: app.settings.host(),
        discovery: DISCOVERY_PATH,
    };
    page(StatusCode::OK, &template)
}

#[derive(Template)]
#[template(path = "no_interface.html")]
struct NoInterface<'a> {
    url: &'a str,
}

/// Terraform prints addresses of runs below `/app`; whoever follows one learns where to look instead.
async fn no_interface(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    page(StatusCode::NOT_FOUND, &NoInterface { url: &app.settings.url })
}

#[cfg(test)]
mod tests;
