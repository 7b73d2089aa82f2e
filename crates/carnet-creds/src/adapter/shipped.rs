//! The adapters that come with this crate.

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
