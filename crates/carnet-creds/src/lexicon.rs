//! Names of variables: which setting a name means, and for which tag.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use crate::{
    providers::Providers,
    setting::{DEFAULT_PREFIX, SettingKind},
};

/// What a name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name<'a> {
    /// A setting, shared between all configurations.
    Default(&'a str),
    /// A default form of something that has none.
    UnknownDefault,
    /// A setting of the configuration with this tag; the tag is not checked yet.
    Value(&'a str, Option<&'a str>),
    /// Nothing of ours.
    Other,
}

/// Every base name, with its kind.
pub(crate) struct Lexicon<'p> {
    kinds: BTreeMap<&'p str, SettingKind>,
}

impl<'p> Lexicon<'p> {
    /// The names of all families, of what all families share, and of those that were withdrawn.
    pub(crate) fn new(providers: &Providers<'p>) -> Self {
        Self { kinds: providers.names().collect() }
    }

    /// Parses a name by its longest known base, never by splitting it at an underscore.
    pub(crate) fn parse<'a>(&self, name: &'a str) -> Name<'a>
    where
        'p: 'a,
    {
        if let Some(rest) = name.strip_prefix(DEFAULT_PREFIX) {
            let base = format!("TFC_{rest}");
            return match self.kinds.get_key_value(base.as_str()) {
                Some((base, SettingKind::Value)) => Name::Default(base),
                Some((_, SettingKind::Enable | SettingKind::PlainAudience | SettingKind::Common)) | None => {
                    Name::UnknownDefault
                }
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
    pub(crate) fn bases(&self) -> impl Iterator<Item = &'p str> {
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
    explicit: BTreeMap<(&'a str, Option<&'a str>), &'a SecretString>,
    shared: BTreeMap<&'a str, &'a SecretString>,
    unknown_defaults: Vec<&'a str>,
    other: BTreeMap<&'a str, &'a SecretString>,
}

impl<'a> Values<'a> {
    /// Sorts the variables; empty ones count as not set, except that a flag is then known to be there.
    pub(crate) fn sort<'p: 'a>(lexicon: &Lexicon<'p>, env: &'a BTreeMap<String, SecretString>) -> Self {
        let mut values = Self {
            explicit: BTreeMap::new(),
            shared: BTreeMap::new(),
            unknown_defaults: Vec::new(),
            other: BTreeMap::new(),
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
                Name::Other => {
                    values.other.insert(name, value);
                }
            }
        }
        values
    }

    /// The value of one configuration's own variable, unless it is empty.
    pub(crate) fn explicit<'s>(&'s self, base: &'s str, tag: Option<&'s str>) -> Option<&'s str> {
        let explicit: &BTreeMap<(&'s str, Option<&'s str>), &'s SecretString> = &self.explicit;
        explicit.get(&(base, tag)).and_then(|value| non_empty(value))
    }

    /// The value that all configurations share, unless it is empty.
    pub(crate) fn shared(&self, base: &str) -> Option<&'a str> {
        self.shared.get(base).and_then(|value| non_empty(value))
    }

    /// Every tag that a base name appears with, in order, with its trimmed text, which may be empty.
    pub(crate) fn tags_of<'s>(
        &'s self,
        base: &'s str,
    ) -> impl Iterator<Item = (Option<&'a str>, &'a str)> + use<'s, 'a> {
        let own = self.explicit.iter().filter(move |((name, _), _)| *name == base);
        own.map(|((_, tag), value)| (*tag, trimmed(value)))
    }

    /// The explicit variables that hold something, as base name and tag.
    pub(crate) fn written(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        self.explicit.iter().filter(|(_, value)| non_empty(value).is_some()).map(|(key, _)| *key)
    }

    /// Default forms that have no meaning.
    pub(crate) fn unknown_defaults(&self) -> &[&'a str] {
        &self.unknown_defaults
    }

    /// Names that mean nothing here.
    pub(crate) fn other(&self) -> impl Iterator<Item = &'a str> {
        self.other.keys().copied()
    }

    /// A variable that means nothing here, unless it is empty: what the workspace tells Terraform's providers.
    pub(crate) fn workspace(&self, name: &str) -> Option<&str> {
        self.other.get(name).and_then(|value| non_empty(value))
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
