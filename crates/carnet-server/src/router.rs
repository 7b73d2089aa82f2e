//! All routes together.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state, map_request, map_response};
use tower::ServiceExt as _;
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::App;
use crate::audit::name_request;
use crate::error::ApiError;
use crate::headers::add_headers;
use crate::linger::linger;
use crate::plain_path::without_empty_segments;
use crate::rate_limit::{RateLimiter, limit};
use crate::reply::keep_query;
use crate::route::{Route, Routes};
use crate::whole_body::read_first;
use crate::{agents, api, health, login, oidc, openapi, page, setup, trust_pages};

fn all() -> Routes {
    Routes::default()
        .merge(health::routes())
        .merge(oidc::routes())
        .merge(page::routes())
        .merge(setup::routes())
        .merge(login::routes())
        .merge(trust_pages::routes())
        .merge(agents::routes())
        .merge(openapi::routes())
        .merge(api::routes())
}

/// The table of routes.
pub fn routes() -> Vec<Route> {
    all().finish().1
}

/// The application.
pub fn router(app: Arc<App>) -> Router {
    let limiter = Arc::new(RateLimiter::new(app.settings.rate_limit));
    let (router, _) = all().merge(oidc::routes_below(app.issuer.url())).finish();
    let router = router
        .fallback(|| async { ApiError::NotFound })
        .method_not_allowed_fallback(|| async { ApiError::NotFound })
        // Handlers read bodies through extractors that have limits of their own.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(Arc::clone(&app), read_first))
        .layer(from_fn(name_request))
        .layer(from_fn(keep_query))
        .layer(from_fn_with_state((Arc::clone(&app), limiter), limit))
        .layer(CatchPanicLayer::new())
        .layer(map_response(add_headers))
        .layer(map_request(linger))
        .with_state(app);
    // What changes the address must come before the routes are looked through.
    Router::new().fallback_service(router.map_request(without_empty_segments))
}
