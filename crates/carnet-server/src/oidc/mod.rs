//! The OpenID Connect endpoints: what relying parties read to check identity tokens.

mod keys;
mod new_key;
mod organization_issuer;
mod problems;
mod rotation;
mod watched_clock;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use carnet_issuer::{DISCOVERY_PATH, Issuer, IssuerUrl, JWKS_PATH, etag};
use carnet_model::OrgId;

use crate::app::App;
use crate::error::{ApiError, chain};
use crate::extract::Id;
use crate::route::{Access, Routes};

#[cfg(test)]
pub(crate) use keys::stored_key;
pub use keys::{LiveIssuer, LoadIssuerError, load_issuer};
pub(crate) use new_key::{NewKey, without_replacement};
pub(crate) use organization_issuer::{
    is_served_elsewhere, issuer_named, issuer_of, policy_of, url_below, url_of, url_of_issuer,
};
pub(crate) use problems::{Concern, reason};
pub(crate) use rotation::{KeyChange, heed_clock, issuers};

/// Where the issuers are that organizations have of their own.
const OF_ORGANIZATION: &str = "/organizations/{organization}";

pub(crate) fn routes() -> Routes {
    routes_at("")
}

/// The same documents below the path of the issuer's URL, when it has one.
pub(crate) fn routes_below(issuer: &IssuerUrl) -> Routes {
    match issuer.path() {
        "" => Routes::default(),
        path => routes_at(path),
    }
}

fn routes_at(path: &str) -> Routes {
    let of_organization = format!("{path}{OF_ORGANIZATION}");
    Routes::default()
        .get(&format!("{path}{DISCOVERY_PATH}"), Access::Public, discovery)
        .get(&format!("{path}{JWKS_PATH}"), Access::Public, jwks)
        .get(&format!("{of_organization}{DISCOVERY_PATH}"), Access::Public, discovery_of)
        .get(&format!("{of_organization}{JWKS_PATH}"), Access::Public, jwks_of)
}

async fn discovery(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let cache = kept_for(&app);
    document(app.issuer.known().discovery().to_json(), cache, &headers)
}

async fn jwks(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let fresh = async { app.issuer.fresh(&mut app.store.read().await?).await };
    let (issuer, cache) = match fresh.await {
        Ok(issuer) => (issuer, kept_for(&app)),
        Err(error) => (app.issuer.known(), uncertain(&error)),
    };
    document(issuer.jwks().to_json(), cache, &headers)
}

async fn discovery_of(
    State(app): State<Arc<App>>,
    Id(organization): Id<OrgId>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (issuer, cache) = of_organization(&app, &organization).await?;
    Ok(document(issuer.discovery().to_json(), cache, &headers))
}

async fn jwks_of(
    State(app): State<Arc<App>>,
    Id(organization): Id<OrgId>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (issuer, cache) = of_organization(&app, &organization).await?;
    Ok(document(issuer.jwks().to_json(), cache, &headers))
}

/// An organization's own issuer as every server of the database has it.
async fn of_organization(app: &App, id: &OrgId) -> Result<(Arc<Issuer>, HeaderValue), ApiError> {
    let fresh = async { app.issuer.fresh_of(&mut app.store.read().await?, id).await };
    match fresh.await {
        Ok(issuer) => Ok((issuer.ok_or(ApiError::NotFound)?, kept_for(app))),
        Err(error) => match app.issuer.known_of(id) {
            Some(known) => Ok((known, uncertain(&error))),
            None => Err(error.into()),
        },
    }
}

/// How long relying parties may keep what they read: rotation counts on it.
fn kept_for(app: &App) -> HeaderValue {
    let seconds = app.settings.key_rotation.published_lifetime.as_secs();
    HeaderValue::from_str(&format!("public, max-age={seconds}")).unwrap_or(UNCERTAIN)
}

/// The keys of now could not be found out. Relying parties get those of before, which nobody may keep: a key that is published
/// meanwhile would be missing for longer than rotation waits.
fn uncertain(error: &LoadIssuerError) -> HeaderValue {
    tracing::error!(error = chain(error), "the keys of an issuer could not be looked at");
    UNCERTAIN
}

const UNCERTAIN: HeaderValue = HeaderValue::from_static("no-store");

fn document(bytes: Vec<u8>, cache: HeaderValue, request: &HeaderMap) -> Response {
    let tag = etag(&bytes);
    let mut response = if is_known(request, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, "application/json")], Body::from(bytes)).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, cache);
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
