//! From a definition and the values of one configuration to environment, files, attributes and requests.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use super::{
    call::{CallBody, PreparedCall},
    claims::claim,
    definition::{AdapterDefinition, Body, FileContent, Request},
    document::EnvWhen,
    escape::{Context, percent_encoded},
    template::{Name, Template},
};
use crate::family::Tag;

/// What the templates of one configuration are rendered with.
#[derive(Debug, Clone, Copy)]
pub struct Values<'a> {
    /// The adapter.
    pub definition: &'a AdapterDefinition,
    /// The settings by their keys; what is absent has its default, or is not set.
    pub settings: &'a BTreeMap<String, String>,
    /// What was obtained.
    pub secrets: Secrets<'a>,
    /// The home directory of the run.
    pub home: &'a str,
    /// The run.
    pub run_id: &'a str,
    /// The alias, if any.
    pub tag: Option<&'a Tag>,
}

/// What was obtained for one configuration.
#[derive(Debug, Clone, Copy)]
pub enum Secrets<'a> {
    /// Nothing yet: every secret is empty, so that names and paths can be shown before a run.
    Outline,
    /// The secrets.
    Held {
        /// The identity token.
        token: &'a SecretString,
        /// The fields of the answer to the exchange, by their keys.
        answers: &'a BTreeMap<String, SecretString>,
        /// The address and the secret of the agent's token source.
        source: Option<(&'a str, &'a SecretString)>,
    },
}

/// What one configuration puts into a run.
#[derive(Debug, Default)]
pub struct Rendered {
    /// Environment variables.
    pub env: Vec<RenderedEnv>,
    /// Files.
    pub files: Vec<RenderedFile>,
    /// The attributes of the Terraform variable; nothing stands for a value that is not set.
    pub attributes: Vec<(String, Option<String>)>,
}

/// One environment variable.
#[derive(Debug)]
pub struct RenderedEnv {
    /// The name, with the tag if it is set for every configuration.
    pub name: String,
    /// The value.
    pub value: SecretString,
    /// When it is set.
    pub when: EnvWhen,
}

/// One file.
#[derive(Debug)]
pub struct RenderedFile {
    /// The name without a tag.
    pub stem: String,
    /// The content.
    pub content: SecretString,
}

/// A value that cannot stand where a template puts it; the value itself is never told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} {rule}")]
pub struct RenderError {
    name: String,
    key: Option<String>,
    rule: &'static str,
}

impl RenderError {
    pub(super) fn new(name: &Name, rule: &'static str) -> Self {
        let key = match name {
            Name::Setting(key) => Some(key.clone()),
            Name::Token
            | Name::Claim(_)
            | Name::Answer(_)
            | Name::File(_)
            | Name::RunId
            | Name::SourceUrl
            | Name::SourceSecret => None,
        };
        Self { name: name.to_string(), key, rule }
    }

    /// The key of the setting whose value it was.
    pub fn setting(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// The rule that the value breaks.
    pub fn rule(&self) -> &'static str {
        self.rule
    }
}

impl<'a> Values<'a> {
    /// The value of a name; nothing when it is optional and not set.
    pub(super) fn get(&self, name: &Name) -> Result<Option<SecretString>, RenderError> {
        let missing = |rule| RenderError::new(name, rule);
        match (name, self.secrets) {
            (Name::RunId, _) => Ok(Some(self.run_id.into())),
            (Name::Setting(key), _) => Ok(self.setting(key).map(SecretString::from)),
            (Name::File(stem), _) => Ok(self.path(stem).map(SecretString::from)),
            (_, Secrets::Outline) => Ok(Some("".into())),
            (Name::Token, Secrets::Held { token, .. }) => Ok(Some(token.clone())),
            (Name::Claim(claimed), Secrets::Held { token, .. }) => match claim(token, claimed) {
                Some(text) => Ok(Some(text.into())),
                None => Err(missing("is not in the identity token")),
            },
            (Name::Answer(key), Secrets::Held { answers, .. }) => Ok(answers.get(key).cloned()),
            (Name::SourceUrl, Secrets::Held { source, .. }) => match source {
                Some((url, _)) => Ok(Some(url.into())),
                None => Err(missing("is not there: the agent runs no token source")),
            },
            (Name::SourceSecret, Secrets::Held { source, .. }) => match source {
                Some((_, secret)) => Ok(Some(secret.clone())),
                None => Err(missing("is not there: the agent runs no token source")),
            },
        }
    }

    /// Every secret that a request may hold.
    fn all_secrets(&self) -> Vec<SecretString> {
        let Secrets::Held { token, answers, .. } = self.secrets else { return Vec::new() };
        let is_secret = |key: &str| {
            let answers = self.definition.exchange.iter().flat_map(|exchange| &exchange.answers);
            answers.clone().any(|answer| answer.key == key && answer.is_secret)
        };
        let answers = answers.iter().filter(|(key, _)| is_secret(key)).map(|(_, value)| value);
        std::iter::once(token).chain(answers).cloned().collect()
    }

    fn setting(&self, key: &str) -> Option<&'a str> {
        let given = self.settings.get(key).map(String::as_str);
        given.or_else(|| self.definition.setting(key)?.default.as_deref())
    }

    /// The path of a file; nothing when the file is left out.
    fn path(&self, stem: &str) -> Option<String> {
        let suffix = self.tag.map(|tag| format!("-{tag}")).unwrap_or_default();
        self.is_written(stem).then(|| format!("{}/{stem}{suffix}", self.home.trim_end_matches('/')))
    }

    // A file that is named by another file names none itself, so this ends.
    fn is_written(&self, stem: &str) -> bool {
        let Some(file) = self.definition.files.iter().find(|file| file.stem == stem) else { return false };
        let FileContent::Text(template) = &file.content else { return true };
        template.names().all(|name| match (name, self.secrets) {
            (Name::Setting(key), _) => self.setting(key).is_some(),
            (Name::Answer(key), Secrets::Held { answers, .. }) => answers.contains_key(key),
            (Name::File(stem), _) => self.is_written(stem),
            (Name::Answer(_), Secrets::Outline)
            | (Name::Token | Name::Claim(_) | Name::RunId | Name::SourceUrl | Name::SourceSecret, _) => true,
        })
    }
}

impl AdapterDefinition {
    /// What one configuration puts into a run.
    ///
    /// Fails when a value cannot stand where a template puts it.
    pub fn render(&self, values: &Values<'_>) -> Result<Rendered, RenderError> {
        let mut rendered = Rendered::default();
        for entry in &self.env {
            if let Some(value) = entry.value.render(Context::Line, values)? {
                let name = match (entry.when, values.tag) {
                    (EnvWhen::Always, Some(tag)) => format!("{}_{tag}", entry.name),
                    (EnvWhen::Always | EnvWhen::Alone | EnvWhen::BesideAliases, _) => entry.name.clone(),
                };
                rendered.env.push(RenderedEnv { name, value, when: entry.when });
            }
        }
        for file in &self.files {
            if let Some(content) = file.content.render(values)? {
                rendered.files.push(RenderedFile { stem: file.stem.clone(), content });
            }
        }
        for (name, template) in self.variable.iter().flat_map(|variable| &variable.attributes) {
            let value = template.render(Context::Line, values)?;
            rendered.attributes.push((name.clone(), value.map(|value| value.expose_secret().to_owned())));
        }
        Ok(rendered)
    }

    /// The request of the exchange, if there is one.
    ///
    /// Fails when a value cannot stand where a template puts it.
    pub fn exchange_call(&self, values: &Values<'_>) -> Result<Option<PreparedCall>, RenderError> {
        self.exchange.as_ref().map(|exchange| exchange.request.render(values)).transpose()
    }

    /// The request that takes the credential back, if there is one.
    ///
    /// Fails when a value cannot stand where a template puts it.
    pub fn revocation_call(&self, values: &Values<'_>) -> Result<Option<PreparedCall>, RenderError> {
        let revocation = self.exchange.as_ref().and_then(|exchange| exchange.revocation.as_ref());
        revocation.map(|revocation| revocation.request.render(values)).transpose()
    }

    /// Checks the settings of a configuration before anything is obtained.
    ///
    /// Fails with the first value that cannot stand where a template puts it.
    pub fn check(&self, values: &Values<'_>) -> Result<(), RenderError> {
        let values = &Values { secrets: Secrets::Outline, ..*values };
        self.render(values)?;
        self.exchange_call(values)?;
        match self.revocation_call(values) {
            // A field of the answer is empty until there is an answer.
            Err(error) if error.setting().is_none() => Ok(()),
            other => other.map(drop),
        }
    }
}

impl FileContent {
    fn render(&self, values: &Values<'_>) -> Result<Option<SecretString>, RenderError> {
        match self {
            // Only a value that is the whole file may bring lines of its own, such as a key.
            Self::Text(template) if template.is_bare() => template.render(Context::Whole, values),
            Self::Text(template) => template.render(Context::Line, values),
            Self::Json(json) => json.render(values).map(Some),
        }
    }
}

impl Request {
    fn render(&self, values: &Values<'_>) -> Result<PreparedCall, RenderError> {
        let url = self.url.render(values)?;
        let mut headers = Vec::new();
        for (name, template) in &self.headers {
            if let Some(value) = template.render(Context::Header, values)? {
                headers.push((name.clone(), value));
            }
        }
        let body = match &self.body {
            Body::None => None,
            Body::Form(fields) => Some((CallBody::Form, form(fields, values)?)),
            Body::Json(json) => Some((CallBody::Json, json.render(values)?)),
        };
        Ok(PreparedCall { method: self.method.clone(), url, headers, body, secrets: values.all_secrets() })
    }
}

fn form(fields: &[(String, Template)], values: &Values<'_>) -> Result<SecretString, RenderError> {
    let mut text = String::new();
    for (name, template) in fields {
        if let Some(value) = template.render(Context::Form, values)? {
            let separator = if text.is_empty() { "" } else { "&" };
            text.push_str(separator);
            text.push_str(&percent_encoded(name));
            text.push('=');
            text.push_str(value.expose_secret());
        }
    }
    Ok(text.into())
}
