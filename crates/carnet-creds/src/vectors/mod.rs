//! The contract as test vectors: a set of variables, and everything it must lead to.

mod aws;
mod azure;
mod conflicts;
mod gcp;
mod hcp;
mod kubernetes;
mod names;
mod phases;
mod plain;
mod properties;
mod tencentcloud;
mod vault;
mod vault_backed;
mod vault_backed_aws;
mod vault_backed_azure;
mod vault_backed_gcp;
mod well_formed;
mod withdrawn;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use carnet_model::Phase;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    credential::Credential,
    injection::{Injection, TokenSourceAddress, assemble},
    notice::Notice,
    problem::Problem,
    provider::Grant,
    resolve::{Resolution, ResolveContext, resolve},
};

pub(super) const TWO_HOURS: Duration = Duration::from_hours(2);
pub(super) const TEN_MINUTES: Duration = Duration::from_mins(10);

pub(super) fn env(variables: &[(&str, &str)]) -> BTreeMap<String, SecretString> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), SecretString::from(*value))).collect()
}

/// Resolves as run `run-1` of workspace `net` with home `/h`.
pub(super) fn resolved(
    phase: Phase,
    variables: &[(&str, &str)],
    terraform_variables: &[&str],
) -> Result<Resolution, Vec<Problem>> {
    let subject = format!("organization:acme:project:Default Project:workspace:net:run_phase:{phase}");
    let terraform_variables: BTreeSet<String> =
        terraform_variables.iter().map(|name| (*name).to_owned()).collect();
    let cx = ResolveContext {
        phase,
        home: Path::new("/h"),
        run_id: &"run-1".parse().expect("a valid id"),
        subject: &subject,
        terraform_variables: &terraform_variables,
        phase_limit: TWO_HOURS,
        identity_token_ttl: TEN_MINUTES,
        tolerates_static_credentials: true,
        origins: &BTreeMap::new(),
        adapters: &[],
    };
    resolve(&env(variables), &cx)
}

/// What would be injected, the token for audience `a` being the text `J(a)` and the part `p` of what is read `P(p)`.
pub(super) fn injected(resolution: &Resolution) -> Injection {
    injected_with(resolution, |_| {})
}

/// The same, with what was read changed before it is delivered.
pub(super) fn injected_with(resolution: &Resolution, change: impl Fn(&mut Credential)) -> Injection {
    let credentials: Vec<Credential> = resolution
        .configured
        .iter()
        .map(|one| {
            let mut credential = match (&one.request, one.configuration.grant()) {
                (Some(request), _) => Credential::of_token(format!("J({})", request.audience).into()),
                (None, Grant::VaultRead(read)) => {
                    let parts =
                        read.wanted.iter().map(|name| ((*name).to_owned(), format!("P({name})").into()));
                    Credential { parts: parts.collect(), ..Credential::default() }
                }
                (None, grant) => panic!("{grant:?} needs a token"),
            };
            change(&mut credential);
            // Parts that are only named here have no content that could be checked.
            let _ = one.configuration.complete(&mut credential);
            credential
        })
        .collect();
    let source = TokenSourceAddress { url: "http://127.0.0.1:1".to_owned(), secret: "source-secret".into() };
    assemble(resolution, &credentials, Some(&source))
}

fn rendered(resolution: &Resolution) -> Vec<String> {
    let injection = injected(resolution);
    let env = injection.env.iter().map(|(name, value)| format!("env {name}={}", value.expose_secret()));
    let mut files: Vec<_> = injection.files.iter().collect();
    files.sort_by(|one, other| one.name.cmp(&other.name));
    let files = files
        .into_iter()
        .map(|file| format!("file {}={}", file.name, file.content.expose_secret().replace('\n', "|")));
    let variables = injection.variables.iter().map(|(name, value)| format!("var {name}={value}"));
    env.chain(files).chain(variables).collect()
}

/// Checks everything that is injected: environment, files and Terraform variables.
#[track_caller]
pub(super) fn check(phase: Phase, variables: &[(&str, &str)], expected: &[&str]) {
    let resolution = resolved(phase, variables, &[]).expect("resolves");
    assert_eq!(rendered(&resolution), expected);
}

/// Checks the identifiers and texts of all warnings.
#[track_caller]
pub(super) fn check_warnings(phase: Phase, variables: &[(&str, &str)], expected: &[&str]) {
    let resolution = resolved(phase, variables, &[]).expect("resolves");
    assert_eq!(told(resolution.warnings()), expected);
}

/// Checks the identifiers and texts of all problems.
#[track_caller]
pub(super) fn check_problems(phase: Phase, variables: &[(&str, &str)], expected: &[&str]) {
    let problems = resolved(phase, variables, &[]).expect_err("has problems");
    let found: Vec<String> = problems.iter().map(|problem| format!("{} {problem}", problem.id())).collect();
    assert_eq!(found, expected);
}

/// Checks one environment variable, or that it is not set.
#[track_caller]
pub(super) fn check_env(phase: Phase, variables: &[(&str, &str)], name: &str, expected: Option<&str>) {
    let resolution = resolved(phase, variables, &[]).expect("resolves");
    let injection = injected(&resolution);
    assert_eq!(injection.env.get(name).map(ExposeSecret::expose_secret), expected, "{name}");
}

pub(super) fn told(notices: &[Notice]) -> Vec<String> {
    notices.iter().map(|notice| format!("{} {notice}", notice.id())).collect()
}
