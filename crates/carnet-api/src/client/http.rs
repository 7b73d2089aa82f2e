//! Requests and answers.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;

use super::{ClientError, ClientSettings};
use crate::{job::BASE, jsonapi::Errors};

/// Uploads and downloads may be large: they get this many times the timeout of a small request.
const TRANSFER_FACTOR: u32 = 20;

/// The HTTP client with the server's address.
#[derive(Debug, Clone)]
pub(super) struct Http {
    client: reqwest::Client,
    base: String,
    pub(super) timeout: Duration,
}

impl Http {
    pub(super) fn new(settings: &ClientSettings) -> Result<Self, ClientError> {
        let refused = |reason: String| ClientError::Settings { reason };
        reqwest::Url::parse(&settings.base_url).map_err(|error| refused(error.to_string()))?;
        let mut builder = reqwest::Client::builder()
            .connect_timeout(settings.timeout)
            .pool_idle_timeout(Duration::from_secs(20))
            // A redirect would carry tokens to another place.
            .redirect(reqwest::redirect::Policy::none());
        if let Some(pem) = &settings.ca_pem {
            let authorities =
                reqwest::Certificate::from_pem_bundle(pem).map_err(|error| refused(describe(&error)))?;
            if authorities.is_empty() {
                return Err(refused("there is no certificate in the file of authorities".to_owned()));
            }
            builder = builder.tls_certs_merge(authorities);
        }
        let client = builder.build().map_err(|error| refused(describe(&error)))?;
        let base = format!("{}{BASE}", settings.base_url.trim_end_matches('/'));
        Ok(Self { client, base, timeout: settings.timeout })
    }

    /// A small request.
    pub(super) fn request(&self, method: Method, path: &str, token: &SecretString) -> RequestBuilder {
        self.client
            .request(method, format!("{}/{path}", self.base))
            .bearer_auth(token.expose_secret())
            .timeout(self.timeout)
    }

    /// A request whose body or answer may be large.
    pub(super) fn transfer(&self, method: Method, path: &str, token: &SecretString) -> RequestBuilder {
        self.request(method, path, token).timeout(self.timeout * TRANSFER_FACTOR)
    }

    /// Sends and turns every failure into an error.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let response = request.send().await.map_err(|error| unavailable(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(refusal(response).await)
    }
}

/// A part of a path that comes from outside.
pub(super) fn segment(text: &str) -> Result<&str, ClientError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !text.is_empty() && text.bytes().all(is_plain) {
        return Ok(text);
    }
    Err(ClientError::Settings { reason: "an id has characters that ids do not have".to_owned() })
}

/// Reads the whole answer.
pub(super) async fn bytes(response: Response) -> Result<Bytes, ClientError> {
    response.bytes().await.map_err(|error| unavailable(&error))
}

/// Reads the whole answer as JSON.
pub(super) async fn json<T: DeserializeOwned>(response: Response) -> Result<T, ClientError> {
    let body = bytes(response).await?;
    serde_json::from_slice(&body).map_err(|source| ClientError::Unreadable { source })
}

async fn refusal(response: Response) -> ClientError {
    let status = response.status();
    match status {
        StatusCode::UNAUTHORIZED => return ClientError::Unauthorized,
        StatusCode::GONE => return ClientError::Gone,
        _ => {}
    }
    let body = response.bytes().await.unwrap_or_default();
    let detail = detail(status, &body);
    if status == StatusCode::CONFLICT {
        return match serde_json::from_slice(&body) {
            Ok(position) => ClientError::LogPosition(position),
            Err(_) => ClientError::Conflict { detail },
        };
    }
    let is_passing = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    if status.is_server_error() || is_passing {
        return ClientError::Unavailable { detail };
    }
    ClientError::Refused { status: status.as_u16(), detail }
}

fn detail(status: StatusCode, body: &[u8]) -> String {
    let first =
        serde_json::from_slice::<Errors>(body).ok().and_then(|errors| errors.errors.into_iter().next());
    match first {
        Some(error) => error.detail.unwrap_or(error.title),
        None => status.canonical_reason().unwrap_or("no reason given").to_owned(),
    }
}

fn unavailable(error: &reqwest::Error) -> ClientError {
    ClientError::Unavailable { detail: describe(error) }
}

/// The whole chain of causes; an address of this protocol has no secret in it.
fn describe(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
