//! The description of the API as an OpenAPI 3.1 document.
//!
//! The table of routes is the list of operations; the files in [`resources`] say of each what it takes and answers, and
//! what the resources look like. Every answer of the tests is held against it.

mod body;
mod components;
mod operation;
mod resource;
mod resources;
mod schema;

#[cfg(test)]
pub(crate) mod conformance;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use self::components::components;
use self::operation::Operation;
use self::resource::ResourceType;
use crate::route::{Access, Routes};

/// Where the document is served.
const PATH: &str = "/api/v2/openapi.json";

pub(crate) fn routes() -> Routes {
    Routes::default().get(PATH, Access::Public, serve)
}

static BYTES: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(document().to_string()));

async fn serve() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], BYTES.clone()).into_response()
}

/// The operations and the types of one part of the API.
#[derive(Debug)]
struct Family {
    tag: &'static str,
    description: &'static str,
    types: Vec<ResourceType>,
    operations: Vec<Operation>,
}

impl Family {
    fn new(tag: &'static str, description: &'static str) -> Self {
        Self { tag, description, types: Vec::new(), operations: Vec::new() }
    }

    /// Adds a type of resources.
    fn with(mut self, kind: ResourceType) -> Self {
        self.types.push(kind);
        self
    }

    /// Adds operations.
    fn operations<const N: usize>(mut self, operations: [Operation; N]) -> Self {
        self.operations.extend(operations);
        self
    }
}

/// The document.
pub(crate) fn document() -> Value {
    let families = resources::families();
    let access: BTreeMap<(String, String), Access> = crate::routes()
        .into_iter()
        .map(|route| ((route.method.as_str().to_ascii_lowercase(), route.path), route.access))
        .collect();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for family in &families {
        for operation in &family.operations {
            let (method, path) = operation.key();
            let access = access.get(&(method.to_owned(), path.to_owned())).copied();
            let described = operation.to_json(family.tag, access.unwrap_or(Access::User));
            paths.entry(path).or_default().insert(method.to_owned(), described);
        }
    }
    let tags: Vec<Value> = families
        .iter()
        .map(|family| json!({ "name": family.tag, "description": family.description }))
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Carnet",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The API of HCP Terraform as Carnet answers it, and what is Carnet's own.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "This server" }],
        "security": [{ "token": [] }],
        "tags": tags,
        "paths": paths,
        "components": components(families.iter().flat_map(|family| &family.types)),
    })
}
