//! Names of variables: which setting a name means, and for which tag.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use crate::{
    providers,
    setting::{DEFAULT_PREFIX, Setting, SettingKind},
};

/// What a name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name<'a> {
    /// A setting, shared between all configurations.
    Default(&'static str),
    /// A default form of something that has none.
    UnknownDefault,
    /// A setting of the configuration with this tag; the tag is not checked yet.
    Value(&'static str, Option<&'a str>),
    /// Nothing of ours.
    Other,
}

/// Every base name, with its kind.
pub(crate) struct Lexicon {
    kinds: BTreeMap<&'static str, SettingKind>,
}

impl Lexicon {
    /// The names of all families, those that are not supported yet included.
    pub(crate) fn new() -> Self {
        let supported = providers::all().into_iter().flat_map(|provider| provider.settings());
        let kinds = supported.map(|setting: &Setting| (setting.name, setting.kind));
        Self { kinds: kinds.chain(providers::unsupported::names()).collect() }
    }

    /// Parses a name by its longest known base, never by splitting it at an underscore.
    pub(crate) fn parse<'a>(&self, name: &'a str) -> Name<'a> {
        if let Some(rest) = name.strip_prefix(DEFAULT_PREFIX) {
            let base = format!("TFC_{rest}");
            return match self.kinds.get_key_value(base.as_str()) {
                Some((base, SettingKind::Value)) => Name::Default(base),
                Some((_, SettingKind::Enable | SettingKind::PlainAudience)) | None => Name::UnknownDefault,
            };
        }
        let tag_of = |base: &str| match name.strip_prefix(base)? {
            "" => Some(None),
            rest => rest.strip_prefix('_').map(Some),
        };
        let candidates = self.kinds.keys().filter_map(|base| Some((*base, tag_of(base)?)));
        match candidates.max_by_key(|(base, _)| base.len()) {
            Some((base, tag)) => Name::Value(base, tag),
            None => Name::Other,
        }
    }

    /// Every base name.
    pub(crate) fn bases(&self) -> impl Iterator<Item = &'static str> {
        self.kinds.keys().copied()
    }

    /// Every name of a value that is shared between configurations.
    pub(crate) fn default_forms(&self) -> impl Iterator<Item = String> {
        let values = self.kinds.iter().filter(|(_, kind)| **kind == SettingKind::Value);
        values.map(|(base, _)| format!("{DEFAULT_PREFIX}{}", base.trim_start_matches("TFC_")))
    }

    /// Whether a default form names something that exists, and that cannot be shared.
    pub(crate) fn is_default_of_known(&self, name: &str) -> bool {
        let base = name.replacen(DEFAULT_PREFIX, "TFC_", 1);
        !matches!(self.parse(&base), Name::Other)
    }

    /// Whether the name would mean something if it were written in upper case.
    pub(crate) fn is_known_in_upper_case(&self, name: &str) -> bool {
        matches!(self.parse(&name.to_ascii_uppercase()), Name::Value(..) | Name::Default(_))
    }
}

/// The variables of a run, sorted by what they mean.
pub(crate) struct Values<'a> {
    explicit: BTreeMap<(&'static str, Option<&'a str>), &'a SecretString>,
    shared: BTreeMap<&'static str, &'a SecretString>,
    unknown_defaults: Vec<&'a str>,
    other: Vec<&'a str>,
}

impl<'a> Values<'a> {
    /// Sorts the variables; empty ones count as not set, except that a flag is then known to be there.
    pub(crate) fn sort(lexicon: &Lexicon, env: &'a BTreeMap<String, SecretString>) -> Self {
        let mut values = Self {
            explicit: BTreeMap::new(),
            shared: BTreeMap::new(),
            unknown_defaults: Vec::new(),
            other: Vec::new(),
        };
        for (name, value) in env {
            match lexicon.parse(name) {
                Name::Default(base) => {
                    values.shared.insert(base, value);
                }
                Name::UnknownDefault => values.unknown_defaults.push(name),
                Name::Value(base, tag) => {
                    values.explicit.insert((base, tag), value);
                }
                Name::Other => values.other.push(name),
            }
        }
        values
    }

    /// The value of one configuration's own variable, unless it is empty.
    pub(crate) fn explicit(&self, base: &'static str, tag: Option<&'a str>) -> Option<&'a str> {
        self.explicit.get(&(base, tag)).and_then(|value| non_empty(value))
    }

    /// The value that all configurations share, unless it is empty.
    pub(crate) fn shared(&self, base: &str) -> Option<&'a str> {
        self.shared.get(base).and_then(|value| non_empty(value))
    }

    /// Every tag that a base name appears with, in order, with its trimmed text, which may be empty.
    pub(crate) fn tags_of(&self, base: &str) -> impl Iterator<Item = (Option<&'a str>, &'a str)> {
        let own = self.explicit.iter().filter(move |((name, _), _)| *name == base);
        own.map(|((_, tag), value)| (*tag, trimmed(value)))
    }

    /// The explicit variables that hold something, as base name and tag.
    pub(crate) fn written(&self) -> impl Iterator<Item = (&'static str, Option<&'a str>)> {
        self.explicit.iter().filter(|(_, value)| non_empty(value).is_some()).map(|(key, _)| *key)
    }

    /// Default forms that have no meaning.
    pub(crate) fn unknown_defaults(&self) -> &[&'a str] {
        &self.unknown_defaults
    }

    /// Names that mean nothing here.
    pub(crate) fn other(&self) -> &[&'a str] {
        &self.other
    }
}

/// The variable that holds a setting for a tag.
pub(crate) fn variable_name(base: &str, tag: Option<&str>) -> String {
    match tag {
        Some(tag) => format!("{base}_{tag}"),
        None => base.to_owned(),
    }
}

/// The value without outer white space, or nothing when nothing is left.
pub(crate) fn non_empty(value: &SecretString) -> Option<&str> {
    Some(trimmed(value)).filter(|text| !text.is_empty())
}

fn trimmed(value: &SecretString) -> &str {
    value.expose_secret().trim_matches(|character: char| character.is_ascii_whitespace())
}
