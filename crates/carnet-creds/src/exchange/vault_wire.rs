//! What Vault answers, and the ways in which it does not.

use std::{collections::BTreeMap, time::Duration};

use carnet_model::Timestamp;
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};

/// How much of an answer that is no JSON is shown.
const SHOWN_TEXT: usize = 200;

/// A request that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{method} {url} {failure}")]
pub(crate) struct VaultFailure {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) failure: Failure,
}

/// How a request failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    /// No answer.
    #[error("got no answer: {reason}")]
    NoAnswer { reason: String, is_connection: bool },
    /// An answer that says no.
    #[error("returned {status}: {}", said(.errors))]
    Refused { status: u16, errors: Vec<String> },
    /// An answer that cannot be understood.
    #[error("gave an unexpected answer: {reason}")]
    Unreadable { reason: String },
}

impl Failure {
    // 412: a replica has not seen the token yet. 501: the server is not initialized, which does not pass.
    /// Whether the same request may succeed a moment later.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            // A certificate that is not trusted will not be trusted a second later.
            Self::NoAnswer { reason, is_connection } => *is_connection && !reason.contains("certificate"),
            Self::Refused { status, .. } => matches!(status, 412 | 429 | 500 | 502..=599),
            Self::Unreadable { .. } => false,
        }
    }

    /// Whether the server has surely made nothing. Reading makes credentials: another try could leave two.
    pub(crate) fn did_nothing(&self) -> bool {
        matches!(self.status(), None | Some(412 | 429))
    }

    /// The status of an answer that says no.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::NoAnswer { .. } | Self::Unreadable { .. } => None,
        }
    }
}

/// The `auth` block of a login or a renewal.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Auth {
    pub(crate) client_token: SecretString,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) accessor: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) policies: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) entity_id: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) token_type: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) lease_duration: u64,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) renewable: bool,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) num_uses: u64,
}

/// An answer that grants a token.
#[derive(Deserialize)]
pub(crate) struct AuthAnswer {
    pub(crate) auth: Option<Auth>,
    pub(crate) wrap_info: Option<WrapInfo>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) warnings: Vec<String>,
}

/// The token to ask for the real answer with.
#[derive(Deserialize)]
pub(crate) struct WrapInfo {
    pub(crate) token: SecretString,
}

/// A secret that was read. Members of `data` that are not texts or numbers are left out.
#[derive(Deserialize)]
pub(crate) struct Secret {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) lease_id: String,
    #[serde(default, deserialize_with = "or_default")]
    lease_duration: u64,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) renewable: bool,
    #[serde(rename = "data", default, deserialize_with = "texts")]
    pub(crate) parts: BTreeMap<String, SecretString>,
}

impl Secret {
    /// How long it works: what the lease says, or the data itself; zero when neither does.
    pub(crate) fn life(&self, now: Timestamp) -> Duration {
        let number = |name: &str| self.parts.get(name)?.expose_secret().parse::<i64>().ok();
        if let Some(end) = number("expires_at_seconds") {
            return Duration::from_secs(u64::try_from(end - now.as_second()).unwrap_or(0).max(1));
        }
        Duration::from_secs(self.lease_duration)
    }
}

/// A lease that was renewed.
#[derive(Deserialize)]
pub(crate) struct LeaseAnswer {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) lease_duration: u64,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) renewable: bool,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) warnings: Vec<String>,
}

#[derive(Deserialize)]
struct ErrorAnswer {
    errors: Vec<String>,
}

/// A token, and what Vault remarked about it.
#[derive(Debug, Clone)]
pub(crate) struct Granted {
    pub(crate) auth: Auth,
    pub(crate) warnings: Vec<String>,
}

/// What the server said, also when a proxy in front of it answered with a page.
pub(crate) fn errors(body: &[u8]) -> Vec<String> {
    if let Ok(answer) = serde_json::from_slice::<ErrorAnswer>(body) {
        return answer.errors.iter().map(|text| one_line(text)).collect();
    }
    let text = String::from_utf8_lossy(body);
    let shown: String = text.trim().chars().take(SHOWN_TEXT).collect();
    if shown.is_empty() { Vec::new() } else { vec![one_line(&shown)] }
}

/// The text without line breaks, with which an answer could forge lines of the run log.
pub(crate) fn one_line(text: &str) -> String {
    text.split(|character: char| character.is_whitespace() || character.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

pub(crate) fn said(errors: &[String]) -> String {
    if errors.is_empty() { "(no explanation)".to_owned() } else { errors.join("; ") }
}

/// A failure whose texts do not repeat the identity token.
pub(crate) fn without(failure: VaultFailure, jwt: &SecretString) -> VaultFailure {
    let hide = |text: String| text.replace(jwt.expose_secret(), "(identity token)");
    let failure_kind = match failure.failure {
        Failure::Refused { status, errors } => {
            Failure::Refused { status, errors: errors.into_iter().map(hide).collect() }
        }
        Failure::NoAnswer { reason, is_connection } => {
            Failure::NoAnswer { reason: hide(reason), is_connection }
        }
        Failure::Unreadable { reason } => Failure::Unreadable { reason: hide(reason) },
    };
    VaultFailure { failure: failure_kind, ..failure }
}

fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, SecretString>, D::Error> {
    let data = Option::<BTreeMap<String, serde_json::Value>>::deserialize(deserializer)?.unwrap_or_default();
    let texts = data.into_iter().filter_map(|(name, value)| match value {
        serde_json::Value::String(text) if !text.is_empty() => Some((name, text.into())),
        serde_json::Value::Number(number) => Some((name, number.to_string().into())),
        _ => None,
    });
    Ok(texts.collect())
}
