//! Vectors of the Vault family, up to the login.

use carnet_model::Phase::{self, Apply, Plan};

use super::{check, check_env, check_problems, check_warnings, injected, resolved};
use crate::provider::{Grant, VaultLogin};

const ON: (&str, &str) = ("TFC_VAULT_PROVIDER_AUTH", "true");
const ADDR: (&str, &str) = ("TFC_VAULT_ADDR", "https://v/");
const ROLE: (&str, &str) = ("TFC_VAULT_RUN_ROLE", "r");
// "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
const CA: (&str, &str) = (
    "TFC_VAULT_ENCODED_CACERT",
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1BQT0KLS0tLS1FTkQg\nQ0VSVElGSUNBVEUtLS0tLQo=\n",
);

fn login(phase: Phase, variables: &[(&str, &str)]) -> VaultLogin {
    let resolution = resolved(phase, variables, &[]).expect("resolves");
    match resolution.configured[0].configuration.grant() {
        Grant::VaultLogin(login) => login.clone(),
        Grant::HandOver | Grant::VaultRead(_) | Grant::Exchange(_) => {
            panic!("Vault tokens are not handed over")
        }
    }
}

#[test]
fn vector_30_a_single_configuration_sets_everything() {
    check(
        Plan,
        &[ON, ADDR, ROLE],
        &[
            "env TERRAFORM_VAULT_SKIP_CHILD_TOKEN=true",
            "env VAULT_ADDR=https://v",
            "env VAULT_TOKEN=J(vault.workload.identity)",
            "file tfc-vault-token=J(vault.workload.identity)",
            r#"var tfc_vault_dynamic_credentials={"default":{"token_filename":"/h/tfc-vault-token","address":"https://v","namespace":"","ca_cert_file":""},"aliases":{}}"#,
        ],
    );
    check_warnings(Plan, &[ON, ADDR, ROLE], &[]);
    let login = login(Plan, &[ON, ADDR, ROLE]);
    assert_eq!(
        (login.address.as_str(), login.auth_path.as_str(), login.role.as_str()),
        ("https://v", "jwt", "r")
    );
    assert_eq!(login.timeout.as_secs(), 60);
}

#[test]
fn vector_31_namespace_path_and_authority_are_taken_over() {
    let variables =
        [ON, ADDR, ROLE, ("TFC_VAULT_NAMESPACE", "n/x"), ("TFC_VAULT_AUTH_PATH", "auth/tfc/"), CA];
    check(
        Plan,
        &variables,
        &[
            "env TERRAFORM_VAULT_SKIP_CHILD_TOKEN=true",
            "env VAULT_ADDR=https://v",
            "env VAULT_CACERT=/h/tfc-vault-ca-cert.pem",
            "env VAULT_NAMESPACE=n/x",
            "env VAULT_TOKEN=J(vault.workload.identity)",
            "file tfc-vault-ca-cert.pem=-----BEGIN CERTIFICATE-----|MAA=|-----END CERTIFICATE-----|",
            "file tfc-vault-token=J(vault.workload.identity)",
            r#"var tfc_vault_dynamic_credentials={"default":{"token_filename":"/h/tfc-vault-token","address":"https://v","namespace":"n/x","ca_cert_file":"/h/tfc-vault-ca-cert.pem"},"aliases":{}}"#,
        ],
    );
    let login = login(Plan, &variables);
    assert_eq!((login.auth_path.as_str(), login.namespace.as_deref()), ("tfc", Some("n/x")));
}

#[test]
fn vector_33_an_authority_that_is_no_pem_is_refused() {
    let text = "E6 configuration for Vault is invalid: TFC_VAULT_ENCODED_CACERT is not base64-encoded PEM";
    // The last two are "hello" and PEM of something that is no certificate.
    for value in
        ["???", "aGVsbG8=", "LS0tLS1CRUdJTiBQVUJMSUMgS0VZLS0tLS0KTUFBPQotLS0tLUVORCBQVUJMSUMgS0VZLS0tLS0K"]
    {
        check_problems(Plan, &[ON, ADDR, ROLE, ("TFC_VAULT_ENCODED_CACERT", value)], &[text]);
    }
}

#[test]
fn vector_34_beside_aliases_nothing_leaks_through_the_environment() {
    let variables = [
        ON,
        ADDR,
        ROLE,
        ("TFC_VAULT_NAMESPACE", "n"),
        ("TFC_VAULT_PROVIDER_AUTH_B", "true"),
        ("TFC_VAULT_ADDR_B", "https://w"),
        ("TFC_VAULT_RUN_ROLE_B", "s"),
    ];
    let injection = injected(&resolved(Plan, &variables, &[]).expect("resolves"));
    assert_eq!(injection.env.keys().collect::<Vec<_>>(), ["TERRAFORM_VAULT_SKIP_CHILD_TOKEN"]);
    assert_eq!(
        injection.variables["tfc_vault_dynamic_credentials"],
        r#"{"default":{"token_filename":"/h/tfc-vault-token","address":"https://v","namespace":"n","ca_cert_file":""},"aliases":{"B":{"token_filename":"/h/tfc-vault-token-B","address":"https://w","namespace":"","ca_cert_file":""}}}"#
    );
}

#[test]
fn vector_55_a_template_in_a_value_is_escaped_for_terraform() {
    let variables = [ON, ADDR, ROLE, ("TFC_VAULT_NAMESPACE", "a${b}%{c}$${d}")];
    let injection = injected(&resolved(Plan, &variables, &[]).expect("resolves"));
    let text = &injection.variables["tfc_vault_dynamic_credentials"];
    assert!(text.contains(r#""namespace":"a$${b}%%{c}$$${d}""#), "{text}");
}

#[test]
fn every_missing_value_is_named_at_once() {
    check_problems(
        Apply,
        &[ON],
        &[
            "E2 configuration for Vault is invalid: missing required value(s): Vault address, Vault role; set \
           TFC_VAULT_ADDR or TFC_DEFAULT_VAULT_ADDR; set TFC_VAULT_APPLY_ROLE, TFC_DEFAULT_VAULT_APPLY_ROLE, \
           TFC_VAULT_RUN_ROLE or TFC_DEFAULT_VAULT_RUN_ROLE",
        ],
    );
}

#[track_caller]
fn check_address(value: &str, expected: Option<&str>) {
    let variables = [ON, ROLE, ("TFC_VAULT_ADDR", value)];
    let address = resolved(Plan, &variables, &[]).ok().map(|_| login(Plan, &variables).address);
    assert_eq!(address.as_deref(), expected, "{value}");
}

#[test]
fn an_address_is_an_http_url_without_secrets() {
    check_address("https://v", Some("https://v"));
    check_address("HTTP://127.0.0.1:8200//", Some("HTTP://127.0.0.1:8200"));
    check_address("https://v/prefix/", Some("https://v/prefix"));
    check_address("https://[::1]:8200", Some("https://[::1]:8200"));
    for wrong in
        ["v:8200", "ftp://v", "https://", "https:///x", "https://u:p@v", "https://v?x=1", "https://v w"]
    {
        check_address(wrong, None);
    }
    check_problems(
        Plan,
        &[ON, ROLE, ("TFC_VAULT_ADDR", "v:8200")],
        &["E7 configuration for Vault is invalid: TFC_VAULT_ADDR is not an http(s) URL"],
    );
}

#[test]
fn a_timeout_is_a_whole_number_of_seconds() {
    assert_eq!(login(Plan, &[ON, ADDR, ROLE, ("TFC_VAULT_CLIENT_TIMEOUT", "5")]).timeout.as_secs(), 5);
    for wrong in ["0", "-1", "1m", "1.5"] {
        check_problems(
            Plan,
            &[ON, ADDR, ROLE, ("TFC_VAULT_CLIENT_TIMEOUT", wrong)],
            &[
                "E5 configuration for Vault is invalid: TFC_VAULT_CLIENT_TIMEOUT is not a whole number of seconds ≥ 1",
            ],
        );
    }
}

#[test]
fn the_path_of_the_method_cannot_leave_its_place() {
    assert_eq!(login(Plan, &[ON, ADDR, ROLE, ("TFC_VAULT_AUTH_PATH", "/a/b/")]).auth_path, "a/b");
    for wrong in ["../sys", "a//b", "a?b", "a b", "/"] {
        check_problems(
            Plan,
            &[ON, ADDR, ROLE, ("TFC_VAULT_AUTH_PATH", wrong)],
            &[
                "E17 configuration for Vault is invalid: TFC_VAULT_AUTH_PATH is not the path of an authentication method",
            ],
        );
    }
}

#[test]
fn an_explicit_address_goes_before_the_shared_one() {
    let shared = ("TFC_DEFAULT_VAULT_ADDR", "https://shared");
    assert_eq!(login(Plan, &[ON, ROLE, shared]).address, "https://shared");
    assert_eq!(login(Plan, &[ON, ROLE, shared, ADDR]).address, "https://v");
}

#[test]
fn a_shared_value_that_is_wrong_is_named_as_such() {
    check_problems(
        Plan,
        &[ON, ROLE, ("TFC_DEFAULT_VAULT_ADDR", "nowhere")],
        &["E7 configuration for Vault is invalid: TFC_DEFAULT_VAULT_ADDR is not an http(s) URL"],
    );
}

#[test]
fn variables_of_the_workspace_are_replaced_or_warned_about() {
    let variables = [ON, ADDR, ROLE, ("VAULT_TOKEN", "static"), ("VAULT_SKIP_VERIFY", "1")];
    check_env(Plan, &variables, "VAULT_TOKEN", Some("J(vault.workload.identity)"));
    check_warnings(
        Plan,
        &variables,
        &[
            "W1 VAULT_TOKEN is set by dynamic credentials; the value from the workspace is replaced",
            "W3 VAULT_SKIP_VERIFY is set and takes precedence over dynamic credentials for Vault",
        ],
    );
}

#[test]
fn the_login_token_lives_five_minutes() {
    let resolution = resolved(Plan, &[ON, ADDR, ROLE], &[]).expect("resolves");
    assert_eq!(resolution.requests()[0].lifetime.as_secs(), 300);
    assert_eq!(
        resolution.steps(),
        [
            "Vault: log in at https://v/v1/auth/jwt/login with an identity token for audience vault.workload.identity, \
          role r"
        ]
    );
}
