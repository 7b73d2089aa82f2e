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
    providers::Providers,
    setting::{Required, Setting, SettingKind},
};

/// What families that read from Vault need beside their own settings.
const VAULT: [(&str, &str); 5] = [
    ("TFC_VAULT_PROVIDER_AUTH", "true"),
    ("TFC_VAULT_PROVIDER_AUTH_DEVOPS", "true"),
    ("TFC_DEFAULT_VAULT_ADDR", "https://vault.example.com"),
    ("TFC_DEFAULT_VAULT_RUN_ROLE", "terraform"),
    ("TFC_DEFAULT_VAULT_NAMESPACE", "admin"),
];

/// Every setting of a family at its example, for the given tags.
fn examples(provider: &dyn Provider, tags: &[Option<&str>], all: bool) -> Vec<(String, String)> {
    let is_wanted = |setting: &Setting<'_>| all || setting.required != Required::No;
    let settings = provider.settings();
    let of_tag = |tag: &Option<&str>| {
        let named = settings.iter().copied().filter(is_wanted);
        let suffix = tag.map(|tag| format!("_{tag}")).unwrap_or_default();
        named
            .map(move |setting| (format!("{}{suffix}", setting.name), setting.example.to_owned()))
            .collect::<Vec<_>>()
    };
    let own = tags.iter().flat_map(of_tag);
    let needs_vault = settings.iter().any(|setting| setting.name.ends_with("_VAULT_CONFIG"));
    let vault = VAULT.iter().filter(|_| needs_vault).map(|(name, value)| ((*name).into(), (*value).into()));
    own.chain(vault).collect()
}

fn injection(phase: Phase, variables: &[(String, String)]) -> Injection {
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    injected(&resolved(phase, &variables, &[]).expect("examples resolve"))
}

#[test]
fn every_provider_is_well_formed() {
    for provider in Providers::with([]).iter() {
        check_settings(provider);
        check_minimum_is_enough(provider);
        check_both_attributes(provider);
        check_names_and_paths(provider);
        check_tokens(provider);
    }
    let names: BTreeSet<&str> = crate::settings().iter().map(|setting| setting.name).collect();
    assert_eq!(names.len(), crate::settings().len(), "no name is taken twice");
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
        assert_eq!(Lexicon::new(&Providers::with([])).parse(name), Name::Value(name, None));
        let (shared, form) = (Lexicon::new(&Providers::with([])), setting.default_form());
        let is_shared = matches!(shared.parse(&form), Name::Default(base) if base == name);
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
    let own = resolution.configured.iter().find(|one| one.family == provider.family()).expect("is on");
    let credential = match &own.request {
        Some(request) => {
            assert!(!request.audience.is_empty() && request.lifetime <= TWO_HOURS);
            format!("J({})", request.audience)
        }
        None => "P(".to_owned(),
    };
    let holds = |value: &SecretString| value.expose_secret().contains(&credential);
    let injection = injected(&resolution);
    assert!(injection.secrets.iter().any(holds), "the log redactor knows the credential");
    assert!(injection.variables.values().all(|value| !value.contains(&credential)), "plans are readable");
    let in_env: BTreeMap<_, _> = injection.env.iter().filter(|(_, value)| holds(value)).collect();
    if own.configuration.token().is_some_and(|need| need.life == TokenLife::Rotated) {
        assert!(in_env.is_empty(), "a token that is replaced cannot be in the environment");
    }
    let outline = resolution.outline();
    assert!(outline.secrets.is_empty() && outline.variables == injection.variables);
    assert!(outline.env.keys().eq(injection.env.keys()));
}
