//! Vectors that all families share whose credentials are read from Vault.

use carnet_model::Phase::{self, Plan};

use super::{check, check_problems, check_warnings, resolved, told};
use crate::provider::{Grant, VaultRead};

/// A default Vault configuration.
pub(super) const VAULT: [(&str, &str); 3] =
    [("TFC_VAULT_PROVIDER_AUTH", "true"), ("TFC_VAULT_ADDR", "https://v"), ("TFC_VAULT_RUN_ROLE", "r")];

/// The variables, with a default Vault configuration.
pub(super) fn with_vault<'a>(variables: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    VAULT.iter().chain(variables).copied().collect()
}

/// What is read from Vault, in the order of the configurations.
pub(super) fn reads(phase: Phase, variables: &[(&str, &str)]) -> Vec<VaultRead> {
    let resolution = resolved(phase, &with_vault(variables), &[]).expect("resolves");
    let grants = resolution.configured.iter().map(|one| one.configuration.grant());
    let read = |grant| match grant {
        Grant::VaultRead(read) => Some(read.clone()),
        _ => None,
    };
    grants.filter_map(read).collect()
}

/// The paths that are read.
pub(super) fn paths(phase: Phase, variables: &[(&str, &str)]) -> Vec<String> {
    reads(phase, variables).into_iter().map(|read| read.path).collect()
}

const AWS: [(&str, &str); 3] = [
    ("TFC_VAULT_BACKED_AWS_AUTH", "true"),
    ("TFC_VAULT_BACKED_AWS_AUTH_TYPE", "iam_user"),
    ("TFC_VAULT_BACKED_AWS_RUN_VAULT_ROLE", "d"),
];
const AZURE: [(&str, &str); 2] =
    [("TFC_VAULT_BACKED_AZURE_AUTH", "true"), ("TFC_VAULT_BACKED_AZURE_RUN_VAULT_ROLE", "z")];

#[test]
fn vector_41_there_must_be_a_vault_configuration() {
    let text = |family: &str| {
        format!(
            "E13 configuration for Vault authentication is required for {family} authentication; set TFC_VAULT_PROVIDER_AUTH to true"
        )
    };
    check_problems(Plan, &AWS, &[&text("Vault-backed AWS")]);
    check_problems(Plan, &AZURE, &[&text("Vault-backed Azure")]);
    let gcp = [
        ("TFC_VAULT_BACKED_GCP_AUTH_K", "true"),
        ("TFC_VAULT_BACKED_GCP_AUTH_TYPE_K", "roleset/access_token"),
        ("TFC_VAULT_BACKED_GCP_RUN_VAULT_ROLESET_K", "s"),
    ];
    check_problems(Plan, &gcp, &[&text("Vault-backed GCP (tag \"K\")")]);
}

#[test]
fn vector_42_a_vault_configuration_is_chosen_by_its_exact_tag() {
    let devops = [
        ("TFC_VAULT_PROVIDER_AUTH_DEVOPS", "true"),
        ("TFC_VAULT_ADDR_DEVOPS", "https://v"),
        ("TFC_VAULT_RUN_ROLE_DEVOPS", "r"),
    ];
    let variables = [&devops[..], &AWS].concat();
    let chosen =
        |value: &'static str| [&variables[..], &[("TFC_VAULT_BACKED_AWS_VAULT_CONFIG", value)]].concat();
    let resolution = resolved(Plan, &chosen("DEVOPS"), &[]).expect("resolves");
    assert_eq!(resolution.configured.len(), 2);
    check_problems(
        Plan,
        &chosen("devops"),
        &[
            "E11 configuration for Vault-backed AWS is invalid: no Vault configuration named \"devops\" (configured: \
           \"DEVOPS\")",
        ],
    );
    check_problems(
        Plan,
        &chosen("dev-ops"),
        &[
            "E11 configuration for Vault-backed AWS is invalid: TFC_VAULT_BACKED_AWS_VAULT_CONFIG is not the tag of a \
           Vault configuration",
        ],
    );
    check_problems(
        Plan,
        &variables,
        &[
            "E13 configuration for Vault authentication is required for Vault-backed AWS authentication; set TFC_VAULT_PROVIDER_AUTH to true",
        ],
    );
}

#[test]
fn vector_43_the_same_tag_is_not_implied() {
    let variables = [
        ("TFC_VAULT_PROVIDER_AUTH_X", "true"),
        ("TFC_VAULT_ADDR_X", "https://x"),
        ("TFC_VAULT_RUN_ROLE_X", "x"),
        ("TFC_VAULT_BACKED_AWS_AUTH_X", "true"),
        ("TFC_VAULT_BACKED_AWS_AUTH_TYPE_X", "iam_user"),
        ("TFC_VAULT_BACKED_AWS_RUN_VAULT_ROLE_X", "d"),
    ];
    assert_eq!(reads(Plan, &variables)[0].vault, None);
    let variables = [&variables[..], &[("TFC_DEFAULT_VAULT_BACKED_AWS_VAULT_CONFIG", "X")]].concat();
    assert_eq!(reads(Plan, &variables)[0].vault, Some("X".parse().expect("a tag")));
}

#[test]
fn vector_44_the_wait_is_a_whole_number_of_seconds_up_to_1500() {
    for (family, name) in [(&AWS[..], "AWS"), (&AZURE, "AZURE")] {
        let variable = format!("TFC_VAULT_BACKED_{name}_SLEEP_SECONDS");
        let with = |value: &'static str| [family, &[(variable.as_str(), value)]].concat();
        assert_eq!(reads(Plan, family)[0].settle.as_secs(), 0);
        for (value, seconds) in [("30", 30), ("1500", 1500), ("0", 0)] {
            assert_eq!(reads(Plan, &with(value))[0].settle.as_secs(), seconds, "{value}");
        }
        for value in ["1501", "-1", "1m", "+5", "1.5", "99999999999999999999"] {
            let problems = resolved(Plan, &with_vault(&with(value)), &[]).expect_err("has problems");
            let rule = format!("{variable} is not a whole number of seconds between 0 and 1500");
            assert_eq!(problems[0].id(), "E5", "{value}");
            assert!(problems[0].to_string().ends_with(&rule), "{problems:?}");
        }
    }
}

#[test]
fn a_path_or_a_name_cannot_leave_its_place() {
    let with = |name: &'static str, value: &'static str| {
        let kept = AWS.iter().copied().filter(|(other, _)| *other != name);
        kept.chain([(name, value)]).collect::<Vec<_>>()
    };
    for (mount, path) in [
        ("/teams/aws/", "teams/aws/creds/d"),
        ("aws west", "aws%20west/creds/d"),
        ("aws%2e", "aws%252e/creds/d"),
    ] {
        assert_eq!(paths(Plan, &with("TFC_VAULT_BACKED_AWS_MOUNT_PATH", mount)), [path]);
    }
    for wrong in ["..", "aws/../sys", "aws//x", "a?b", "a#b", "a\\b", "/"] {
        check_problems(
            Plan,
            &with_vault(&with("TFC_VAULT_BACKED_AWS_MOUNT_PATH", wrong)),
            &[
                "E17 configuration for Vault-backed AWS is invalid: TFC_VAULT_BACKED_AWS_MOUNT_PATH is not the path of a \
               secrets engine",
            ],
        );
    }
    assert_eq!(paths(Plan, &with("TFC_VAULT_BACKED_AWS_RUN_VAULT_ROLE", "a b@c")), ["aws/creds/a%20b%40c"]);
    for wrong in ["..", ".", "a/b", "a?b", "a#b", "a\\b"] {
        check_problems(
            Plan,
            &with_vault(&with("TFC_VAULT_BACKED_AWS_RUN_VAULT_ROLE", wrong)),
            &[
                "E17 configuration for Vault-backed AWS is invalid: TFC_VAULT_BACKED_AWS_RUN_VAULT_ROLE is not the name \
               of a Vault role",
            ],
        );
    }
}

#[test]
fn vector_46_a_path_that_looks_like_a_flag_is_off_with_a_hint() {
    for family in ["AWS", "AZURE", "GCP"] {
        let name = format!("TFC_VAULT_BACKED_{family}_AUTH_PATH");
        let variables = [(name.as_str(), "jwt")];
        check(Plan, &variables, &[]);
        check_warnings(
            Plan,
            &variables,
            &[&format!(
                "W7 {name} is neither true nor false, so it stays off; only true switches it on; did you mean \
                 TFC_VAULT_AUTH_PATH?"
            )],
        );
    }
}

#[test]
fn vector_50_two_defaults_of_one_group_are_refused() {
    let variables =
        [
            &[
                ("TFC_AWS_PROVIDER_AUTH", "true"),
                ("TFC_AWS_RUN_ROLE_ARN", "arn:aws:iam::123456789012:role/r"),
            ][..],
            &AWS,
        ]
        .concat();
    check_problems(
        Plan,
        &with_vault(&variables),
        &[
            "E12 both TFC_AWS_PROVIDER_AUTH and TFC_VAULT_BACKED_AWS_AUTH are enabled without a tag; give one of them \
           a tag",
        ],
    );
    for (direct, backed) in [
        ("TFC_AZURE_PROVIDER_AUTH", "TFC_VAULT_BACKED_AZURE_AUTH"),
        ("TFC_GCP_PROVIDER_AUTH", "TFC_VAULT_BACKED_GCP_AUTH"),
    ] {
        let variables = with_vault(&[(direct, "true"), (backed, "true")]);
        let problems = resolved(Plan, &variables, &[]).expect_err("has problems");
        let text = format!("both {direct} and {backed} are enabled without a tag; give one of them a tag");
        assert!(problems.iter().any(|problem| problem.to_string() == text), "{problems:?}");
    }
}

#[test]
fn vector_51_two_families_of_one_group_set_no_credentials_in_the_environment() {
    let alias = [
        ("TFC_VAULT_BACKED_AWS_AUTH_B", "true"),
        ("TFC_VAULT_BACKED_AWS_AUTH_TYPE_B", "iam_user"),
        ("TFC_VAULT_BACKED_AWS_RUN_VAULT_ROLE_B", "d"),
        ("TFC_AWS_PROVIDER_AUTH", "true"),
        ("TFC_AWS_RUN_ROLE_ARN", "R"),
    ];
    check(
        Plan,
        &with_vault(&alias),
        &[
            "env AWS_EC2_METADATA_DISABLED=true",
            "env TERRAFORM_VAULT_SKIP_CHILD_TOKEN=true",
            "env VAULT_ADDR=https://v",
            "env VAULT_TOKEN=J(vault.workload.identity)",
            "file tfc-aws-shared-config=[default]|web_identity_token_file = /h/tfc-aws-token|role_arn = R|\
             role_session_name = run-1|",
            "file tfc-aws-token=J(aws.workload.identity)",
            "file tfc-vault-backed-aws-credentials-B=[default]|aws_access_key_id = P(access_key)|\
             aws_secret_access_key = P(secret_key)|",
            "file tfc-vault-token=J(vault.workload.identity)",
            r#"var tfc_aws_dynamic_credentials={"default":{"shared_config_file":"/h/tfc-aws-shared-config"},"aliases":{}}"#,
            r#"var tfc_vault_backed_aws_dynamic_credentials={"default":null,"aliases":{"B":{"shared_credentials_file":"/h/tfc-vault-backed-aws-credentials-B"}}}"#,
            r#"var tfc_vault_dynamic_credentials={"default":{"token_filename":"/h/tfc-vault-token","address":"https://v","namespace":"","ca_cert_file":""},"aliases":{}}"#,
        ],
    );
}

#[test]
fn values_without_their_flag_do_nothing() {
    let resolution = resolved(Plan, &[("TFC_VAULT_BACKED_GCP_MOUNT_PATH", "g")], &[]).expect("resolves");
    assert!(resolution.is_empty());
    assert_eq!(
        told(resolution.warnings()),
        ["W10 TFC_VAULT_BACKED_GCP_MOUNT_PATH has no effect: TFC_VAULT_BACKED_GCP_AUTH is not set"]
    );
}
