//! Adapters that cannot stand beside each other.

use std::collections::BTreeSet;

use super::{definition::AdapterDefinition, setting::AdapterSetting};

impl AdapterDefinition {
    /// Why this adapter cannot stand beside another one.
    pub fn clash(&self, other: &Self) -> Option<String> {
        if self.name == other.name {
            return Some(format!("there are two adapters with the name \"{}\"", self.name));
        }
        let names = |one: &Self| -> BTreeSet<String> {
            one.settings.iter().flat_map(AdapterSetting::variables).map(str::to_owned).collect()
        };
        let stems = |one: &Self| -> BTreeSet<String> { one.files().map(str::to_owned).collect() };
        let (first, second) = (&self.name, &other.name);
        if let Some((one, two)) = overlap(&names(self), &names(other), '_') {
            return Some(format!("adapters \"{first}\" and \"{second}\" both read {one} ({two})"));
        }
        if let Some((one, two)) = overlap(&stems(self), &stems(other), '-') {
            return Some(format!("adapters \"{first}\" and \"{second}\" both write {one} ({two})"));
        }
        let variable = self.variable().filter(|name| other.variable() == Some(*name))?;
        Some(format!("adapters \"{first}\" and \"{second}\" both set {variable}"))
    }
}

/// Two names that are the same, or of which one is the other with a tag; the shorter one first.
fn overlap(one: &BTreeSet<String>, other: &BTreeSet<String>, separator: char) -> Option<(String, String)> {
    let is_tagged = |short: &str, long: &str| {
        long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with(separator))
    };
    let pairs = one.iter().flat_map(|first| other.iter().map(move |second| (first, second)));
    pairs
        .filter_map(|(first, second)| match (is_tagged(first, second), is_tagged(second, first)) {
            (true, _) => Some((first.clone(), second.clone())),
            (false, true) => Some((second.clone(), first.clone())),
            (false, false) => None,
        })
        .next()
}
