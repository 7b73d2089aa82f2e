//! The requests that an adapter describes: the exchange of an identity token, and taking the credential back.

use std::{collections::BTreeMap, time::Duration};

use carnet_model::Timestamp;
use reqwest::{
    Client, Method, Response,
    header::{CONTENT_TYPE, HeaderValue, USER_AGENT},
};
use secrecy::{ExposeSecret, SecretString};

use super::{
    adapter_answer::read_answer,
    http::{HttpSettings, Roots, chain},
    reachable::{FilteringResolver, Reach, Unreachable, check},
    vault_api::pause,
    vault_wire::one_line,
};
use crate::adapter::{AdapterExchange, PreparedCall};

const RETRIES: u32 = 3;
/// The longest that a request may take, all of its attempts together.
const LONGEST: Duration = Duration::from_mins(1);
/// No answer that a run needs is larger.
const LONGEST_ANSWER: usize = 1024 * 1024;
/// How much of what a provider says is shown, in characters.
const SHOWN: usize = 200;

/// What an identity token was traded for.
#[derive(Debug)]
pub(crate) struct Traded {
    /// The fields of the answer, by the keys that templates use.
    pub(crate) parts: BTreeMap<String, SecretString>,
    /// When the credential ends, if the answer says so.
    pub(crate) ends_at: Option<Timestamp>,
}

/// A request that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{method} {url} {cause}")]
pub(crate) struct CallFailure {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) cause: Cause,
}

/// Why a request did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Cause {
    /// It was not sent.
    #[error("may not be reached: {0}")]
    Unreachable(#[source] Unreachable),
    /// It could not be sent.
    #[error("cannot be sent: {0}")]
    Unsendable(String),
    /// No answer.
    #[error("got no answer: {reason}")]
    NoAnswer { reason: String, is_connection: bool },
    /// An answer that says no.
    #[error("returned {status}: {}", if .words.is_empty() { "(no explanation)" } else { .words })]
    Refused { status: u16, words: String },
    /// An answer that cannot be understood.
    #[error("gave an unexpected answer: {0}")]
    Unreadable(String),
}

impl Cause {
    /// Whether the same request may succeed a moment later.
    fn is_transient(&self) -> bool {
        match self {
            // A certificate that is not trusted will not be trusted a second later.
            Self::NoAnswer { reason, is_connection } => *is_connection && !reason.contains("certificate"),
            Self::Refused { status, .. } => matches!(status, 429 | 500..=599),
            Self::Unreachable(_) | Self::Unsendable(_) | Self::Unreadable(_) => false,
        }
    }
}

impl CallFailure {
    /// Whether the same request may succeed a moment later.
    pub(crate) fn is_transient(&self) -> bool {
        self.cause.is_transient()
    }

    /// Whether the provider does not know any more what was to be taken back.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.cause, Cause::Refused { status: 404 | 410, .. })
    }
}

/// Trades an identity token, and reads from the answer what the adapter names.
pub(crate) async fn trade(
    http: &HttpSettings,
    call: &PreparedCall,
    described: &AdapterExchange,
    token: &SecretString,
    now: Timestamp,
) -> Result<Traded, CallFailure> {
    let sender = Sender::new(http, call, Some(token))?;
    let answer = sender.send().await?;
    read_answer(&answer, described, now).map_err(|reason| sender.failure(Cause::Unreadable(reason)))
}

/// Takes a credential back.
pub(crate) async fn revoke(http: &HttpSettings, call: &PreparedCall) -> Result<(), CallFailure> {
    Sender::new(http, call, None)?.send().await.map(drop)
}

/// One request and the way to its server.
struct Sender<'a> {
    client: Client,
    call: &'a PreparedCall,
    token: Option<&'a SecretString>,
    url: reqwest::Url,
    method: Method,
    retry_pause: Duration,
}

impl<'a> Sender<'a> {
    fn new(
        http: &HttpSettings,
        call: &'a PreparedCall,
        token: Option<&'a SecretString>,
    ) -> Result<Self, CallFailure> {
        Self::with_resolver(http, call, token, FilteringResolver::of_system())
    }

    fn with_resolver(
        http: &HttpSettings,
        call: &'a PreparedCall,
        token: Option<&'a SecretString>,
        resolver: FilteringResolver,
    ) -> Result<Self, CallFailure> {
        let fail = |cause| failure(call, cause);
        let (url, reach) =
            check(&call.url, &http.allowed_hosts).map_err(|why| fail(Cause::Unreachable(why)))?;
        let method = Method::from_bytes(call.method.as_bytes())
            .map_err(|_| fail(Cause::Unsendable("the method is none".to_owned())))?;
        let roots = if url.scheme() == "https" { Roots::System } else { Roots::None };
        let builder = http.builder(roots, LONGEST).map_err(|reason| fail(Cause::Unsendable(reason)))?;
        let builder = match reach {
            Reach::Anywhere => builder,
            Reach::Filtered => builder.dns_resolver(resolver),
        };
        let client = builder.build().map_err(|error| fail(Cause::Unsendable(chain(&error))))?;
        Ok(Self { client, call, token, url, method, retry_pause: http.retry_pause })
    }

    async fn send(&self) -> Result<Vec<u8>, CallFailure> {
        let sent = tokio::time::timeout(LONGEST, self.attempts()).await;
        let answer = sent.unwrap_or_else(|_| {
            let reason = format!("it took longer than {} seconds", LONGEST.as_secs());
            Err(Cause::NoAnswer { reason, is_connection: false })
        });
        answer.map_err(|cause| self.failure(cause))
    }

    async fn attempts(&self) -> Result<Vec<u8>, Cause> {
        for attempt in 0..RETRIES {
            match self.attempt().await {
                Err(cause) if cause.is_transient() => {
                    tokio::time::sleep(pause(self.retry_pause, attempt)).await;
                }
                ended => return ended,
            }
        }
        self.attempt().await
    }

    async fn attempt(&self) -> Result<Vec<u8>, Cause> {
        let mut request = self.client.request(self.method.clone(), self.url.clone());
        // Some providers refuse requests that do not say who sends them.
        request = request.header(USER_AGENT, concat!("carnet/", env!("CARGO_PKG_VERSION")));
        for (name, value) in &self.call.headers {
            let mut value = HeaderValue::from_str(value.expose_secret())
                .map_err(|_| Cause::Unsendable(format!("the value of the header {name} cannot be one")))?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        if let Some((kind, body)) = &self.call.body {
            request = request.header(CONTENT_TYPE, kind.media_type()).body(body.expose_secret().to_owned());
        }
        let response = request.send().await.map_err(no_answer)?;
        let status = response.status();
        let body = read(response).await?;
        if status.is_success() {
            return Ok(body);
        }
        Err(Cause::Refused { status: status.as_u16(), words: self.words(&body) })
    }

    /// What the provider said, without what nobody may read.
    fn words(&self, body: &[u8]) -> String {
        let mut text = String::from_utf8_lossy(body).into_owned();
        if let Some(token) = self.token {
            // Not only the whole: a provider may show a token without its signature, or the signature alone.
            let parts = token.expose_secret().split('.');
            for hidden in std::iter::once(token.expose_secret()).chain(parts).filter(|part| part.len() > 7) {
                text = text.replace(hidden, "(identity token)");
            }
        }
        for secret in self.call.secrets.iter().filter(|secret| !secret.expose_secret().is_empty()) {
            text = text.replace(secret.expose_secret(), "(secret)");
        }
        one_line(&text).chars().take(SHOWN).collect()
    }

    fn failure(&self, cause: Cause) -> CallFailure {
        failure(self.call, cause)
    }
}

fn failure(call: &PreparedCall, cause: Cause) -> CallFailure {
    CallFailure { method: call.method.clone(), url: call.url.clone(), cause }
}

async fn read(mut response: Response) -> Result<Vec<u8>, Cause> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            return Err(Cause::Unreadable("it is longer than 1 MiB".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn no_answer(error: reqwest::Error) -> Cause {
    // A name that leads to where adapters may not reach is known only once it is resolved.
    if let Some(why) = Unreachable::behind(&error) {
        return Cause::Unreachable(why);
    }
    let is_connection = error.is_connect() || (error.is_request() && !error.is_timeout());
    Cause::NoAnswer { reason: one_line(&chain(&error.without_url())), is_connection }
}

#[cfg(test)]
mod tests;
