//! AWS keys that are read from Vault.

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::vault_backed;
use crate::{
    adapter::percent_encoded,
    credential::Credential,
    family::FamilyName,
    form::{Form, Incomplete},
    injection::{Delivery, When},
    provider::{Configuration, Grant, Place, Provider, Rival, TokenNeed, VaultRead},
    setting::{Phased, Required, Setting, SettingKind, UPSTREAM},
    shell::shell_quoted,
};

const SETTING: Setting<'static> = Setting {
    name: "",
    family: FamilyName::VaultBackedAws,
    kind: SettingKind::Value,
    label: "Vault role",
    required: Required::No,
    default: None,
    example: "terraform",
    doc: "",
    source: UPSTREAM,
};

static AUTH: Setting<'static> = Setting {
    name: "TFC_VAULT_BACKED_AWS_AUTH",
    kind: SettingKind::Enable,
    label: "Vault-backed AWS authentication",
    required: Required::Yes,
    example: "true",
    doc: "Set to true to read AWS keys from Vault; needs a Vault configuration.",
    ..SETTING
};
static AUTH_TYPE: Setting<'static> = Setting {
    name: "TFC_VAULT_BACKED_AWS_AUTH_TYPE",
    label: "AWS authentication type",
    required: Required::Yes,
    example: IAM_USER,
    doc: "What the secrets engine makes: `iam_user`, `assumed_role` or `federation_token`.",
    ..SETTING
};
static RUN_ROLE: Setting<'static> = Setting {
    name: "TFC_VAULT_BACKED_AWS_RUN_VAULT_ROLE",
    required: Required::UnlessBothPhases,
    doc: "The role of the AWS secrets engine to read in both phases.",
    ..SETTING
};
static PLAN_ROLE: Setting<'static> = Setting {
    name: "TFC_VAULT_BACKED_AWS_PLAN_VAULT_ROLE",
    doc: "The role to read at plan, instead of the role for both phases.",
    ..SETTING
};
static APPLY_ROLE: Setting<'static> = Setting {
    name: "TFC_VAULT_BACKED_AWS_APPLY_VAULT_ROLE",
    doc: "The role to read at apply, instead of the role for both phases.",
    ..SETTING
};
static MOUNT_PATH: Setting<'static> = Setting {
    name: "TFC_VAULT_BACKED_AWS_MOUNT_PATH",
    label: "path of the AWS secrets engine",
    default: Some("aws"),
    example: "aws",
    doc: "The path that the AWS secrets engine is mounted at.",
    ..SETTING
};
static RUN_ROLE_ARN: Setting<'static> = Setting {
    name: "TFC_VAULT_BACKED_AWS_RUN_ROLE_ARN",
    label: "AWS role ARN",
    example: "arn:aws:iam::123456789012:role/terraform",
    doc: "The AWS role to assume in both phases; needed for `assumed_role`, unless both phases have one.",
    ..SETTING
};
static PLAN_ROLE_ARN: Setting<'static> = Setting {
    name: "TFC_VAULT_BACKED_AWS_PLAN_ROLE_ARN",
    doc: "The AWS role to assume at plan, instead of the one for both phases.",
    ..RUN_ROLE_ARN
};
static APPLY_ROLE_ARN: Setting<'static> = Setting {
    name: "TFC_VAULT_BACKED_AWS_APPLY_ROLE_ARN",
    doc: "The AWS role to assume at apply, instead of the one for both phases.",
    ..RUN_ROLE_ARN
};
static SLEEP_SECONDS: Setting<'static> = Setting {
    name: "TFC_VAULT_BACKED_AWS_SLEEP_SECONDS",
    label: "seconds to wait",
    default: Some("0"),
    example: "10",
    doc: "How long to wait before Terraform starts: new IAM users need some seconds to work; 0 to 1500.",
    ..SETTING
};
static VAULT_CONFIG: Setting<'static> = Setting {
    name: "TFC_VAULT_BACKED_AWS_VAULT_CONFIG",
    label: "Vault configuration",
    example: "DEVOPS",
    doc: "The tag of the Vault configuration to read with; without it the default one, also for aliases.",
    ..SETTING
};
static ROLE: Phased<'static> = Phased { run: &RUN_ROLE, plan: &PLAN_ROLE, apply: &APPLY_ROLE };
static ROLE_ARN: Phased<'static> =
    Phased { run: &RUN_ROLE_ARN, plan: &PLAN_ROLE_ARN, apply: &APPLY_ROLE_ARN };

const IAM_USER: &str = "iam_user";
const ASSUMED_ROLE: &str = "assumed_role";
const FEDERATION_TOKEN: &str = "federation_token";
const CREDENTIALS_FILE: &str = "tfc-vault-backed-aws-credentials";
const PROCESS_FILE: &str = "tfc-vault-backed-aws-process.json";
const KEYS: [&str; 2] = ["access_key", "secret_key"];
/// Newer versions of Vault answer with the first name, older ones with the second.
const SESSION_TOKEN: [&str; 2] = ["session_token", "security_token"];
const ADVICE: &str = "; raise the TTL that the AWS secrets engine gives, or shorten the phase";

/// The family of AWS keys that are read from Vault.
pub(crate) struct VaultBackedAws;

#[derive(Debug)]
struct VaultBackedAwsConfiguration {
    role: String,
    read: VaultRead,
    needs_session_token: bool,
}

impl Provider for VaultBackedAws {
    fn family(&self) -> FamilyName {
        FamilyName::VaultBackedAws
    }

    fn settings(&self) -> Vec<Setting<'_>> {
        vec![
            AUTH,
            AUTH_TYPE,
            RUN_ROLE,
            PLAN_ROLE,
            APPLY_ROLE,
            MOUNT_PATH,
            RUN_ROLE_ARN,
            PLAN_ROLE_ARN,
            APPLY_ROLE_ARN,
            SLEEP_SECONDS,
            VAULT_CONFIG,
        ]
    }

    fn variable(&self) -> Option<&str> {
        Some("tfc_vault_backed_aws_dynamic_credentials")
    }

    fn rivals(&self) -> Vec<Rival<'_>> {
        vec![
            Rival::always("AWS_ACCESS_KEY_ID"),
            Rival::always("AWS_SECRET_ACCESS_KEY"),
            Rival::always("AWS_SESSION_TOKEN"),
            Rival::unless("AWS_PROFILE", "default"),
            Rival::unless("AWS_DEFAULT_PROFILE", "default"),
            // These win over the file, or a profile mixes them with its keys.
            Rival::always("AWS_CONFIG_FILE"),
            Rival::always("AWS_ROLE_ARN"),
            Rival::always("AWS_WEB_IDENTITY_TOKEN_FILE"),
        ]
    }

    fn configure(&self, form: &mut Form<'_>) -> Result<Box<dyn Configuration>, Incomplete> {
        let auth_type = auth_type(form);
        let role = vault_backed::name(form, &ROLE);
        let role_arn = auth_type.and_then(|auth_type| role_arn(form, auth_type));
        let mount = vault_backed::mount(form, &MOUNT_PATH);
        let settle = vault_backed::settle(form, &SLEEP_SECONDS);
        let vault = vault_backed::vault(form, &VAULT_CONFIG);
        let (auth_type, role, mount, role_arn) = (auth_type?, role?, mount?, role_arn?);
        let at = |engine_path: &str| format!("{mount}/{engine_path}/{}", percent_encoded(&role));
        let query = role_arn.map(|arn| format!("?role_arn={}", percent_encoded(&arn))).unwrap_or_default();
        let (path, fallback_path) = match auth_type {
            AuthType::IamUser => (at("creds"), None),
            AuthType::AssumedRole => (at("sts") + &query, None),
            // Vault serves these at both paths, and the policy may allow one of them only.
            AuthType::FederationToken => (at("sts"), Some(at("creds"))),
        };
        let read = VaultRead {
            vault: vault?,
            path,
            fallback_path,
            wanted: &KEYS,
            optional: &SESSION_TOKEN,
            is_reread: true,
            settle: settle?,
            advice: ADVICE,
        };
        let needs_session_token = auth_type != AuthType::IamUser;
        Ok(Box::new(VaultBackedAwsConfiguration { role, read, needs_session_token }))
    }
}

/// What the secrets engine makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AuthType {
    IamUser,
    AssumedRole,
    FederationToken,
}

fn auth_type(form: &mut Form<'_>) -> Result<AuthType, Incomplete> {
    let found = form.required(&AUTH_TYPE)?;
    let value = form.one_of(&AUTH_TYPE, found, &[IAM_USER, ASSUMED_ROLE, FEDERATION_TOKEN])?;
    Ok(match value.as_str() {
        IAM_USER => AuthType::IamUser,
        ASSUMED_ROLE => AuthType::AssumedRole,
        _ => AuthType::FederationToken,
    })
}

fn role_arn(form: &mut Form<'_>, auth_type: AuthType) -> Result<Option<String>, Incomplete> {
    let name = match auth_type {
        AuthType::AssumedRole => return Ok(Some(form.phased(&ROLE_ARN)?.value)),
        AuthType::IamUser => IAM_USER,
        AuthType::FederationToken => FEDERATION_TOKEN,
    };
    vault_backed::ignored(form, &ROLE_ARN, name)?;
    Ok(None)
}

impl Configuration for VaultBackedAwsConfiguration {
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
        if self.needs_session_token && credential.first_part(&SESSION_TOKEN).is_none() {
            return Err(format!("the answer lacks {}", SESSION_TOKEN[0]));
        }
        // A line break would end the key, and the next line could name a program to run.
        vault_backed::check_parts(credential, &[&KEYS[..], &SESSION_TOKEN].concat())
    }

    fn deliver(&self, credential: &Credential, place: &Place<'_>) -> Delivery {
        let path = place.path(CREDENTIALS_FILE);
        let mut delivery = Delivery::default();
        let mut lines = "[default]\n".to_owned();
        if credential.is_replaced {
            let process_path = place.path(PROCESS_FILE);
            delivery.file(place.file_name(PROCESS_FILE), process(credential));
            lines += &format!("credential_process = /bin/cat {}\n", shell_quoted(&process_path));
        } else {
            let [key, secret] = KEYS.map(|name| credential.part(name));
            lines += &format!("aws_access_key_id = {}\n", key.expose_secret());
            lines += &format!("aws_secret_access_key = {}\n", secret.expose_secret());
            if let Some(token) = credential.first_part(&SESSION_TOKEN) {
                lines += &format!("aws_session_token = {}\n", token.expose_secret());
            }
        }
        delivery.file(place.file_name(CREDENTIALS_FILE), lines.into());
        delivery.attribute("shared_credentials_file", path.as_str());
        delivery.env(When::Alone, "AWS_SHARED_CREDENTIALS_FILE", path.as_str());
        delivery.env(When::BesideAliases, "AWS_SHARED_CREDENTIALS_FILE", path);
        // Without this a failed start falls back to the role of the machine that the agent runs on.
        delivery.env(When::UnlessSet, "AWS_EC2_METADATA_DISABLED", "true");
        delivery
    }
}

/// What a credential process prints (AWS SDKs and Tools, "Process credential provider").
fn process(credential: &Credential) -> SecretString {
    let [key, secret] = KEYS.map(|name| credential.part(name));
    let mut printed = json!({
        "Version": 1,
        "AccessKeyId": key.expose_secret(),
        "SecretAccessKey": secret.expose_secret(),
    });
    if let Some(token) = credential.first_part(&SESSION_TOKEN) {
        printed["SessionToken"] = token.expose_secret().into();
    }
    if let Some(ends_at) = &credential.ends_at {
        printed["Expiration"] = ends_at.as_str().into();
    }
    printed.to_string().into()
}
