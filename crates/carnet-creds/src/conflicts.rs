//! Where the workspace's own variables and the injected ones meet.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use crate::{lexicon::non_empty, notice::Notice, provider::TokenLife, providers, resolve::Resolution};

/// Where the workspace's own variables and the injected ones meet, and which tokens must live long.
pub(crate) fn conflicts(resolution: &Resolution, env: &BTreeMap<String, SecretString>) -> Vec<Notice> {
    let outline = resolution.outline();
    let written = |name: &str| env.get(name).and_then(non_empty);
    let mut notices = Vec::new();
    for (name, value) in &outline.env {
        if written(name).is_some_and(|own| own != value.expose_secret()) {
            notices.push(Notice::Replaced { name: name.clone() });
        }
    }
    for provider in providers::all() {
        if !resolution.configured.iter().any(|one| one.family == provider.family()) {
            continue;
        }
        let variable = provider.variable().filter(|name| resolution.terraform_variables.contains(*name));
        notices.extend(variable.map(|name| Notice::VariableKept { name }));
        for rival in provider.rivals().iter().filter(|rival| !outline.env.contains_key(rival.name)) {
            if written(rival.name).is_some_and(|own| Some(own) != rival.harmless) {
                notices.push(Notice::Outranked { name: rival.name, family: provider.family() });
            }
        }
    }
    for (one, request) in resolution.configured.iter().zip(&resolution.requests) {
        if one.configuration.token_life() == TokenLife::Phase {
            let (family, tag) = (one.family, one.tag.clone());
            notices.push(Notice::LongToken { family, tag, lifetime: request.lifetime });
        }
    }
    notices
}
