//! Vectors of the lexical rules.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use carnet_model::Phase::{Apply, Plan};

use super::{TEN_MINUTES, TWO_HOURS, check, check_problems, check_warnings, env, injected, resolved, told};
use crate::{
    lexicon::{Lexicon, Name},
    providers::Providers,
    resolve::{ResolveContext, resolve},
};

#[track_caller]
fn check_name(name: &str, expected: Name<'_>) {
    assert_eq!(Lexicon::new(&Providers::with([])).parse(name), expected, "{name}");
}

#[test]
fn a_name_is_parsed_by_its_longest_known_base() {
    check_name("TFC_AWS_PROVIDER_AUTH", Name::Value("TFC_AWS_PROVIDER_AUTH", None));
    check_name("TFC_AWS_PROVIDER_AUTH_a_b", Name::Value("TFC_AWS_PROVIDER_AUTH", Some("a_b")));
    check_name("TFC_VAULT_BACKED_AWS_AUTH_TYPE", Name::Value("TFC_VAULT_BACKED_AWS_AUTH_TYPE", None));
    check_name("TFC_VAULT_BACKED_AWS_AUTH_TYPE_B", Name::Value("TFC_VAULT_BACKED_AWS_AUTH_TYPE", Some("B")));
    check_name("TFC_VAULT_BACKED_AWS_AUTH_PATH", Name::Value("TFC_VAULT_BACKED_AWS_AUTH", Some("PATH")));
    check_name(
        "TFC_VAULT_BACKED_GCP_RUN_VAULT_ROLESET",
        Name::Value("TFC_VAULT_BACKED_GCP_RUN_VAULT_ROLESET", None),
    );
    check_name("TFC_VAULT_RUN_ROLES", Name::Other);
    check_name("TFC_DEFAULT_VAULT_ADDR", Name::Default("TFC_VAULT_ADDR"));
    check_name("TFC_DEFAULT_VAULT_ADDR_A", Name::UnknownDefault);
    check_name("TFC_DEFAULT_AWS_PROVIDER_AUTH", Name::UnknownDefault);
    check_name("TFC_CONFIG_FILE", Name::Other);
    check_name("tfc_aws_provider_auth", Name::Other);
}

#[test]
fn a_name_in_lower_case_is_hinted_at() {
    check_warnings(
        Plan,
        &[("tfc_aws_provider_auth", "true")],
        &[
            "W4 variable tfc_aws_provider_auth is a Terraform variable (or not upper case); dynamic credentials read \
           environment variables only",
        ],
    );
}

#[test]
fn a_setting_among_the_terraform_variables_is_hinted_at() {
    let resolution = resolved(Plan, &[], &["TFC_AWS_RUN_ROLE_ARN_A", "region"]).expect("resolves");
    assert_eq!(
        told(resolution.warnings()),
        [
            "W4 variable TFC_AWS_RUN_ROLE_ARN_A is a Terraform variable (or not upper case); dynamic credentials read \
          environment variables only"
        ]
    );
}

#[test]
fn a_misspelt_setting_is_hinted_at() {
    check_warnings(
        Plan,
        &[
            ("TFC_VAULT_RUNROLE", "r"),
            ("TFC_AWS_ROLE_ARN", "r"),
            ("TFC_DEFAULT_VAULT_ADRR", "https://v"),
            ("TFC_RUN_ID", "run-1"),
            ("TFC_CONFIG_FILE", "f"),
            ("TFC_HCP_ANYTHING", "no family is on, and nothing is near"),
        ],
        &[
            "W17 TFC_DEFAULT_VAULT_ADRR is not a known setting; did you mean TFC_DEFAULT_VAULT_ADDR?",
            "W17 TFC_AWS_ROLE_ARN is not a known setting; did you mean TFC_AWS_RUN_ROLE_ARN?",
            "W17 TFC_VAULT_RUNROLE is not a known setting; did you mean TFC_VAULT_RUN_ROLE?",
        ],
    );
}

#[test]
fn an_unknown_setting_is_told_when_a_family_is_on() {
    check_warnings(
        Plan,
        &[
            ("TFC_AWS_PROVIDER_AUTH", "true"),
            ("TFC_AWS_RUN_ROLE_ARN", "arn:aws:iam::123456789012:role/r"),
            ("TFC_WORKLOAD_IDENTITY_TOKEN_A", "injected, and no setting"),
            ("TFC_AWS_SIGNING_REGION", "eu-west-1"),
        ],
        &["W17 TFC_AWS_SIGNING_REGION is not a known setting"],
    );
}

#[test]
fn a_value_without_any_flag_is_hinted_at() {
    check_warnings(
        Plan,
        &[("TFC_AWS_RUN_ROLE_ARN", "r"), ("TFC_AWS_PLAN_ROLE_ARN", "p"), ("TFC_AWS_APPLY_ROLE_ARN", "")],
        &["W10 TFC_AWS_PLAN_ROLE_ARN has no effect: TFC_AWS_PROVIDER_AUTH is not set"],
    );
}

#[test]
fn a_tag_with_other_characters_is_refused() {
    for (name, tag) in [
        ("TFC_AWS_PROVIDER_AUTH_a-b", "a-b"),
        ("TFC_AWS_PROVIDER_AUTH_", ""),
        ("TFC_AWS_PROVIDER_AUTH_é", "é"),
    ] {
        check_problems(
            Plan,
            &[(name, "true")],
            &[&format!(
                "E1 configuration for AWS is invalid: tag \"{tag}\" may only contain letters, numbers and underscores, \
                 and \"TYPE\" is reserved"
            )],
        );
    }
}

#[test]
fn values_are_trimmed_and_empty_ones_are_not_set() {
    let variables = [
        ("TFC_AWS_PROVIDER_AUTH", "true\n"),
        ("TFC_AWS_PLAN_ROLE_ARN", " \t"),
        ("TFC_AWS_RUN_ROLE_ARN", " arn:aws:iam::123456789012:role/r\n"),
    ];
    let injection = injected(&resolved(Plan, &variables, &[]).expect("resolves"));
    use secrecy::ExposeSecret;
    assert_eq!(injection.env["AWS_ROLE_ARN"].expose_secret(), "arn:aws:iam::123456789012:role/r");
}

#[test]
fn vector_60_the_order_of_variables_makes_no_difference() {
    let mut variables = vec![
        ("TFC_WORKLOAD_IDENTITY_AUDIENCE_Z", "z"),
        ("TFC_VAULT_PROVIDER_AUTH", "true"),
        ("TFC_AWS_PROVIDER_AUTH_B", "true"),
        ("TFC_AWS_PROVIDER_AUTH_A", "maybe"),
        ("TFC_GCP_PROVIDER_AUTH", "true"),
    ];
    let texts = |variables: &[(&str, &str)]| -> Vec<String> {
        let problems = resolved(Apply, variables, &[]).expect_err("has problems");
        problems.iter().map(ToString::to_string).collect()
    };
    let first = texts(&variables);
    variables.reverse();
    assert_eq!(texts(&variables), first);
    let families: Vec<&str> = first.iter().map(|text| &text[..24]).collect();
    assert_eq!(
        families,
        ["configuration for AWS (t", "configuration for GCP is", "configuration for Vault "]
    );
}

#[test]
fn families_are_requested_in_a_fixed_order() {
    let variables = [
        ("TFC_WORKLOAD_IDENTITY_AUDIENCE", "plain"),
        ("TFC_VAULT_PROVIDER_AUTH", "true"),
        ("TFC_VAULT_ADDR", "https://v"),
        ("TFC_VAULT_RUN_ROLE", "r"),
        ("TFC_AWS_PROVIDER_AUTH", "true"),
        ("TFC_AWS_PROVIDER_AUTH_A", "true"),
        ("TFC_DEFAULT_AWS_RUN_ROLE_ARN", "r"),
    ];
    let resolution = resolved(Plan, &variables, &[]).expect("resolves");
    let order: Vec<String> = resolution
        .requests()
        .iter()
        .map(|request| format!("{} {:?}", request.family, request.tag.as_ref().map(|tag| tag.as_str())))
        .collect();
    assert_eq!(order, ["plain None", "aws None", "aws Some(\"A\")", "vault None"]);
}

#[test]
fn a_home_that_cannot_stand_in_a_variable_is_refused() {
    for home in ["relative", "/a\nb"] {
        let cx = ResolveContext {
            phase: Plan,
            home: Path::new(home),
            run_id: &"run-1".parse().expect("a valid id"),
            subject: "s",
            terraform_variables: &BTreeSet::new(),
            phase_limit: TWO_HOURS,
            identity_token_ttl: TEN_MINUTES,
            tolerates_static_credentials: true,
            origins: &BTreeMap::new(),
            adapters: &[],
        };
        let problems = resolve(&env(&[]), &cx).expect_err("has problems");
        assert_eq!(problems[0].id(), "E18");
    }
}

#[test]
fn no_value_of_a_flag_is_repeated() {
    let resolution = resolved(Plan, &[("TFC_AWS_PROVIDER_AUTH", "s3cret")], &[]).expect("resolves");
    assert!(!format!("{:?} {:?}", resolution, told(resolution.warnings())).contains("s3cret"));
    check(Plan, &[("TFC_AWS_PROVIDER_AUTH", "s3cret")], &[]);
}
