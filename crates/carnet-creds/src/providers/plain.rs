//! The bare identity token, for readers that trade it themselves.

use crate::{
    credential::Credential,
    family::FamilyName,
    form::{Form, Incomplete},
    injection::{Delivery, When},
    lexicon::variable_name,
    provider::{Configuration, Grant, Place, Provider, Rival, TokenLife, TokenNeed},
    setting::{Required, Setting, SettingKind},
};

static AUDIENCE: Setting<'static> = Setting {
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

const READ_ONCE: &str =
    "an environment variable is read when a process starts and cannot be changed afterwards";

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

    fn settings(&self) -> Vec<Setting<'_>> {
        vec![AUDIENCE]
    }

    fn variable(&self) -> Option<&str> {
        None
    }

    fn rivals(&self) -> Vec<Rival<'_>> {
        Vec::new()
    }

    fn configure(&self, form: &mut Form<'_>) -> Result<Box<dyn Configuration>, Incomplete> {
        let audience = form.required(&AUDIENCE)?.value;
        Ok(Box::new(PlainConfiguration { audience }))
    }
}

impl Configuration for PlainConfiguration {
    fn token(&self) -> Option<TokenNeed<'_>> {
        Some(TokenNeed { audience: &self.audience, life: TokenLife::Phase(READ_ONCE) })
    }

    fn role(&self) -> Option<&str> {
        None
    }

    fn grant(&self) -> Grant<'_> {
        Grant::HandOver
    }

    fn deliver(&self, credential: &Credential, place: &Place<'_>) -> Delivery {
        let mut delivery = Delivery::default();
        let name = variable_name("TFC_WORKLOAD_IDENTITY_TOKEN", place.tag.map(|tag| tag.as_str()));
        delivery.env(When::Always, name, credential.token.clone());
        delivery
    }
}
