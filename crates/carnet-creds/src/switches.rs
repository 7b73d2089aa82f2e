//! Which configurations are switched on, and names that look like ours and do nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    family::FamilyName,
    lexicon::{Lexicon, Values, variable_name},
    misspelt::{misspelt, nearest_default},
    notice::Notice,
    problem::Problem,
    providers::Providers,
    setting::{DEFAULT_PREFIX, Setting, SettingKind},
};

/// Flags that people write when they mean another variable.
const MISTAKEN: [(&str, &str); 3] = [
    ("TFC_VAULT_BACKED_AWS_AUTH_PATH", "TFC_VAULT_AUTH_PATH"),
    ("TFC_VAULT_BACKED_AZURE_AUTH_PATH", "TFC_VAULT_AUTH_PATH"),
    ("TFC_VAULT_BACKED_GCP_AUTH_PATH", "TFC_VAULT_AUTH_PATH"),
];

/// What the text of a flag says.
enum Flag {
    On,
    Off,
    Unclear,
}

/// The tags, unchecked, of the configurations that a switch turns on, the default one first.
pub(crate) fn switched_on<'a>(
    values: &Values<'a>,
    switch: &Setting<'_>,
    warnings: &mut Vec<Notice>,
) -> Vec<Option<&'a str>> {
    match switch.kind {
        SettingKind::PlainAudience => {
            let named = values.tags_of(switch.name).filter(|(_, audience)| !audience.is_empty());
            named.map(|(tag, _)| tag).collect()
        }
        SettingKind::Enable | SettingKind::Value | SettingKind::Common => {
            flags_on(values, switch.name, warnings)
        }
    }
}

/// The tags, unchecked, for which a flag is on.
pub(crate) fn flags_on<'a>(
    values: &Values<'a>,
    base: &str,
    warnings: &mut Vec<Notice>,
) -> Vec<Option<&'a str>> {
    let mut tags = Vec::new();
    for (tag, text) in values.tags_of(base) {
        match read_flag(text) {
            Flag::On => tags.push(tag),
            Flag::Off => {}
            Flag::Unclear => {
                let name = variable_name(base, tag);
                let hint = MISTAKEN.iter().find(|(wrong, _)| *wrong == name).map(|(_, right)| *right);
                warnings.push(Notice::UnclearFlag { name, hint });
            }
        }
    }
    tags
}

fn read_flag(text: &str) -> Flag {
    match text.to_ascii_lowercase().as_str() {
        "true" => Flag::On,
        "" | "false" | "0" | "no" | "off" => Flag::Off,
        _ => Flag::Unclear,
    }
}

/// Pairs of families of one group that are both on without a tag.
pub(crate) fn two_defaults(providers: &Providers<'_>, values: &Values<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut first_of: BTreeMap<FamilyName, &str> = BTreeMap::new();
    for (family, flag) in providers.flags() {
        if !flags_on(values, flag, &mut Vec::new()).contains(&None) {
            continue;
        }
        if let Some(first) = first_of.insert(family.group(), flag) {
            problems.push(Problem::TwoDefaults { first: first.to_owned(), second: flag.to_owned() });
        }
    }
    problems
}

/// Settings that stand where nobody reads them, and default forms that have no meaning.
pub(crate) fn misplaced(
    providers: &Providers<'_>,
    lexicon: &Lexicon<'_>,
    values: &Values<'_>,
    terraform_variables: &BTreeSet<String>,
) -> Vec<Notice> {
    let in_env = values.other();
    let in_terraform = terraform_variables.iter().map(String::as_str);
    let unread = in_env.chain(in_terraform).filter(|name| lexicon.is_known_in_upper_case(name));
    let mut notices: Vec<Notice> = unread.map(|name| Notice::NotRead { name: name.to_owned() }).collect();
    notices.extend(values.unknown_defaults().iter().map(|name| unknown_default(name, lexicon)));
    notices.extend(misspelt(providers, lexicon, values));
    notices
}

fn unknown_default(name: &str, lexicon: &Lexicon<'_>) -> Notice {
    let name = name.to_owned();
    match nearest_default(&name, lexicon) {
        Some(meant) if !lexicon.is_default_of_known(&name) => {
            Notice::UnknownSetting { name, meant: Some(meant) }
        }
        Some(_) | None => Notice::UnknownDefault { name },
    }
}

/// Values of configurations whose flag is not there at all, one remark for each configuration.
pub(crate) fn flags_absent(
    values: &Values<'_>,
    switch: &Setting<'_>,
    settings: &[Setting<'_>],
) -> Vec<Notice> {
    let is_ours = |base: &str| {
        settings.iter().any(|setting| setting.name == base && setting.kind == SettingKind::Value)
    };
    let mut seen: BTreeSet<Option<&str>> = values.tags_of(switch.name).map(|(tag, _)| tag).collect();
    // Somebody who wrote the default form of the flag is told about that already.
    let misled = format!("{DEFAULT_PREFIX}{}", switch.name.trim_start_matches("TFC_"));
    if values.unknown_defaults().contains(&misled.as_str()) {
        seen.insert(None);
    }
    let mut notices = Vec::new();
    for (base, tag) in values.written().filter(|(base, _)| is_ours(base)) {
        if seen.insert(tag) {
            let (values, flag) = (variable_name(base, tag), variable_name(switch.name, tag));
            notices.push(Notice::FlagAbsent { values, flag });
        }
    }
    notices
}
