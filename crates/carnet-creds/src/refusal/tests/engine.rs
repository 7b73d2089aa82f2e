//! Refusals that the engine sees itself, beside those of logins.

use carnet_model::Phase;
use reqwest::Method;

use super::*;
use crate::{
    exchange::{
        adapter_call::{CallFailure, Cause},
        reachable::Unreachable,
        vault_wire::{Failure, VaultFailure},
    },
    provider::Grant,
    vectors::resolved,
};

const AWS: [(&str, &str); 6] = [
    ("TFC_VAULT_PROVIDER_AUTH", "true"),
    ("TFC_VAULT_ADDR", "https://v"),
    ("TFC_VAULT_RUN_ROLE", "net-plan"),
    ("TFC_VAULT_BACKED_AWS_AUTH", "true"),
    ("TFC_VAULT_BACKED_AWS_AUTH_TYPE", "iam_user"),
    ("TFC_VAULT_BACKED_AWS_RUN_VAULT_ROLE", "d"),
];
const GCP: [(&str, &str); 8] = [
    AWS[0],
    AWS[1],
    AWS[2],
    ("TFC_VAULT_NAMESPACE", "team"),
    ("TFC_VAULT_BACKED_GCP_AUTH", "true"),
    ("TFC_VAULT_BACKED_GCP_AUTH_TYPE", "roleset/access_token"),
    ("TFC_VAULT_BACKED_GCP_RUN_VAULT_ROLESET", "s"),
    ("TFC_VAULT_BACKED_GCP_MOUNT_PATH", "clouds/gcp"),
];

fn reading(failure: Failure) -> String {
    reading_of(&AWS, failure)
}

fn reading_of(variables: &[(&str, &str)], failure: Failure) -> String {
    let resolution = resolved(Phase::Plan, variables, &[]).unwrap();
    let login = resolution.configured.iter().find_map(|one| match one.configuration.grant() {
        Grant::VaultLogin(login) => Some(login.clone()),
        _ => None,
    });
    let backed = resolution.configured.iter().find(|one| one.vault_read().is_some()).unwrap();
    let read = backed.vault_read().unwrap();
    let failure = VaultFailure { method: Method::GET, url: format!("https://v/v1/{}", read.path), failure };
    Refusal::of_read(backed, read, login.as_ref(), &failure).to_string()
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
         \u{20} cause:      the token is good, and none of its policies allows this reading, or there is no such mount\n\
         \u{20} likely fix: give the Vault role net-plan a policy with: path \"aws/creds/d\" { capabilities = [\"read\"] }\n\
         \u{20}             if vault secrets list shows no aws/ of type aws, correct TFC_VAULT_BACKED_AWS_MOUNT_PATH"
    );
}

#[track_caller]
fn check_end(text: &str, expected: &[&str]) {
    let lines: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("  cause:")).collect();
    let texts: Vec<&str> = lines.iter().map(|line| &line[14..]).collect();
    assert_eq!(texts, expected, "{text}");
}

#[test]
fn a_reading_of_what_is_not_there_is_shown_with_commands_that_find_it() {
    let absent = Failure::Refused { status: 404, errors: Vec::new() };
    check_end(
        &reading(absent.clone()),
        &[
            "the secrets engine has no such role, or is of another kind, or there is none at this mount",
            "if vault list aws/roles does not show d, correct TFC_VAULT_BACKED_AWS_RUN_VAULT_ROLE (or \
             TFC_VAULT_BACKED_AWS_PLAN_VAULT_ROLE and TFC_VAULT_BACKED_AWS_APPLY_VAULT_ROLE)",
            "if vault secrets list shows no aws/ of type aws, correct TFC_VAULT_BACKED_AWS_MOUNT_PATH",
        ],
    );
    let mounted = "if vault secrets list -namespace=team shows no clouds/gcp/ of type gcp, correct \
                   TFC_VAULT_BACKED_GCP_MOUNT_PATH";
    let text = reading_of(&GCP, absent);
    assert!(
        text.contains("if vault list -namespace=team clouds/gcp/rolesets does not show s, correct"),
        "{text}"
    );
    assert!(text.contains("TFC_VAULT_BACKED_GCP_RUN_VAULT_ROLESET (or"), "{text}");
    let errors =
        vec!["no handler for route \"clouds/gcp/roleset/s/token\". route entry not found.".to_owned()];
    let text = reading_of(&GCP, Failure::Refused { status: 404, errors });
    check_end(&text, &["there is no secrets engine at clouds/gcp/", mounted]);
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
    let silent = |reason: &str| {
        refused(Cause::NoAnswer { reason: reason.to_owned(), is_connection: true }).to_string()
    };
    let text = silent("received corrupt message of type InvalidContentType");
    assert!(text.contains("without TLS") && text.ends_with("use http://api.example/token"), "{text}");
    assert!(silent("tcp connect error").contains("the provider was not reached"));
    let words = "Client sent an HTTP request to an HTTPS server.".to_owned();
    let text = refused(Cause::Refused { status: 400, words }).to_string();
    assert!(text.contains("the provider speaks TLS only"), "{text}");
    let refusal = refused(Cause::Refused { status: 503, words: String::new() });
    assert!(refusal.may_pass() && refusal.to_string().ends_with("run again later"), "{refusal}");
}

#[track_caller]
fn check_kept(url: &str, why: Unreachable, summary: &str, expected: &[&str]) {
    let one = presented("datadog".parse().unwrap(), "", "datadog.workload.identity");
    let cause = Cause::Unreachable(why);
    let failure = CallFailure { method: "POST".to_owned(), url: url.to_owned(), cause };
    let refusal = Refusal::of_adapter(&one, &failure);
    assert!(refusal.summary().ends_with(&format!("POST {url} may not be reached: {summary}")), "{refusal}");
    check_end(&refusal.to_string(), expected);
}

#[test]
fn a_request_that_is_kept_from_an_address_names_what_allows_it() {
    let allowance = |host: &str| {
        format!(
            "or, if it is meant, the operator of the agent can start it with --allow-provider-hosts {host} (an agent \
             inside of the server: carnet server with the same)"
        )
    };
    check_kept(
        "https://localhost:18200/token",
        Unreachable::Forbidden("localhost (127.0.0.1)".to_owned()),
        "localhost (127.0.0.1) is an address of this machine, of its link, or of a cloud's metadata, which the operator \
         of the agent has not allowed",
        &[
            "the agent keeps adapters from addresses that only it can reach",
            "correct the address",
            &allowance("localhost:18200"),
        ],
    );
    check_kept(
        "http://api.example/token",
        Unreachable::Scheme("api.example".to_owned()),
        "only https is allowed, unless the operator of the agent allows the host \"api.example\"",
        &[
            "the address is one without TLS, which adapters use only where the agent's operator allows it",
            "use https://api.example/token",
            &allowance("api.example:80"),
        ],
    );
    check_kept(
        "https://u@api.example/token",
        Unreachable::User,
        "it holds a user or a password",
        &["an address with a user or a password would show them in logs", "take them out of the address"],
    );
}
