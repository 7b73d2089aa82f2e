//! Vectors of Azure client secrets that are read from Vault.

use carnet_model::Phase::{Apply, Plan};

use super::{
    check, check_problems, injected, resolved,
    vault_backed::{paths, with_vault},
};

const ON: (&str, &str) = ("TFC_VAULT_BACKED_AZURE_AUTH", "true");
const ROLE: (&str, &str) = ("TFC_VAULT_BACKED_AZURE_RUN_VAULT_ROLE", "z");

#[test]
fn vector_49_client_id_and_secret_lie_in_files() {
    check(
        Plan,
        &with_vault(&[ON, ROLE]),
        &[
            "env ARM_CLIENT_ID=P(client_id)",
            "env ARM_CLIENT_SECRET=P(client_secret)",
            "env TERRAFORM_VAULT_SKIP_CHILD_TOKEN=true",
            "env VAULT_ADDR=https://v",
            "env VAULT_TOKEN=J(vault.workload.identity)",
            "file tfc-vault-backed-azure-client-id=P(client_id)",
            "file tfc-vault-backed-azure-client-secret=P(client_secret)",
            "file tfc-vault-token=J(vault.workload.identity)",
            r#"var tfc_vault_backed_azure_dynamic_credentials={"default":{"client_id_file_path":"/h/tfc-vault-backed-azure-client-id","client_secret_file_path":"/h/tfc-vault-backed-azure-client-secret"},"aliases":{}}"#,
            r#"var tfc_vault_dynamic_credentials={"default":{"token_filename":"/h/tfc-vault-token","address":"https://v","namespace":"","ca_cert_file":""},"aliases":{}}"#,
        ],
    );
    assert_eq!(paths(Plan, &[ON, ROLE]), ["azure/creds/z"]);
}

#[test]
fn each_phase_may_have_a_role_of_its_own() {
    let variables = [ON, ROLE, ("TFC_VAULT_BACKED_AZURE_APPLY_VAULT_ROLE", "y")];
    assert_eq!(paths(Plan, &variables), ["azure/creds/z"]);
    assert_eq!(paths(Apply, &variables), ["azure/creds/y"]);
}

#[test]
fn beside_aliases_nothing_is_in_the_environment() {
    let variables = with_vault(&[
        ON,
        ROLE,
        ("TFC_VAULT_BACKED_AZURE_AUTH_B", "true"),
        ("TFC_VAULT_BACKED_AZURE_RUN_VAULT_ROLE_B", "b"),
    ]);
    let injection = injected(&resolved(Plan, &variables, &[]).expect("resolves"));
    assert!(!injection.env.keys().any(|name| name.starts_with("ARM_")), "{:?}", injection.env.keys());
}

#[test]
fn a_role_must_be_given() {
    check_problems(
        Plan,
        &with_vault(&[ON]),
        &["E2 configuration for Vault-backed Azure is invalid: missing required value(s): Vault role; set \
           TFC_VAULT_BACKED_AZURE_PLAN_VAULT_ROLE, TFC_DEFAULT_VAULT_BACKED_AZURE_PLAN_VAULT_ROLE, \
           TFC_VAULT_BACKED_AZURE_RUN_VAULT_ROLE or TFC_DEFAULT_VAULT_BACKED_AZURE_RUN_VAULT_ROLE"],
    );
}
