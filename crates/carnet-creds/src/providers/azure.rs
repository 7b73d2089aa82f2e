//! Azure: the token and the client id are handed over; the Terraform providers ask Entra for access tokens.

use crate::{
    adapter::percent_encoded,
    credential::Credential,
    family::FamilyName,
    form::{Form, Incomplete},
    injection::{Delivery, When},
    notice::Notice,
    provider::{Configuration, Grant, Place, Provider, Rival, TokenLife, TokenNeed},
    setting::{OWN, Phased, Required, Setting, SettingKind, UPSTREAM},
};

const SETTING: Setting<'static> = Setting {
    name: "",
    family: FamilyName::Azure,
    kind: SettingKind::Value,
    label: "Azure client ID",
    required: Required::No,
    default: None,
    example: "00000000-0000-0000-0000-000000000000",
    doc: "",
    source: UPSTREAM,
};

static AUTH: Setting<'static> = Setting {
    name: "TFC_AZURE_PROVIDER_AUTH",
    kind: SettingKind::Enable,
    label: "Azure authentication",
    required: Required::Yes,
    example: "true",
    doc: "Set to true to authenticate to Azure with the identity of the run.",
    ..SETTING
};
static RUN_CLIENT_ID: Setting<'static> = Setting {
    name: "TFC_AZURE_RUN_CLIENT_ID",
    required: Required::UnlessBothPhases,
    doc: "The client id of the application or the managed identity to use in both phases.",
    ..SETTING
};
static PLAN_CLIENT_ID: Setting<'static> = Setting {
    name: "TFC_AZURE_PLAN_CLIENT_ID",
    doc: "The client id to use at plan, instead of the one for both phases.",
    ..SETTING
};
static APPLY_CLIENT_ID: Setting<'static> = Setting {
    name: "TFC_AZURE_APPLY_CLIENT_ID",
    doc: "The client id to use at apply, instead of the one for both phases.",
    ..SETTING
};
static AUDIENCE: Setting<'static> = Setting {
    name: "TFC_AZURE_WORKLOAD_IDENTITY_AUDIENCE",
    label: "Azure audience",
    default: Some(DEFAULT_AUDIENCE),
    example: DEFAULT_AUDIENCE,
    doc: "The audience of the identity token; must be the audience of the federated credential.",
    ..SETTING
};
static TOKEN_SOURCE: Setting<'static> = Setting {
    name: "TFC_AZURE_TOKEN_SOURCE",
    label: "Azure token source",
    default: Some(FILE),
    example: FILE,
    doc: "`file` hands over one token that lives as long as the phase may last; `request_url` lets the providers ask \
          the agent for a short one whenever they need it, and is only for a single configuration without a tag.",
    source: OWN,
    ..SETTING
};
static CLIENT_ID: Phased<'static> =
    Phased { run: &RUN_CLIENT_ID, plan: &PLAN_CLIENT_ID, apply: &APPLY_CLIENT_ID };

const DEFAULT_AUDIENCE: &str = "api://AzureADTokenExchange";
const FILE: &str = "file";
const REQUEST_URL: &str = "request_url";
const CLIENT_ID_FILE: &str = "tfc-azure-client-id";
const TOKEN_FILE: &str = "tfc-azure-token";
const SERVED: &str = "azure";

/// What switches the families on that feed the same Terraform providers.
const FLAGS: [&str; 2] = ["TFC_AZURE_PROVIDER_AUTH", "TFC_VAULT_BACKED_AZURE_AUTH"];

const READ_ONCE: &str = "the Azure providers read it once and present it again whenever an access token ends; with \
                         TFC_AZURE_TOKEN_SOURCE=request_url a single configuration asks for short ones instead";

/// The family of direct Azure credentials.
pub(crate) struct Azure;

#[derive(Debug)]
struct AzureConfiguration {
    client_id: String,
    audience: String,
    source: TokenSource,
}

/// How the providers come by a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TokenSource {
    File,
    RequestUrl,
}

impl Provider for Azure {
    fn family(&self) -> FamilyName {
        FamilyName::Azure
    }

    fn settings(&self) -> Vec<Setting<'_>> {
        vec![AUTH, RUN_CLIENT_ID, PLAN_CLIENT_ID, APPLY_CLIENT_ID, AUDIENCE, TOKEN_SOURCE]
    }

    fn variable(&self) -> Option<&str> {
        Some("tfc_azure_dynamic_credentials")
    }

    fn rivals(&self) -> Vec<Rival<'_>> {
        vec![
            Rival::always("ARM_CLIENT_SECRET"),
            Rival::always("ARM_CLIENT_CERTIFICATE_PATH"),
            // With aliases these make a provider block fail whose file says something else.
            Rival::always("ARM_CLIENT_ID"),
            Rival::always("ARM_CLIENT_ID_FILE_PATH"),
            Rival::always("ARM_OIDC_TOKEN"),
            Rival::always("ARM_OIDC_TOKEN_FILE_PATH"),
            Rival::always("ARM_OIDC_REQUEST_URL"),
            Rival::always("ARM_OIDC_REQUEST_TOKEN"),
            Rival::always("ACTIONS_ID_TOKEN_REQUEST_URL"),
            Rival::unless("ARM_USE_OIDC", "true"),
            Rival::unless("ARM_USE_MSI", "false"),
        ]
    }

    fn configure(&self, form: &mut Form<'_>) -> Result<Box<dyn Configuration>, Incomplete> {
        let client_id = form.phased(&CLIENT_ID);
        let audience = form.or_default(&AUDIENCE);
        let source = token_source(form);
        let client_id = client_id?;
        if !is_guid(&client_id.value) {
            let expected = "the client id of an application or a managed identity (a GUID)";
            form.notice(Notice::Unusual { variable: client_id.variable, expected });
        }
        let (client_id, audience, source) = (client_id.value, audience?, source?);
        Ok(Box::new(AzureConfiguration { client_id, audience, source }))
    }
}

impl Configuration for AzureConfiguration {
    fn token(&self) -> Option<TokenNeed<'_>> {
        let life = match self.source {
            TokenSource::File => TokenLife::Phase(READ_ONCE),
            TokenSource::RequestUrl => TokenLife::Rotated,
        };
        Some(TokenNeed { audience: &self.audience, life })
    }

    fn role(&self) -> Option<&str> {
        Some(&self.client_id)
    }

    fn grant(&self) -> Grant<'_> {
        Grant::HandOver
    }

    fn deliver(&self, credential: &Credential, place: &Place<'_>) -> Delivery {
        let mut delivery = Delivery::default();
        delivery.file(place.file_name(CLIENT_ID_FILE), self.client_id.as_str().into());
        delivery.file(place.file_name(TOKEN_FILE), credential.token.clone());
        delivery.attribute("client_id_file_path", place.path(CLIENT_ID_FILE));
        delivery.attribute("oidc_token_file_path", place.path(TOKEN_FILE));
        delivery.env(When::Alone, "ARM_USE_OIDC", "true");
        delivery.env(When::Alone, "ARM_CLIENT_ID", self.client_id.as_str());
        match self.source {
            TokenSource::File => delivery.env(When::Alone, "ARM_OIDC_TOKEN", credential.token.clone()),
            TokenSource::RequestUrl => {
                let secret = place.source.map(|source| source.secret.clone()).unwrap_or_default();
                delivery.env(When::Alone, "ARM_OIDC_REQUEST_URL", self.request_url(place));
                delivery.env(When::Alone, "ARM_OIDC_REQUEST_TOKEN", secret);
                delivery.serve(place.file_name(SERVED), self.audience.as_str());
            }
        }
        delivery
    }

    fn uses_token_source(&self) -> bool {
        self.source == TokenSource::RequestUrl
    }
}

impl AzureConfiguration {
    // The providers ask for the default audience unless the address names another one.
    fn request_url(&self, place: &Place<'_>) -> String {
        let url = place.source_url(SERVED);
        if self.audience == DEFAULT_AUDIENCE {
            return url;
        }
        format!("{url}?audience={}", percent_encoded(&self.audience))
    }
}

fn token_source(form: &mut Form<'_>) -> Result<TokenSource, Incomplete> {
    let Some(found) = form.optional(&TOKEN_SOURCE)? else { return Ok(TokenSource::File) };
    if form.one_of(&TOKEN_SOURCE, found.clone(), &[FILE, REQUEST_URL])? == FILE {
        return Ok(TokenSource::File);
    }
    // Beside other configurations nothing is put into the environment, so nobody would ask.
    if !form.is_single(&FLAGS) {
        let rule = "can only be request_url where Azure has a single configuration, without a tag; the others are read \
                    from files";
        return Err(form.malformed("E3", &found, rule));
    }
    Ok(TokenSource::RequestUrl)
}

/// Whether the text has the form of a GUID.
fn is_guid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}
