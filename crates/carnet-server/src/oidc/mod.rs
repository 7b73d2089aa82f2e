//! The OpenID Connect endpoints: what relying parties read to check identity tokens.

mod keys;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use carnet_issuer::{DISCOVERY_PATH, Issuer, IssuerUrl, JWKS_PATH, etag};

use crate::app::App;
use crate::route::{Access, Routes};

#[cfg(test)]
pub(crate) use keys::stored_key;
pub use keys::{LiveIssuer, LoadIssuerError, load_issuer};

/// Relying parties ask again after five minutes; those that meet a key they do not know ask at once.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=300");

pub(crate) fn routes() -> Routes {
    Routes::default().get(DISCOVERY_PATH, Access::Public, discovery).get(JWKS_PATH, Access::Public, jwks)
}

/// The same documents below the path of the issuer's URL, when it has one.
pub(crate) fn routes_below(issuer: &IssuerUrl) -> Routes {
    if issuer.path().is_empty() {
        return Routes::default();
    }
    let at = |path: &str| format!("{}{path}", issuer.path());
    Routes::default().get(&at(DISCOVERY_PATH), Access::Public, discovery).get(
        &at(JWKS_PATH),
        Access::Public,
        jwks,
    )
}

async fn discovery(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    document(app.issuer.known().discovery().to_json(), &headers)
}

async fn jwks(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    document(published(&app).await.jwks().to_json(), &headers)
}

/// The issuer as every server of the database has it. When that cannot be found out, relying parties get what is known here.
async fn published(app: &App) -> Arc<Issuer> {
    let fresh = async { app.issuer.fresh(&mut app.store.read().await?).await };
    fresh.await.unwrap_or_else(|error| {
        tracing::error!(%error, "the keys of the issuer could not be looked at");
        app.issuer.known()
    })
}

fn document(bytes: Vec<u8>, request: &HeaderMap) -> Response {
    let tag = etag(&bytes);
    let mut response = if is_known(request, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, "application/json")], Body::from(bytes)).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, CACHE);
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// Tells whether the client has the document of this tag (RFC 9110, section 13.1.2: weak comparison).
fn is_known(request: &HeaderMap, tag: &str) -> bool {
    request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests;
