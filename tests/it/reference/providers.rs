//! The page of all settings, with the tests that hold each of them to its word.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use carnet_creds::{FamilyName, Required, Setting, SettingKind, settings};

use super::{compare, sources};

const HEAD: &str = "# Settings of dynamic credentials\n\n\
    Written by the test `every_setting_is_documented_and_tested`, which fails when a setting has no test.\n\n\
    A tag may follow every name behind an underscore. Where a shared form is named, it gives the value to every configuration that has none of its own.\n";

#[test]
fn every_setting_is_documented_and_tested() {
    let tests = Tests::read();
    let mut page = String::from(HEAD);
    let mut untested = Vec::new();
    let mut family = None;
    for setting in settings() {
        let section = (setting.kind != SettingKind::Common).then_some(setting.family);
        if family != Some(section) {
            family = Some(section);
            let title = section.as_ref().map_or("The whole run", FamilyName::human);
            write!(page, "\n## {title}\n\n").expect("text");
        }
        let naming = tests.naming(setting.name);
        if naming.is_empty() {
            untested.push(setting.name);
        }
        page.push_str(&entry(&setting, &naming));
    }
    assert!(untested.is_empty(), "no test names {untested:?}");
    compare("reference/providers.md", &page);
}

fn entry(setting: &Setting<'_>, tests: &BTreeSet<&str>) -> String {
    let needed = match (setting.kind, setting.required) {
        (SettingKind::Enable | SettingKind::PlainAudience, _) => "switches a configuration on",
        (SettingKind::Value, Required::Yes) => "needed",
        (SettingKind::Value | SettingKind::Common, Required::No) => "may be left out",
        (SettingKind::Value, Required::UnlessBothPhases) => "needed unless both phases have one",
        (SettingKind::Common, Required::Yes | Required::UnlessBothPhases) => "needed",
    };
    let default = setting.default.map(|value| format!("; without it `{value}`")).unwrap_or_default();
    let shared = match setting.has_default_form() {
        true => format!("; shared form `{}`", setting.name.replacen("TFC_", "TFC_DEFAULT_", 1)),
        false => String::new(),
    };
    // Two are enough, those of the contract first, so that the page does not change with every test.
    let (contract, others): (Vec<&str>, Vec<&str>) =
        tests.iter().partition(|test| test.starts_with("vector"));
    let shown: Vec<String> = contract.iter().chain(&others).take(2).map(|test| format!("`{test}`")).collect();
    format!(
        "- **`{}`** ({needed}{default}{shared}). {} Example: `{}`. Source: {}.\n  Tests: {}\n",
        setting.name,
        setting.doc,
        setting.example,
        setting.source,
        shown.join(", ")
    )
}

/// The tests of the workspace, with everything that they name themselves or through constants of their file.
struct Tests(Vec<(String, String)>);

impl Tests {
    fn read() -> Self {
        let mut tests = Vec::new();
        for text in sources() {
            let constants = constants(&text);
            for (name, body) in bodies(&text) {
                let used = constants.iter().filter(|(constant, _)| has_word(&body, constant));
                let values: String = used.map(|(_, value)| value.as_str()).collect();
                tests.push((name, body + &values));
            }
        }
        assert!(tests.len() > 100, "the tests were found");
        Self(tests)
    }

    fn naming(&self, setting: &str) -> BTreeSet<&str> {
        let naming = self.0.iter().filter(|(_, text)| has_setting(text, setting));
        naming.map(|(name, _)| name.as_str()).collect()
    }
}

/// Whether the text names the setting itself, its shared form, or either with a tag, and not a longer setting.
fn has_setting(text: &str, setting: &str) -> bool {
    let shared = setting.replacen("TFC_", "TFC_DEFAULT_", 1);
    let longer: Vec<&str> = settings()
        .iter()
        .map(|other| other.name)
        .filter(|other| other.len() > setting.len() && other.starts_with(setting))
        .collect();
    [setting, shared.as_str()].iter().any(|name| {
        text.match_indices(name).any(|(start, _)| {
            let rest = &text[start + name.len()..];
            let is_longer = longer.iter().any(|longer| rest.starts_with(&longer[setting.len()..]));
            !is_longer && (rest.starts_with(['"', '=', '_', ' ', '\\']))
        })
    })
}

fn has_word(text: &str, word: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(word).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// The constants and helper functions outside of tests: name and text, those they use included.
fn constants(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut is_test = false;
    for item in items(text) {
        let first = item.lines().find(|line| !line.starts_with("#[")).unwrap_or_default();
        is_test |= item.contains("#[test]") || item.contains("#[tokio::test");
        let words: Vec<&str> =
            first.split(|character: char| !character.is_alphanumeric() && character != '_').collect();
        let name = words.iter().skip_while(|word| !matches!(**word, "const" | "static" | "fn")).nth(1);
        if let (Some(name), false) = (name, is_test) {
            found.insert((*name).to_owned(), item);
        }
        is_test = false;
    }
    for _ in 0..3 {
        let known = found.clone();
        for text in found.values_mut() {
            let used: String = known
                .iter()
                .filter(|(name, value)| has_word(text, name) && !text.contains(value.as_str()))
                .map(|(_, value)| value.as_str())
                .collect();
            text.push_str(&used);
        }
    }
    found
}

/// The tests: name and text.
fn bodies(text: &str) -> Vec<(String, String)> {
    let tests =
        items(text).into_iter().filter(|item| item.contains("#[test]") || item.contains("#[tokio::test"));
    tests
        .filter_map(|item| {
            let name = item.split("fn ").nth(1)?.split(['(', '<']).next()?.to_owned();
            Some((name, item))
        })
        .collect()
}

/// The items of a file, as text; an item ends where a line begins with something that closes or ends it.
fn items(text: &str) -> Vec<String> {
    let (mut items, mut item) = (Vec::new(), String::new());
    for line in text.lines() {
        item.push_str(line);
        item.push('\n');
        let is_end =
            line.starts_with(['}', ']', ')']) || (!line.starts_with([' ', '#', '/']) && line.ends_with(';'));
        if is_end {
            items.push(std::mem::take(&mut item));
        }
    }
    items
}
