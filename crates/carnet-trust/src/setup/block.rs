//! Blocks of a Terraform configuration, as data.

use super::text::Value;

/// A block: `KIND "LABEL" "LABEL" { ... }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// `resource`, `data`, `variable`, `oidc` ...
    pub kind: &'static str,
    /// Its labels, such as the resource's type and name.
    pub labels: Vec<String>,
    /// What is said above it.
    pub comment: Vec<String>,
    /// What is in it.
    pub body: Vec<Entry>,
}

/// What stands in a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// `NAME = VALUE`.
    Attribute(&'static str, Value),
    /// A block in the block.
    Block(Block),
}

impl Block {
    /// A block without labels.
    pub fn new(kind: &'static str) -> Self {
        Self { kind, labels: Vec::new(), comment: Vec::new(), body: Vec::new() }
    }

    /// A block with one label.
    pub fn labelled(kind: &'static str, label: impl Into<String>) -> Self {
        Self { labels: vec![label.into()], ..Self::new(kind) }
    }

    /// A managed resource.
    pub fn resource(resource_type: &str, name: impl Into<String>) -> Self {
        Self { labels: vec![resource_type.to_owned(), name.into()], ..Self::new("resource") }
    }

    /// A data source.
    pub fn data(resource_type: &str, name: impl Into<String>) -> Self {
        Self { labels: vec![resource_type.to_owned(), name.into()], ..Self::new("data") }
    }

    /// The block with an attribute.
    pub fn set(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.body.push(Entry::Attribute(name, value.into()));
        self
    }

    /// The block with an attribute, if there is a value.
    pub fn set_some(self, name: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.set(name, value),
            None => self,
        }
    }

    /// The block with a block in it.
    pub fn nested(mut self, block: Block) -> Self {
        self.body.push(Entry::Block(block));
        self
    }

    /// The block with a line above it.
    pub fn comment(mut self, line: impl Into<String>) -> Self {
        self.comment.push(line.into());
        self
    }
}
