//! The contract as test vectors: a set of variables, and everything it must lead to.

mod aws;
mod names;
mod plain;
mod unsupported;
mod vault;
mod well_formed;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use carnet_model::Phase;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    injection::{Injection, assemble},
    notice::Notice,
    problem::Problem,
    resolve::{Resolution, ResolveContext, resolve},
};

pub(super) const TWO_HOURS: Duration = Duration::from_hours(2);

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
    };
    resolve(&env(variables), &cx)
}

/// What would be injected, the credential of audience `a` being the text `J(a)`.
pub(super) fn injected(resolution: &Resolution) -> Injection {
    let tokens = resolution.requests().iter().map(|request| format!("J({})", request.audience).into());
    assemble(resolution, &tokens.collect::<Vec<SecretString>>())
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
