//! Static credentials beside dynamic ones, and the life of tokens.

use std::collections::{BTreeMap, BTreeSet};

use carnet_model::Phase::Plan;

use super::{TEN_MINUTES, TWO_HOURS, check_problems, check_warnings, env, resolved, told};
use crate::{
    problem::Problem,
    resolve::{Resolution, ResolveContext, resolve},
};

const AWS: [(&str, &str); 2] =
    [("TFC_AWS_PROVIDER_AUTH", "true"), ("TFC_AWS_RUN_ROLE_ARN", "arn:aws:iam::123456789012:role/r")];

fn strict(variables: &[(&str, &str)], origins: &[(&str, &str)]) -> Result<Resolution, Vec<Problem>> {
    let origins: BTreeMap<String, String> =
        origins.iter().map(|(name, origin)| ((*name).to_owned(), (*origin).to_owned())).collect();
    let cx = ResolveContext {
        phase: Plan,
        home: std::path::Path::new("/h"),
        run_id: &"run-1".parse().expect("a valid id"),
        subject: "s",
        terraform_variables: &BTreeSet::new(),
        phase_limit: TWO_HOURS,
        identity_token_ttl: TEN_MINUTES,
        tolerates_static_credentials: false,
        origins: &origins,
        adapters: &[],
    };
    resolve(&env(variables), &cx)
}

#[test]
fn a_static_credential_that_would_win_stops_the_phase() {
    let variables = [AWS[0], AWS[1], ("AWS_ACCESS_KEY_ID", "AKIA0123")];
    let origins =
        [("AWS_ACCESS_KEY_ID", "workspace \"net\""), ("TFC_AWS_PROVIDER_AUTH", "variable set \"clouds\"")];
    let problems = strict(&variables, &origins).expect_err("has problems");
    assert_eq!(
        problems.iter().map(|problem| format!("{} {problem}", problem.id())).collect::<Vec<_>>(),
        [
            "E19 AWS_ACCESS_KEY_ID (set in workspace \"net\") would win over the dynamic credentials for AWS that \
             TFC_AWS_PROVIDER_AUTH (set in variable set \"clouds\") switches on; remove one of them (an owner can set the \
             organization's static-credentials to warn while workspaces are moved)"
        ]
    );
}

#[test]
fn every_rival_of_every_family_stops_the_phase_and_is_named() {
    let providers = crate::providers::Providers::with([]);
    for provider in providers.iter() {
        let settings = provider.settings();
        let mut own: Vec<(&str, &str)> = settings
            .iter()
            .filter(|setting| setting.required != crate::setting::Required::No)
            .map(|setting| (setting.name, setting.example))
            .collect();
        own.extend([
            ("TFC_VAULT_PROVIDER_AUTH", "true"),
            ("TFC_VAULT_ADDR", "https://vault.example.com"),
            ("TFC_VAULT_RUN_ROLE", "r"),
        ]);
        let outline = strict(&own, &[]).expect("resolves").outline();
        for rival in provider.rivals() {
            let variables: Vec<(&str, &str)> = own.iter().copied().chain([(rival.name, "static")]).collect();
            let outcome = strict(&variables, &[]);
            if outline.env.contains_key(rival.name) || rival.may_be_wanted {
                let notices = told(outcome.expect("goes on").warnings());
                assert!(notices.iter().any(|notice| notice.contains(rival.name)), "{}", rival.name);
            } else {
                let problems = outcome.expect_err(rival.name);
                assert!(problems.iter().any(|problem| problem.id() == "E19"), "{}", rival.name);
                assert!(problems.iter().any(|problem| problem.to_string().contains(rival.name)));
            }
        }
    }
}

#[test]
fn static_credentials_of_a_family_that_is_off_are_nobodys_business() {
    assert!(strict(&[("AWS_ACCESS_KEY_ID", "AKIA0123"), ("VAULT_TOKEN", "t")], &[]).is_ok());
    assert!(strict(&[AWS[0], AWS[1], ("VAULT_TOKEN", "t"), ("AWS_PROFILE", "default")], &[]).is_ok());
}

#[test]
fn the_life_of_tokens_can_be_set() {
    let life = |ttl: &str| {
        let resolution = resolved(Plan, &[AWS[0], AWS[1], ("TFC_WORKLOAD_IDENTITY_TTL", ttl)], &[]);
        resolution.map(|resolution| resolution.requests()[0].lifetime.as_secs())
    };
    for (ttl, seconds) in [("90", 90), ("90s", 90), ("15m", 900), ("1h", 3600), ("", 600), ("24h", 7200)] {
        assert_eq!(life(ttl).expect("resolves"), seconds, "{ttl:?} is at most the phase's limit");
    }
    for ttl in ["9s", "25h", "soon", "-1"] {
        check_problems(
            Plan,
            &[AWS[0], AWS[1], ("TFC_WORKLOAD_IDENTITY_TTL", ttl)],
            &["E5 TFC_WORKLOAD_IDENTITY_TTL is not a life between 10s and 24h, such as 600, 90s, 10m or 1h (got \"LIFE\")"
                .replace("LIFE", ttl).as_str()],
        );
    }
}

#[test]
fn providers_are_asked_who_the_run_is_only_where_a_person_wants_it() {
    let asks = |value: &str| {
        let variables = [AWS[0], AWS[1], ("TFC_WORKLOAD_IDENTITY_WHO_AM_I", value)];
        resolved(Plan, &variables, &[]).expect("resolves").common.asks_who
    };
    assert!(asks("true") && asks(" TRUE "));
    assert!(!asks("") && !asks("false") && !asks("1"));
    check_warnings(
        Plan,
        &[("TFC_WORKLOAD_IDENTITY_WHO_AM_I", "please")],
        &[
            "W7 TFC_WORKLOAD_IDENTITY_WHO_AM_I is neither true nor false, so it stays off; only true switches it on",
        ],
    );
}
