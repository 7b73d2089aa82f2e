//! Building the parts of a definition, and collecting what is wrong with each.

use std::collections::BTreeSet;

use toml::Spanned;

use super::{
    definition::{AdapterEnv, AdapterFile, AdapterRival, AdapterVariable, FileContent},
    document::{AnswerPart, EnvPart, FilePart, RivalPart, Table, Text, VariablePart},
    error::Problems,
    json::JsonTemplate,
    names,
    setting::{AdapterSetting, SettingUse},
    template::{Name, Template, TemplateError},
    usage::{Known, KnownAnswer, Site, Used},
};

/// Builds a definition from the parts of a document.
pub(super) struct Builder<'a> {
    document: &'a str,
    pub(super) problems: Problems<'a>,
    pub(super) used: Used,
    pub(super) known: Known,
}

impl<'a> Builder<'a> {
    pub(super) fn new(document: &'a str) -> Self {
        Self { document, problems: Problems::new(document), used: Used::default(), known: Known::default() }
    }

    /// Checks a name.
    pub(super) fn named(&mut self, name: &Text, what: &str, rule: fn(&str) -> Option<&'static str>) {
        if let Some(broken) = rule(name.get_ref()) {
            self.problems.add(name.span(), format!("{what} {broken}"));
        }
    }

    /// Checks a text that people read.
    pub(super) fn shown(&mut self, text: &Text, longest: usize) {
        let length = text.get_ref().chars().count();
        if length == 0 || length > longest || text.get_ref().chars().any(char::is_control) {
            let rule = format!("a text of 1 to {longest} characters on one line is needed");
            self.problems.add(text.span(), rule);
        }
    }

    /// Tells which names templates may use.
    pub(super) fn know(
        &mut self,
        settings: &[AdapterSetting],
        answers: Option<&Table<AnswerPart>>,
        files: &Table<FilePart>,
    ) {
        let values = settings.iter().filter(|setting| setting.purpose != SettingUse::Enable);
        let always = |one: &AdapterSetting| one.is_required || one.default.is_some();
        self.known.settings = values.map(|setting| (setting.key.clone(), always(setting))).collect();
        self.known.files = files.keys().map(|stem| stem.get_ref().clone()).collect();
        for (key, part) in answers.into_iter().flatten() {
            let answer = KnownAnswer { is_secret: part.is_secret, is_optional: part.is_optional };
            self.known.answers.insert(key.get_ref().clone(), answer);
        }
    }

    pub(super) fn env(&mut self, parts: &Table<EnvPart>) -> Vec<AdapterEnv> {
        let mut env = Vec::new();
        for (name, part) in in_order(parts) {
            self.named(name, "an environment variable", names::env);
            let value = self.template(&part.value, Site::Env);
            env.push(AdapterEnv { name: name.get_ref().clone(), value, when: part.when });
        }
        env
    }

    pub(super) fn files(&mut self, parts: &Table<FilePart>) -> Vec<AdapterFile> {
        let mut files = Vec::new();
        for (stem, part) in in_order(parts) {
            self.named(stem, "the stem of a file", names::file);
            // The tag of a configuration stands behind the stem and a "-".
            let longer = |other: &&Text| {
                other.get_ref().strip_prefix(stem.get_ref()).is_some_and(|rest| rest.starts_with('-'))
            };
            if let Some(other) = parts.keys().find(longer) {
                let problem = format!(
                    "{} would also be {} with a tag; give one another name",
                    other.get_ref(),
                    stem.get_ref()
                );
                self.problems.add(stem.span(), problem);
            }
            let content = match part {
                FilePart::Text(text) => FileContent::Text(self.template(text, Site::File)),
                FilePart::Json(value) => FileContent::Json(self.json(value, Site::File)),
            };
            files.push((stem, AdapterFile { stem: stem.get_ref().clone(), content }));
        }
        self.file_chains(&files);
        files.into_iter().map(|(_, file)| file).collect()
    }

    // Otherwise it could not be told whether a path leads to a file without following it in circles.
    fn file_chains(&mut self, files: &[(&Text, AdapterFile)]) {
        let named_by = |file: &AdapterFile| -> BTreeSet<String> {
            let templates = file.content.templates();
            let names = templates.into_iter().flat_map(Template::names);
            names
                .filter_map(|name| if let Name::File(stem) = name { Some(stem.clone()) } else { None })
                .collect()
        };
        let naming: BTreeSet<&str> = files
            .iter()
            .filter(|(_, file)| !named_by(file).is_empty())
            .map(|(stem, _)| stem.get_ref().as_str())
            .collect();
        for (stem, file) in files {
            if named_by(file).iter().any(|named| naming.contains(named.as_str())) {
                let rule = "a file may only name files that name none themselves";
                self.problems.add(stem.span(), rule);
            }
        }
    }

    pub(super) fn variable(&mut self, part: &VariablePart) -> AdapterVariable {
        self.named(&part.name, "the Terraform variable", names::variable);
        if part.attributes.is_empty() {
            self.problems.add(part.name.span(), "the variable has no attributes");
        }
        let mut attributes = Vec::new();
        for (name, text) in in_order(&part.attributes) {
            self.named(name, "the name of an attribute", names::key);
            attributes.push((name.get_ref().clone(), self.template(text, Site::Attribute)));
        }
        AdapterVariable { name: part.name.get_ref().clone(), attributes }
    }

    pub(super) fn rivals(&mut self, parts: &[RivalPart]) -> Vec<AdapterRival> {
        let mut rivals = Vec::new();
        for part in parts {
            let name = part.name.get_ref();
            let is_name = !name.is_empty()
                && name.len() <= 64
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if !is_name {
                self.problems.add(part.name.span(), "a rival is the name of an environment variable");
            }
            let harmless = part.unless.as_ref().map(|text| text.get_ref().clone());
            rivals.push(AdapterRival { name: name.clone(), harmless });
        }
        rivals
    }

    pub(super) fn template(&mut self, text: &Text, site: Site) -> Template {
        match Template::parse(text.get_ref()) {
            Ok(template) => {
                let is_one_line = matches!(site, Site::Env | Site::Attribute);
                if is_one_line && template.literals().any(|text| text.chars().any(char::is_control)) {
                    self.problems.add(text.span(), "the value must stand on one line");
                }
                self.used.check(&template, site, &self.known, &text.span(), &mut self.problems);
                template
            }
            Err(error) => {
                self.broken(text, &error);
                Template::empty()
            }
        }
    }

    pub(super) fn json(&mut self, value: &Spanned<toml::Value>, site: Site) -> JsonTemplate {
        let parsed = JsonTemplate::parse(value.get_ref());
        if let Err(error) = &parsed {
            self.problems.add(value.span(), error.text.clone());
        }
        let json = parsed.unwrap_or_default();
        for template in json.templates() {
            self.used.check(template, site, &self.known, &value.span(), &mut self.problems);
        }
        json
    }

    /// Records that a template cannot be read, at the place in it if that can be told.
    pub(super) fn broken(&mut self, text: &Text, error: &TemplateError) {
        let span = text.span();
        let written = self.document.get(span.clone()).unwrap_or_default();
        let opening = if written.starts_with("\"\"\"") || written.starts_with("'''") { 3 } else { 1 };
        let has_escapes = written.len() != text.get_ref().len() + 2 * opening;
        let start = if has_escapes { span.start } else { span.start + opening + error.at };
        self.problems.add(start..span.end, error.text.clone());
    }
}

/// The entries of a table in the order of the document.
pub(super) fn in_order<T>(table: &Table<T>) -> Vec<(&Text, &T)> {
    let mut entries: Vec<(&Text, &T)> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}
