//! A form counts only with the cookie that came with it: a page of somebody else knows neither.

use axum::http::{HeaderMap, header};
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

use super::AUTHORIZE;

/// The name of the cookie. Over HTTPS the prefix keeps neighbours of the host from setting it (RFC 6265bis).
fn name(url: &str) -> &'static str {
    if url.starts_with("https://") { "__Host-carnet-login" } else { "carnet-login" }
}

/// The cookie that goes with a form.
pub(super) fn cookie(url: &str, secret: &SecretString) -> String {
    attributes(url, secret.expose_secret(), 600)
}

/// Removes the cookie.
pub(super) fn no_cookie(url: &str) -> String {
    attributes(url, "", 0)
}

fn attributes(url: &str, value: &str, seconds: u32) -> String {
    // Cookies with the prefix must be secure and stand for the whole host.
    let place = if url.starts_with("https://") { "/; Secure" } else { AUTHORIZE };
    format!("{}={value}; Max-Age={seconds}; HttpOnly; SameSite=Strict; Path={place}", name(url))
}

/// Tells whether the form came with its cookie.
pub(super) fn is_ours(url: &str, headers: &HeaderMap, field: &SecretString) -> bool {
    let field = field.expose_secret().as_bytes();
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(found, _)| *found == name(url)).map(|(_, value)| value);
    // Two cookies of one name: somebody else has set one of them.
    match (values.next(), values.next()) {
        (Some(value), None) => !value.is_empty() && bool::from(value.as_bytes().ct_eq(field)),
        (None, _) | (Some(_), Some(_)) => false,
    }
}
