//! Azure client secrets that are read from Vault.

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
    family: FamilyName::VaultBackedAzure,
    kind: SettingKind::Value,
    label: "Vault role",
    required: Required::No,
    default: None,
    example: "terraform",
    doc: "",
    source: UPSTREAM,
};

static AUTH: Setting<'static> = Setting {
    name: "TFC_VAULT_BACKED_AZURE_AUTH",
    kind: SettingKind::Enable,
    label: "Vault-backed Azure authentication",
    required: Required::Yes,
    example: "true",
    doc: "Set to true to read an Azure client secret from Vault; needs a Vault configuration.",
    ..SETTING
};
static RUN_ROLE: Setting<'static> = Setting {
    name: "TFC_VAULT_BACKED_AZURE_RUN_VAULT_ROLE",
    required: Required::UnlessBothPhases,
    doc: "The role of the Azure secrets engine to read in both phases.",
    ..SETTING
};
static PLAN_ROLE: Setting<'static> = Setting {
    name: "TFC_VAULT_BACKED_AZURE_PLAN_VAULT_ROLE",
    doc: "The role to read at plan, instead of the role for both phases.",
    ..SETTING
};
static APPLY_ROLE: Setting<'static> = Setting {
    name: "TFC_VAULT_BACKED_AZURE_APPLY_VAULT_ROLE",
    doc: "The role to read at apply, instead of the role for both phases.",
    ..SETTING
};
static MOUNT_PATH: Setting<'static> = Setting {
    name: "TFC_VAULT_BACKED_AZURE_MOUNT_PATH",
    label: "path of the Azure secrets engine",
    default: Some("azure"),
    example: "azure",
    doc: "The path that the Azure secrets engine is mounted at.",
    ..SETTING
};
static SLEEP_SECONDS: Setting<'static> = Setting {
    name: "TFC_VAULT_BACKED_AZURE_SLEEP_SECONDS",
    label: "seconds to wait",
    default: Some("0"),
    example: "60",
    doc: "How long to wait before Terraform starts: new service principals need seconds or minutes to work; 0 to 1500.",
    ..SETTING
};
static VAULT_CONFIG: Setting<'static> = Setting {
    name: "TFC_VAULT_BACKED_AZURE_VAULT_CONFIG",
    label: "Vault configuration",
    example: "DEVOPS",
    doc: "The tag of the Vault configuration to read with; without it the default one, also for aliases.",
    ..SETTING
};
static ROLE: Phased<'static> = Phased { run: &RUN_ROLE, plan: &PLAN_ROLE, apply: &APPLY_ROLE };

const CLIENT_ID_FILE: &str = "tfc-vault-backed-azure-client-id";
const CLIENT_SECRET_FILE: &str = "tfc-vault-backed-azure-client-secret";
const PARTS: [&str; 2] = ["client_id", "client_secret"];
const ADVICE: &str = "; its consumer reads it once: raise the TTL that the Azure secrets engine gives, or shorten the \
                      phase";

/// The family of Azure client secrets that are read from Vault.
pub(crate) struct VaultBackedAzure;

#[derive(Debug)]
struct VaultBackedAzureConfiguration {
    role: String,
    read: VaultRead,
}

impl Provider for VaultBackedAzure {
    fn family(&self) -> FamilyName {
        FamilyName::VaultBackedAzure
    }

    fn settings(&self) -> Vec<Setting<'_>> {
        vec![AUTH, RUN_ROLE, PLAN_ROLE, APPLY_ROLE, MOUNT_PATH, SLEEP_SECONDS, VAULT_CONFIG]
    }

    fn variable(&self) -> Option<&str> {
        Some("tfc_vault_backed_azure_dynamic_credentials")
    }

    fn rivals(&self) -> Vec<Rival<'_>> {
        vec![
            // The providers try a certificate before a secret.
            Rival::always("ARM_CLIENT_CERTIFICATE"),
            Rival::always("ARM_CLIENT_CERTIFICATE_PATH"),
            // With aliases these make a provider block fail whose file says something else.
            Rival::always("ARM_CLIENT_ID"),
            Rival::always("ARM_CLIENT_ID_FILE_PATH"),
            Rival::always("ARM_CLIENT_SECRET"),
            Rival::always("ARM_CLIENT_SECRET_FILE_PATH"),
        ]
    }

    fn configure(&self, form: &mut Form<'_>) -> Result<Box<dyn Configuration>, Incomplete> {
        let role = vault_backed::name(form, &ROLE);
        let mount = vault_backed::mount(form, &MOUNT_PATH);
        let settle = vault_backed::settle(form, &SLEEP_SECONDS);
        let vault = vault_backed::vault(form, &VAULT_CONFIG);
        let (role, mount) = (role?, mount?);
        let read = VaultRead {
            vault: vault?,
            path: format!("{mount}/creds/{}", percent_encoded(&role)),
            fallback_path: None,
            wanted: &PARTS,
            optional: &[],
            is_reread: false,
            settle: settle?,
            advice: ADVICE,
        };
        Ok(Box::new(VaultBackedAzureConfiguration { role, read }))
    }
}

impl Configuration for VaultBackedAzureConfiguration {
    fn token(&self) -> Option<TokenNeed<'_>> {
        None
    }

    fn role(&self) -> Option<&str> {
        Some(&self.role)
    }

    fn grant(&self) -> Grant<'_> {
        Grant::VaultRead(&self.read)
    }

    fn complete(&self, credential: &mut Credential) -> Result<(), String> {
        vault_backed::check_parts(credential, &PARTS)
    }

    fn deliver(&self, credential: &Credential, place: &Place<'_>) -> Delivery {
        let [client_id, client_secret] = PARTS.map(|name| credential.part(name));
        let mut delivery = Delivery::default();
        delivery.file(place.file_name(CLIENT_ID_FILE), client_id.clone());
        delivery.file(place.file_name(CLIENT_SECRET_FILE), client_secret.clone());
        delivery.attribute("client_id_file_path", place.path(CLIENT_ID_FILE));
        delivery.attribute("client_secret_file_path", place.path(CLIENT_SECRET_FILE));
        delivery.env(When::Alone, "ARM_CLIENT_ID", client_id);
        delivery.env(When::Alone, "ARM_CLIENT_SECRET", client_secret);
        delivery
    }
}
