//! Sends one notification and tells what was answered.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use axum::http::header::CONTENT_TYPE;
use carnet_model::{NotificationConfiguration, NotificationResponse, Timestamp};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Response};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::destination::{Destinations, PublicResolver, Reach, checked_address};
use crate::error::ApiError;

/// The longest that a destination may take for its whole answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How much of an answer is kept, in bytes.
const BODY_LIMIT: usize = 1024;

const SIGNATURE: &str = "x-tfe-notification-signature";

/// Sends notifications.
#[derive(Debug)]
pub(crate) struct Sender {
    destinations: Destinations,
    public: Client,
    anywhere: Client,
}

impl Sender {
    pub(crate) fn new(destinations: &Destinations) -> Result<Self, ApiError> {
        let builder = || -> Result<_, ApiError> {
            // A redirect would lead past the check of the address.
            let builder = Client::builder()
                .timeout(TIMEOUT)
                .redirect(Policy::none())
                .no_proxy()
                .user_agent(concat!("carnet/", env!("CARGO_PKG_VERSION")));
            Ok(match &destinations.ca_pem {
                Some(pem) => {
                    builder.tls_certs_merge(Certificate::from_pem_bundle(pem).map_err(ApiError::internal)?)
                }
                None => builder,
            })
        };
        Ok(Self {
            destinations: destinations.clone(),
            public: builder()?.dns_resolver(Arc::new(PublicResolver)).build().map_err(ApiError::internal)?,
            anywhere: builder()?.build().map_err(ApiError::internal)?,
        })
    }

    /// Sends a payload. Whatever goes wrong is told as the answer.
    pub(crate) async fn send(
        &self,
        configuration: &NotificationConfiguration,
        payload: &Value,
        now: Timestamp,
    ) -> NotificationResponse {
        match self.answer(configuration, payload).await {
            Ok(response) => {
                let status = response.status();
                NotificationResponse {
                    code: Some(status.as_u16()),
                    body: beginning(response).await,
                    successful: status.is_success(),
                    sent_at: now,
                }
            }
            Err(body) => NotificationResponse { code: None, body, successful: false, sent_at: now },
        }
    }

    async fn answer(
        &self,
        configuration: &NotificationConfiguration,
        payload: &Value,
    ) -> Result<Response, String> {
        let (url, reach) = checked_address(configuration.url.expose_secret(), &self.destinations)?;
        let client = match reach {
            Reach::Anywhere => &self.anywhere,
            Reach::Public => &self.public,
        };
        let body = payload.to_string();
        let mut request = client.post(url).header(CONTENT_TYPE, "application/json");
        if let Some(token) = &configuration.token {
            request = request.header(SIGNATURE, signature(token, body.as_bytes()));
        }
        // The address may be a secret: it is not repeated.
        request.body(body).send().await.map_err(|error| chain(&error.without_url()))
    }
}

/// HMAC with SHA-512 of the body, in hex.
pub(super) fn signature(token: &SecretString, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA512, token.expose_secret().as_bytes());
    hmac::sign(&key, body).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn beginning(mut response: Response) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < BODY_LIMIT {
        match response.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk[..chunk.len().min(BODY_LIMIT - bytes.len())]),
            Ok(None) | Err(_) => break,
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    text.chars().filter(|character| !character.is_control() || character.is_whitespace()).collect()
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}
