//! What a document may not say, and how it is told.

mod names;
mod requests;
mod settings;
mod templates;
mod tokens;

use super::{ACME, acme};
use crate::adapter::{AdapterDefinition, EnvWhen, SettingUse, TokenUse};

/// Checks what is said about the small adapter with one text replaced.
#[track_caller]
fn check(from: &str, to: &str, expected: &[&str]) {
    assert!(ACME.contains(from), "{from} is not in the document");
    let Err(error) = AdapterDefinition::parse(&ACME.replacen(from, to, 1)) else {
        panic!("{to} is let through");
    };
    assert_eq!(error.to_string().lines().collect::<Vec<_>>(), expected, "{to}");
}

/// Checks that each of these is refused at the same place for the same reason.
#[track_caller]
fn check_each(from: &str, each: &[&str], expected: &str) {
    for to in each {
        check(from, to, &[expected]);
    }
}

/// Checks that the small adapter is still one with one text replaced.
#[track_caller]
fn check_good(from: &str, to: &str) {
    assert!(ACME.contains(from), "{from} is not in the document");
    if let Err(error) = AdapterDefinition::parse(&ACME.replacen(from, to, 1)) {
        panic!("{to} is refused: {error}");
    }
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

#[test]
fn a_document_is_no_longer_than_64_kibibytes() {
    let filled = |length: usize| format!("{ACME}{}\n", "#".repeat(length - ACME.len() - 1));
    assert!(AdapterDefinition::parse(&filled(64 * 1024)).is_ok());
    let error = AdapterDefinition::parse(&filled(64 * 1024 + 1)).expect_err("is longer");
    assert_eq!(error.to_string(), "line 1, column 1: the document is longer than 64 KiB");
}

#[test]
fn everything_that_is_wrong_is_told_at_once_and_in_order() {
    let wrong = ACME
        .replace("name = \"acme\"", "name = \"Acme\"")
        .replace("retries = 3", "retries = inf")
        .replace("title = \"Acme\"", "title = \"\"");
    let error = AdapterDefinition::parse(&wrong).expect_err("has problems");
    let places: Vec<_> = error.problems().iter().map(|one| (one.line, one.column)).collect();
    assert_eq!(places, [(2, 8), (3, 9), (44, 1)]);
}

#[test]
fn columns_are_counted_in_characters() {
    check(
        "headers = { X-Account = ",
        "headers = { \"X-Ä\" = ",
        &["line 56, column 13: a header has 1 to 64 letters, digits and \"-\""],
    );
    check(
        "region = \"{{ setting.region }}\" }",
        "b = \"ÄÖÜ\", region = \"{{ x }}\" }",
        &[concat!(
            "line 51, column 79: \"x\" is no name; there are token, setting.KEY, claim.NAME, answer.KEY, ",
            "file.STEM, run_id, source_url and source_secret",
        )],
    );
}

#[test]
fn deep_documents_are_refused() {
    for deep in [vec!["a"; 5000].join("."), "[".repeat(5000)] {
        assert!(AdapterDefinition::parse(&deep).is_err());
    }
}
