//! A type of resources and the schemas of its documents.

use serde_json::{Map, Value, json};

use super::schema::{Field, answered, written};

/// A relation to other resources.
#[derive(Debug, Clone)]
struct Relation {
    name: &'static str,
    kinds: &'static [&'static str],
    form: Form,
    is_optional: bool,
    is_writable: bool,
}

/// What a relation holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// One resource or none.
    One,
    /// A list of resources.
    Many,
    /// An address only.
    Address,
    /// An address, and a list of resources where they are included.
    Either,
}

/// A type of resources: its attributes and its relations.
#[derive(Debug, Clone)]
pub(super) struct ResourceType {
    kind: &'static str,
    attributes: Vec<Field>,
    relations: Vec<Relation>,
}

impl ResourceType {
    /// A type with these attributes.
    pub(super) fn new<const N: usize>(kind: &'static str, attributes: [Field; N]) -> Self {
        Self { kind, attributes: attributes.into(), relations: Vec::new() }
    }

    /// It has further attributes.
    #[must_use]
    pub(super) fn and<const N: usize>(mut self, attributes: [Field; N]) -> Self {
        self.attributes.extend(attributes);
        self
    }

    fn relation(mut self, name: &'static str, kinds: &'static [&'static str], form: Form) -> Self {
        self.relations.push(Relation { name, kinds, form, is_optional: false, is_writable: false });
        self
    }

    /// It has a relation to one resource or none.
    #[must_use]
    pub(super) fn one(self, name: &'static str, kinds: &'static [&'static str]) -> Self {
        self.relation(name, kinds, Form::One)
    }

    /// It has a relation to a list of resources.
    #[must_use]
    pub(super) fn many(self, name: &'static str, kinds: &'static [&'static str]) -> Self {
        self.relation(name, kinds, Form::Many)
    }

    /// It has a relation of which only the address is told.
    #[must_use]
    pub(super) fn address(self, name: &'static str) -> Self {
        self.relation(name, &[], Form::Address)
    }

    /// It has a relation to a list of resources, which is told only where they are included.
    #[must_use]
    pub(super) fn many_or_address(self, name: &'static str, kinds: &'static [&'static str]) -> Self {
        self.relation(name, kinds, Form::Either)
    }

    /// The relation that was added last is left out of some answers.
    #[must_use]
    pub(super) fn optional(mut self) -> Self {
        if let Some(relation) = self.relations.last_mut() {
            relation.is_optional = true;
        }
        self
    }

    /// Clients may write the relation that was added last.
    #[must_use]
    pub(super) fn writable(mut self) -> Self {
        if let Some(relation) = self.relations.last_mut() {
            relation.is_writable = true;
        }
        self
    }

    /// The type as it stands in documents.
    pub(super) fn kind(&self) -> &'static str {
        self.kind
    }

    /// The schemas of its documents, by name.
    pub(super) fn schemas(&self) -> Vec<(String, Value)> {
        let name = schema_name(self.kind);
        vec![
            (format!("{name}Document"), self.document()),
            (format!("{name}List"), self.list()),
            (format!("{name}Change"), self.input(false)),
            (format!("New{name}"), self.input(true)),
            (name, self.resource()),
        ]
    }

    fn resource(&self) -> Value {
        let mut required = vec!["id", "type", "attributes"];
        let mut properties = json!({
            "id": { "type": "string", "minLength": 1 },
            "type": { "type": "string", "enum": [self.kind] },
            "attributes": answered(&self.attributes),
            "links": { "$ref": "#/components/schemas/Links" },
        });
        if !self.relations.is_empty() {
            properties["relationships"] = self.relationships();
            if self.relations.iter().any(|relation| !relation.is_optional) {
                required.push("relationships");
            }
        }
        json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
    }

    fn relationships(&self) -> Value {
        let properties: Map<String, Value> =
            self.relations.iter().map(|relation| (relation.name.to_owned(), relation.schema())).collect();
        let required: Vec<&str> = self
            .relations
            .iter()
            .filter(|relation| !relation.is_optional)
            .map(|relation| relation.name)
            .collect();
        let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema
    }

    fn document(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "data": { "$ref": schema_ref(self.kind) },
                "included": { "$ref": "#/components/schemas/Included" },
                "meta": { "$ref": "#/components/schemas/Remarks" },
            },
            "required": ["data"],
            "additionalProperties": false,
        })
    }

    fn list(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "data": { "type": "array", "items": { "$ref": schema_ref(self.kind) } },
                "included": { "$ref": "#/components/schemas/Included" },
                "links": { "$ref": "#/components/schemas/Links" },
                "meta": { "$ref": "#/components/schemas/ListMeta" },
            },
            "required": ["data", "links", "meta"],
            "additionalProperties": false,
        })
    }

    fn input(&self, is_new: bool) -> Value {
        let mut properties = json!({
            "type": { "type": "string", "enum": [self.kind] },
            "attributes": written(&self.attributes, is_new),
        });
        let relations: Map<String, Value> = self
            .relations
            .iter()
            .filter(|relation| relation.is_writable)
            .map(|relation| (relation.name.to_owned(), relation.input()))
            .collect();
        if !relations.is_empty() {
            properties["relationships"] = json!({ "type": "object", "properties": relations });
        }
        let data = json!({ "type": "object", "properties": properties, "required": ["type", "attributes"] });
        json!({ "type": "object", "properties": { "data": data }, "required": ["data"] })
    }
}

impl Relation {
    fn schema(&self) -> Value {
        let data = match self.form {
            Form::Address => {
                return json!({
                    "type": "object",
                    "properties": { "links": { "$ref": "#/components/schemas/Links" } },
                    "required": ["links"],
                    "additionalProperties": false,
                });
            }
            Form::One => {
                let mut one = self.identifier();
                one["type"] = json!(["object", "null"]);
                one
            }
            Form::Many | Form::Either => json!({ "type": "array", "items": self.identifier() }),
        };
        let required: &[&str] = if self.form == Form::Either { &[] } else { &["data"] };
        json!({
            "type": "object",
            "properties": { "data": data, "links": { "$ref": "#/components/schemas/Links" } },
            "required": required,
            "additionalProperties": false,
        })
    }

    fn identifier(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "id": { "type": "string", "minLength": 1 },
                "type": { "type": "string", "enum": self.kinds },
            },
            "required": ["id", "type"],
            "additionalProperties": false,
        })
    }

    fn input(&self) -> Value {
        let mut one = self.identifier();
        one["properties"]["attributes"] = json!({ "type": "object" });
        one["additionalProperties"] = json!(true);
        one["required"] = json!(["type"]);
        let data = match self.form {
            Form::Many | Form::Either => json!({ "type": "array", "items": one }),
            Form::One | Form::Address => {
                one["type"] = json!(["object", "null"]);
                one
            }
        };
        json!({ "type": "object", "properties": { "data": data }, "required": ["data"] })
    }
}

/// The name of the schema of a type: `state-versions` becomes `StateVersion`.
pub(super) fn schema_name(kind: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>())
    };
    singular(kind).split('-').filter_map(capital).collect()
}

/// The name of one resource of a type: `policies` becomes `policy`.
pub(super) fn singular(kind: &str) -> String {
    match kind {
        kind if kind.ends_with("ies") => format!("{}y", kind.trim_end_matches("ies")),
        kind if kind.ends_with("access") => kind.to_owned(),
        kind => kind.strip_suffix('s').unwrap_or(kind).to_owned(),
    }
}

/// The reference to the schema of a type.
pub(super) fn schema_ref(kind: &str) -> String {
    format!("#/components/schemas/{}", schema_name(kind))
}
