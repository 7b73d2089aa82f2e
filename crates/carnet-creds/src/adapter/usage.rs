//! Which names may stand where, and whether everything that is declared is used.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use super::{
    claims::CLAIMS,
    error::Problems,
    template::{Name, Template},
};

/// The place of a template in the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Site {
    Env,
    File,
    Attribute,
    ExchangeUrl,
    Exchange,
    RevokeUrl,
    Revoke,
}

/// What a template may name.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The keys of settings, and whether each always has a value.
    pub(super) settings: BTreeMap<String, bool>,
    /// The keys of answers.
    pub(super) answers: BTreeMap<String, KnownAnswer>,
    /// The stems of files.
    pub(super) files: BTreeSet<String>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct KnownAnswer {
    pub(super) is_secret: bool,
    pub(super) is_optional: bool,
}

/// The names that were used, and where.
#[derive(Debug, Default)]
pub(super) struct Used(Vec<(Site, Name)>);

impl Used {
    /// Takes note of the names of a template, and records those that may not stand there.
    pub(super) fn check(
        &mut self,
        template: &Template,
        site: Site,
        known: &Known,
        span: &Range<usize>,
        problems: &mut Problems<'_>,
    ) {
        for name in template.names() {
            if let Some(problem) = problem(name, site, known) {
                problems.add(span.clone(), problem);
            }
            self.0.push((site, name.clone()));
        }
    }

    /// Whether a name stands somewhere.
    pub(super) fn has(&self, name: &Name) -> bool {
        self.0.iter().any(|(_, used)| used == name)
    }

    /// Whether a part of the answer stands at a place.
    pub(super) fn has_answer_at(&self, wanted: Site) -> bool {
        self.0.iter().any(|(site, used)| *site == wanted && matches!(used, Name::Answer(_)))
    }

    /// Whether a name stands at a place.
    pub(super) fn has_at(&self, wanted: Site, name: &Name) -> bool {
        self.0.iter().any(|(site, used)| *site == wanted && used == name)
    }
}

fn problem(name: &Name, site: Site, known: &Known) -> Option<String> {
    let listed = |keys: Vec<&str>| {
        if keys.is_empty() { "there is none".to_owned() } else { format!("there are {}", keys.join(", ")) }
    };
    match name {
        Name::Setting(key) if !known.settings.contains_key(key) => {
            let keys = known.settings.keys().map(String::as_str).collect();
            return Some(format!("there is no setting \"{key}\"; {}", listed(keys)));
        }
        Name::Answer(key) if !known.answers.contains_key(key) => {
            let keys = known.answers.keys().map(String::as_str).collect();
            return Some(format!("the exchange reads no answer \"{key}\"; {}", listed(keys)));
        }
        Name::File(stem) if !known.files.contains(stem) => {
            let stems = known.files.iter().map(String::as_str).collect();
            return Some(format!("there is no file \"{stem}\"; {}", listed(stems)));
        }
        Name::Claim(claim) if !CLAIMS.contains(&claim.as_str()) => {
            return Some(format!("no identity token has a claim \"{claim}\"; {}", listed(CLAIMS.to_vec())));
        }
        Name::Setting(_)
        | Name::Answer(_)
        | Name::File(_)
        | Name::Claim(_)
        | Name::Token
        | Name::RunId
        | Name::SourceUrl
        | Name::SourceSecret => {}
    }
    misplaced(name, site, known).map(|reason| format!("{name} must not stand here: {reason}"))
}

fn misplaced(name: &Name, site: Site, known: &Known) -> Option<&'static str> {
    let is_always_set = |key: &str| known.settings.get(key).copied().unwrap_or(true);
    match (site, name) {
        (Site::ExchangeUrl | Site::RevokeUrl, Name::Setting(key)) if !is_always_set(key) => Some(
            "it may be absent, and an address needs all of its parts; give the setting a default or require it",
        ),
        (Site::Env | Site::File | Site::Exchange | Site::Revoke, Name::Setting(_) | Name::RunId)
        | (Site::Attribute | Site::ExchangeUrl | Site::RevokeUrl, Name::Setting(_) | Name::RunId)
        | (Site::Env | Site::File | Site::Attribute, Name::File(_))
        | (Site::Env | Site::File, Name::Token | Name::Claim(_) | Name::Answer(_))
        | (Site::Env | Site::File, Name::SourceUrl | Name::SourceSecret)
        | (Site::Exchange, Name::Token | Name::Claim(_))
        | (Site::Revoke, Name::Answer(_)) => None,
        (Site::RevokeUrl, Name::Answer(key)) => match known.answers.get(key) {
            Some(answer) if answer.is_secret => Some(
                "an address must not hold a secret; declare the answer with secret = false if it is none",
            ),
            Some(answer) if answer.is_optional => {
                Some("it may be absent, and an address needs all of its parts")
            }
            Some(_) | None => None,
        },
        (Site::Attribute, _) => Some("attributes are readable in the plan, and known before a run"),
        (Site::ExchangeUrl | Site::RevokeUrl, _) => Some("an address holds settings and the run only"),
        (Site::Exchange, Name::Answer(_)) => Some("the answer comes after the request"),
        (Site::Revoke, Name::Token | Name::Claim(_)) => {
            Some("the identity token has ended when the credential is taken back")
        }
        (Site::Exchange | Site::Revoke, _) => Some("it means nothing outside the run"),
    }
}
