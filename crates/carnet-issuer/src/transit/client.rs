//! Requests to Vault or OpenBao: sent again while it cannot answer, with a new login when the token has ended.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::sync::Mutex;

use super::TransitSettings;
use super::credential::{self, Session};
use crate::KeySourceError;

/// The longest that one request may take. A run waits for a signature.
const TIMEOUT: Duration = Duration::from_secs(3);

/// How long is waited before a request is sent again. A standby that takes over needs about a second.
const PAUSES: [Duration; 2] = [Duration::from_millis(250), Duration::from_millis(1000)];

/// A connection to Vault or OpenBao.
#[derive(Debug)]
pub struct TransitClient {
    http: reqwest::Client,
    settings: TransitSettings,
    /// The token of the last login, while it lives. The lock is held during a login, so that there is one.
    session: Mutex<Option<Session>>,
}

impl TransitClient {
    /// Makes a client. `http` trusts the authority of the server and follows no redirect, which would carry the token away.
    pub fn new(http: reqwest::Client, settings: TransitSettings) -> Self {
        Self { http, settings, session: Mutex::new(None) }
    }

    /// What is asked, for people.
    pub(super) fn place(&self) -> String {
        format!("Vault or OpenBao at {}", self.settings.address.as_str().trim_end_matches('/'))
    }

    /// Sends a request, again while the server is away, and once more with a new login when it refuses the token.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, KeySourceError> {
        let mut has_new_login = false;
        let mut pauses = PAUSES.iter();
        loop {
            let error = match self.token().await {
                Ok(token) => match self.send(method.clone(), path, body, Some(&token)).await {
                    Err(KeySourceError::Denied { .. }) if !has_new_login && self.forget_login().await => {
                        has_new_login = true;
                        continue;
                    }
                    Ok(answer) => return Ok(answer),
                    Err(error) => error,
                },
                Err(error) => error,
            };
            match pauses.next() {
                Some(pause) if error.is_passing() => tokio::time::sleep(*pause).await,
                Some(_) | None => return Err(error),
            }
        }
    }

    async fn token(&self) -> Result<SecretString, KeySourceError> {
        credential::token(self, &self.settings.credential, &mut *self.session.lock().await).await
    }

    /// Drops the token of the last login; tells whether there was one.
    async fn forget_login(&self) -> bool {
        self.session.lock().await.take().is_some()
    }

    /// Sends a request once.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        token: Option<&SecretString>,
    ) -> Result<Value, KeySourceError> {
        let base = self.settings.address.as_str().trim_end_matches('/');
        let mut request = self
            .http
            .request(method, format!("{base}/v1/{path}"))
            .timeout(TIMEOUT)
            .header("x-vault-request", "true");
        if let Some(namespace) = &self.settings.namespace {
            request = request.header("x-vault-namespace", namespace);
        }
        if let Some(token) = token {
            request = request.header("x-vault-token", token.expose_secret());
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let unreachable = |error: reqwest::Error| KeySourceError::Unreachable {
            place: self.place(),
            source: Box::new(error.without_url()),
        };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(unreachable)?;
        if status == StatusCode::NO_CONTENT {
            return Ok(Value::Null);
        }
        let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if status.is_success() { Ok(answer) } else { Err(self.refusal(path, status, &answer)) }
    }

    fn refusal(&self, path: &str, status: StatusCode, answer: &Value) -> KeySourceError {
        let place = self.place();
        let errors = answer["errors"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let said = errors.collect::<Vec<_>>().join("; ");
        match status.as_u16() {
            403 => KeySourceError::Denied {
                place,
                reason: format!(
                    "the token has ended, or its policy does not allow the request on {path} ({said}); the policy that is \
                     needed stands in docs/key-sources.md"
                ),
            },
            503 if said.contains("sealed") => KeySourceError::NotReady {
                place,
                reason: "it is sealed; unseal it with `bao operator unseal`".to_owned(),
            },
            // 412: a replica that is behind, 429 and 472, 473: a standby, 501: not initialized, which lasts.
            412 | 429 | 472 | 473 | 500 | 502..=504 => {
                KeySourceError::NotReady { place, reason: format!("it answered {status} ({said})") }
            }
            404 if said.is_empty() || said.contains("no handler") => KeySourceError::Missing {
                place,
                what: path.to_owned(),
                way_out: "is the secrets engine mounted there (`bao secrets enable transit`), and is the namespace right?",
            },
            _ => {
                KeySourceError::Refused { place, reason: format!("it answered {status} on {path} ({said})") }
            }
        }
    }

    /// The error of an answer that lacks something.
    pub(super) fn unreadable(&self, what: &str) -> KeySourceError {
        KeySourceError::Refused { place: self.place(), reason: format!("its answer has no {what}") }
    }
}
