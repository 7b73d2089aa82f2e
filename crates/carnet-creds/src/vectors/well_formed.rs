//! Rules that every family must keep, also those that are added later.

use std::collections::{BTreeMap, BTreeSet};

use carnet_model::Phase::{self, Apply, Plan};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{TWO_HOURS, injected, resolved};
use crate::{
    injection::Injection,
    lexicon::{Lexicon, Name},
    provider::{Provider, TokenLife},
    providers,
    setting::{Required, Setting, SettingKind},
};

/// Every setting of a family at its example, for the given tags.
fn examples(provider: &dyn Provider, tags: &[Option<&str>], all: bool) -> Vec<(String, String)> {
    let is_wanted = |setting: &&'static Setting| all || setting.required != Required::No;
    let settings = provider.settings();
    let of_tag = |tag: &Option<&str>| {
        let named = settings.iter().copied().filter(is_wanted);
        let suffix = tag.map(|tag| format!("_{tag}")).unwrap_or_default();
        named
            .map(move |setting| (format!("{}{suffix}", setting.name), setting.example.to_owned()))
            .collect::<Vec<_>>()
    };
    tags.iter().flat_map(of_tag).collect()
}

fn injection(phase: Phase, variables: &[(String, String)]) -> Injection {
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    injected(&resolved(phase, &variables, &[]).expect("examples resolve"))
}

#[test]
fn every_provider_is_well_formed() {
    for provider in providers::all() {
        check_settings(provider);
        check_minimum_is_enough(provider);
        check_both_attributes(provider);
        check_names_and_paths(provider);
        check_tokens(provider);
    }
    let names: BTreeSet<&str> = crate::settings().iter().map(|setting| setting.name).collect();
    assert_eq!(names.len(), crate::settings().len(), "no name is taken twice");
    for (name, _) in providers::unsupported::names() {
        assert!(!names.contains(name), "{name} is supported: take it off the list");
    }
}

#[track_caller]
fn check_settings(provider: &dyn Provider) {
    let settings = provider.settings();
    assert!(settings[0].kind != SettingKind::Value, "the first setting switches on");
    for setting in &settings {
        let name = setting.name;
        assert_eq!(setting.family, provider.family(), "{name}");
        assert!(name.starts_with("TFC_") && !name.starts_with("TFC_DEFAULT_"), "{name}");
        assert!(!setting.doc.is_empty() && setting.doc.ends_with('.'), "{name} has a sentence");
        assert!(
            !setting.label.is_empty() && !setting.example.is_empty() && !setting.source.is_empty(),
            "{name}"
        );
        assert_eq!(Lexicon::new().parse(name), Name::Value(name, None));
        let shared = Lexicon::new();
        let is_shared = matches!(shared.parse(&setting.default_form()), Name::Default(base) if base == name);
        assert_eq!(is_shared, setting.has_default_form(), "{name}");
    }
}

#[track_caller]
fn check_minimum_is_enough(provider: &dyn Provider) {
    for phase in [Plan, Apply] {
        injection(phase, &examples(provider, &[None], false));
        injection(phase, &examples(provider, &[None, Some("A")], true));
        injection(phase, &examples(provider, &[Some("A")], false));
    }
}

// A missing attribute is an error in Terraform, `null` is not.
#[track_caller]
fn check_both_attributes(provider: &dyn Provider) {
    let Some(variable) = provider.variable() else { return };
    let mut shapes = BTreeSet::new();
    for tags in [&[None][..], &[Some("A")], &[None, Some("A")]] {
        for all in [false, true] {
            let injection = injection(Plan, &examples(provider, tags, all));
            let value: Value = serde_json::from_str(&injection.variables[variable]).expect("is JSON");
            assert!(value.get("default").is_some(), "{variable}");
            let aliases = value["aliases"].as_object().expect("is an object");
            for object in aliases.values().chain(value.get("default").filter(|default| !default.is_null())) {
                shapes.insert(object.as_object().expect("is an object").keys().cloned().collect::<Vec<_>>());
            }
        }
    }
    assert_eq!(shapes.len(), 1, "{variable} always has the same attributes");
}

#[track_caller]
fn check_names_and_paths(provider: &dyn Provider) {
    let variables = examples(provider, &[None, Some("A")], true);
    let (plan, apply) = (injection(Plan, &variables), injection(Apply, &variables));
    assert_eq!(plan.variables, apply.variables, "a saved plan keeps the values of the plan");
    let names: Vec<&str> = plan.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "no file is written twice");
    for name in names {
        assert!(name.starts_with("tfc-") && !name.contains('/'), "{name}");
        assert!(!name.contains("-A") || name.ends_with("-A"), "{name}");
    }
}

#[track_caller]
fn check_tokens(provider: &dyn Provider) {
    let variables = examples(provider, &[None], true);
    let pairs: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let resolution = resolved(Plan, &pairs, &[]).expect("resolves");
    let request = &resolution.requests()[0];
    assert!(!request.audience.is_empty() && request.lifetime <= TWO_HOURS);
    let credential = format!("J({})", request.audience);
    let holds = |value: &SecretString| value.expose_secret().contains(&credential);
    let injection = injected(&resolution);
    assert!(injection.secrets.iter().any(holds), "the log redactor knows the credential");
    assert!(injection.variables.values().all(|value| !value.contains(&credential)), "plans are readable");
    let in_env: BTreeMap<_, _> = injection.env.iter().filter(|(_, value)| holds(value)).collect();
    if resolution.configured[0].configuration.token_life() == TokenLife::Rotated {
        assert!(in_env.is_empty(), "a token that is replaced cannot be in the environment");
    }
    let outline = resolution.outline();
    assert!(outline.secrets.is_empty() && outline.variables == injection.variables);
    assert!(outline.env.keys().eq(injection.env.keys()));
}
