//! Any set of variables: lines `NAME=VALUE`, the first byte chooses the phase.
#![no_main]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use carnet_creds::{ResolveContext, resolve};
use carnet_model::Phase;
use libfuzzer_sys::fuzz_target;
use secrecy::SecretString;

fuzz_target!(|input: (bool, &str)| {
    let (is_plan, text) = input;
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let env: BTreeMap<String, SecretString> =
        pairs.map(|(name, value)| (name.to_owned(), SecretString::from(value))).collect();
    let Ok(run_id) = "run-1".parse() else { return };
    let cx = ResolveContext {
        phase: if is_plan { Phase::Plan } else { Phase::Apply },
        home: Path::new("/h"),
        run_id: &run_id,
        subject: "organization:acme:project:p:workspace:w:run_phase:plan",
        terraform_variables: &BTreeSet::new(),
        phase_limit: Duration::from_secs(7200),
        identity_token_ttl: Duration::from_secs(600),
        tolerates_static_credentials: false,
        origins: &BTreeMap::new(),
        adapters: &[],
    };
    let texts = |outcome: Result<carnet_creds::Resolution, Vec<carnet_creds::Problem>>| match outcome {
        Ok(resolution) => format!("{:?} {:?}", resolution.steps(), resolution.outline()),
        Err(problems) => format!("{problems:?}"),
    };
    assert_eq!(texts(resolve(&env, &cx)), texts(resolve(&env, &cx)));
});
