//! Which crate may use which: the rows of the architecture, held by what cargo says.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// What each crate may use.
const ALLOWED: &[(&str, &[&str])] = &[
    ("carnet-model", &[]),
    ("carnet-issuer", &["carnet-model"]),
    ("carnet-creds", &["carnet-model"]),
    ("carnet-store", &["carnet-model"]),
    ("carnet-api", &["carnet-model"]),
    ("carnet-trust", &["carnet-model"]),
    (
        "carnet-server",
        &["carnet-api", "carnet-creds", "carnet-issuer", "carnet-model", "carnet-store", "carnet-trust"],
    ),
    ("carnet-agent", &["carnet-api", "carnet-creds", "carnet-model"]),
    (
        "carnet-cli",
        &[
            "carnet-agent",
            "carnet-api",
            "carnet-creds",
            "carnet-issuer",
            "carnet-model",
            "carnet-server",
            "carnet-store",
            "carnet-trust",
        ],
    ),
];

/// Crates that look at the product from outside.
const OUTSIDE: &[&str] = &["carnet-benches", "carnet-tests"];

#[test]
fn every_crate_uses_lower_rows_only() {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata");
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    let mut seen = BTreeSet::new();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        seen.insert(name.to_owned());
        if OUTSIDE.contains(&name) {
            continue;
        }
        let may_use =
            allowed.get(name).unwrap_or_else(|| panic!("{name} stands in no row of the architecture"));
        for dependency in package.dependencies.iter().filter(|one| one.name.starts_with("carnet-")) {
            assert!(
                may_use.contains(&dependency.name.as_str()),
                "{name} must not use {} ({:?} dependency)",
                dependency.name,
                dependency.kind
            );
        }
    }
    for (name, _) in ALLOWED {
        assert!(seen.contains(*name), "{name} is missing from the workspace");
    }
}

#[test]
fn the_server_cannot_exchange_and_the_agent_cannot_mint() {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata");
    for package in metadata.workspace_packages() {
        for dependency in package.dependencies.iter().filter(|one| one.kind == DependencyKind::Normal) {
            match (package.name.as_str(), dependency.name.as_str()) {
                ("carnet-server", "carnet-creds") => {
                    assert!(!dependency.features.iter().any(|feature| feature == "exchange"));
                    assert!(!dependency.uses_default_features || dependency.features.is_empty());
                }
                ("carnet-agent", "carnet-issuer" | "carnet-store") => panic!("the agent could mint"),
                _ => {}
            }
        }
    }
}
