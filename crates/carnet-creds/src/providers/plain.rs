//! The bare identity token, for readers that trade it themselves.

use secrecy::SecretString;

use crate::{
    family::FamilyName,
    form::{Form, Incomplete},
    injection::{Delivery, When},
    lexicon::variable_name,
    provider::{Configuration, Grant, Place, Provider, Rival, TokenLife},
    setting::{Required, Setting, SettingKind},
};

static AUDIENCE: Setting = Setting {
    name: "TFC_WORKLOAD_IDENTITY_AUDIENCE",
    family: FamilyName::Plain,
    kind: SettingKind::PlainAudience,
    label: "audience",
    required: Required::Yes,
    default: None,
    example: "example.audience",
    doc: "Puts an identity token for this audience into TFC_WORKLOAD_IDENTITY_TOKEN; with a tag, into the variable with the same tag.",
    source: "HCP Terraform, manual generation of workload identity tokens",
};

/// The family of bare tokens.
pub(crate) struct Plain;

#[derive(Debug)]
struct PlainConfiguration {
    audience: String,
}

impl Provider for Plain {
    fn family(&self) -> FamilyName {
        FamilyName::Plain
    }

    fn settings(&self) -> Vec<&'static Setting> {
        vec![&AUDIENCE]
    }

    fn variable(&self) -> Option<&'static str> {
        None
    }

    fn rivals(&self) -> &'static [Rival] {
        &[]
    }

    fn configure(&self, form: &mut Form<'_>) -> Result<Box<dyn Configuration>, Incomplete> {
        let audience = form.required(&AUDIENCE)?.value;
        Ok(Box::new(PlainConfiguration { audience }))
    }
}

impl Configuration for PlainConfiguration {
    fn audience(&self) -> &str {
        &self.audience
    }

    fn token_life(&self) -> TokenLife {
        TokenLife::Phase
    }

    fn role(&self) -> Option<&str> {
        None
    }

    fn grant(&self) -> Grant<'_> {
        Grant::HandOver
    }

    fn deliver(&self, credential: &SecretString, place: &Place<'_>) -> Delivery {
        let mut delivery = Delivery::default();
        let name = variable_name("TFC_WORKLOAD_IDENTITY_TOKEN", place.tag.map(|tag| tag.as_str()));
        delivery.env(When::Always, name, credential.clone());
        delivery
    }
}
