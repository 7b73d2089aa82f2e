//! Building the settings of a definition.

use std::collections::BTreeSet;

use toml::Spanned;

use super::{
    document::{SettingPart, Table, Text},
    names,
    parts::Builder,
    setting::{AdapterSetting, SettingNames, SettingUse},
};

impl Builder<'_> {
    /// The settings: the switch, the audience, then the others in the order of the document.
    pub(super) fn settings(&mut self, parts: &Spanned<Table<SettingPart>>) -> Vec<AdapterSetting> {
        for key in ["enable", "audience"] {
            if !parts.get_ref().contains_key(key) {
                self.problems.add(parts.span(), format!("[settings.{key}] is missing"));
            }
        }
        let mut ordered: Vec<(&Text, &SettingPart)> = parts.get_ref().iter().collect();
        ordered.sort_by_key(|(key, _)| match key.get_ref().as_str() {
            "enable" => (0, 0),
            "audience" => (1, 0),
            _ => (2, key.span().start),
        });
        let settings: Vec<AdapterSetting> =
            ordered.iter().map(|(key, part)| self.setting(key, part)).collect();
        for ((key, part), setting) in ordered.iter().zip(&settings) {
            let others = settings.iter().filter(|other| other.key != *key.get_ref());
            let taken: BTreeSet<&str> = others.flat_map(AdapterSetting::variables).collect();
            self.distinct(part, setting, &taken);
        }
        settings
    }

    // A longer name would be read as the shorter one with a tag.
    fn distinct(&mut self, part: &SettingPart, setting: &AdapterSetting, taken: &BTreeSet<&str>) {
        for name in setting.variables() {
            let shorter = |other: &&&str| {
                name == **other || name.strip_prefix(**other).is_some_and(|rest| rest.starts_with('_'))
            };
            if let Some(other) = taken.iter().find(shorter) {
                let problem = if name == *other {
                    format!("{name} is the name of two settings")
                } else {
                    format!("{name} would also be {other} with a tag; give one of them another name")
                };
                self.problems.add(part.name.span(), problem);
            }
        }
    }

    fn setting(&mut self, key: &Text, part: &SettingPart) -> AdapterSetting {
        self.named(key, "the key of a setting", names::key);
        self.named(&part.name, "the name of a setting", names::setting);
        self.shown(&part.doc, 500);
        let texts = [&part.label, &part.default, &part.example];
        texts.into_iter().flatten().for_each(|text| self.shown(text, 500));
        let purpose = match key.get_ref().as_str() {
            "enable" => SettingUse::Enable,
            "audience" => SettingUse::Audience,
            _ => SettingUse::Value,
        };
        let name = part.name.get_ref();
        let mut names = SettingNames::One(name.clone());
        if part.phased {
            match SettingNames::phased(name) {
                Some(phased) if purpose == SettingUse::Value => names = phased,
                Some(_) => self.problems.add(part.name.span(), "neither switch nor audience is phased"),
                None => {
                    let rule =
                        "a phased setting has _RUN_ once in its name, which becomes _PLAN_ and _APPLY_";
                    self.problems.add(part.name.span(), rule);
                }
            }
        }
        self.purpose(part, purpose);
        let text = |text: &Option<Text>| text.as_ref().map(|text| text.get_ref().clone());
        let default = text(&part.default);
        let implied = (purpose == SettingUse::Enable).then(|| "true".to_owned());
        AdapterSetting {
            key: key.get_ref().clone(),
            purpose,
            names,
            label: text(&part.label).unwrap_or_else(|| key.get_ref().replace('_', " ")),
            is_required: part.required || (purpose != SettingUse::Value && default.is_none()),
            example: text(&part.example).or(implied).or_else(|| default.clone()).unwrap_or_default(),
            default,
            doc: part.doc.get_ref().clone(),
        }
    }

    fn purpose(&mut self, part: &SettingPart, purpose: SettingUse) {
        let has_example = part.example.is_some() || part.default.is_some();
        let problem = match purpose {
            SettingUse::Enable if part.default.is_some() || part.required => {
                Some("the switch has no default and is never required")
            }
            SettingUse::Audience | SettingUse::Value if part.required && part.default.is_some() => {
                Some("a setting with a default is never required")
            }
            SettingUse::Audience | SettingUse::Value if !has_example => Some("an example is missing"),
            SettingUse::Enable | SettingUse::Audience | SettingUse::Value => None,
        };
        if let Some(problem) = problem {
            self.problems.add(part.name.span(), problem);
        }
    }
}
