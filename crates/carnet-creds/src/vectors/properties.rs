//! What holds for any set of variables.

use std::collections::{BTreeMap, BTreeSet};

use carnet_model::Phase::{self, Apply, Plan};
use proptest::prelude::*;
use secrecy::{ExposeSecret, SecretString};

use super::{TEN_MINUTES, TWO_HOURS, injected};
use crate::{
    injection::Injection,
    problem::Problem,
    providers::Providers,
    resolve::{Resolution, ResolveContext, resolve},
};

const TAGS: [&str; 4] = ["A", "a_b", "B2", "TYPE"];

/// A name that is a setting, or almost one.
fn name() -> impl Strategy<Value = String> {
    let bases: Vec<String> = Providers::with([])
        .names()
        .map(|(name, _)| name.to_owned())
        .chain(["TFC_OTHER".to_owned()])
        .collect();
    let plain = prop::sample::select(bases);
    let tag = prop::option::of(prop::sample::select(TAGS.to_vec()));
    (plain, tag, any::<bool>()).prop_map(|(base, tag, shared)| {
        let base = if shared { base.replacen("TFC_", "TFC_DEFAULT_", 1) } else { base };
        tag.map_or_else(|| base.clone(), |tag| format!("{base}_{tag}"))
    })
}

/// A value that is right somewhere, or anything.
fn value() -> impl Strategy<Value = String> {
    let examples: Vec<String> = crate::settings()
        .iter()
        .map(|setting| setting.example.to_owned())
        .chain(["true".to_owned()])
        .collect();
    prop_oneof![
        4 => Just("true".to_owned()),
        6 => prop::sample::select(examples),
        1 => any::<String>(),
    ]
}

fn run(env: &BTreeMap<String, SecretString>, phase: Phase) -> Result<Resolution, Vec<Problem>> {
    let cx = ResolveContext {
        phase,
        home: std::path::Path::new("/h"),
        run_id: &"run-1".parse().expect("a valid id"),
        subject: "organization:acme:project:p:workspace:w:run_phase:plan",
        terraform_variables: &BTreeSet::new(),
        phase_limit: TWO_HOURS,
        identity_token_ttl: TEN_MINUTES,
        tolerates_static_credentials: true,
        origins: &BTreeMap::new(),
        adapters: &[],
    };
    resolve(env, &cx)
}

fn secret(variables: &[(String, String)]) -> BTreeMap<String, SecretString> {
    variables.iter().map(|(name, value)| (name.clone(), SecretString::from(value.as_str()))).collect()
}

fn texts(outcome: &Result<Resolution, Vec<Problem>>) -> Vec<String> {
    match outcome {
        Ok(resolution) => {
            let injection = injected(resolution);
            let warnings = resolution.warnings().iter().map(ToString::to_string);
            warnings.chain(resolution.steps()).chain(everything(&injection)).collect()
        }
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

fn everything(injection: &Injection) -> Vec<String> {
    let env = injection.env.iter().map(|(name, value)| format!("{name}={}", value.expose_secret()));
    let files = injection.files.iter().map(|file| format!("{}={}", file.name, file.content.expose_secret()));
    let variables = injection.variables.iter().map(|(name, value)| format!("{name}={value}"));
    env.chain(files).chain(variables).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn resolution_never_panics_and_depends_on_nothing_but_its_input(
        variables in prop::collection::vec((name(), value()), 0..24),
    ) {
        let env = secret(&variables);
        for phase in [Plan, Apply] {
            let first = run(&env, phase);
            prop_assert_eq!(texts(&first), texts(&run(&env, phase)));
            if let Ok(resolution) = first {
                let files: Vec<String> = injected(&resolution).files.into_iter().map(|file| file.name).collect();
                let unique: BTreeSet<&String> = files.iter().collect();
                prop_assert_eq!(unique.len(), files.len(), "no file is written twice");
                prop_assert!(files.iter().all(|name| name.starts_with("tfc-") && !name.contains('/')));
            }
        }
    }

    /// Every value is marked with the tag and the phase it belongs to; nothing marked otherwise may be delivered.
    #[test]
    fn tags_and_phases_are_never_mixed(on in prop::collection::vec(any::<bool>(), 3)) {
        let tags = [None, Some("A"), Some("B")];
        for provider in Providers::with([]).iter() {
            let settings = provider.settings();
            let phased = ["_RUN_", "_PLAN_", "_APPLY_"];
            let Some(role) = settings.iter().find(|setting| {
                setting.name.contains("_PLAN_") && phased.iter().any(|part| setting.name.contains(part))
            }) else { continue };
            let mut variables = vec![
                ("TFC_VAULT_PROVIDER_AUTH".to_owned(), "true".to_owned()),
                ("TFC_VAULT_ADDR".to_owned(), "https://vault.example.com".to_owned()),
                ("TFC_VAULT_RUN_ROLE".to_owned(), "unmarked".to_owned()),
            ];
            for (tag, on) in tags.iter().zip(&on) {
                let suffix = tag.map(|tag| format!("_{tag}")).unwrap_or_default();
                let mark = tag.unwrap_or("none");
                for setting in &settings {
                    let value = if setting.name == settings[0].name { on.to_string() } else { setting.example.to_owned() };
                    if !setting.name.contains("VAULT_CONFIG") {
                        variables.push((format!("{}{suffix}", setting.name), value));
                    }
                }
                for phase in ["PLAN", "APPLY"] {
                    let name = role.name.replace("_PLAN_", &format!("_{phase}_"));
                    let marked = format!("{}-{mark}-{phase}-mark", role.example);
                    variables.push((format!("{name}{suffix}"), marked));
                }
            }
            let env = secret(&variables);
            for (phase, other) in [(Plan, "-APPLY-mark"), (Apply, "-PLAN-mark")] {
                let Ok(resolution) = run(&env, phase) else { continue };
                let delivered = everything(&injected(&resolution));
                prop_assert!(delivered.iter().all(|text| !text.contains(other)), "{}: {delivered:?}", role.name);
                for configured in resolution.configured.iter().filter(|one| one.family == provider.family()) {
                    let mark = configured.tag.as_ref().map_or("none", |tag| tag.as_str());
                    let role = configured.configuration.role().unwrap_or_default();
                    prop_assert!(!role.contains("-mark") || role.contains(&format!("-{mark}-")), "{role}");
                }
            }
        }
    }
}
