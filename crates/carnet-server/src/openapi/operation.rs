//! An operation: a method and a path, what it takes and what it answers.

use std::collections::BTreeMap;

use carnet_api::jsonapi::MEDIA_TYPE;
use serde_json::{Map, Value, json};

use super::body::Body;
use super::resource::{schema_name, schema_ref};
use super::schema::{Field, Schema, answered};
use crate::route::Access;

/// What an answer carries.
#[derive(Debug, Clone)]
enum Shape {
    /// Nothing.
    Nothing,
    /// A JSON:API document of this schema.
    Document(String),
    /// A body of this media type and schema.
    Other(&'static str, Value),
}

/// One operation of the API.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    method: &'static str,
    path: String,
    id: &'static str,
    summary: &'static str,
    query: Vec<Value>,
    body: Option<Body>,
    answers: Vec<(u16, Shape)>,
    refusals: Vec<u16>,
}

/// A GET.
pub(super) fn get(path: &str, id: &'static str, summary: &'static str) -> Operation {
    Operation::new("get", path, id, summary)
}

/// A POST.
pub(super) fn post(path: &str, id: &'static str, summary: &'static str) -> Operation {
    Operation::new("post", path, id, summary)
}

/// A PUT.
pub(super) fn put(path: &str, id: &'static str, summary: &'static str) -> Operation {
    Operation::new("put", path, id, summary)
}

/// A PATCH.
pub(super) fn patch(path: &str, id: &'static str, summary: &'static str) -> Operation {
    Operation::new("patch", path, id, summary)
}

/// A DELETE.
pub(super) fn delete(path: &str, id: &'static str, summary: &'static str) -> Operation {
    Operation::new("delete", path, id, summary)
}

impl Operation {
    fn new(method: &'static str, path: &str, id: &'static str, summary: &'static str) -> Self {
        Self {
            method,
            path: path.to_owned(),
            id,
            summary,
            query: Vec::new(),
            body: None,
            answers: Vec::new(),
            refusals: Vec::new(),
        }
    }

    /// The method in lower case and the path.
    pub(super) fn key(&self) -> (&'static str, &str) {
        (self.method, &self.path)
    }

    /// Its name.
    #[cfg(test)]
    pub(super) fn id(&self) -> &'static str {
        self.id
    }

    /// It takes these query parameters.
    #[must_use]
    pub(super) fn query(mut self, names: &[&str]) -> Self {
        self.query.extend(names.iter().map(|name| parameter("query", name, &json!({ "type": "string" }))));
        self
    }

    /// It needs these query parameters.
    #[must_use]
    pub(super) fn required_query(mut self, names: &[&str]) -> Self {
        self.query.extend(names.iter().map(|name| {
            let mut needed = parameter("query", name, &json!({ "type": "string" }));
            needed["required"] = json!(true);
            needed
        }));
        self
    }

    /// It answers related resources along with its own when these relations are asked for.
    #[must_use]
    pub(super) fn include(mut self, relations: &[&str]) -> Self {
        let names = json!({ "type": "array", "items": { "type": "string", "enum": relations } });
        let mut include = parameter("query", "include", &names);
        include["style"] = json!("form");
        include["explode"] = json!(false);
        self.query.push(include);
        self
    }

    /// It takes a resource to make.
    #[must_use]
    pub(super) fn takes_new(mut self, kind: &str) -> Self {
        self.body = Some(Body::Document(format!("#/components/schemas/New{}", schema_name(kind))));
        self
    }

    /// It takes changes of a resource.
    #[must_use]
    pub(super) fn takes(mut self, kind: &str) -> Self {
        self.body = Some(Body::Document(format!("{}Change", schema_ref(kind))));
        self
    }

    /// It takes a document with these attributes.
    #[must_use]
    pub(super) fn takes_attributes<const N: usize>(mut self, fields: [Field; N]) -> Self {
        self.body = Some(Body::Attributes(fields.into()));
        self
    }

    /// It takes references to resources.
    #[must_use]
    pub(super) fn takes_references(mut self, kinds: &'static [&'static str]) -> Self {
        self.body = Some(Body::References(kinds));
        self
    }

    /// It takes the reference to one resource.
    #[must_use]
    pub(super) fn takes_references_to_one(mut self, kind: &'static str) -> Self {
        self.body = Some(Body::Relation(kind));
        self
    }

    /// It takes a comment, or nothing.
    #[must_use]
    pub(super) fn takes_words(mut self) -> Self {
        self.body = Some(Body::Words);
        self
    }

    /// It takes a form.
    #[must_use]
    pub(super) fn takes_form<const N: usize>(mut self, fields: [Field; N]) -> Self {
        self.body = Some(Body::Form(fields.into()));
        self
    }

    /// It takes bytes.
    #[must_use]
    pub(super) fn takes_bytes(mut self, media_type: &'static str) -> Self {
        self.body = Some(Body::Bytes(media_type));
        self
    }

    fn answer(mut self, status: u16, shape: Shape) -> Self {
        self.answers.push((status, shape));
        self
    }

    /// 200 with one resource.
    #[must_use]
    pub(super) fn one(self, kind: &str) -> Self {
        self.answer(200, Shape::Document(format!("{}Document", schema_ref(kind))))
    }

    /// 201 with the new resource.
    #[must_use]
    pub(super) fn created(self, kind: &str) -> Self {
        self.answer(201, Shape::Document(format!("{}Document", schema_ref(kind))))
    }

    /// 200 with a page of resources.
    #[must_use]
    pub(super) fn list(mut self, kind: &str) -> Self {
        for (name, most) in [("page[number]", None), ("page[size]", Some(100))] {
            let mut schema = json!({ "type": "integer", "minimum": 1 });
            if let Some(most) = most {
                schema["maximum"] = json!(most);
            }
            self.query.push(parameter("query", name, &schema));
        }
        self.whole_list(kind)
    }

    /// 200 with all resources: the list has one page only.
    #[must_use]
    pub(super) fn whole_list(self, kind: &str) -> Self {
        self.answer(200, Shape::Document(format!("{}List", schema_ref(kind))))
    }

    /// 200 with a list that is always empty, for what this server does not have.
    #[must_use]
    pub(super) fn empty_list(self) -> Self {
        self.answer(200, Shape::Document("#/components/schemas/EmptyList".to_owned()))
    }

    /// 204.
    #[must_use]
    pub(super) fn no_content(self) -> Self {
        self.answer(204, Shape::Nothing)
    }

    /// An answer of this status without a body.
    #[must_use]
    pub(super) fn empty(self, status: u16) -> Self {
        self.answer(status, Shape::Nothing)
    }

    /// An object of plain JSON.
    #[must_use]
    pub(super) fn json<const N: usize>(self, status: u16, fields: [Field; N]) -> Self {
        self.answer(status, Shape::Other("application/json", answered(&fields)))
    }

    /// 200 with plain JSON.
    #[must_use]
    pub(super) fn any_json(self, schema: &Schema) -> Self {
        self.answer(200, Shape::Other("application/json", schema.to_json()))
    }

    /// A body of a media type that is not described further.
    #[must_use]
    pub(super) fn media(self, status: u16, media_type: &'static str) -> Self {
        let schema = if media_type.starts_with("text/") { json!({ "type": "string" }) } else { json!({}) };
        self.answer(status, Shape::Other(media_type, schema))
    }

    /// It may refuse with a status that others of its kind do not have.
    #[must_use]
    pub(super) fn refuses(mut self, status: u16) -> Self {
        self.refusals.push(status);
        self
    }

    /// The operation as OpenAPI has it.
    pub(super) fn to_json(&self, tag: &str, access: Access) -> Value {
        let path = self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let mut parameters: Vec<Value> =
            path.map(|name| parameter("path", name, &json!({ "type": "string", "minLength": 1 }))).collect();
        parameters.extend(self.query.iter().cloned());
        let mut operation = json!({
            "operationId": self.id,
            "summary": self.summary,
            "tags": [tag],
            "responses": self.responses(access),
        });
        if !parameters.is_empty() {
            operation["parameters"] = json!(parameters);
        }
        if let Some(body) = &self.body {
            operation["requestBody"] = body.to_json();
        }
        if matches!(access, Access::Public | Access::Capability) {
            operation["security"] = json!([]);
        }
        operation
    }

    fn responses(&self, access: Access) -> Value {
        let mut all: BTreeMap<String, Value> = BTreeMap::new();
        for status in self.refused(access) {
            let name = refusal(status).0;
            all.insert(status.to_string(), json!({ "$ref": format!("#/components/responses/{name}") }));
        }
        let mut own: Vec<u16> = Vec::new();
        for (status, shape) in &self.answers {
            let response = shape.to_json(*status);
            match all.get_mut(&status.to_string()) {
                // One status may come with several media types.
                Some(there) if own.contains(status) => merge(&mut there["content"], &response["content"]),
                _ => drop(all.insert(status.to_string(), response)),
            }
            own.push(*status);
        }
        json!(all.into_iter().collect::<Map<_, _>>())
    }

    fn refused(&self, access: Access) -> Vec<u16> {
        let mut all = vec![400, 404, 429, 500];
        if !matches!(access, Access::Public | Access::Capability) {
            all.extend([401, 403]);
        }
        if self.method != "get" {
            all.extend([409, 413, 422]);
        }
        all.extend(&self.refusals);
        all
    }
}

fn merge(there: &mut Value, more: &Value) {
    if let (Value::Object(there), Value::Object(more)) = (there, more) {
        there.extend(more.clone());
    }
}

impl Shape {
    fn to_json(&self, status: u16) -> Value {
        let description = match status {
            201 => "It was made.",
            202 => "It was accepted and is carried out soon.",
            204 => "There is nothing to answer.",
            304 => "What the client has is still valid.",
            400..=599 => "It was refused.",
            _ => "It was done.",
        };
        let (media_type, schema) = match self {
            Self::Nothing => return json!({ "description": description }),
            Self::Document(reference) => (MEDIA_TYPE, json!({ "$ref": reference })),
            Self::Other(media_type, schema) => (*media_type, schema.clone()),
        };
        json!({ "description": description, "content": { media_type: { "schema": schema } } })
    }
}

fn parameter(place: &str, name: &str, schema: &Value) -> Value {
    json!({ "name": name, "in": place, "required": place == "path", "schema": schema })
}

/// The name and the description of the response for a refusal.
pub(super) fn refusal(status: u16) -> (&'static str, &'static str) {
    match status {
        400 => ("BadRequest", "The request is not well-formed."),
        401 => ("Unauthorized", "The token is missing, wrong or expired."),
        403 => ("Forbidden", "The token may see this, but not do it."),
        404 => ("NotFound", "Nothing is there, or nothing that the token may see."),
        409 => ("Conflict", "The resource is not in a state that allows this."),
        410 => ("Gone", "It was there and is not any more."),
        412 => ("PreconditionFailed", "The resource is not what the request supposes."),
        413 => ("ContentTooLarge", "The body is too long."),
        422 => ("Unprocessable", "A value of the request is not acceptable."),
        429 => ("TooManyRequests", "The client asks too often."),
        500 => ("Failed", "A part of the server failed."),
        503 => (
            "Unavailable",
            "The place that holds the signing keys, or the database, does not answer; try again soon.",
        ),
        other => unreachable!("no operation refuses with {other}"),
    }
}

/// The statuses that have a shared response.
pub(super) const REFUSALS: [u16; 12] = [400, 401, 403, 404, 409, 410, 412, 413, 422, 429, 500, 503];
