//! JSON:API documents (<https://jsonapi.org/format/1.0/>) in the dialect that Terraform's clients speak.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The media type of every JSON:API body.
pub const MEDIA_TYPE: &str = "application/vnd.api+json";

/// A reference to a resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identifier {
    /// The id; clients may leave it out where a resource is made in place.
    #[serde(default)]
    pub id: String,
    /// The type, in plural.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Attributes of a resource that is made together with its parent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Value>,
}

impl Identifier {
    /// Refers to a resource by type and id.
    pub fn new(kind: &str, id: impl std::fmt::Display) -> Self {
        Self { id: id.to_string(), kind: kind.to_owned(), attributes: None }
    }
}

/// One resource of a response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resource {
    /// The id.
    pub id: String,
    /// The type, in plural.
    #[serde(rename = "type")]
    pub kind: String,
    /// The attributes, kebab-case.
    pub attributes: Value,
    /// The relations, kebab-case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub relationships: BTreeMap<String, Value>,
    /// The links.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub links: BTreeMap<String, Value>,
}

impl Resource {
    /// Makes a resource without relations and links.
    pub fn new(kind: &str, id: impl std::fmt::Display, attributes: Value) -> Self {
        Self {
            id: id.to_string(),
            kind: kind.to_owned(),
            attributes,
            relationships: BTreeMap::new(),
            links: BTreeMap::new(),
        }
    }

    /// Adds a relation to one resource, or to none.
    #[must_use]
    pub fn to_one(mut self, name: &str, kind: &str, id: Option<impl std::fmt::Display>) -> Self {
        let data = id.map(|id| Identifier::new(kind, id));
        self.relationships.insert(name.to_owned(), serde_json::json!({ "data": data }));
        self
    }

    /// Adds a relation to several resources of one type.
    #[must_use]
    pub fn to_many<I: std::fmt::Display>(
        mut self,
        name: &str,
        kind: &str,
        ids: impl IntoIterator<Item = I>,
    ) -> Self {
        let data: Vec<Identifier> = ids.into_iter().map(|id| Identifier::new(kind, id)).collect();
        self.relationships.insert(name.to_owned(), serde_json::json!({ "data": data }));
        self
    }

    /// Adds a link.
    #[must_use]
    pub fn link(mut self, name: &str, url: impl Into<String>) -> Self {
        self.links.insert(name.to_owned(), Value::String(url.into()));
        self
    }
}

/// A response that holds one resource.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Document {
    /// The resource.
    pub data: Resource,
    /// Related resources, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub included: Vec<Resource>,
}

/// A response that holds a page of resources.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListDocument {
    /// The resources.
    pub data: Vec<Resource>,
    /// Related resources, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub included: Vec<Resource>,
    /// The links between pages.
    pub links: BTreeMap<String, Value>,
    /// The page's place in the whole.
    pub meta: ListMeta,
}

/// The `meta` of a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListMeta {
    /// The page's place in the whole.
    pub pagination: Pagination,
}

/// A page's place in the whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Pagination {
    /// The page, from 1.
    pub current_page: u64,
    /// How many resources a page holds.
    pub page_size: u64,
    /// The page before.
    pub prev_page: Option<u64>,
    /// The page after.
    pub next_page: Option<u64>,
    /// How many pages there are.
    pub total_pages: u64,
    /// How many resources there are.
    pub total_count: u64,
}

/// A wanted page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The page, from 1.
    pub number: u64,
    /// How many resources a page holds, 1 to 100.
    pub size: u64,
}

impl Page {
    /// How many resources stand before this page.
    pub fn offset(self) -> u64 {
        (self.number - 1).saturating_mul(self.size)
    }

    /// The page's place in a list of `total` resources.
    pub fn of(self, total: u64) -> Pagination {
        let total_pages = total.div_ceil(self.size).max(1);
        Pagination {
            current_page: self.number,
            page_size: self.size,
            prev_page: (self.number > 1).then(|| self.number - 1),
            next_page: (self.number < total_pages).then(|| self.number + 1),
            total_pages,
            total_count: total,
        }
    }
}

/// The body of an error response.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Errors {
    /// What went wrong.
    pub errors: Vec<ErrorObject>,
}

/// One thing that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorObject {
    /// The HTTP status, as text.
    #[serde(default)]
    pub status: String,
    /// What kind of thing.
    #[serde(default)]
    pub title: String,
    /// What exactly, and the way out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Which part of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<ErrorSource>,
}

/// The part of a request that an error is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorSource {
    /// A JSON pointer into the body.
    pub pointer: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_knows_its_neighbours() {
        let middle = Page { number: 2, size: 20 }.of(41);
        assert_eq!((middle.prev_page, middle.next_page, middle.total_pages), (Some(1), Some(3), 3));
        let past = Page { number: 9, size: 20 }.of(41);
        assert_eq!((past.current_page, past.next_page, past.total_count), (9, None, 41));
        assert_eq!(Page { number: 1, size: 20 }.of(0).total_pages, 1);
    }
}
