//! Google credentials that are read from Vault: access tokens, or keys of service accounts.

use base64::{Engine, prelude::BASE64_STANDARD};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::vault_backed;
use crate::{
    adapter::percent_encoded,
    credential::Credential,
    family::FamilyName,
    form::{Form, Incomplete},
    injection::{Delivery, When},
    provider::{Configuration, Grant, Place, Provider, Rival, TokenNeed, VaultRead},
    setting::{Phased, Required, Setting, SettingKind, UPSTREAM},
};

const SETTING: Setting<'static> = Setting {
    name: "",
    family: FamilyName::VaultBackedGcp,
    kind: SettingKind::Value,
    label: "Vault roleset",
    required: Required::No,
    default: None,
    example: "terraform",
    doc: "",
    source: UPSTREAM,
};

static AUTH: Setting<'static> = Setting {
    name: "TFC_VAULT_BACKED_GCP_AUTH",
    kind: SettingKind::Enable,
    label: "Vault-backed GCP authentication",
    required: Required::Yes,
    example: "true",
    doc: "Set to true to read Google credentials from Vault; needs a Vault configuration.",
    ..SETTING
};
static AUTH_TYPE: Setting<'static> = Setting {
    name: "TFC_VAULT_BACKED_GCP_AUTH_TYPE",
    label: "GCP authentication type",
    required: Required::Yes,
    example: "roleset/access_token",
    doc: "What to read: `roleset/access_token`, `roleset/service_account_key`, `static_account/access_token` or \
          `static_account/service_account_key`.",
    ..SETTING
};
static RUN_ROLESET: Setting<'static> = Setting {
    name: "TFC_VAULT_BACKED_GCP_RUN_VAULT_ROLESET",
    required: Required::UnlessBothPhases,
    doc: "The roleset to read in both phases; only for the types of rolesets.",
    ..SETTING
};
static PLAN_ROLESET: Setting<'static> = Setting {
    name: "TFC_VAULT_BACKED_GCP_PLAN_VAULT_ROLESET",
    doc: "The roleset to read at plan, instead of the one for both phases.",
    ..SETTING
};
static APPLY_ROLESET: Setting<'static> = Setting {
    name: "TFC_VAULT_BACKED_GCP_APPLY_VAULT_ROLESET",
    doc: "The roleset to read at apply, instead of the one for both phases.",
    ..SETTING
};
static RUN_STATIC_ACCOUNT: Setting<'static> = Setting {
    name: "TFC_VAULT_BACKED_GCP_RUN_VAULT_STATIC_ACCOUNT",
    label: "Vault static account",
    doc: "The static account to read in both phases; needed for the types of static accounts, unless both phases \
          have one.",
    ..SETTING
};
static PLAN_STATIC_ACCOUNT: Setting<'static> = Setting {
    name: "TFC_VAULT_BACKED_GCP_PLAN_VAULT_STATIC_ACCOUNT",
    doc: "The static account to read at plan, instead of the one for both phases.",
    ..RUN_STATIC_ACCOUNT
};
static APPLY_STATIC_ACCOUNT: Setting<'static> = Setting {
    name: "TFC_VAULT_BACKED_GCP_APPLY_VAULT_STATIC_ACCOUNT",
    doc: "The static account to read at apply, instead of the one for both phases.",
    ..RUN_STATIC_ACCOUNT
};
static MOUNT_PATH: Setting<'static> = Setting {
    name: "TFC_VAULT_BACKED_GCP_MOUNT_PATH",
    label: "path of the GCP secrets engine",
    default: Some("gcp"),
    example: "gcp",
    doc: "The path that the Google Cloud secrets engine is mounted at.",
    ..SETTING
};
static VAULT_CONFIG: Setting<'static> = Setting {
    name: "TFC_VAULT_BACKED_GCP_VAULT_CONFIG",
    label: "Vault configuration",
    example: "DEVOPS",
    doc: "The tag of the Vault configuration to read with; without it the default one, also for aliases.",
    ..SETTING
};
static ROLESET: Phased<'static> = Phased { run: &RUN_ROLESET, plan: &PLAN_ROLESET, apply: &APPLY_ROLESET };
static STATIC_ACCOUNT: Phased<'static> =
    Phased { run: &RUN_STATIC_ACCOUNT, plan: &PLAN_STATIC_ACCOUNT, apply: &APPLY_STATIC_ACCOUNT };

const AUTH_TYPES: [(&str, Owner, Kind); 4] = [
    ("roleset/access_token", Owner::Roleset, Kind::AccessToken),
    ("roleset/service_account_key", Owner::Roleset, Kind::Key),
    ("static_account/access_token", Owner::StaticAccount, Kind::AccessToken),
    ("static_account/service_account_key", Owner::StaticAccount, Kind::Key),
];
const TOKEN_FILE: &str = "tfc-vault-backed-gcp-access-token";
const CREDENTIALS_FILE: &str = "tfc-vault-backed-gcp-credentials.json";
const TOKEN: &str = "token";
/// What Vault answers: the key file as base64.
const KEY_DATA: &str = "private_key_data";
/// What is made from it: the key file, and the key itself so that no log shows it.
const KEY_FILE: &str = "key_file";
const PRIVATE_KEY: &str = "private_key";
const TOKEN_ADVICE: &str = "; Google's access tokens live an hour and cannot be renewed: read a service_account_key, \
                            or shorten the phase";
const KEY_ADVICE: &str = "; its consumer reads it once: raise the TTL that the Google Cloud secrets engine gives, or \
                          shorten the phase";

/// The family of Google credentials that are read from Vault.
pub(crate) struct VaultBackedGcp;

/// What makes the credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Roleset,
    StaticAccount,
}

/// What is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    AccessToken,
    Key,
}

#[derive(Debug)]
struct VaultBackedGcpConfiguration {
    name: String,
    kind: Kind,
    read: VaultRead,
}

impl Provider for VaultBackedGcp {
    fn family(&self) -> FamilyName {
        FamilyName::VaultBackedGcp
    }

    fn settings(&self) -> Vec<Setting<'_>> {
        vec![
            AUTH,
            AUTH_TYPE,
            RUN_ROLESET,
            PLAN_ROLESET,
            APPLY_ROLESET,
            RUN_STATIC_ACCOUNT,
            PLAN_STATIC_ACCOUNT,
            APPLY_STATIC_ACCOUNT,
            MOUNT_PATH,
            VAULT_CONFIG,
        ]
    }

    fn variable(&self) -> Option<&str> {
        Some("tfc_vault_backed_gcp_dynamic_credentials")
    }

    fn rivals(&self) -> Vec<Rival<'_>> {
        vec![
            Rival::always("GOOGLE_OAUTH_ACCESS_TOKEN"),
            Rival::always("GOOGLE_CREDENTIALS"),
            Rival::always("GOOGLE_CLOUD_KEYFILE_JSON"),
            Rival::always("GCLOUD_KEYFILE_JSON"),
            Rival::wanted("GOOGLE_IMPERSONATE_SERVICE_ACCOUNT"),
        ]
    }

    fn configure(&self, form: &mut Form<'_>) -> Result<Box<dyn Configuration>, Incomplete> {
        let auth_type = auth_type(form);
        let name = auth_type.and_then(|auth_type| name(form, auth_type));
        let mount = vault_backed::mount(form, &MOUNT_PATH);
        let vault = vault_backed::vault(form, &VAULT_CONFIG);
        let ((_, owner, kind), name, mount) = (auth_type?, name?, mount?);
        let owner_path = match owner {
            Owner::Roleset => "roleset",
            Owner::StaticAccount => "static-account",
        };
        let (kind_path, wanted, advice): (_, &[&str], _) = match kind {
            Kind::AccessToken => ("token", &[TOKEN], TOKEN_ADVICE),
            Kind::Key => ("key", &[KEY_DATA], KEY_ADVICE),
        };
        let read = VaultRead {
            vault: vault?,
            path: format!("{mount}/{owner_path}/{}/{kind_path}", percent_encoded(&name)),
            fallback_path: None,
            wanted,
            optional: &[],
            is_reread: false,
            settle: std::time::Duration::ZERO,
            advice,
        };
        Ok(Box::new(VaultBackedGcpConfiguration { name, kind, read }))
    }
}

type AuthType = (&'static str, Owner, Kind);

fn auth_type(form: &mut Form<'_>) -> Result<AuthType, Incomplete> {
    let found = form.required(&AUTH_TYPE)?;
    let value = form.one_of(&AUTH_TYPE, found.clone(), &AUTH_TYPES.map(|(text, ..)| text))?;
    let chosen = AUTH_TYPES.into_iter().find(|(text, ..)| *text == value);
    chosen.ok_or_else(|| form.malformed("E3", &found, "is not an authentication type"))
}

fn name(form: &mut Form<'_>, (text, owner, _): AuthType) -> Result<String, Incomplete> {
    let (used, ignored) = match owner {
        Owner::Roleset => (&ROLESET, &STATIC_ACCOUNT),
        Owner::StaticAccount => (&STATIC_ACCOUNT, &ROLESET),
    };
    vault_backed::ignored(form, ignored, text)?;
    vault_backed::name(form, used)
}

impl Configuration for VaultBackedGcpConfiguration {
    fn token(&self) -> Option<TokenNeed<'_>> {
        None
    }

    fn role(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn grant(&self) -> Grant<'_> {
        Grant::VaultRead(&self.read)
    }

    fn complete(&self, credential: &mut Credential) -> Result<(), String> {
        match self.kind {
            Kind::AccessToken => vault_backed::check_parts(credential, &[TOKEN]),
            Kind::Key => {
                let encoded = credential.part(KEY_DATA);
                let decoded = BASE64_STANDARD.decode(encoded.expose_secret().trim_ascii());
                let text = decoded.ok().and_then(|bytes| String::from_utf8(bytes).ok());
                let file = text.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
                let (Some(text), Some(Value::Object(file))) = (text, file) else {
                    return Err(format!("{KEY_DATA} is not the base64 form of a JSON object"));
                };
                let key = file.get("private_key").and_then(Value::as_str).unwrap_or_default();
                credential.parts.insert(PRIVATE_KEY.to_owned(), key.into());
                credential.parts.insert(KEY_FILE.to_owned(), text.into());
                Ok(())
            }
        }
    }

    fn deliver(&self, credential: &Credential, place: &Place<'_>) -> Delivery {
        let mut delivery = Delivery::default();
        match self.kind {
            Kind::AccessToken => {
                let token = credential.part(TOKEN);
                delivery.file(place.file_name(TOKEN_FILE), token.clone());
                delivery.no_attribute("credentials");
                // The path and not the token, which a saved plan would keep.
                delivery.attribute("access_token", place.path(TOKEN_FILE));
                delivery.env(When::Alone, "GOOGLE_OAUTH_ACCESS_TOKEN", token);
            }
            Kind::Key => {
                let path = place.path(CREDENTIALS_FILE);
                delivery.file(place.file_name(CREDENTIALS_FILE), credential.part(KEY_FILE));
                delivery.attribute("credentials", path.as_str());
                delivery.no_attribute("access_token");
                delivery.env(When::Alone, "GOOGLE_APPLICATION_CREDENTIALS", path.as_str());
                delivery.env(When::BesideAliases, "GOOGLE_APPLICATION_CREDENTIALS", path);
            }
        }
        delivery
    }
}
