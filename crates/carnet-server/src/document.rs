//! Bodies of requests: JSON:API documents, lists of references, the optional bodies of actions.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use carnet_api::jsonapi::Identifier;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::error::ApiError;

/// A JSON:API document of a request; the type is not insisted on, since clients send several.
#[derive(Debug)]
pub(crate) struct Doc<A> {
    /// The attributes.
    pub attributes: A,
    relationships: BTreeMap<String, Relation>,
}

/// Resources that are made in place may hold secrets, so `Debug` shows nothing of it.
#[derive(Deserialize)]
struct Relation {
    data: Option<Value>,
}

impl std::fmt::Debug for Relation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relation").finish_non_exhaustive()
    }
}

impl<A> Doc<A> {
    /// The id of a to-one relation: outer `None` when it is absent, inner `None` when it is null.
    pub(crate) fn to_one(&self, name: &str) -> Result<Option<Option<Identifier>>, ApiError> {
        self.relation(name)
    }

    /// The resources of a to-many relation; `None` when it is absent.
    pub(crate) fn to_many(&self, name: &str) -> Result<Option<Vec<Identifier>>, ApiError> {
        Ok(self.relation::<Vec<Identifier>>(name)?.map(Option::unwrap_or_default))
    }

    fn relation<T: DeserializeOwned>(&self, name: &str) -> Result<Option<Option<T>>, ApiError> {
        let Some(relation) = self.relationships.get(name) else {
            return Ok(None);
        };
        let data = relation.data.clone().unwrap_or(Value::Null);
        serde_json::from_value(data)
            .map(Some)
            .map_err(|error| ApiError::invalid(&format!("/data/relationships/{name}"), error.to_string()))
    }
}

#[derive(Deserialize)]
struct Envelope {
    data: EnvelopeData,
}

#[derive(Deserialize)]
struct EnvelopeData {
    #[serde(default)]
    attributes: Option<Value>,
    #[serde(default)]
    relationships: Option<BTreeMap<String, Relation>>,
}

/// The most bytes of a JSON body.
pub(crate) const JSON_LIMIT: u64 = 16 * 1024 * 1024;

/// The most bytes of the body of one request, where they are others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimit(pub u64);

/// The body of a request, limited.
pub(crate) async fn json_body<S: Send + Sync>(request: Request, _: &S) -> Result<Bytes, ApiError> {
    let limit = request.extensions().get().map_or(JSON_LIMIT, |BodyLimit(limit)| *limit);
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let body = axum::body::to_bytes(request.into_body(), most).await;
    let body = body.map_err(|_| ApiError::TooLarge { limit })?;
    if holds_nul(&body) {
        return Err(ApiError::Invalid {
            detail: "a text must not hold a NUL character".to_owned(),
            pointer: None,
        });
    }
    Ok(body)
}

/// Tells whether a text of a JSON document holds the character that Postgres has no place for. It can only be written as an escape.
fn holds_nul(json: &[u8]) -> bool {
    let mut rest = json;
    while let Some(place) = rest.iter().position(|byte| *byte == b'\\') {
        if rest[place..].starts_with(b"\\u0000") {
            return true;
        }
        rest = rest.get(place + 2..).unwrap_or_default();
    }
    false
}

impl<S: Send + Sync, A: DeserializeOwned> FromRequest<S> for Doc<A> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let body = json_body(request, state).await?;
        let envelope: Envelope = serde_json::from_slice(&body)
            .map_err(|error| ApiError::BadRequest(format!("the body is not a JSON:API document: {error}")))?;
        let attributes = envelope.data.attributes.unwrap_or_else(|| Value::Object(serde_json::Map::new()));
        refuse_long_texts(&attributes)?;
        let attributes =
            serde_json::from_value(attributes).map_err(|error| wrong_attribute::<A>(&body, &error))?;
        Ok(Self { attributes, relationships: envelope.data.relationships.unwrap_or_default() })
    }
}

/// The most bytes of an attribute: whoever lists a thing is sent all of them.
const ATTRIBUTE_LIMIT: usize = 16 * 1024;

/// Attributes that may be longer, for no list shows them, or which have limits of their own.
const LONG_ATTRIBUTES: [&str; 11] = [
    "ascii-armor",
    "body",
    "definition",
    "json-state",
    "json-state-outputs",
    "replace-addrs",
    "state",
    "statements",
    "target-addrs",
    "value",
    "variables",
];

fn refuse_long_texts(attributes: &Value) -> Result<(), ApiError> {
    let attributes = attributes.as_object().into_iter().flatten();
    for (name, value) in attributes.filter(|(name, _)| !LONG_ATTRIBUTES.contains(&name.as_str())) {
        if size(value) > ATTRIBUTE_LIMIT {
            let detail = format!("{name} is too long (maximum is {ATTRIBUTE_LIMIT} bytes)");
            return Err(ApiError::attribute(name, detail));
        }
    }
    Ok(())
}

/// The bytes of all texts, with one for each value.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(|value| size(value) + 1).sum(),
        Value::Object(members) => members.iter().map(|(name, value)| name.len() + size(value) + 1).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
    }
}

/// The refusal of a document whose attributes cannot be read: it names the attribute, if one alone is at fault.
fn wrong_attribute<A: DeserializeOwned>(body: &[u8], error: &serde_json::Error) -> ApiError {
    let reads = |attributes: Value| serde_json::from_value::<A>(attributes).is_ok();
    let attributes =
        serde_json::from_slice::<Envelope>(body).ok().and_then(|envelope| envelope.data.attributes);
    if let Some(Value::Object(attributes)) = attributes
        && reads(json!({}))
    {
        let mut wrong = attributes.into_iter().filter(|(name, value)| !reads(json!({ name: value })));
        if let (Some((name, _)), None) = (wrong.next(), wrong.next()) {
            return ApiError::attribute(&name, format!("{name} cannot be read: {error}"));
        }
    }
    ApiError::invalid("/data/attributes", error.to_string())
}

/// A body of resource references: `{"data":[{"type":..,"id":..}]}`.
#[derive(Debug)]
pub(crate) struct References(pub Vec<Identifier>);

impl<S: Send + Sync> FromRequest<S> for References {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        #[derive(Deserialize)]
        struct Body {
            data: Vec<Identifier>,
        }
        let body = json_body(request, state).await?;
        let body: Body = serde_json::from_slice(&body)
            .map_err(|error| ApiError::BadRequest(format!("the body is not a list of resources: {error}")))?;
        Ok(Self(body.data))
    }
}

/// The optional body of an action: `{"comment":..}`, `{"reason":..}`, the same inside `data.attributes`, or nothing.
#[derive(Debug, Default)]
pub(crate) struct ActionBody {
    /// The text, if one was sent.
    pub text: Option<String>,
}

impl<S: Send + Sync> FromRequest<S> for ActionBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let body = json_body(request, state).await?;
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        let value: Value = serde_json::from_slice(&body)
            .map_err(|error| ApiError::BadRequest(format!("the body is not JSON: {error}")))?;
        if value.get("data").is_some_and(|data| !matches!(data, Value::Object(_) | Value::Null)) {
            return Err(ApiError::invalid("/data", "data must be an object"));
        }
        let attributes = value.pointer("/data/attributes").unwrap_or(&value);
        let prefix = if value.pointer("/data/attributes").is_some() { "/data/attributes" } else { "" };
        if !matches!(attributes, Value::Object(_) | Value::Null) {
            return Err(ApiError::invalid(prefix, "the body of an action is a JSON object, or nothing"));
        }
        let mut text = None;
        for name in ["comment", "reason"] {
            match attributes.get(name) {
                None | Some(Value::Null) => {}
                Some(Value::String(found)) => text = text.or_else(|| Some(found.clone())),
                Some(_) => {
                    return Err(ApiError::invalid(
                        &format!("{prefix}/{name}"),
                        format!("{name} must be a text"),
                    ));
                }
            }
        }
        Ok(Self { text })
    }
}

/// Reads an attribute that may be absent, null or there: absent is `None`, null is `Some(None)`.
pub(crate) fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}
