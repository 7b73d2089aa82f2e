//! Vectors of the families that fail closed.

use carnet_model::Phase::Plan;

use super::{check, check_problems, check_warnings, injected, resolved};
use crate::family::FamilyName;

#[test]
fn every_known_family_that_is_not_supported_stops_the_phase() {
    for (family, flag) in crate::providers::unsupported::flags() {
        for name in [flag.to_owned(), format!("{flag}_A")] {
            let problems = resolved(Plan, &[(&name, "true")], &[]).expect_err("has problems");
            assert_eq!((problems[0].id(), problems[0].family()), ("E15", Some(family)), "{name}");
            assert!(problems[0].to_string().contains(&name), "{name}");
            check(Plan, &[(&name, "false")], &[]);
        }
    }
}

#[test]
fn vector_41_vault_backed_aws_stops_the_phase() {
    check_problems(
        Plan,
        &[("TFC_VAULT_BACKED_AWS_AUTH", "true")],
        &["E15 Vault-backed AWS credentials are not supported yet (unset TFC_VAULT_BACKED_AWS_AUTH)"],
    );
}

#[test]
fn vector_45_a_type_with_a_tag_is_no_flag() {
    check_problems(
        Plan,
        &[("TFC_VAULT_BACKED_AWS_AUTH_TYPE_B", "iam_user"), ("TFC_VAULT_BACKED_AWS_AUTH_B", "true")],
        &["E15 Vault-backed AWS credentials are not supported yet (unset TFC_VAULT_BACKED_AWS_AUTH_B)"],
    );
    check(Plan, &[("TFC_VAULT_BACKED_AWS_AUTH_TYPE", "true")], &[]);
    check_warnings(Plan, &[("TFC_VAULT_BACKED_AWS_AUTH_TYPE", "true")], &[]);
}

#[test]
fn vector_46_a_path_that_looks_like_a_flag_is_off_with_a_hint() {
    let variables = [("TFC_VAULT_BACKED_AWS_AUTH_PATH", "jwt")];
    check(Plan, &variables, &[]);
    check_warnings(
        Plan,
        &variables,
        &[
            "W7 TFC_VAULT_BACKED_AWS_AUTH_PATH is neither true nor false, so it stays off; only true switches it on; did \
           you mean TFC_VAULT_AUTH_PATH?",
        ],
    );
}

#[test]
fn vector_50_two_defaults_of_one_group_are_refused() {
    check_problems(
        Plan,
        &[
            ("TFC_AWS_PROVIDER_AUTH", "true"),
            ("TFC_AWS_RUN_ROLE_ARN", "r"),
            ("TFC_VAULT_BACKED_AWS_AUTH", "true"),
        ],
        &[
            "E12 both TFC_AWS_PROVIDER_AUTH and TFC_VAULT_BACKED_AWS_AUTH are enabled without a tag; give one of them \
             a tag",
            "E15 Vault-backed AWS credentials are not supported yet (unset TFC_VAULT_BACKED_AWS_AUTH)",
        ],
    );
}

// The second family of a group is not supported yet, so an alias of the first one plays it.
#[test]
fn vector_51_two_families_of_one_group_set_no_credentials_in_the_environment() {
    let variables = [
        ("TFC_AWS_PROVIDER_AUTH", "true"),
        ("TFC_AWS_PROVIDER_AUTH_B", "true"),
        ("TFC_DEFAULT_AWS_RUN_ROLE_ARN", "r"),
    ];
    let mut resolution = resolved(Plan, &variables, &[]).expect("resolves");
    resolution.configured[1].family = FamilyName::VaultBackedAws;
    resolution.configured[1].variable = Some("tfc_vault_backed_aws_dynamic_credentials");
    let injection = injected(&resolution);
    assert_eq!(injection.env.keys().collect::<Vec<_>>(), ["AWS_EC2_METADATA_DISABLED"]);
    assert_eq!(
        injection.variables.keys().collect::<Vec<_>>(),
        ["tfc_aws_dynamic_credentials", "tfc_vault_backed_aws_dynamic_credentials"]
    );
}

#[test]
fn vector_53_a_withdrawn_service_stops_the_phase() {
    for flag in ["TFC_HVS_BACKED_AWS_AUTH", "TFC_HVS_BACKED_GCP_AUTH", "TFC_HVS_BACKED_AWS_AUTH_A"] {
        check_problems(
            Plan,
            &[(flag, "true")],
            &[&format!(
                "E14 HCP Vault Secrets-backed credentials are not supported: the service was discontinued (unset {flag})"
            )],
        );
    }
}

#[test]
fn values_of_unsupported_families_alone_do_nothing() {
    let variables = [("TFC_DEFAULT_AZURE_RUN_CLIENT_ID", "c"), ("TFC_GCP_WORKLOAD_POOL_ID_A", "p")];
    check(Plan, &variables, &[]);
    check_warnings(Plan, &variables, &[]);
}
