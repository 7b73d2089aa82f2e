//! What requests carry.

use carnet_api::jsonapi::MEDIA_TYPE;
use serde_json::{Value, json};

use super::resource::singular;
use super::schema::{Field, written};

/// What a request carries.
#[derive(Debug, Clone)]
pub(super) enum Body {
    /// A JSON:API document of this schema.
    Document(String),
    /// A JSON:API document with these attributes.
    Attributes(Vec<Field>),
    /// References to resources of these types.
    References(&'static [&'static str]),
    /// A document with a relation to a resource of this type.
    Relation(&'static str),
    /// The words of an action, or nothing.
    Words,
    /// A form.
    Form(Vec<Field>),
    /// Bytes of a media type.
    Bytes(&'static str),
}

impl Body {
    /// The body as OpenAPI has it.
    pub(super) fn to_json(&self) -> Value {
        let (media_type, schema) = match self {
            Self::Document(reference) => (MEDIA_TYPE, json!({ "$ref": reference })),
            Self::Attributes(fields) => {
                (MEDIA_TYPE, only("data", &only("attributes", &written(fields, true))))
            }
            Self::References(kinds) => (MEDIA_TYPE, references(kinds)),
            Self::Relation(kind) => (MEDIA_TYPE, relation(kind)),
            Self::Words => (MEDIA_TYPE, json!({ "$ref": "#/components/schemas/Words" })),
            Self::Form(fields) => ("application/x-www-form-urlencoded", written(fields, true)),
            Self::Bytes(media_type) => (*media_type, json!({})),
        };
        let is_required = !matches!(self, Self::Words);
        json!({ "required": is_required, "content": { media_type: { "schema": schema } } })
    }
}

fn only(name: &str, schema: &Value) -> Value {
    json!({ "type": "object", "properties": { name: schema }, "required": [name] })
}

fn relation(kind: &str) -> Value {
    let identifier = json!({
        "type": "object",
        "properties": { "type": { "type": "string", "enum": [kind] }, "id": { "type": "string" } },
        "required": ["type", "id"],
    });
    let related = only(&singular(kind), &only("data", &identifier));
    only("data", &only("relationships", &related))
}

fn references(kinds: &[&str]) -> Value {
    let one = json!({
        "type": "object",
        "properties": {
            "type": { "type": "string", "enum": kinds },
            "id": { "type": "string" },
            "attributes": { "type": "object" },
        },
        "required": ["type"],
    });
    json!({
        "type": "object",
        "properties": { "data": { "type": "array", "items": one } },
        "required": ["data"],
    })
}
