//! A form counts only with the cookie that came with it: a page of somebody else knows neither.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

/// The cookie of one form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FormCookie {
    /// Its name.
    pub(crate) name: &'static str,
    /// The path of the form.
    pub(crate) path: &'static str,
}

impl FormCookie {
    /// The name. Over HTTPS the prefix keeps neighbours of the host from setting it (RFC 6265bis).
    fn name(self, url: &str) -> String {
        let prefix = if url.starts_with("https://") { "__Host-" } else { "" };
        format!("{prefix}{}", self.name)
    }

    /// The answer with the cookie that goes with its form.
    pub(crate) fn set(self, response: Response, url: &str, secret: &SecretString) -> Response {
        with_cookie(response, &self.attributes(url, secret.expose_secret(), 600))
    }

    /// The answer that removes the cookie.
    pub(crate) fn remove(self, response: Response, url: &str) -> Response {
        with_cookie(response, &self.attributes(url, "", 0))
    }

    fn attributes(self, url: &str, value: &str, seconds: u32) -> String {
        // Cookies with the prefix must be secure and stand for the whole host.
        let place = if url.starts_with("https://") { "/; Secure" } else { self.path };
        format!("{}={value}; Max-Age={seconds}; HttpOnly; SameSite=Strict; Path={place}", self.name(url))
    }

    /// Tells whether the form came with its cookie.
    pub(crate) fn is_ours(self, url: &str, headers: &HeaderMap, field: &SecretString) -> bool {
        let name = self.name(url);
        let field = field.expose_secret().as_bytes();
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut values = pairs.filter(|(found, _)| *found == name).map(|(_, value)| value);
        // Two cookies of one name: somebody else has set one of them.
        match (values.next(), values.next()) {
            (Some(value), None) => !value.is_empty() && bool::from(value.as_bytes().ct_eq(field)),
            (None, _) | (Some(_), Some(_)) => false,
        }
    }
}

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(mut value) = HeaderValue::from_str(cookie) {
        value.set_sensitive(true);
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}
