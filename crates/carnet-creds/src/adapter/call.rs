//! A request to a provider, ready to be sent.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeSeq};

/// A request to a provider, ready to be sent; also by a process that outlives this one.
///
/// Serializing it writes secrets out: hand it over a pipe, never to a file or a log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PreparedCall {
    /// The method.
    pub method: String,
    /// The address; it never holds a secret.
    pub url: String,
    /// The headers.
    #[serde(serialize_with = "exposed_headers")]
    pub headers: Vec<(String, SecretString)>,
    /// The body and its kind.
    #[serde(serialize_with = "exposed_body")]
    pub body: Option<(CallBody, SecretString)>,
    /// The secrets that it holds, which nobody may read in what the provider says.
    #[serde(serialize_with = "exposed_secrets")]
    pub secrets: Vec<SecretString>,
}

/// The kind of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallBody {
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `application/json`.
    Json,
}

impl CallBody {
    /// The media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Form => "application/x-www-form-urlencoded",
            Self::Json => "application/json",
        }
    }
}

fn exposed_headers<S: Serializer>(
    headers: &[(String, SecretString)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(Some(headers.len()))?;
    for (name, value) in headers {
        list.serialize_element(&(name, value.expose_secret()))?;
    }
    list.end()
}

fn exposed_body<S: Serializer>(
    body: &Option<(CallBody, SecretString)>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    body.as_ref().map(|(kind, text)| (kind, text.expose_secret())).serialize(serializer)
}

fn exposed_secrets<S: Serializer>(secrets: &[SecretString], serializer: S) -> Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(Some(secrets.len()))?;
    for secret in secrets {
        list.serialize_element(secret.expose_secret())?;
    }
    list.end()
}
