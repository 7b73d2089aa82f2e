//! HCP: the token lies in a file that a credential file points to; the Terraform provider trades it.

use serde_json::json;

use crate::{
    credential::Credential,
    family::FamilyName,
    form::{Form, Incomplete},
    injection::{Delivery, When},
    notice::Notice,
    provider::{Configuration, Grant, Place, Provider, Rival, TokenLife, TokenNeed},
    setting::{Phased, Required, Setting, SettingKind, UPSTREAM},
};

const SETTING: Setting<'static> = Setting {
    name: "",
    family: FamilyName::Hcp,
    kind: SettingKind::Value,
    label: "HCP provider resource name",
    required: Required::No,
    default: None,
    example: "iam/project/00000000-0000-0000-0000-000000000000/service-principal/terraform/workload-identity-provider/terraform",
    doc: "",
    source: UPSTREAM,
};

static AUTH: Setting<'static> = Setting {
    name: "TFC_HCP_PROVIDER_AUTH",
    kind: SettingKind::Enable,
    label: "HCP authentication",
    required: Required::Yes,
    example: "true",
    doc: "Set to true to authenticate to HCP with the identity of the run.",
    ..SETTING
};
static RUN_RESOURCE_NAME: Setting<'static> = Setting {
    name: "TFC_HCP_RUN_PROVIDER_RESOURCE_NAME",
    required: Required::UnlessBothPhases,
    doc: "The resource name of the workload identity provider to use in both phases.",
    ..SETTING
};
static PLAN_RESOURCE_NAME: Setting<'static> = Setting {
    name: "TFC_HCP_PLAN_PROVIDER_RESOURCE_NAME",
    doc: "The workload identity provider to use at plan, instead of the one for both phases.",
    ..SETTING
};
static APPLY_RESOURCE_NAME: Setting<'static> = Setting {
    name: "TFC_HCP_APPLY_PROVIDER_RESOURCE_NAME",
    doc: "The workload identity provider to use at apply, instead of the one for both phases.",
    ..SETTING
};
static AUDIENCE: Setting<'static> = Setting {
    name: "TFC_HCP_WORKLOAD_IDENTITY_AUDIENCE",
    label: "HCP audience",
    example: "hcp.workload.identity",
    doc: "The audience of the identity token; without it the resource name of the workload identity provider.",
    ..SETTING
};
static RESOURCE_NAME: Phased<'static> =
    Phased { run: &RUN_RESOURCE_NAME, plan: &PLAN_RESOURCE_NAME, apply: &APPLY_RESOURCE_NAME };

const TOKEN_FILE: &str = "tfc-hcp-token";
const CREDENTIAL_FILE: &str = "tfc-hcp-cred-file.json";

/// The family of HCP credentials.
pub(crate) struct Hcp;

#[derive(Debug)]
struct HcpConfiguration {
    resource_name: String,
    audience: String,
}

impl Provider for Hcp {
    fn family(&self) -> FamilyName {
        FamilyName::Hcp
    }

    fn settings(&self) -> Vec<Setting<'_>> {
        vec![AUTH, RUN_RESOURCE_NAME, PLAN_RESOURCE_NAME, APPLY_RESOURCE_NAME, AUDIENCE]
    }

    fn variable(&self) -> Option<&str> {
        Some("tfc_hcp_dynamic_credentials")
    }

    fn rivals(&self) -> Vec<Rival<'_>> {
        vec![
            Rival::always("HCP_CRED_FILE"),
            Rival::always("HCP_CLIENT_ID"),
            Rival::always("HCP_CLIENT_SECRET"),
        ]
    }

    fn configure(&self, form: &mut Form<'_>) -> Result<Box<dyn Configuration>, Incomplete> {
        let resource_name = form.phased(&RESOURCE_NAME);
        let audience = form.optional(&AUDIENCE);
        let resource_name = resource_name?;
        if !is_resource_name(&resource_name.value) {
            let expected = "the resource name of a workload identity provider \
                            (iam/project/ID/service-principal/NAME/workload-identity-provider/NAME)";
            form.notice(Notice::Unusual { variable: resource_name.variable, expected });
        }
        let resource_name = resource_name.value;
        let audience = audience?.map_or_else(|| resource_name.clone(), |found| found.value);
        Ok(Box::new(HcpConfiguration { resource_name, audience }))
    }
}

impl Configuration for HcpConfiguration {
    fn token(&self) -> Option<TokenNeed<'_>> {
        Some(TokenNeed { audience: &self.audience, life: TokenLife::Rotated })
    }

    fn role(&self) -> Option<&str> {
        Some(&self.resource_name)
    }

    fn grant(&self) -> Grant<'_> {
        Grant::HandOver
    }

    fn deliver(&self, credential: &Credential, place: &Place<'_>) -> Delivery {
        let credential_path = place.path(CREDENTIAL_FILE);
        let content = json!({
            "scheme": "workload",
            "workload": {
                "provider_resource_name": self.resource_name,
                "file": { "path": place.path(TOKEN_FILE) },
            },
        });
        let mut delivery = Delivery::default();
        delivery.file(place.file_name(TOKEN_FILE), credential.token.clone());
        delivery.file(place.file_name(CREDENTIAL_FILE), content.to_string().into());
        delivery.attribute("credential_file", credential_path.as_str());
        delivery.env(When::Alone, "HCP_CRED_FILE", credential_path.as_str());
        delivery.env(When::BesideAliases, "HCP_CRED_FILE", credential_path);
        delivery
    }
}

/// Whether the text is `iam/project/ID/service-principal/NAME/workload-identity-provider/NAME`.
fn is_resource_name(text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    matches!(
        parts.as_slice(),
        ["iam", "project" | "organization", id, "service-principal", principal, "workload-identity-provider", name]
            if ![id, principal, name].iter().any(|part| part.is_empty())
    )
}
