//! Vectors of the bare tokens.

use carnet_model::Phase::Plan;

use super::{check, check_problems, check_warnings, resolved};

#[test]
fn vector_52_each_audience_becomes_a_token_of_the_same_tag() {
    let variables = [
        ("TFC_WORKLOAD_IDENTITY_AUDIENCE", "a"),
        ("TFC_WORKLOAD_IDENTITY_AUDIENCE_JFROG", "b"),
        ("TFC_WORKLOAD_IDENTITY_AUDIENCE_x", ""),
    ];
    check(
        Plan,
        &variables,
        &["env TFC_WORKLOAD_IDENTITY_TOKEN=J(a)", "env TFC_WORKLOAD_IDENTITY_TOKEN_JFROG=J(b)"],
    );
}

#[test]
fn tags_of_bare_tokens_may_differ_in_case_only() {
    let variables = [("TFC_WORKLOAD_IDENTITY_AUDIENCE_A", "a"), ("TFC_WORKLOAD_IDENTITY_AUDIENCE_a", "b")];
    check(
        Plan,
        &variables,
        &["env TFC_WORKLOAD_IDENTITY_TOKEN_A=J(a)", "env TFC_WORKLOAD_IDENTITY_TOKEN_a=J(b)"],
    );
}

#[test]
fn a_bare_token_lives_as_long_as_the_phase_and_says_so() {
    let variables = [("TFC_WORKLOAD_IDENTITY_AUDIENCE", "a")];
    let resolution = resolved(Plan, &variables, &[]).expect("resolves");
    assert_eq!(resolution.requests()[0].lifetime.as_secs(), 7200);
    check_warnings(
        Plan,
        &variables,
        &[
            "W14 workload identity token: the token cannot be replaced while it is in use, so it lives as long as the phase \
           may last (120 min) instead of the usual minutes or TFC_WORKLOAD_IDENTITY_TTL: an environment variable is read when a process starts and cannot be changed afterwards",
        ],
    );
}

#[test]
fn the_reserved_tag_is_refused() {
    check_problems(
        Plan,
        &[("TFC_WORKLOAD_IDENTITY_AUDIENCE_type", "a")],
        &[
            "E1 configuration for workload identity token is invalid: tag \"type\" may only contain letters, numbers and \
           underscores, and \"TYPE\" is reserved",
        ],
    );
}

#[test]
fn a_shared_audience_has_no_meaning() {
    check(Plan, &[("TFC_DEFAULT_WORKLOAD_IDENTITY_AUDIENCE", "a")], &[]);
    check_warnings(
        Plan,
        &[("TFC_DEFAULT_WORKLOAD_IDENTITY_AUDIENCE", "a")],
        &[
            "W8 TFC_DEFAULT_WORKLOAD_IDENTITY_AUDIENCE has no effect: only values can be shared through TFC_DEFAULT_ \
           names, without a tag, and they never switch anything on",
        ],
    );
}
