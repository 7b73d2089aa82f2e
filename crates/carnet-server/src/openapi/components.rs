//! What the operations share: documents, errors, the token.

use carnet_api::jsonapi::MEDIA_TYPE;
use serde_json::{Map, Value, json};

use super::operation::{REFUSALS, refusal};
use super::resource::{ResourceType, schema_ref};

/// The components of the document: the schemas of these types and what is common to all.
pub(super) fn components<'a>(types: impl Iterator<Item = &'a ResourceType>) -> Value {
    let mut schemas: Map<String, Value> = common().into_iter().collect();
    let mut kinds = Vec::new();
    for kind in types {
        kinds.push(kind.kind());
        schemas.extend(kind.schemas());
    }
    schemas.insert("Included".to_owned(), included(&kinds));
    json!({
        "schemas": schemas,
        "responses": REFUSALS.into_iter().map(response).collect::<Map<_, _>>(),
        "securitySchemes": {
            "token": {
                "type": "http",
                "scheme": "bearer",
                "description": "A token of a user, a team, an organization or a run.",
            },
        },
    })
}

fn response(status: u16) -> (String, Value) {
    let (name, description) = refusal(status);
    let schema = json!({ "$ref": "#/components/schemas/Errors" });
    let body = json!({ "description": description, "content": { MEDIA_TYPE: { "schema": schema } } });
    (name.to_owned(), body)
}

/// Related resources: the type of each says which schema holds.
fn included(kinds: &[&str]) -> Value {
    let references: Vec<Value> = kinds.iter().map(|kind| json!({ "$ref": schema_ref(kind) })).collect();
    let mapping: Map<String, Value> =
        kinds.iter().map(|kind| ((*kind).to_owned(), Value::String(schema_ref(kind)))).collect();
    let item = json!({
        "oneOf": references,
        "discriminator": { "propertyName": "type", "mapping": mapping },
    });
    json!({ "type": "array", "items": item })
}

fn common() -> [(String, Value); 6] {
    let link = json!({ "type": ["string", "null"] });
    let count = json!({ "type": "integer", "minimum": 0 });
    let page = json!({ "type": ["integer", "null"], "minimum": 1 });
    let pagination = object(&json!({
        "current-page": { "type": "integer", "minimum": 1 },
        "page-size": { "type": "integer", "minimum": 1 },
        "prev-page": page,
        "next-page": page,
        "total-pages": count,
        "total-count": count,
    }));
    let words = json!({
        "type": "object",
        "properties": { "comment": { "type": "string" }, "reason": { "type": "string" } },
    });
    [
        ("Links".to_owned(), json!({ "type": "object", "additionalProperties": link })),
        (
            "ListMeta".to_owned(),
            json!({
                "type": "object",
                "properties": { "pagination": pagination },
                "required": ["pagination"],
            }),
        ),
        (
            "Errors".to_owned(),
            object(&json!({ "errors": { "type": "array", "minItems": 1, "items": error() } })),
        ),
        ("Words".to_owned(), words),
        (
            "Remarks".to_owned(),
            object(&json!({ "warnings": { "type": "array", "minItems": 1, "items": { "type": "string" } } })),
        ),
        ("EmptyList".to_owned(), empty_list()),
    ]
}

fn empty_list() -> Value {
    object(&json!({
        "data": { "type": "array", "maxItems": 0 },
        "links": { "$ref": "#/components/schemas/Links" },
        "meta": { "$ref": "#/components/schemas/ListMeta" },
    }))
}

fn error() -> Value {
    json!({
        "type": "object",
        "properties": {
            "status": { "type": "string", "pattern": "^[45][0-9][0-9]$" },
            "title": { "type": "string", "minLength": 1 },
            "detail": { "type": "string", "minLength": 1 },
            "source": object(&json!({ "pointer": { "type": "string" } })),
        },
        "required": ["status", "title"],
        "additionalProperties": false,
    })
}

/// An object of which every field is always there.
fn object(properties: &Value) -> Value {
    let required: Vec<&String> = properties.as_object().into_iter().flat_map(Map::keys).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}
