//! Where the workspace's own variables and the injected ones meet.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use crate::{
    lexicon::{non_empty, variable_name},
    notice::Notice,
    problem::Problem,
    provider::{Provider, TokenLife},
    providers::Providers,
    resolve::{Resolution, ResolveContext},
};

/// What a person should know, and what stops the phase.
#[derive(Default)]
pub(crate) struct Conflicts {
    pub(crate) notices: Vec<Notice>,
    pub(crate) problems: Vec<Problem>,
}

/// Where the workspace's own variables and the injected ones meet, and which tokens must live long.
pub(crate) fn conflicts(
    providers: &Providers<'_>,
    resolution: &Resolution,
    env: &BTreeMap<String, SecretString>,
    cx: &ResolveContext<'_>,
) -> Conflicts {
    let outline = resolution.outline();
    let written = |name: &str| env.get(name).and_then(non_empty);
    let mut found = Conflicts::default();
    for (name, value) in &outline.env {
        if written(name).is_some_and(|own| own != value.expose_secret()) {
            found.notices.push(Notice::Replaced { name: name.clone() });
        }
    }
    for provider in providers.iter() {
        if !resolution.configured.iter().any(|one| one.family == provider.family()) {
            continue;
        }
        let variable = provider.variable().filter(|name| resolution.terraform_variables.contains(*name));
        found.notices.extend(variable.map(|name| Notice::VariableKept { name: name.to_owned() }));
        for rival in provider.rivals().iter().filter(|rival| !outline.env.contains_key(rival.name)) {
            if written(rival.name).is_none_or(|own| Some(own) == rival.harmless) {
                continue;
            }
            if rival.may_be_wanted || cx.tolerates_static_credentials {
                let (name, family) = (rival.name.to_owned(), provider.family());
                found.notices.push(Notice::Outranked { name, family });
            } else {
                found.problems.push(refused(provider, rival.name, resolution, cx));
            }
        }
    }
    found.notices.extend(long_tokens(resolution));
    if resolution.configured.iter().any(|one| one.configuration.limits_subject())
        && resolution.subject.len() > LONGEST_GOOGLE_SUBJECT
    {
        found.notices.push(Notice::LongSubject { bytes: resolution.subject.len() });
    }
    found
}

/// Google, workload identity federation, "Attribute mappings".
const LONGEST_GOOGLE_SUBJECT: usize = 127;

fn refused(provider: &dyn Provider, name: &str, resolution: &Resolution, cx: &ResolveContext<'_>) -> Problem {
    let family = provider.family();
    let tag = resolution.configured.iter().find(|one| one.family == family).and_then(|one| one.tag.as_ref());
    let switch = provider.settings().first().map(|setting| setting.name.to_owned()).unwrap_or_default();
    let flag = variable_name(&switch, tag.map(|tag| tag.as_str()));
    Problem::StaticCredential {
        name: name.to_owned(),
        origin: cx.origins.get(name).cloned(),
        family,
        flag_origin: cx.origins.get(&flag).cloned(),
        flag,
    }
}

fn long_tokens(resolution: &Resolution) -> impl Iterator<Item = Notice> {
    resolution.configured.iter().filter_map(|one| {
        let (need, request) = (one.configuration.token()?, one.request.as_ref()?);
        let TokenLife::Phase(reason) = need.life else { return None };
        let (family, tag) = (one.family, one.tag.clone());
        Some(Notice::LongToken { family, tag, lifetime: request.lifetime, reason })
    })
}
