//! Vectors of the AWS family.

use carnet_model::Phase::{Apply, Plan};
use secrecy::ExposeSecret;

use super::{check, check_env, check_problems, check_warnings, injected, resolved, told};

const R: &str = "arn:aws:iam::123456789012:role/r";
const RP: &str = "arn:aws:iam::123456789012:role/rp";
const RA: &str = "arn:aws:iam::123456789012:role/ra";
const ON: (&str, &str) = ("TFC_AWS_PROVIDER_AUTH", "true");
const RUN: (&str, &str) = ("TFC_AWS_RUN_ROLE_ARN", R);
const DEFAULT_VAR: &str = r#"var tfc_aws_dynamic_credentials={"default":{"shared_config_file":"/h/tfc-aws-shared-config"},"aliases":{}}"#;

#[test]
fn vector_1_nothing_leads_to_nothing() {
    let resolution = resolved(Plan, &[], &[]).expect("resolves");
    assert!(resolution.is_empty());
    assert!(resolution.requests().is_empty());
    check(Plan, &[], &[]);
    check_warnings(Plan, &[], &[]);
}

#[test]
fn vector_2_a_single_configuration_sets_everything() {
    check(
        Plan,
        &[ON, RUN],
        &[
            "env AWS_EC2_METADATA_DISABLED=true",
            "env AWS_ROLE_ARN=arn:aws:iam::123456789012:role/r",
            "env AWS_ROLE_SESSION_NAME=run-1",
            "env AWS_WEB_IDENTITY_TOKEN_FILE=/h/tfc-aws-token",
            "file tfc-aws-shared-config=[default]|web_identity_token_file = /h/tfc-aws-token|role_arn = \
             arn:aws:iam::123456789012:role/r|role_session_name = run-1|",
            "file tfc-aws-token=J(aws.workload.identity)",
            DEFAULT_VAR,
        ],
    );
    check_warnings(Plan, &[ON, RUN], &[]);
}

#[test]
fn vector_3_the_role_of_the_phase_goes_before_the_role_of_the_run() {
    let variables = [ON, RUN, ("TFC_AWS_PLAN_ROLE_ARN", RP)];
    check_env(Plan, &variables, "AWS_ROLE_ARN", Some(RP));
    check_env(Apply, &variables, "AWS_ROLE_ARN", Some(R));
}

#[test]
fn vectors_3_and_54_the_variable_is_the_same_text_in_both_phases() {
    let variables = [ON, RUN, ("TFC_AWS_PLAN_ROLE_ARN", RP), ("TFC_AWS_PROVIDER_AUTH_A", "true")];
    let variables = [&variables[..], &[("TFC_AWS_RUN_ROLE_ARN_A", RA)]].concat();
    let of = |phase| injected(&resolved(phase, &variables, &[]).expect("resolves")).variables;
    assert_eq!(of(Plan), of(Apply));
}

#[test]
fn vector_4_roles_for_both_phases_need_no_role_for_the_run() {
    let variables = [ON, ("TFC_AWS_PLAN_ROLE_ARN", RP), ("TFC_AWS_APPLY_ROLE_ARN", RA)];
    check_env(Plan, &variables, "AWS_ROLE_ARN", Some(RP));
    check_env(Apply, &variables, "AWS_ROLE_ARN", Some(RA));
    check_warnings(Plan, &variables, &[]);
}

#[test]
fn vector_5_a_role_for_the_plan_only_warns_at_plan_and_fails_at_apply() {
    let variables = [ON, ("TFC_AWS_PLAN_ROLE_ARN", RP)];
    check_warnings(
        Plan,
        &variables,
        &[
            "W11 apply will fail: configuration for AWS is invalid: missing required value(s): AWS role ARN; set \
           TFC_AWS_APPLY_ROLE_ARN, TFC_DEFAULT_AWS_APPLY_ROLE_ARN, TFC_AWS_RUN_ROLE_ARN or \
           TFC_DEFAULT_AWS_RUN_ROLE_ARN",
        ],
    );
    check_problems(
        Apply,
        &variables,
        &["E2 configuration for AWS is invalid: missing required value(s): AWS role ARN; set \
           TFC_AWS_APPLY_ROLE_ARN, TFC_DEFAULT_AWS_APPLY_ROLE_ARN, TFC_AWS_RUN_ROLE_ARN or \
           TFC_DEFAULT_AWS_RUN_ROLE_ARN"],
    );
}

#[test]
fn vector_6_the_flag_alone_names_what_is_missing() {
    let problems = resolved(Plan, &[ON], &[]).expect_err("has problems");
    let text = problems[0].to_string();
    assert!(
        text.starts_with("configuration for AWS is invalid: missing required value(s): AWS role ARN"),
        "{text}"
    );
}

#[test]
fn vector_7_a_role_without_the_flag_does_nothing() {
    check(Plan, &[("TFC_AWS_PROVIDER_AUTH", "false"), RUN], &[]);
    check_warnings(Plan, &[("TFC_AWS_PROVIDER_AUTH", "false"), RUN], &[]);
}

#[test]
fn vector_8_only_true_switches_on() {
    check_env(Plan, &[("TFC_AWS_PROVIDER_AUTH", " TRUE "), RUN], "AWS_ROLE_ARN", Some(R));
    for off in ["", " ", "false", "0", "no", "Off"] {
        check(Plan, &[("TFC_AWS_PROVIDER_AUTH", off), RUN], &[]);
        check_warnings(Plan, &[("TFC_AWS_PROVIDER_AUTH", off), RUN], &[]);
    }
    check(Plan, &[("TFC_AWS_PROVIDER_AUTH", "yes"), RUN], &[]);
    check_warnings(
        Plan,
        &[("TFC_AWS_PROVIDER_AUTH", "yes"), RUN],
        &["W7 TFC_AWS_PROVIDER_AUTH is neither true nor false, so it stays off; only true switches it on"],
    );
}

#[test]
fn vector_9_beside_aliases_the_default_sets_only_its_file() {
    let variables = [ON, RUN, ("TFC_AWS_PROVIDER_AUTH_A", "true"), ("TFC_AWS_RUN_ROLE_ARN_A", RA)];
    check(
        Plan,
        &variables,
        &[
            "env AWS_CONFIG_FILE=/h/tfc-aws-shared-config",
            "env AWS_EC2_METADATA_DISABLED=true",
            "file tfc-aws-shared-config=[default]|web_identity_token_file = /h/tfc-aws-token|role_arn = \
             arn:aws:iam::123456789012:role/r|role_session_name = run-1|",
            "file tfc-aws-shared-config-A=[default]|web_identity_token_file = /h/tfc-aws-token-A|role_arn = \
             arn:aws:iam::123456789012:role/ra|role_session_name = run-1|",
            "file tfc-aws-token=J(aws.workload.identity)",
            "file tfc-aws-token-A=J(aws.workload.identity)",
            r#"var tfc_aws_dynamic_credentials={"default":{"shared_config_file":"/h/tfc-aws-shared-config"},"aliases":{"A":{"shared_config_file":"/h/tfc-aws-shared-config-A"}}}"#,
        ],
    );
    assert_eq!(resolved(Plan, &variables, &[]).expect("resolves").requests().len(), 2);
}

#[test]
fn vector_10_aliases_alone_set_no_credentials_in_the_environment() {
    let variables = [("TFC_AWS_PROVIDER_AUTH_A", "true"), ("TFC_AWS_RUN_ROLE_ARN_A", RA)];
    let resolution = resolved(Plan, &variables, &[]).expect("resolves");
    let injection = injected(&resolution);
    assert_eq!(injection.env.keys().collect::<Vec<_>>(), ["AWS_EC2_METADATA_DISABLED"]);
    assert_eq!(
        injection.variables["tfc_aws_dynamic_credentials"],
        r#"{"default":null,"aliases":{"A":{"shared_config_file":"/h/tfc-aws-shared-config-A"}}}"#
    );
}

#[track_caller]
fn check_role(phase: carnet_model::Phase, variables: &[(&str, &str)], tag: &str, expected: &str) {
    let injection = injected(&resolved(phase, variables, &[]).expect("resolves"));
    let name = format!("tfc-aws-shared-config-{tag}");
    let file = injection.files.iter().find(|file| file.name == name).expect("has the file");
    let line = format!("role_arn = {expected}\n");
    assert!(file.content.expose_secret().contains(&line), "{}", file.content.expose_secret());
}

#[test]
fn vector_11_a_shared_role_serves_every_alias_without_its_own() {
    let variables = [
        ("TFC_AWS_PROVIDER_AUTH_A", "true"),
        ("TFC_AWS_PROVIDER_AUTH_B", "true"),
        ("TFC_DEFAULT_AWS_RUN_ROLE_ARN", R),
        ("TFC_AWS_RUN_ROLE_ARN_B", RA),
    ];
    check_role(Plan, &variables, "A", R);
    check_role(Plan, &variables, "B", RA);
}

#[test]
fn vector_12_a_shared_flag_switches_nothing_on() {
    let variables = [("TFC_DEFAULT_AWS_PROVIDER_AUTH", "true"), RUN];
    check(Plan, &variables, &[]);
    check_warnings(
        Plan,
        &variables,
        &[
            "W8 TFC_DEFAULT_AWS_PROVIDER_AUTH has no effect: only values can be shared through TFC_DEFAULT_ names, \
           without a tag, and they never switch anything on",
        ],
    );
}

#[test]
fn vector_13_a_tag_keeps_its_case_and_its_underscores() {
    let variables =
        [("TFC_AWS_PROVIDER_AUTH_other_config", "true"), ("TFC_AWS_RUN_ROLE_ARN_other_config", R)];
    check_role(Plan, &variables, "other_config", R);
    let injection = injected(&resolved(Plan, &variables, &[]).expect("resolves"));
    assert!(injection.variables["tfc_aws_dynamic_credentials"].contains(r#""other_config":{"#));
}

#[test]
fn vector_14_the_tag_type_is_reserved() {
    check_problems(
        Plan,
        &[("TFC_AWS_PROVIDER_AUTH_TYPE", "true")],
        &[
            "E1 configuration for AWS is invalid: tag \"TYPE\" may only contain letters, numbers and underscores, and \
           \"TYPE\" is reserved",
        ],
    );
}

#[test]
fn vector_15_a_shared_role_of_the_phase_goes_before_an_explicit_role_of_the_run() {
    let variables = [
        ("TFC_AWS_PROVIDER_AUTH_A", "true"),
        ("TFC_AWS_RUN_ROLE_ARN_A", RA),
        ("TFC_DEFAULT_AWS_PLAN_ROLE_ARN", RP),
    ];
    check_role(Plan, &variables, "A", RP);
    check_role(Apply, &variables, "A", RA);
    check_warnings(
        Plan,
        &variables,
        &[
            "W9 TFC_DEFAULT_AWS_PLAN_ROLE_ARN is used and not TFC_AWS_RUN_ROLE_ARN_A: a value for the phase goes \
           before a value for the run",
        ],
    );
    check_warnings(Apply, &variables, &[]);
}

#[test]
fn vector_16_an_alias_does_not_inherit_the_untagged_audience() {
    let variables = [
        ON,
        RUN,
        ("TFC_AWS_PROVIDER_AUTH_A", "true"),
        ("TFC_AWS_RUN_ROLE_ARN_A", RA),
        ("TFC_AWS_WORKLOAD_IDENTITY_AUDIENCE", "x"),
    ];
    let resolution = resolved(Plan, &variables, &[]).expect("resolves");
    let audiences: Vec<&str> =
        resolution.requests().iter().map(|request| request.audience.as_str()).collect();
    assert_eq!(audiences, ["x", "aws.workload.identity"]);
}

#[test]
fn vector_17_static_keys_win_and_are_warned_about() {
    let variables = [ON, RUN, ("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_PROFILE", "default")];
    check_env(Plan, &variables, "AWS_ROLE_ARN", Some(R));
    check_warnings(
        Plan,
        &variables,
        &["W3 AWS_ACCESS_KEY_ID is set and takes precedence over dynamic credentials for AWS"],
    );
    check_warnings(
        Plan,
        &[ON, RUN, ("AWS_PROFILE", "ops")],
        &["W3 AWS_PROFILE is set and takes precedence over dynamic credentials for AWS"],
    );
}

#[test]
fn vector_18_a_role_of_the_workspace_is_replaced() {
    let variables = [ON, RUN, ("AWS_ROLE_ARN", "Z")];
    check_env(Plan, &variables, "AWS_ROLE_ARN", Some(R));
    check_warnings(
        Plan,
        &variables,
        &["W1 AWS_ROLE_ARN is set by dynamic credentials; the value from the workspace is replaced"],
    );
}

#[test]
fn a_role_of_the_workspace_beside_aliases_would_beat_them() {
    let variables =
        [("TFC_AWS_PROVIDER_AUTH_A", "true"), ("TFC_AWS_RUN_ROLE_ARN_A", RA), ("AWS_ROLE_ARN", "Z")];
    check_warnings(
        Plan,
        &variables,
        &["W3 AWS_ROLE_ARN is set and takes precedence over dynamic credentials for AWS"],
    );
}

#[test]
fn vector_19_tags_that_differ_in_case_are_two_tags() {
    let variables = [("TFC_AWS_PROVIDER_AUTH_A", "true"), ("TFC_AWS_RUN_ROLE_ARN_a", R)];
    check_problems(
        Plan,
        &variables,
        &["E2 configuration for AWS (tag \"A\") is invalid: missing required value(s): AWS role ARN; set \
           TFC_AWS_PLAN_ROLE_ARN_A, TFC_DEFAULT_AWS_PLAN_ROLE_ARN, TFC_AWS_RUN_ROLE_ARN_A or \
           TFC_DEFAULT_AWS_RUN_ROLE_ARN"],
    );
    let with_role = [&variables[..], &[("TFC_AWS_RUN_ROLE_ARN_A", R)]].concat();
    check_warnings(
        Plan,
        &with_role,
        &["W10 TFC_AWS_RUN_ROLE_ARN_a has no effect: TFC_AWS_PROVIDER_AUTH_a is not set"],
    );
}

#[test]
fn two_tags_that_differ_only_in_case_cannot_both_be_on() {
    let variables = [
        ("TFC_AWS_PROVIDER_AUTH_A", "true"),
        ("TFC_AWS_PROVIDER_AUTH_a", "true"),
        ("TFC_DEFAULT_AWS_RUN_ROLE_ARN", R),
    ];
    check_problems(
        Plan,
        &variables,
        &["E1 configuration for AWS is invalid: tags \"A\" and \"a\" differ only in case"],
    );
}

#[test]
fn the_metadata_switch_of_the_workspace_stays() {
    let variables = [ON, RUN, ("AWS_EC2_METADATA_DISABLED", "false")];
    check_env(Plan, &variables, "AWS_EC2_METADATA_DISABLED", None);
    check_warnings(Plan, &variables, &[]);
}

#[test]
fn an_unusual_role_is_accepted_with_a_warning() {
    let variables = [ON, ("TFC_AWS_RUN_ROLE_ARN", "role/r")];
    check_env(Plan, &variables, "AWS_ROLE_ARN", Some("role/r"));
    check_warnings(
        Plan,
        &variables,
        &[
            "W13 TFC_AWS_RUN_ROLE_ARN does not look like the ARN of an IAM role (arn:aws:iam::ACCOUNT:role/NAME)",
        ],
    );
}

#[test]
fn a_line_break_cannot_add_a_line_to_the_shared_config() {
    check_problems(
        Plan,
        &[ON, ("TFC_AWS_RUN_ROLE_ARN", "r\ncredential_process = evil")],
        &[
            "E16 configuration for AWS is invalid: TFC_AWS_RUN_ROLE_ARN must not contain line breaks or other control \
           characters",
        ],
    );
}

#[test]
fn a_terraform_variable_of_the_workspace_is_kept() {
    let resolution = resolved(Plan, &[ON, RUN], &["tfc_aws_dynamic_credentials"]).expect("resolves");
    assert!(injected(&resolution).variables.is_empty());
    assert_eq!(
        told(resolution.warnings()),
        [
            "W2 Terraform variable tfc_aws_dynamic_credentials is set in the workspace; dynamic credentials will not \
          override it"
        ]
    );
}

#[test]
fn the_token_is_short_because_it_is_read_again() {
    let resolution = resolved(Plan, &[ON, RUN], &[]).expect("resolves");
    assert_eq!(resolution.requests()[0].lifetime.as_secs(), 600);
}

#[test]
fn no_alias_is_affected_by_the_role_of_the_default() {
    check_problems(
        Plan,
        &[ON, RUN, ("TFC_AWS_PROVIDER_AUTH_A", "true")],
        &["E2 configuration for AWS (tag \"A\") is invalid: missing required value(s): AWS role ARN; set \
           TFC_AWS_PLAN_ROLE_ARN_A, TFC_DEFAULT_AWS_PLAN_ROLE_ARN, TFC_AWS_RUN_ROLE_ARN_A or \
           TFC_DEFAULT_AWS_RUN_ROLE_ARN"],
    );
}
