//! The adapters that come with this crate, and those that stand beside them or in their place.

use std::sync::{Arc, LazyLock};

use super::definition::AdapterDefinition;

/// An adapter that comes with this crate.
#[derive(Debug, Clone, PartialEq)]
pub struct ShippedAdapter {
    /// The document, which can be changed and used instead.
    pub document: &'static str,
    /// What it says.
    pub definition: AdapterDefinition,
}

const DOCUMENTS: [&str; 10] = [
    include_str!("../../adapters/alibaba_cloud.toml"),
    include_str!("../../adapters/artifactory.toml"),
    include_str!("../../adapters/cloudflare.toml"),
    include_str!("../../adapters/databricks.toml"),
    include_str!("../../adapters/datadog.toml"),
    include_str!("../../adapters/github_style.toml"),
    include_str!("../../adapters/ibm.toml"),
    include_str!("../../adapters/oracle.toml"),
    include_str!("../../adapters/snowflake.toml"),
    include_str!("../../adapters/tailscale.toml"),
];

/// The adapters that come with this crate, in the order of their names.
pub fn shipped() -> Vec<ShippedAdapter> {
    // A test parses every one of them.
    let parsed =
        |document| Some(ShippedAdapter { document, definition: AdapterDefinition::parse(document).ok()? });
    DOCUMENTS.into_iter().filter_map(parsed).collect()
}

static SHIPPED: LazyLock<Vec<Arc<AdapterDefinition>>> =
    LazyLock::new(|| shipped().into_iter().map(|one| Arc::new(one.definition)).collect());

/// Those that come with this crate and those that are given, in the order of their names. One that is given takes the place of
/// every other that has its name or one of its variables.
pub fn with_shipped(given: impl IntoIterator<Item = Arc<AdapterDefinition>>) -> Vec<Arc<AdapterDefinition>> {
    let mut adapters = SHIPPED.clone();
    for adapter in given {
        adapters.retain(|other| other.name() != adapter.name() && other.clash(&adapter).is_none());
        adapters.push(adapter);
    }
    adapters.sort_by(|one, other| one.name().cmp(other.name()));
    adapters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_is_one_and_stands_beside_the_others() {
        for document in DOCUMENTS {
            if let Err(error) = AdapterDefinition::parse(document) {
                panic!("{document}\n{error}");
            }
        }
        let shipped = shipped();
        let names: Vec<&str> = shipped.iter().map(|one| one.definition.name()).collect();
        assert!(names.is_sorted(), "{names:?}");
        for (position, one) in shipped.iter().enumerate() {
            for other in &shipped[position + 1..] {
                assert_eq!(one.definition.clash(&other.definition), None);
            }
        }
    }
}
