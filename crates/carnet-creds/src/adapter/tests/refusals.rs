//! What a document may not say, and how it is told.

use super::{ACME, acme};
use crate::adapter::{AdapterDefinition, EnvWhen, SettingUse, TokenUse};

/// Checks what is said about the small adapter with one text replaced.
#[track_caller]
fn check(from: &str, to: &str, expected: &[&str]) {
    assert!(ACME.contains(from), "{from} is not in the document");
    let error = AdapterDefinition::parse(&ACME.replacen(from, to, 1)).expect_err("has problems");
    assert_eq!(error.to_string().lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_document_is_read() {
    let acme = acme();
    let settings: Vec<_> = acme.settings().iter().map(|one| (one.key.as_str(), one.purpose)).collect();
    let expected = [
        ("enable", SettingUse::Enable),
        ("audience", SettingUse::Audience),
        ("account", SettingUse::Value),
        ("role", SettingUse::Value),
        ("region", SettingUse::Value),
    ];
    assert_eq!(settings, expected);
    let role = acme.setting("role").expect("is there");
    let names: Vec<_> = role.variables().collect();
    assert_eq!(names, ["TFC_ACME_RUN_ROLE", "TFC_ACME_PLAN_ROLE", "TFC_ACME_APPLY_ROLE"]);
    assert_eq!((acme.name(), acme.title(), acme.token_use()), ("acme", "Acme", TokenUse::Login));
    let env: Vec<_> = acme.env().collect();
    let expected = [
        ("ACME_TOKEN", EnvWhen::Alone),
        ("ACME_REGION", EnvWhen::BesideAliases),
        ("ACME_CONFIG", EnvWhen::Always),
    ];
    assert_eq!(env, expected);
    assert_eq!(acme.variable(), Some("tfc_acme_dynamic_credentials"));
    assert_eq!(acme.role(), Some("role"));
    assert!(!acme.needs_token_source());
}

#[test]
fn what_is_no_toml_is_told_with_its_place() {
    check(
        "title = \"Acme\"",
        "title = ",
        &["line 3, column 9: string values must be quoted, expected literal string"],
    );
}

#[test]
fn unknown_keys_are_told() {
    let keys = "`name`, `title`, `source`, `note`, `token`, `role`, `settings`, `env`, `files`, `variable`, `rivals`, \
                `exchange`";
    let expected = format!("line 6, column 1: unknown field `rolle`, expected one of {keys}");
    check("role = \"role\"", "rolle = \"role\"", &[&expected]);
}
