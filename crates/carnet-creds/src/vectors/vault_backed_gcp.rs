//! Vectors of Google credentials that are read from Vault.

use base64::{Engine, prelude::BASE64_STANDARD};
use carnet_model::Phase::Plan;
use secrecy::ExposeSecret;

use super::{
    check, check_problems, check_warnings, injected, injected_with, resolved,
    vault_backed::{paths, with_vault},
};
use crate::credential::Credential;

const ON: (&str, &str) = ("TFC_VAULT_BACKED_GCP_AUTH", "true");
const ROLESET: (&str, &str) = ("TFC_VAULT_BACKED_GCP_RUN_VAULT_ROLESET", "s");
const STATIC_ACCOUNT: (&str, &str) = ("TFC_VAULT_BACKED_GCP_RUN_VAULT_STATIC_ACCOUNT", "s");
const KEY_FILE: &str = r#"{"type":"service_account","private_key":"-----BEGIN"}"#;

fn auth_type(value: &str) -> (&str, &str) {
    ("TFC_VAULT_BACKED_GCP_AUTH_TYPE", value)
}

#[test]
fn vector_47_an_access_token_is_handed_over_as_a_path() {
    let variables = with_vault(&[ON, auth_type("roleset/access_token"), ROLESET]);
    check(
        Plan,
        &variables,
        &[
            "env GOOGLE_OAUTH_ACCESS_TOKEN=P(token)",
            "env TERRAFORM_VAULT_SKIP_CHILD_TOKEN=true",
            "env VAULT_ADDR=https://v",
            "env VAULT_TOKEN=J(vault.workload.identity)",
            "file tfc-vault-backed-gcp-access-token=P(token)",
            "file tfc-vault-token=J(vault.workload.identity)",
            r#"var tfc_vault_backed_gcp_dynamic_credentials={"default":{"credentials":null,"access_token":"/h/tfc-vault-backed-gcp-access-token"},"aliases":{}}"#,
            r#"var tfc_vault_dynamic_credentials={"default":{"token_filename":"/h/tfc-vault-token","address":"https://v","namespace":"","ca_cert_file":""},"aliases":{}}"#,
        ],
    );
    assert_eq!(paths(Plan, &[ON, auth_type("roleset/access_token"), ROLESET]), ["gcp/roleset/s/token"]);
}

#[test]
fn vector_48_a_key_is_decoded_into_a_file() {
    let variables = [
        ("TFC_VAULT_BACKED_GCP_AUTH_K", "true"),
        ("TFC_VAULT_BACKED_GCP_AUTH_TYPE_K", "static_account/service_account_key"),
        ("TFC_VAULT_BACKED_GCP_RUN_VAULT_STATIC_ACCOUNT_K", "s"),
    ];
    assert_eq!(paths(Plan, &variables), ["gcp/static-account/s/key"]);
    let resolution = resolved(Plan, &with_vault(&variables), &[]).expect("resolves");
    let injection = injected_with(&resolution, |credential| {
        for part in credential.parts.values_mut() {
            *part = BASE64_STANDARD.encode(KEY_FILE).into();
        }
    });
    let file = injection.files.iter().find(|file| file.name.ends_with("-K")).expect("has the file");
    assert_eq!(file.name, "tfc-vault-backed-gcp-credentials.json-K");
    assert_eq!(file.content.expose_secret(), KEY_FILE);
    assert_eq!(
        injection.variables["tfc_vault_backed_gcp_dynamic_credentials"],
        r#"{"default":null,"aliases":{"K":{"credentials":"/h/tfc-vault-backed-gcp-credentials.json-K","access_token":null}}}"#
    );
    assert!(!injection.env.keys().any(|name| name.starts_with("GOOGLE_")));
    let is_hidden = |text: &str| injection.secrets.iter().any(|secret| secret.expose_secret() == text);
    assert!(is_hidden("-----BEGIN") && is_hidden(KEY_FILE), "no log shows the key, in whatever form");
}

#[test]
fn the_type_says_what_is_read() {
    let roleset = |value| paths(Plan, &[ON, auth_type(value), ROLESET]);
    let static_account = |value| paths(Plan, &[ON, auth_type(value), STATIC_ACCOUNT]);
    assert_eq!(roleset("roleset/service_account_key"), ["gcp/roleset/s/key"]);
    assert_eq!(static_account("static_account/access_token"), ["gcp/static-account/s/token"]);
    check_problems(
        Plan,
        &with_vault(&[ON, auth_type("roleset"), ROLESET]),
        &[
            "E3 configuration for Vault-backed GCP is invalid: TFC_VAULT_BACKED_GCP_AUTH_TYPE must be one of: \
           roleset/access_token, roleset/service_account_key, static_account/access_token, \
           static_account/service_account_key (got \"roleset\")",
        ],
    );
}

#[test]
fn the_name_must_be_of_the_kind_that_is_read() {
    let variables = with_vault(&[ON, auth_type("static_account/access_token"), ROLESET]);
    let problems = resolved(Plan, &variables, &[]).expect_err("has problems");
    assert!(
        problems[0].to_string().contains("missing required value(s): Vault static account"),
        "{problems:?}"
    );
    check_warnings(
        Plan,
        &with_vault(&[ON, auth_type("roleset/access_token"), ROLESET, STATIC_ACCOUNT]),
        &[
            "W16 Vault-backed GCP: TFC_VAULT_BACKED_GCP_RUN_VAULT_STATIC_ACCOUNT is ignored: the authentication type is \
           roleset/access_token",
        ],
    );
}

#[test]
fn a_key_serves_as_the_default_beside_aliases_and_a_token_does_not() {
    let alias = [
        ("TFC_VAULT_BACKED_GCP_AUTH_B", "true"),
        ("TFC_VAULT_BACKED_GCP_AUTH_TYPE_B", "roleset/access_token"),
        ("TFC_VAULT_BACKED_GCP_RUN_VAULT_ROLESET_B", "b"),
    ];
    let env = |value: &str| {
        let variables = with_vault(&[&[ON, auth_type(value), ROLESET][..], &alias].concat());
        let injection = injected(&resolved(Plan, &variables, &[]).expect("resolves"));
        injection.env.into_keys().filter(|name| name.starts_with("GOOGLE_")).collect::<Vec<_>>()
    };
    assert_eq!(env("roleset/service_account_key"), ["GOOGLE_APPLICATION_CREDENTIALS"]);
    assert!(env("roleset/access_token").is_empty());
}

#[test]
fn a_key_that_cannot_be_decoded_is_refused() {
    let variables = with_vault(&[ON, auth_type("roleset/service_account_key"), ROLESET]);
    let resolution = resolved(Plan, &variables, &[]).expect("resolves");
    let array = BASE64_STANDARD.encode("[]");
    for wrong in ["???", "aGVsbG8=", "/w==", array.as_str()] {
        let parts = [("private_key_data".to_owned(), wrong.into())].into();
        let mut credential = Credential { parts, ..Credential::default() };
        assert_eq!(
            resolution.configured[1].configuration.complete(&mut credential),
            Err("private_key_data is not the base64 form of a JSON object".to_owned())
        );
    }
}
