use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::setup::{FAMILIES, FamilyOptions, OptionField, OptionKind, option_fields};

fn value(field: &OptionField) -> Value {
    match field.kind {
        OptionKind::Text => json!("x"),
        OptionKind::List => json!(["x"]),
        OptionKind::Flag => json!(true),
    }
}

#[test]
fn every_option_is_asked_for_as_what_it_is() {
    for family in FAMILIES {
        let fields = option_fields(family);
        let names: BTreeSet<&str> = fields.iter().map(|field| field.name).collect();
        assert_eq!(names.len(), fields.len(), "{family} asks twice for one option");
        let all: Map<String, Value> =
            fields.iter().map(|field| (field.name.to_owned(), value(field))).collect();
        FamilyOptions::parse(family, all.into()).unwrap_or_else(|error| panic!("{family}: {error}"));
    }
}

#[test]
fn no_option_is_left_out() {
    for family in FAMILIES {
        let names: BTreeSet<String> =
            option_fields(family).iter().map(|field| field.name.to_owned()).collect();
        let error = FamilyOptions::parse(family, json!({ "no-such-option": 1 })).expect_err("unknown");
        // Options of Vault that belong to an engine, too, are not listed by the reader.
        let Some((_, listed)) = error.split_once("expected one of ") else {
            assert!(family.starts_with("vault-"), "{family}: {error}");
            continue;
        };
        let known: BTreeSet<String> = listed.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        assert_eq!(names, known, "{family}");
    }
}

#[test]
fn trust_through_vault_is_asked_for_with_what_vault_needs() {
    let vault = option_fields("vault");
    for family in ["vault-aws", "vault-azure", "vault-gcp"] {
        let fields = option_fields(family);
        assert!(fields.starts_with(&vault) && fields.len() > vault.len(), "{family}");
    }
    assert!(option_fields("ibm").is_empty());
}
