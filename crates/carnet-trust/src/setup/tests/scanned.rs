//! What is written is narrow, and what is asked to be wide is found to be.

use super::super::{FAMILIES, Scope, TrustRequest};
use super::{json, request};
use crate::scan::{printed, scan};

/// The rules that a scan of everything written names, and how many policies there are.
fn scanned(request: &TrustRequest) -> (usize, Vec<&'static str>) {
    let policies = printed(&json(request));
    let found = policies.iter().flat_map(|(name, family, trust)| {
        scan(*family, trust).unwrap_or_else(|error| panic!("{name}: {error}"))
    });
    (policies.len(), found.map(|one| one.rule).collect())
}

#[test]
fn exact_trust_of_every_family_is_narrow() {
    for family in FAMILIES {
        let (count, found) = scanned(&request(family, serde_json::Value::Null));
        // Nobody knows how these two judge conditions.
        let expected = usize::from(!matches!(family, "hcp" | "tencentcloud"));
        assert!(count >= expected, "{family}: {count}");
        assert!(found.is_empty(), "{family}: {found:?}");
    }
}

#[test]
fn wide_trust_is_found_in_every_family_that_writes_it() {
    for family in ["aws", "gcp", "vault", "kubernetes", "vault-aws"] {
        for (scope, rule) in
            [(Scope::Project, "workspace-wildcard"), (Scope::Organization, "project-wildcard")]
        {
            let mut wide = request(family, serde_json::Value::Null);
            wide.scope = scope;
            wide.workspace = None;
            let (_, found) = scanned(&wide);
            assert!(found.contains(&rule), "{family} {scope:?}: {found:?}");
        }
    }
}
