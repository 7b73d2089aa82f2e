//! Vectors of the Google Cloud family.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use carnet_model::Phase::{self, Apply, Plan};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{
    TEN_MINUTES, TWO_HOURS, check_env, check_problems, check_warnings, env, injected, resolved, told,
};
use crate::resolve::{ResolveContext, resolve};

const P: &str = "projects/123/locations/global/workloadIdentityPools/p/providers/q";
const FULL: &str = "//iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/p/providers/q";
const E: &str = "e@acme.iam.gserviceaccount.com";
const ON: (&str, &str) = ("TFC_GCP_PROVIDER_AUTH", "true");
const NAME: (&str, &str) = ("TFC_GCP_WORKLOAD_PROVIDER_NAME", P);
const EMAIL: (&str, &str) = ("TFC_GCP_RUN_SERVICE_ACCOUNT_EMAIL", E);
const PARTS: [(&str, &str); 3] = [
    ("TFC_GCP_PROJECT_NUMBER", "123"),
    ("TFC_GCP_WORKLOAD_POOL_ID", "p"),
    ("TFC_GCP_WORKLOAD_PROVIDER_ID", "q"),
];
const JSON_PATH: &str = "/h/tfc-google-application-credentials";

fn credentials(phase: Phase, variables: &[(&str, &str)]) -> Value {
    let injection = injected(&resolved(phase, variables, &[]).expect("resolves"));
    let mut files = injection.files.iter();
    let file = files.find(|file| file.name == "tfc-google-application-credentials").expect("has the file");
    serde_json::from_str(file.content.expose_secret()).expect("is JSON")
}

fn impersonation(email: &str) -> String {
    format!("https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{email}:generateAccessToken")
}

#[track_caller]
fn check_whole(variables: &[(&str, &str)]) {
    let expected = json!({
        "universe_domain": "googleapis.com",
        "type": "external_account",
        "audience": FULL,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "https://sts.googleapis.com/v1/token",
        "service_account_impersonation_url": impersonation(E),
        "credential_source": { "file": "/h/tfc-gcp-token", "format": { "type": "text" } },
    });
    assert_eq!(credentials(Plan, variables), expected);
    let resolution = resolved(Plan, variables, &[]).expect("resolves");
    assert_eq!(
        (resolution.requests()[0].audience.as_str(), resolution.requests()[0].lifetime),
        (FULL, TEN_MINUTES)
    );
    let injection = injected(&resolution);
    assert_eq!(injection.env.len(), 1);
    assert_eq!(injection.env["GOOGLE_APPLICATION_CREDENTIALS"].expose_secret(), JSON_PATH);
    let token = injection.files.iter().find(|file| file.name == "tfc-gcp-token").expect("has the file");
    assert_eq!(token.content.expose_secret(), format!("J({FULL})"));
    assert_eq!(
        injection.variables["tfc_gcp_dynamic_credentials"],
        r#"{"default":{"credentials":"/h/tfc-google-application-credentials"},"aliases":{}}"#
    );
    check_warnings(Plan, variables, &[]);
}

#[test]
fn vector_23_the_name_of_the_provider_and_a_service_account() {
    check_whole(&[ON, NAME, EMAIL]);
}

#[test]
fn vector_24_three_parts_make_the_same_name() {
    check_whole(&[&[ON, EMAIL][..], &PARTS].concat());
    check_whole(&[&[ON, EMAIL, NAME][..], &PARTS].concat());
}

#[test]
fn vector_25_the_whole_name_goes_before_its_parts() {
    let others = [("TFC_GCP_PROJECT_NUMBER", "123"), ("TFC_DEFAULT_GCP_WORKLOAD_POOL_ID", "other")];
    let variables = [&[ON, NAME, EMAIL][..], &others].concat();
    assert_eq!(credentials(Plan, &variables)["audience"], FULL);
    check_warnings(
        Plan,
        &variables,
        &[
            "W16 GCP: TFC_GCP_WORKLOAD_PROVIDER_NAME is used and not TFC_DEFAULT_GCP_WORKLOAD_POOL_ID, which differs \
             from it",
        ],
    );
}

#[test]
fn vector_26_another_audience_does_not_change_the_file() {
    let variables = [ON, NAME, EMAIL, ("TFC_GCP_WORKLOAD_IDENTITY_AUDIENCE", "acme")];
    assert_eq!(credentials(Plan, &variables)["audience"], FULL);
    assert_eq!(resolved(Plan, &variables, &[]).expect("resolves").requests()[0].audience, "acme");
}

#[test]
fn vector_27_the_identity_in_the_pool_acts_itself() {
    let variables = [ON, NAME, ("TFC_GCP_PRINCIPAL_TYPE", "workload_pool")];
    let found = credentials(Plan, &variables);
    assert!(found.get("service_account_impersonation_url").is_none(), "{found}");
    assert_eq!(found["audience"], FULL);
    check_warnings(Plan, &variables, &[]);
}

#[test]
fn vector_28_a_service_account_needs_an_address() {
    let problem = "E2 configuration for GCP is invalid: missing required value(s): GCP service account email; set \
                   TFC_GCP_PLAN_SERVICE_ACCOUNT_EMAIL, TFC_DEFAULT_GCP_PLAN_SERVICE_ACCOUNT_EMAIL, \
                   TFC_GCP_RUN_SERVICE_ACCOUNT_EMAIL or TFC_DEFAULT_GCP_RUN_SERVICE_ACCOUNT_EMAIL";
    check_problems(Plan, &[ON, NAME], &[problem]);
    check_problems(Plan, &[ON, NAME, ("TFC_GCP_PRINCIPAL_TYPE", "service_account")], &[problem]);
}

#[test]
fn vector_29_wrong_forms_are_named() {
    check_problems(
        Plan,
        &[ON, NAME, ("TFC_DEFAULT_GCP_PRINCIPAL_TYPE", "user")],
        &[
            "E3 configuration for GCP is invalid: TFC_DEFAULT_GCP_PRINCIPAL_TYPE must be one of: service_account, \
             workload_pool (got \"user\")",
        ],
    );
    let form = "E4 configuration for GCP is invalid: TFC_GCP_WORKLOAD_PROVIDER_NAME must look like \
                projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER";
    for name in ["p/q", &format!("{P}/x"), &format!("x/{P}"), &P.replace("/p/", "//")] {
        check_problems(Plan, &[ON, EMAIL, ("TFC_GCP_WORKLOAD_PROVIDER_NAME", name)], &[form]);
    }
    let variables = [
        ON,
        EMAIL,
        ("TFC_GCP_PROJECT_NUMBER", "my-project"),
        PARTS[1],
        ("TFC_GCP_WORKLOAD_PROVIDER_ID", "p/q"),
    ];
    check_problems(
        Plan,
        &variables,
        &[
            "E4 configuration for GCP is invalid: TFC_GCP_PROJECT_NUMBER must be the number of the project, not its id",
            "E4 configuration for GCP is invalid: TFC_GCP_WORKLOAD_PROVIDER_ID must be an id without slashes",
        ],
    );
}

#[test]
fn the_name_is_missing_as_a_whole_or_in_parts() {
    let missing = "E2 configuration for GCP is invalid: missing required value(s):";
    check_problems(
        Plan,
        &[ON, EMAIL],
        &[&format!(
            "{missing} GCP workload provider name; set TFC_GCP_WORKLOAD_PROVIDER_NAME or \
             TFC_DEFAULT_GCP_WORKLOAD_PROVIDER_NAME"
        )],
    );
    check_problems(
        Plan,
        &[ON, EMAIL, PARTS[1]],
        &[&format!(
            "{missing} GCP project number, GCP workload provider ID; set TFC_GCP_PROJECT_NUMBER or \
             TFC_DEFAULT_GCP_PROJECT_NUMBER; set TFC_GCP_WORKLOAD_PROVIDER_ID or \
             TFC_DEFAULT_GCP_WORKLOAD_PROVIDER_ID"
        )],
    );
}

#[test]
fn a_full_name_is_taken_without_its_service() {
    for prefix in ["//iam.googleapis.com/", "https://iam.googleapis.com/"] {
        let name = format!("{prefix}{P}");
        let variables = [ON, EMAIL, ("TFC_GCP_WORKLOAD_PROVIDER_NAME", name.as_str())];
        assert_eq!(credentials(Plan, &variables)["audience"], FULL);
        check_warnings(
            Plan,
            &variables,
            &[
                "W16 GCP: the name in TFC_GCP_WORKLOAD_PROVIDER_NAME is used without //iam.googleapis.com/ in front of \
                 it",
            ],
        );
    }
}

#[test]
fn the_id_of_a_project_in_a_name_is_warned_about() {
    let name = P.replace("123", "my-project");
    check_warnings(
        Plan,
        &[ON, EMAIL, ("TFC_GCP_WORKLOAD_PROVIDER_NAME", &name)],
        &[
            "W13 TFC_GCP_WORKLOAD_PROVIDER_NAME does not look like a name with the number of the project, not its id",
        ],
    );
}

#[test]
fn each_phase_has_its_service_account() {
    let variables =
        [ON, NAME, EMAIL, ("TFC_GCP_APPLY_SERVICE_ACCOUNT_EMAIL", "a@acme.iam.gserviceaccount.com")];
    let url = |phase| credentials(phase, &variables)["service_account_impersonation_url"].clone();
    assert_eq!(url(Plan), impersonation(E));
    assert_eq!(url(Apply), impersonation("a@acme.iam.gserviceaccount.com"));
}

#[test]
fn an_address_cannot_lead_to_another_url() {
    for email in ["terraform", "@acme", "e@", "e@acme/../x", "e@acme?x", "e @acme", "e@acme:signBlob"] {
        check_problems(
            Plan,
            &[ON, NAME, ("TFC_GCP_RUN_SERVICE_ACCOUNT_EMAIL", email)],
            &[
                "E17 configuration for GCP is invalid: TFC_GCP_RUN_SERVICE_ACCOUNT_EMAIL is not the email address of a \
               service account",
            ],
        );
    }
}

#[test]
fn a_control_character_is_named_once() {
    check_problems(
        Plan,
        &[ON, EMAIL, ("TFC_GCP_PROJECT_NUMBER", "1\n2"), PARTS[1], PARTS[2]],
        &[
            "E16 configuration for GCP is invalid: TFC_GCP_PROJECT_NUMBER must not contain line breaks or other control \
           characters",
        ],
    );
}

#[test]
fn beside_aliases_the_default_sets_only_its_file() {
    let alias = [("TFC_GCP_PROVIDER_AUTH_A", "true"), ("TFC_DEFAULT_GCP_RUN_SERVICE_ACCOUNT_EMAIL", E)];
    let name = ("TFC_DEFAULT_GCP_WORKLOAD_PROVIDER_NAME", P);
    let both = [&[ON, name][..], &alias].concat();
    check_env(Plan, &both, "GOOGLE_APPLICATION_CREDENTIALS", Some(JSON_PATH));
    let injection = injected(&resolved(Plan, &both, &[]).expect("resolves"));
    assert_eq!(
        injection.variables["tfc_gcp_dynamic_credentials"],
        r#"{"default":{"credentials":"/h/tfc-google-application-credentials"},"aliases":{"A":{"credentials":"/h/tfc-google-application-credentials-A"}}}"#
    );
    let only = [&[name][..], &alias].concat();
    check_env(Plan, &only, "GOOGLE_APPLICATION_CREDENTIALS", None);
}

#[test]
fn static_credentials_win_and_another_account_may_be_wanted() {
    let impersonated = ("GOOGLE_IMPERSONATE_SERVICE_ACCOUNT", "x@acme.iam.gserviceaccount.com");
    let told_impersonated =
        "W3 GOOGLE_IMPERSONATE_SERVICE_ACCOUNT is set and takes precedence over dynamic credentials for GCP";
    check_warnings(
        Plan,
        &[ON, NAME, EMAIL, ("GOOGLE_CREDENTIALS", "{}"), impersonated],
        &[
            "W3 GOOGLE_CREDENTIALS is set and takes precedence over dynamic credentials for GCP",
            told_impersonated,
        ],
    );
    let strict = |variables: &[(&str, &str)]| {
        let cx = ResolveContext { tolerates_static_credentials: false, ..context("s") };
        resolve(&env(variables), &cx).map(|resolution| told(resolution.warnings()))
    };
    assert_eq!(strict(&[ON, NAME, EMAIL, impersonated]).expect("resolves"), [told_impersonated]);
    let problems = strict(&[ON, NAME, EMAIL, ("GOOGLE_CREDENTIALS", "{}")]).expect_err("is refused");
    assert_eq!(problems[0].id(), "E19");
}

#[test]
fn vector_57_a_long_subject_is_warned_about_where_google_is_used() {
    let warnings = |subject: &str, variables: &[(&str, &str)]| {
        told(resolve(&env(variables), &context(subject)).expect("resolves").warnings())
    };
    let google = [ON, NAME, EMAIL];
    assert_eq!(
        warnings(&"s".repeat(140), &google),
        [
            "W5 token subject is 140 bytes; Google rejects google.subject over 127 bytes unless the pool maps a shorter \
             attribute"
        ]
    );
    assert!(warnings(&"s".repeat(127), &google).is_empty());
    let aws =
        [("TFC_AWS_PROVIDER_AUTH", "true"), ("TFC_AWS_RUN_ROLE_ARN", "arn:aws:iam::123456789012:role/r")];
    assert!(warnings(&"s".repeat(140), &aws).is_empty());
}

fn context(subject: &str) -> ResolveContext<'_> {
    static RUN_ID: std::sync::LazyLock<carnet_model::RunId> =
        std::sync::LazyLock::new(|| "run-1".parse().expect("a valid id"));
    static NO_NAMES: BTreeSet<String> = BTreeSet::new();
    static NO_ORIGINS: BTreeMap<String, String> = BTreeMap::new();
    ResolveContext {
        phase: Plan,
        home: Path::new("/h"),
        run_id: &RUN_ID,
        subject,
        terraform_variables: &NO_NAMES,
        phase_limit: TWO_HOURS,
        identity_token_ttl: TEN_MINUTES,
        tolerates_static_credentials: true,
        origins: &NO_ORIGINS,
        adapters: &[],
    }
}

/// What the configuration of a module's tests expands to: the audience that its documentation names.
#[test]
fn vector_56_a_module_test_uses_the_plan_and_its_own_audience() {
    let variables = [
        ("TFC_GCP_PROVIDER_AUTH", "true"),
        ("TFC_GCP_RUN_SERVICE_ACCOUNT_EMAIL", "tests@p.iam.gserviceaccount.com"),
        (
            "TFC_GCP_WORKLOAD_PROVIDER_NAME",
            "projects/123/locations/global/workloadIdentityPools/p/providers/q",
        ),
        ("TFC_GCP_WORKLOAD_IDENTITY_AUDIENCE", "gcp.workload.identity"),
    ];
    let resolution = resolved(Plan, &variables, &[]).expect("resolves");
    assert_eq!(resolution.requests()[0].audience, "gcp.workload.identity");
}
