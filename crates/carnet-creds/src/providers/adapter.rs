//! Declarative adapters as families: a document takes the place of code.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    adapter::{
        AdapterDefinition, AdapterSetting, EnvWhen, RenderError, Rendered, Secrets, SettingNames, SettingUse,
        TokenUse, Values,
    },
    adapter_name::AdapterName,
    credential::Credential,
    family::FamilyName,
    form::{Form, Incomplete},
    injection::{Delivery, When},
    provider::{Configuration, Grant, Place, Provider, Rival, TokenLife, TokenNeed},
    setting::{Phased, Required, Setting, SettingKind},
};

/// An adapter as a family.
pub(crate) struct AdapterFamily {
    name: AdapterName,
    definition: Arc<AdapterDefinition>,
}

impl AdapterFamily {
    pub(crate) fn new(definition: &Arc<AdapterDefinition>) -> Option<Self> {
        // A definition has checked its name; the type only says so a second time.
        let name = definition.name().parse().ok()?;
        Some(Self { name, definition: definition.clone() })
    }

    /// The variables of one setting.
    fn variables<'a>(&'a self, setting: &'a AdapterSetting) -> Vec<Setting<'a>> {
        let is_required = setting.is_required && setting.default.is_none();
        let of = |name: &'a str, required| Setting {
            name,
            family: FamilyName::Adapter(self.name),
            kind: match setting.purpose {
                SettingUse::Enable => SettingKind::Enable,
                SettingUse::Audience | SettingUse::Value => SettingKind::Value,
            },
            label: &setting.label,
            required,
            default: setting.default.as_deref(),
            example: &setting.example,
            doc: &setting.doc,
            source: self.definition.source(),
        };
        match &setting.names {
            SettingNames::One(name) if is_required || setting.purpose == SettingUse::Enable => {
                vec![of(name, Required::Yes)]
            }
            SettingNames::One(name) => vec![of(name, Required::No)],
            SettingNames::Phased { run, plan, apply } => {
                let both = if is_required { Required::UnlessBothPhases } else { Required::No };
                vec![of(run, both), of(plan, Required::No), of(apply, Required::No)]
            }
        }
    }
}

impl Provider for AdapterFamily {
    fn family(&self) -> FamilyName {
        FamilyName::Adapter(self.name)
    }

    fn settings(&self) -> Vec<Setting<'_>> {
        self.definition.settings().iter().flat_map(|setting| self.variables(setting)).collect()
    }

    fn variable(&self) -> Option<&str> {
        self.definition.variable()
    }

    fn rivals(&self) -> Vec<Rival<'_>> {
        let rivals = self.definition.rivals().iter();
        rivals
            .map(|rival| Rival { harmless: rival.harmless.as_deref(), ..Rival::always(&rival.name) })
            .collect()
    }

    fn configure(&self, form: &mut Form<'_>) -> Result<Box<dyn Configuration>, Incomplete> {
        let mut values = BTreeMap::new();
        let mut found_at = BTreeMap::new();
        let mut incomplete = None;
        for setting in self.definition.settings().iter().filter(|one| one.purpose != SettingUse::Enable) {
            let settings = self.variables(setting);
            let is_required = setting.is_required && setting.default.is_none();
            let found = match settings.as_slice() {
                [run, plan, apply] if is_required => form.phased(&Phased { run, plan, apply }).map(Some),
                [run, plan, apply] => form.optional_phased(&Phased { run, plan, apply }),
                [one, ..] if is_required => form.required(one).map(Some),
                [one, ..] => form.optional(one),
                [] => Ok(None),
            };
            match found {
                Ok(Some(found)) => {
                    found_at.insert(setting.key.as_str(), found.clone());
                    values.insert(setting.key.clone(), found.value);
                }
                Ok(None) => {}
                Err(error) => incomplete = Some(error),
            }
        }
        if let Some(error) = incomplete {
            return Err(error);
        }
        let configuration = AdapterConfiguration::new(self.definition.clone(), values);
        let place = Place { home: "/", run_id: "run", tag: None, source: None };
        if let Err(error) = self.definition.check(&configuration.values(Secrets::Outline, &place)) {
            let found = error.setting().and_then(|key| found_at.get(key));
            return Err(match found {
                Some(found) => form.malformed("E21", found, error.rule()),
                None => form.unusable("E21", error.to_string()),
            });
        }
        Ok(Box::new(configuration))
    }
}

/// One checked configuration of an adapter.
#[derive(Debug)]
pub(crate) struct AdapterConfiguration {
    definition: Arc<AdapterDefinition>,
    settings: BTreeMap<String, String>,
    audience: String,
    role: Option<String>,
}

const READ_ONCE: &str = "its consumer reads the token once, as the adapter says";

impl AdapterConfiguration {
    fn new(definition: Arc<AdapterDefinition>, settings: BTreeMap<String, String>) -> Self {
        let value = |key: &str| {
            let default = || definition.setting(key).and_then(|setting| setting.default.clone());
            settings.get(key).cloned().or_else(default)
        };
        let audience = definition.settings().iter().find(|setting| setting.purpose == SettingUse::Audience);
        let audience = audience.and_then(|setting| value(&setting.key)).unwrap_or_default();
        let role = definition.role().and_then(value);
        Self { definition, settings, audience, role }
    }

    /// What its templates are rendered with.
    pub(crate) fn values<'a>(&'a self, secrets: Secrets<'a>, place: &Place<'a>) -> Values<'a> {
        Values {
            definition: &self.definition,
            settings: &self.settings,
            secrets,
            home: place.home,
            run_id: place.run_id,
            tag: place.tag,
        }
    }

    /// The adapter.
    #[cfg(feature = "exchange")]
    pub(crate) fn definition(&self) -> &AdapterDefinition {
        &self.definition
    }

    /// What it puts into a run; fails when something that was obtained cannot stand where a template puts it.
    pub(crate) fn render(&self, credential: &Credential, place: &Place<'_>) -> Result<Rendered, RenderError> {
        let url = place.source_url(self.definition.name());
        let secrets = secrets(credential, place, &url);
        self.definition.render(&self.values(secrets, place))
    }
}

/// What was obtained; an outline has nothing.
fn secrets<'a>(credential: &'a Credential, place: &Place<'a>, url: &'a str) -> Secrets<'a> {
    if credential.secrets().next().is_none() {
        return Secrets::Outline;
    }
    Secrets::Held {
        token: &credential.token,
        answers: &credential.parts,
        source: place.source.map(|source| (url, &source.secret)),
    }
}

impl Configuration for AdapterConfiguration {
    fn token(&self) -> Option<TokenNeed<'_>> {
        let life = match self.definition.token_use() {
            // With an exchange the token is used once each time; what it leads to is replaced in the files.
            TokenUse::Rotated if self.definition.exchange().is_some() => TokenLife::Login,
            TokenUse::Rotated | TokenUse::Source => TokenLife::Rotated,
            TokenUse::Login => TokenLife::Login,
            TokenUse::Phase => TokenLife::Phase(READ_ONCE),
        };
        Some(TokenNeed { audience: &self.audience, life })
    }

    fn role(&self) -> Option<&str> {
        self.role.as_deref()
    }

    fn grant(&self) -> Grant<'_> {
        match self.definition.exchange() {
            Some(_) => Grant::Exchange(self),
            None => Grant::HandOver,
        }
    }

    fn deliver(&self, credential: &Credential, place: &Place<'_>) -> Delivery {
        // What was obtained is rendered once before it is accepted, so nothing fails here that a person would miss.
        let rendered = self.render(credential, place).unwrap_or_default();
        let mut delivery = Delivery::default();
        for entry in rendered.env {
            let when = match entry.when {
                EnvWhen::Alone => When::Alone,
                EnvWhen::BesideAliases => When::BesideAliases,
                EnvWhen::Always => When::Always,
            };
            delivery.env(when, entry.name, entry.value);
        }
        for file in rendered.files {
            delivery.file(place.file_name(&file.stem), file.content);
        }
        for (name, value) in rendered.attributes {
            match value {
                Some(value) => delivery.attribute(name, value),
                None => delivery.no_attribute(name),
            }
        }
        if self.definition.needs_token_source() {
            delivery.serve(place.file_name(self.definition.name()), self.audience.as_str());
        }
        delivery
    }

    fn uses_token_source(&self) -> bool {
        self.definition.needs_token_source()
    }
}
