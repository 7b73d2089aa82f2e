//! Vectors of the Azure family.

use carnet_model::Phase::{Apply, Plan};
use secrecy::ExposeSecret;

use super::{TEN_MINUTES, TWO_HOURS, check, check_env, check_problems, check_warnings, injected, resolved};

const C: &str = "00000000-0000-0000-0000-00000000000c";
const D: &str = "00000000-0000-0000-0000-00000000000d";
const ON: (&str, &str) = ("TFC_AZURE_PROVIDER_AUTH", "true");
const RUN: (&str, &str) = ("TFC_AZURE_RUN_CLIENT_ID", C);
const ON_A: (&str, &str) = ("TFC_AZURE_PROVIDER_AUTH_A", "true");
const RUN_A: (&str, &str) = ("TFC_AZURE_RUN_CLIENT_ID_A", D);
const ASK: (&str, &str) = ("TFC_AZURE_TOKEN_SOURCE", "request_url");
const DEFAULT_VAR: &str = r#"var tfc_azure_dynamic_credentials={"default":{"client_id_file_path":"/h/tfc-azure-client-id","oidc_token_file_path":"/h/tfc-azure-token"},"aliases":{}}"#;
const LONG: &str = "the token cannot be replaced while it is in use, so it lives as long as the phase may last (120 min) instead of the usual minutes or TFC_WORKLOAD_IDENTITY_TTL: the \
     Azure providers read it once and present it again whenever an access token ends; with \
     TFC_AZURE_TOKEN_SOURCE=request_url a single configuration asks for short ones instead";

#[test]
fn vector_20_a_single_configuration_sets_everything() {
    check(
        Plan,
        &[ON, RUN],
        &[
            "env ARM_CLIENT_ID=00000000-0000-0000-0000-00000000000c",
            "env ARM_OIDC_TOKEN=J(api://AzureADTokenExchange)",
            "env ARM_USE_OIDC=true",
            "file tfc-azure-client-id=00000000-0000-0000-0000-00000000000c",
            "file tfc-azure-token=J(api://AzureADTokenExchange)",
            DEFAULT_VAR,
        ],
    );
    check_warnings(Plan, &[ON, RUN], &[&format!("W14 Azure: {LONG}")]);
    let resolution = resolved(Plan, &[ON, RUN], &[]).expect("resolves");
    assert_eq!(resolution.requests()[0].lifetime, TWO_HOURS);
    assert!(!resolution.needs_token_source());
    assert!(injected(&resolution).served.is_empty());
}

#[test]
fn vector_21_beside_aliases_nothing_is_in_the_environment() {
    let variable = r#"var tfc_azure_dynamic_credentials={"default":{"client_id_file_path":"/h/tfc-azure-client-id","oidc_token_file_path":"/h/tfc-azure-token"},"aliases":{"A":{"client_id_file_path":"/h/tfc-azure-client-id-A","oidc_token_file_path":"/h/tfc-azure-token-A"}}}"#;
    check(
        Plan,
        &[ON, RUN, ON_A, RUN_A],
        &[
            "file tfc-azure-client-id=00000000-0000-0000-0000-00000000000c",
            "file tfc-azure-client-id-A=00000000-0000-0000-0000-00000000000d",
            "file tfc-azure-token=J(api://AzureADTokenExchange)",
            "file tfc-azure-token-A=J(api://AzureADTokenExchange)",
            variable,
        ],
    );
}

#[test]
fn aliases_alone_have_no_default() {
    let injection = injected(&resolved(Plan, &[ON_A, RUN_A], &[]).expect("resolves"));
    assert!(injection.env.is_empty());
    assert!(injection.variables["tfc_azure_dynamic_credentials"].starts_with(r#"{"default":null,"#));
}

#[test]
fn vector_22_a_client_secret_wins_and_is_warned_about() {
    let long = format!("W14 Azure: {LONG}");
    check_warnings(
        Plan,
        &[ON, RUN, ("ARM_CLIENT_SECRET", "s"), ("ARM_USE_MSI", "false"), ("ARM_TENANT_ID", "t")],
        &["W3 ARM_CLIENT_SECRET is set and takes precedence over dynamic credentials for Azure", &long],
    );
    check_warnings(
        Plan,
        &[ON, RUN, ("ARM_CLIENT_ID", D), ("ARM_USE_MSI", "true")],
        &[
            "W1 ARM_CLIENT_ID is set by dynamic credentials; the value from the workspace is replaced",
            "W3 ARM_USE_MSI is set and takes precedence over dynamic credentials for Azure",
            &long,
        ],
    );
}

#[test]
fn beside_aliases_a_client_id_of_the_workspace_makes_provider_blocks_fail() {
    check_warnings(
        Plan,
        &[ON_A, RUN_A, ("ARM_CLIENT_ID", C), ("ARM_USE_OIDC", "true")],
        &[
            "W3 ARM_CLIENT_ID is set and takes precedence over dynamic credentials for Azure",
            &format!("W14 Azure (tag \"A\"): {LONG}"),
        ],
    );
}

#[test]
fn each_phase_has_its_client() {
    let variables = [ON, ("TFC_AZURE_PLAN_CLIENT_ID", C), ("TFC_DEFAULT_AZURE_APPLY_CLIENT_ID", D)];
    check_env(Plan, &variables, "ARM_CLIENT_ID", Some(C));
    check_env(Apply, &variables, "ARM_CLIENT_ID", Some(D));
}

#[test]
fn the_client_must_be_there_and_should_be_a_guid() {
    check_problems(
        Plan,
        &[ON],
        &["E2 configuration for Azure is invalid: missing required value(s): Azure client ID; set \
           TFC_AZURE_PLAN_CLIENT_ID, TFC_DEFAULT_AZURE_PLAN_CLIENT_ID, TFC_AZURE_RUN_CLIENT_ID or \
           TFC_DEFAULT_AZURE_RUN_CLIENT_ID"],
    );
    check_warnings(
        Plan,
        &[ON, ("TFC_AZURE_RUN_CLIENT_ID", "terraform")],
        &[
            "W13 TFC_AZURE_RUN_CLIENT_ID does not look like the client id of an application or a managed identity (a \
             GUID)",
            &format!("W14 Azure: {LONG}"),
        ],
    );
}

#[test]
fn another_audience_is_asked_for_and_requested() {
    let variables = [ON, RUN, ASK, ("TFC_AZURE_WORKLOAD_IDENTITY_AUDIENCE", "azure.workload.identity&x=1")];
    let resolution = resolved(Plan, &variables, &[]).expect("resolves");
    assert_eq!(resolution.requests()[0].audience, "azure.workload.identity&x=1");
    let url = "http://127.0.0.1:1/azure?audience=azure.workload.identity%26x%3D1";
    check_env(Plan, &variables, "ARM_OIDC_REQUEST_URL", Some(url));
}

#[test]
fn with_a_request_url_the_providers_ask_for_short_tokens() {
    let variables = [ON, RUN, ASK];
    check(
        Plan,
        &variables,
        &[
            "env ARM_CLIENT_ID=00000000-0000-0000-0000-00000000000c",
            "env ARM_OIDC_REQUEST_TOKEN=source-secret",
            "env ARM_OIDC_REQUEST_URL=http://127.0.0.1:1/azure",
            "env ARM_USE_OIDC=true",
            "file tfc-azure-client-id=00000000-0000-0000-0000-00000000000c",
            "file tfc-azure-token=J(api://AzureADTokenExchange)",
            DEFAULT_VAR,
        ],
    );
    check_warnings(Plan, &variables, &[]);
    let resolution = resolved(Plan, &variables, &[]).expect("resolves");
    assert!(resolution.needs_token_source());
    assert_eq!(resolution.requests()[0].lifetime, TEN_MINUTES);
    let injection = injected(&resolution);
    let served: Vec<_> = injection
        .served
        .iter()
        .map(|served| (served.path.as_str(), served.audience.as_str(), served.token.expose_secret()))
        .collect();
    assert_eq!(
        served,
        [("azure", "api://AzureADTokenExchange", "J(api://AzureADTokenExchange)")],
        "at the path that the address names"
    );
    assert!(injection.secrets.iter().any(|secret| secret.expose_secret() == "source-secret"));
    let outline = resolution.outline();
    assert!(outline.secrets.is_empty() && outline.env.keys().eq(injection.env.keys()));
}

#[test]
fn a_token_of_the_workspace_would_keep_the_providers_from_asking() {
    check_warnings(
        Plan,
        &[ON, RUN, ASK, ("ARM_OIDC_TOKEN", "j.w.t")],
        &["W3 ARM_OIDC_TOKEN is set and takes precedence over dynamic credentials for Azure"],
    );
}

#[test]
fn a_request_url_is_for_a_single_configuration_only() {
    let problem = |title: &str, variable: &str| {
        format!(
            "E3 configuration for {title} is invalid: {variable} can only be request_url where Azure has a single \
             configuration, without a tag; the others are read from files"
        )
    };
    let of_a = problem("Azure (tag \"A\")", "TFC_AZURE_TOKEN_SOURCE_A");
    check_problems(Plan, &[ON_A, RUN_A, ("TFC_AZURE_TOKEN_SOURCE_A", "request_url")], &[&of_a]);
    check_problems(Plan, &[ON, RUN, ON_A, RUN_A, ASK], &[&problem("Azure", "TFC_AZURE_TOKEN_SOURCE")]);
    let shared = ("TFC_DEFAULT_AZURE_TOKEN_SOURCE", "request_url");
    let of_a = problem("Azure (tag \"A\")", shared.0);
    check_problems(Plan, &[ON, RUN, ON_A, RUN_A, shared], &[&problem("Azure", shared.0), &of_a]);
    check_env(Plan, &[ON, RUN, shared], "ARM_OIDC_REQUEST_TOKEN", Some("source-secret"));
}

#[test]
fn a_request_url_has_no_place_beside_credentials_from_vault() {
    let variables = [ON, RUN, ASK, ("TFC_VAULT_BACKED_AZURE_AUTH_B", "true")];
    let problems = resolved(Plan, &variables, &[]).expect_err("has problems");
    let text = problems[0].to_string();
    assert!(text.contains("TFC_AZURE_TOKEN_SOURCE can only be request_url"), "{text}");
}

#[test]
fn the_token_source_is_one_of_two() {
    check_problems(
        Plan,
        &[ON, RUN, ("TFC_AZURE_TOKEN_SOURCE", "url")],
        &[
            "E3 configuration for Azure is invalid: TFC_AZURE_TOKEN_SOURCE must be one of: file, request_url (got \
             \"url\")",
        ],
    );
    check_env(
        Plan,
        &[ON, RUN, ("TFC_AZURE_TOKEN_SOURCE", "file")],
        "ARM_OIDC_TOKEN",
        Some("J(api://AzureADTokenExchange)"),
    );
}
