//! Headers that every answer carries.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;

/// Clients refuse to work below 2.5; the contract followed is 2.6.
const API_VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("tfp-api-version"), HeaderValue::from_static("2.6"));

/// The CLI draws structured plans only for names it knows, and this is the only safe one.
const APP_NAME: (HeaderName, HeaderValue) =
    (HeaderName::from_static("tfp-appname"), HeaderValue::from_static("HCP Terraform"));

/// Adds the headers that Terraform's clients read, and those that keep browsers safe.
pub(crate) async fn add_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [API_VERSION, APP_NAME] {
        headers.insert(name, value);
    }
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
