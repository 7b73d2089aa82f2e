//! Google Cloud: the token lies in a file that a credential configuration points to; Google's libraries trade it.

mod provider_name;

use serde_json::json;

use self::provider_name::ProviderName;
use crate::{
    credential::Credential,
    family::FamilyName,
    form::{Form, Found, Incomplete},
    injection::{Delivery, When},
    provider::{Configuration, Grant, Place, Provider, Rival, TokenLife, TokenNeed},
    setting::{Phased, Required, Setting, SettingKind, UPSTREAM},
};

const SETTING: Setting<'static> = Setting {
    name: "",
    family: FamilyName::Gcp,
    kind: SettingKind::Value,
    label: "GCP service account email",
    required: Required::No,
    default: None,
    example: "terraform@example.iam.gserviceaccount.com",
    doc: "",
    source: UPSTREAM,
};

static AUTH: Setting<'static> = Setting {
    name: "TFC_GCP_PROVIDER_AUTH",
    kind: SettingKind::Enable,
    label: "GCP authentication",
    required: Required::Yes,
    example: "true",
    doc: "Set to true to authenticate to Google Cloud with the identity of the run.",
    ..SETTING
};
static PRINCIPAL_TYPE: Setting<'static> = Setting {
    name: "TFC_GCP_PRINCIPAL_TYPE",
    label: "GCP principal type",
    default: Some(SERVICE_ACCOUNT),
    example: SERVICE_ACCOUNT,
    doc: "`service_account` to act as a service account, `workload_pool` to act as the identity in the pool itself.",
    ..SETTING
};
static AUDIENCE: Setting<'static> = Setting {
    name: "TFC_GCP_WORKLOAD_IDENTITY_AUDIENCE",
    label: "GCP audience",
    example: "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/pool/providers/provider",
    doc: "The audience of the identity token; without it the full name of the workload identity provider.",
    ..SETTING
};
static RUN_EMAIL: Setting<'static> = Setting {
    name: "TFC_GCP_RUN_SERVICE_ACCOUNT_EMAIL",
    required: Required::UnlessBothPhases,
    doc: "The service account to act as in both phases; not needed with the principal type `workload_pool`.",
    ..SETTING
};
static PLAN_EMAIL: Setting<'static> = Setting {
    name: "TFC_GCP_PLAN_SERVICE_ACCOUNT_EMAIL",
    doc: "The service account to act as at plan, instead of the one for both phases.",
    ..SETTING
};
static APPLY_EMAIL: Setting<'static> = Setting {
    name: "TFC_GCP_APPLY_SERVICE_ACCOUNT_EMAIL",
    doc: "The service account to act as at apply, instead of the one for both phases.",
    ..SETTING
};
static EMAIL: Phased<'static> = Phased { run: &RUN_EMAIL, plan: &PLAN_EMAIL, apply: &APPLY_EMAIL };

const SERVICE_ACCOUNT: &str = "service_account";
const WORKLOAD_POOL: &str = "workload_pool";
const TOKEN_FILE: &str = "tfc-gcp-token";
const CREDENTIALS_FILE: &str = "tfc-google-application-credentials";

/// The family of direct Google Cloud credentials.
pub(crate) struct Gcp;

#[derive(Debug)]
struct GcpConfiguration {
    provider: ProviderName,
    audience: String,
    /// The service account to act as; without it the identity in the pool acts itself.
    email: Option<String>,
}

impl Provider for Gcp {
    fn family(&self) -> FamilyName {
        FamilyName::Gcp
    }

    fn settings(&self) -> Vec<Setting<'_>> {
        let before = [AUTH, PRINCIPAL_TYPE];
        let after = [AUDIENCE, RUN_EMAIL, PLAN_EMAIL, APPLY_EMAIL];
        [&before[..], &provider_name::SETTINGS[..], &after[..]].concat()
    }

    fn variable(&self) -> Option<&str> {
        Some("tfc_gcp_dynamic_credentials")
    }

    fn rivals(&self) -> Vec<Rival<'_>> {
        vec![
            Rival::always("GOOGLE_CREDENTIALS"),
            Rival::always("GOOGLE_CLOUD_KEYFILE_JSON"),
            Rival::always("GCLOUD_KEYFILE_JSON"),
            Rival::always("GOOGLE_OAUTH_ACCESS_TOKEN"),
            Rival::wanted("GOOGLE_IMPERSONATE_SERVICE_ACCOUNT"),
        ]
    }

    fn configure(&self, form: &mut Form<'_>) -> Result<Box<dyn Configuration>, Incomplete> {
        let email = email(form);
        let provider = provider_name::read(form);
        let audience = form.optional(&AUDIENCE);
        let (email, provider) = (email?, provider?);
        let audience = audience?.map_or_else(|| provider.full(), |found| found.value);
        Ok(Box::new(GcpConfiguration { provider, audience, email }))
    }
}

impl Configuration for GcpConfiguration {
    fn token(&self) -> Option<TokenNeed<'_>> {
        Some(TokenNeed { audience: &self.audience, life: TokenLife::Rotated })
    }

    fn role(&self) -> Option<&str> {
        self.email.as_deref()
    }

    #[cfg(feature = "exchange")]
    fn identity_provider(&self) -> Option<String> {
        Some(self.provider.full())
    }

    fn grant(&self) -> Grant<'_> {
        Grant::HandOver
    }

    fn deliver(&self, credential: &Credential, place: &Place<'_>) -> Delivery {
        let credentials_path = place.path(CREDENTIALS_FILE);
        let mut delivery = Delivery::default();
        delivery.file(place.file_name(TOKEN_FILE), credential.token.clone());
        delivery.file(place.file_name(CREDENTIALS_FILE), self.credentials(&place.path(TOKEN_FILE)).into());
        delivery.attribute("credentials", credentials_path.as_str());
        delivery.env(When::Alone, "GOOGLE_APPLICATION_CREDENTIALS", credentials_path.as_str());
        delivery.env(When::BesideAliases, "GOOGLE_APPLICATION_CREDENTIALS", credentials_path);
        delivery
    }

    fn limits_subject(&self) -> bool {
        true
    }
}

impl GcpConfiguration {
    /// The credential configuration. Its audience is the name of the provider, whatever the audience of the token is.
    fn credentials(&self, token_path: &str) -> String {
        let mut content = json!({
            "universe_domain": "googleapis.com",
            "type": "external_account",
            "audience": self.provider.full(),
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": "https://sts.googleapis.com/v1/token",
            "credential_source": { "file": token_path, "format": { "type": "text" } },
        });
        if let Some(email) = &self.email {
            let url = format!(
                "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{email}:generateAccessToken"
            );
            content["service_account_impersonation_url"] = url.into();
        }
        content.to_string()
    }
}

fn email(form: &mut Form<'_>) -> Result<Option<String>, Incomplete> {
    if let Some(found) = form.optional(&PRINCIPAL_TYPE)?
        && form.one_of(&PRINCIPAL_TYPE, found, &[SERVICE_ACCOUNT, WORKLOAD_POOL])? == WORKLOAD_POOL
    {
        return Ok(None);
    }
    let found = form.phased(&EMAIL)?;
    if is_email(&found) {
        return Ok(Some(found.value));
    }
    Err(form.malformed("E17", &found, "is not the email address of a service account"))
}

// The address becomes a part of a URL.
fn is_email(found: &Found) -> bool {
    let is_character = |byte: u8| byte.is_ascii_alphanumeric() || b".-_+@".contains(&byte);
    let parts = found.value.split_once('@');
    parts.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
        && found.value.bytes().all(is_character)
}
