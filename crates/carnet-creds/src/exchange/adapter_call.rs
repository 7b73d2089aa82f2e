//! The requests that adapters describe: sent as they are, answers read by pointers.

use std::{collections::BTreeMap, time::Duration};

use carnet_model::Timestamp;
use reqwest::{Client, Method, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{
    http::{HttpSettings, Roots},
    vault_api::{no_answer, pause, read},
    vault_wire::{Failure, VaultFailure, without},
};
use crate::adapter::{AdapterExchange, Expiry, PreparedCall};

/// The longest that one request may take.
const LIMIT: Duration = Duration::from_mins(1);
const RETRIES: u32 = 3;

/// What an exchange led to.
pub(super) struct Traded {
    /// The fields of the answer, by what templates call them.
    pub(super) parts: BTreeMap<String, SecretString>,
    pub(super) ends_at: Option<Timestamp>,
}

/// Trades an identity token.
pub(super) async fn trade(
    http: &HttpSettings,
    call: &PreparedCall,
    described: &AdapterExchange,
    token: &SecretString,
    now: Timestamp,
) -> Result<Traded, VaultFailure> {
    let answer = perform(http, call).await.map_err(|failure| without(failure, token))?;
    let fail = |reason: &str| refused(call, Failure::Unreadable { reason: reason.to_owned() });
    let answer: Value = serde_json::from_slice(&answer).map_err(|_| fail("the answer is no JSON"))?;
    let mut parts = BTreeMap::new();
    for field in described.answers() {
        match answer.pointer(&field.pointer).and_then(text) {
            Some(value) => {
                parts.insert(field.key.clone(), SecretString::from(value));
            }
            None if field.is_optional => {}
            None => return Err(fail(&format!("the answer has no {}", field.pointer))),
        }
    }
    let ends_at = match described.expiry() {
        None => None,
        Some(expiry) => {
            Some(moment(expiry, &answer, now).ok_or_else(|| fail("the answer does not say when it ends"))?)
        }
    };
    Ok(Traded { parts, ends_at })
}

/// Takes a credential back.
pub(super) async fn revoke(http: &HttpSettings, call: &PreparedCall) -> Result<(), VaultFailure> {
    perform(http, call).await.map(drop)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// Larger numbers are milliseconds: as seconds they would lie past the year 5000.
const MILLISECONDS_FROM: i64 = 100_000_000_000;

fn moment(expiry: &Expiry, answer: &Value, now: Timestamp) -> Option<Timestamp> {
    match expiry {
        Expiry::In(pointer) => {
            let seconds: u64 = text(answer.pointer(pointer)?)?.parse().ok()?;
            now.checked_add(Duration::from_secs(seconds)).ok()
        }
        Expiry::At(pointer) => {
            let text = text(answer.pointer(pointer)?)?;
            match text.parse::<i64>() {
                Ok(number) if number >= MILLISECONDS_FROM => Timestamp::from_millisecond(number).ok(),
                Ok(number) => Timestamp::from_second(number).ok(),
                Err(_) => text.parse().ok(),
            }
        }
    }
}

async fn perform(http: &HttpSettings, call: &PreparedCall) -> Result<Vec<u8>, VaultFailure> {
    let fail = |reason: String| refused(call, Failure::Unreadable { reason });
    let url = Url::parse(&call.url).map_err(|error| fail(error.to_string()))?;
    let client = http.client(Roots::System, LIMIT).map_err(fail)?;
    let mut attempt = 0;
    loop {
        match send(&client, call, &url).await {
            Ok(answer) => return Ok(answer),
            Err(failure) if failure.is_transient() && attempt < RETRIES => {
                tokio::time::sleep(pause(http.retry_pause, attempt)).await;
                attempt += 1;
            }
            Err(failure) => return Err(refused(call, failure)),
        }
    }
}

async fn send(client: &Client, call: &PreparedCall, url: &Url) -> Result<Vec<u8>, Failure> {
    let mut request = client.request(method(call), url.clone());
    for (name, value) in &call.headers {
        let mut value = reqwest::header::HeaderValue::from_str(value.expose_secret())
            .map_err(|_| Failure::Unreadable { reason: format!("{name} is not a header value") })?;
        value.set_sensitive(true);
        request = request.header(name, value);
    }
    if let Some((kind, body)) = &call.body {
        request = request.header("Content-Type", kind.media_type()).body(body.expose_secret().to_owned());
    }
    read(request.send().await.map_err(no_answer)?).await
}

fn method(call: &PreparedCall) -> Method {
    Method::from_bytes(call.method.as_bytes()).unwrap_or(Method::POST)
}

fn refused(call: &PreparedCall, failure: Failure) -> VaultFailure {
    VaultFailure { method: method(call), url: call.url.clone(), failure }
}
