//! Vectors of the HCP family.

use carnet_model::Phase::{self, Apply, Plan};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{TEN_MINUTES, check_env, check_problems, check_warnings, injected, resolved};

const N: &str =
    "iam/project/00000000-0000-0000-0000-000000000001/service-principal/s/workload-identity-provider/n";
const NP: &str =
    "iam/project/00000000-0000-0000-0000-000000000001/service-principal/s/workload-identity-provider/np";
const ON: (&str, &str) = ("TFC_HCP_PROVIDER_AUTH", "true");
const RUN: (&str, &str) = ("TFC_HCP_RUN_PROVIDER_RESOURCE_NAME", N);
const PLAN: (&str, &str) = ("TFC_HCP_PLAN_PROVIDER_RESOURCE_NAME", NP);

#[track_caller]
fn check_file(phase: Phase, variables: &[(&str, &str)], audience: &str, resource_name: &str) {
    let resolution = resolved(phase, variables, &[]).expect("resolves");
    assert_eq!(
        (resolution.requests()[0].audience.as_str(), resolution.requests()[0].lifetime),
        (audience, TEN_MINUTES)
    );
    let injection = injected(&resolution);
    let content = |name: &str| {
        let file = injection.files.iter().find(|file| file.name == name).expect("has the file");
        file.content.expose_secret().to_owned()
    };
    assert_eq!(content("tfc-hcp-token"), format!("J({audience})"));
    let found: Value = serde_json::from_str(&content("tfc-hcp-cred-file.json")).expect("is JSON");
    let expected = json!({
        "scheme": "workload",
        "workload": { "provider_resource_name": resource_name, "file": { "path": "/h/tfc-hcp-token" } },
    });
    assert_eq!(found, expected);
    assert_eq!(injection.env.len(), 1);
    assert_eq!(injection.env["HCP_CRED_FILE"].expose_secret(), "/h/tfc-hcp-cred-file.json");
    assert_eq!(
        injection.variables["tfc_hcp_dynamic_credentials"],
        r#"{"default":{"credential_file":"/h/tfc-hcp-cred-file.json"},"aliases":{}}"#
    );
}

#[test]
fn vector_36_the_audience_is_the_provider_of_the_phase() {
    check_file(Plan, &[ON, RUN, PLAN], NP, NP);
    check_file(Apply, &[ON, RUN, PLAN], N, N);
    check_warnings(Plan, &[ON, RUN, PLAN], &[]);
}

#[test]
fn another_audience_does_not_change_the_provider() {
    check_file(Plan, &[ON, RUN, ("TFC_HCP_WORKLOAD_IDENTITY_AUDIENCE", "hcp")], "hcp", N);
}

#[test]
fn beside_aliases_the_default_sets_only_its_file() {
    let alias = [("TFC_HCP_PROVIDER_AUTH_A", "true"), ("TFC_HCP_RUN_PROVIDER_RESOURCE_NAME_A", NP)];
    check_env(Plan, &[&[ON, RUN][..], &alias].concat(), "HCP_CRED_FILE", Some("/h/tfc-hcp-cred-file.json"));
    check_env(Plan, &alias, "HCP_CRED_FILE", None);
    let injection = injected(&resolved(Plan, &alias, &[]).expect("resolves"));
    assert_eq!(
        injection.variables["tfc_hcp_dynamic_credentials"],
        r#"{"default":null,"aliases":{"A":{"credential_file":"/h/tfc-hcp-cred-file.json-A"}}}"#
    );
}

#[test]
fn the_provider_must_be_there_and_should_have_its_form() {
    check_problems(
        Apply,
        &[ON, PLAN],
        &["E2 configuration for HCP is invalid: missing required value(s): HCP provider resource name; set \
           TFC_HCP_APPLY_PROVIDER_RESOURCE_NAME, TFC_DEFAULT_HCP_APPLY_PROVIDER_RESOURCE_NAME, \
           TFC_HCP_RUN_PROVIDER_RESOURCE_NAME or TFC_DEFAULT_HCP_RUN_PROVIDER_RESOURCE_NAME"],
    );
    for name in ["n", "iam/project//service-principal/s/workload-identity-provider/n"] {
        check_warnings(
            Plan,
            &[ON, ("TFC_HCP_RUN_PROVIDER_RESOURCE_NAME", name)],
            &[
                "W13 TFC_HCP_RUN_PROVIDER_RESOURCE_NAME does not look like the resource name of a workload identity \
               provider (iam/project/ID/service-principal/NAME/workload-identity-provider/NAME)",
            ],
        );
    }
}

#[test]
fn a_quote_stays_inside_the_name() {
    let name = r#"n","file":{"path":"/etc/passwd"},"x":"\"#;
    check_file(Plan, &[ON, ("TFC_HCP_RUN_PROVIDER_RESOURCE_NAME", name)], name, name);
}

#[test]
fn static_credentials_are_warned_about() {
    check_warnings(
        Plan,
        &[ON, RUN, ("HCP_CLIENT_ID", "c"), ("HCP_CLIENT_SECRET", "s"), ("HCP_CRED_FILE", "/f")],
        &[
            "W1 HCP_CRED_FILE is set by dynamic credentials; the value from the workspace is replaced",
            "W3 HCP_CLIENT_ID is set and takes precedence over dynamic credentials for HCP",
            "W3 HCP_CLIENT_SECRET is set and takes precedence over dynamic credentials for HCP",
        ],
    );
}
