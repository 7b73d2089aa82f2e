//! Refusals that the engine sees itself, beside those of logins.

use carnet_model::Phase;
use reqwest::Method;

use super::*;
use crate::{
    exchange::{
        adapter_call::{CallFailure, Cause},
        vault_wire::{Failure, VaultFailure},
    },
    provider::Grant,
    vectors::resolved,
};

const VARIABLES: [(&str, &str); 6] = [
    ("TFC_VAULT_PROVIDER_AUTH", "true"),
    ("TFC_VAULT_ADDR", "https://v"),
    ("TFC_VAULT_RUN_ROLE", "net-plan"),
    ("TFC_VAULT_BACKED_AWS_AUTH", "true"),
    ("TFC_VAULT_BACKED_AWS_AUTH_TYPE", "iam_user"),
    ("TFC_VAULT_BACKED_AWS_RUN_VAULT_ROLE", "d"),
];

fn reading(failure: Failure) -> String {
    let resolution = resolved(Phase::Plan, &VARIABLES, &[]).unwrap();
    let login = resolution.configured.iter().find_map(|one| match one.configuration.grant() {
        Grant::VaultLogin(login) => Some(login.clone()),
        _ => None,
    });
    let backed = resolution.configured.iter().find(|one| one.vault_read().is_some()).unwrap();
    let failure = VaultFailure { method: Method::GET, url: "https://v/v1/aws/creds/d".to_owned(), failure };
    Refusal::of_read(backed, backed.vault_read().unwrap(), login.as_ref(), &failure).to_string()
}

#[test]
fn a_reading_that_no_policy_allows_is_shown_with_the_policy() {
    let errors = vec!["1 error occurred: * permission denied".to_owned()];
    assert_eq!(
        reading(Failure::Refused { status: 403, errors }),
        "failed reading Vault-backed AWS credentials from Vault path aws/creds/d: 403: 1 error occurred: * permission \
         denied; the policies of the Vault role lack read on aws/creds/d\n\
         \u{20} tried:      GET https://v/v1/aws/creds/d, with the token of role \"net-plan\" (from TFC_VAULT_RUN_ROLE), \
         namespace (none)\n\
         \u{20} Vault said: 1 error occurred: * permission denied\n\
         \u{20} cause:      the token is good, and none of its policies allows this reading\n\
         \u{20} likely fix: give the Vault role net-plan a policy with: path \"aws/creds/d\" { capabilities = [\"read\"] }"
    );
    let absent = reading(Failure::Refused { status: 404, errors: Vec::new() });
    assert!(absent.contains("correct TFC_VAULT_BACKED_AWS_MOUNT_PATH"), "{absent}");
}

#[test]
fn a_trade_that_is_refused_shows_what_the_provider_must_trust() {
    let family = "datadog".parse().unwrap();
    let one = presented(family, "", "datadog.workload.identity");
    let refused = |cause| {
        let url = "https://api.example/token".to_owned();
        Refusal::of_adapter(&one, &CallFailure { method: "POST".to_owned(), url, cause })
    };
    let refusal = refused(Cause::Refused { status: 401, words: "no such subject".to_owned() });
    assert!(!refusal.may_pass());
    let text = refusal.to_string();
    for part in [
        "credentials: POST https://api.example/token returned 401: no such subject\n",
        "  tried:      POST https://api.example/token\n",
        &format!("sub = {PLAN}\n"),
        "  datadog said: no such subject\n",
        "let the provider trust exactly issuer \"https://carnet.example\"",
    ] {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
    let refusal = refused(Cause::Refused { status: 503, words: String::new() });
    assert!(refusal.may_pass() && refusal.to_string().ends_with("run again later"), "{refusal}");
}
