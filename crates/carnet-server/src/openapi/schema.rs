//! What the values of documents look like, as JSON Schema 2020-12.

use serde_json::{Map, Value, json};

/// A type of JSON values.
#[derive(Debug, Clone)]
pub(super) enum Schema {
    /// Any text.
    Text,
    /// A moment, RFC 3339.
    Time,
    /// A whole number.
    Whole,
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// Any value.
    Anything,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of such values.
    List(Box<Schema>),
    /// An object with any names and such values.
    Map(Box<Schema>),
    /// An object with these fields and no others.
    Object(Vec<Field>),
}

impl Schema {
    /// The same as JSON Schema.
    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Text => json!({ "type": "string" }),
            Self::Time => json!({ "type": "string", "format": "date-time" }),
            Self::Whole => json!({ "type": "integer" }),
            Self::Number => json!({ "type": "number" }),
            Self::Boolean => json!({ "type": "boolean" }),
            Self::Anything => json!({}),
            Self::Choice(words) => json!({ "type": "string", "enum": words }),
            Self::List(item) => json!({ "type": "array", "items": item.to_json() }),
            Self::Map(value) => json!({ "type": "object", "additionalProperties": value.to_json() }),
            Self::Object(fields) => answered(fields),
        }
    }

    fn or_null(&self) -> Value {
        let mut schema = self.to_json();
        if let Some(kind) = schema.get("type").cloned() {
            schema["type"] = json!([kind, "null"]);
        }
        if let Some(Value::Array(words)) = schema.get_mut("enum") {
            words.push(Value::Null);
        }
        schema
    }
}

/// Who gives a field its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    /// The server: clients only read it.
    Read,
    /// Clients: they may write it and read it back.
    Both,
    /// Clients: it is never answered.
    Write,
}

/// A named value of an object.
#[derive(Debug, Clone)]
pub(super) struct Field {
    name: &'static str,
    schema: Schema,
    is_nullable: bool,
    is_optional: bool,
    is_demanded: bool,
    direction: Direction,
}

impl Field {
    fn new(name: &'static str, schema: Schema) -> Self {
        Self {
            name,
            schema,
            is_nullable: false,
            is_optional: false,
            is_demanded: false,
            direction: Direction::Read,
        }
    }

    /// It may be null.
    #[must_use]
    pub(super) fn nullable(mut self) -> Self {
        self.is_nullable = true;
        self
    }

    /// It is left out of some answers.
    #[must_use]
    pub(super) fn optional(mut self) -> Self {
        self.is_optional = true;
        self
    }

    /// Clients may write it.
    #[must_use]
    pub(super) fn writable(mut self) -> Self {
        self.direction = Direction::Both;
        self
    }

    /// Clients may write it, and it is never answered.
    #[must_use]
    pub(super) fn write_only(mut self) -> Self {
        self.direction = Direction::Write;
        self
    }

    /// Clients must write it to make the resource.
    #[must_use]
    pub(super) fn demanded(mut self) -> Self {
        if self.direction == Direction::Read {
            self.direction = Direction::Both;
        }
        self.is_demanded = true;
        self
    }

    fn schema(&self) -> Value {
        if self.is_nullable { self.schema.or_null() } else { self.schema.to_json() }
    }
}

/// A field of text.
pub(super) fn text(name: &'static str) -> Field {
    Field::new(name, Schema::Text)
}

/// A field that is a moment.
pub(super) fn time(name: &'static str) -> Field {
    Field::new(name, Schema::Time)
}

/// A field that is a whole number.
pub(super) fn whole(name: &'static str) -> Field {
    Field::new(name, Schema::Whole)
}

/// A field that is a number.
pub(super) fn number(name: &'static str) -> Field {
    Field::new(name, Schema::Number)
}

/// A field that is true or false.
pub(super) fn flag(name: &'static str) -> Field {
    Field::new(name, Schema::Boolean)
}

/// A field that may be anything.
pub(super) fn anything(name: &'static str) -> Field {
    Field::new(name, Schema::Anything)
}

/// A field that is one of some words.
pub(super) fn choice(name: &'static str, words: &'static [&'static str]) -> Field {
    Field::new(name, Schema::Choice(words))
}

/// A field that is a list.
pub(super) fn list(name: &'static str, item: Schema) -> Field {
    Field::new(name, Schema::List(Box::new(item)))
}

/// A field that is a list of texts.
pub(super) fn texts(name: &'static str) -> Field {
    list(name, Schema::Text)
}

/// A field that is an object with any names.
pub(super) fn map(name: &'static str, value: Schema) -> Field {
    Field::new(name, Schema::Map(Box::new(value)))
}

/// A field that is an object.
pub(super) fn object<const N: usize>(name: &'static str, fields: [Field; N]) -> Field {
    Field::new(name, Schema::Object(fields.into()))
}

/// A field that is an object of truths: permissions and the like.
pub(super) fn flags(name: &'static str, names: &[&'static str]) -> Field {
    Field::new(name, Schema::Object(names.iter().copied().map(flag).collect()))
}

/// The schema of an answered object.
pub(super) fn answered(fields: &[Field]) -> Value {
    let there = fields.iter().filter(|field| field.direction != Direction::Write);
    let required: Vec<&str> =
        there.clone().filter(|field| !field.is_optional).map(|field| field.name).collect();
    let properties: Map<String, Value> = there.map(|field| (field.name.to_owned(), field.schema())).collect();
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// The schema of an object that clients write; what is not known is passed over.
pub(super) fn written(fields: &[Field], is_new: bool) -> Value {
    let there = fields.iter().filter(|field| field.direction != Direction::Read);
    let required: Vec<&str> =
        there.clone().filter(|field| is_new && field.is_demanded).map(|field| field.name).collect();
    let properties: Map<String, Value> = there.map(|field| (field.name.to_owned(), field.schema())).collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}
