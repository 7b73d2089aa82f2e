//! Vault and OpenBao: the engine logs in with the identity token, and hands the Vault token over.

use std::time::Duration;

use crate::{
    credential::Credential,
    family::FamilyName,
    form::{Form, Found, Incomplete},
    injection::{Delivery, When},
    provider::{Configuration, Grant, Place, Provider, Rival, TokenLife, TokenNeed, VaultLogin},
    setting::{Phased, Required, Setting, SettingKind, UPSTREAM},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use rustls_pki_types::{CertificateDer, pem::PemObject};

const SETTING: Setting<'static> = Setting {
    name: "",
    family: FamilyName::Vault,
    kind: SettingKind::Value,
    label: "Vault role",
    required: Required::No,
    default: None,
    example: "terraform",
    doc: "",
    source: UPSTREAM,
};

static AUTH: Setting<'static> = Setting {
    name: VAULT_FLAG,
    kind: SettingKind::Enable,
    label: "Vault authentication",
    required: Required::Yes,
    example: "true",
    doc: "Set to true to authenticate to Vault with the identity of the run.",
    ..SETTING
};
static ADDRESS: Setting<'static> = Setting {
    name: "TFC_VAULT_ADDR",
    label: "Vault address",
    required: Required::Yes,
    example: "https://vault.example.com:8200",
    doc: "The address of the Vault server.",
    ..SETTING
};
static RUN_ROLE: Setting<'static> = Setting {
    name: "TFC_VAULT_RUN_ROLE",
    required: Required::UnlessBothPhases,
    doc: "The role of the JWT authentication method to log in with in both phases.",
    ..SETTING
};
static PLAN_ROLE: Setting<'static> = Setting {
    name: "TFC_VAULT_PLAN_ROLE",
    doc: "The role to log in with at plan, instead of the role for both phases.",
    ..SETTING
};
static APPLY_ROLE: Setting<'static> = Setting {
    name: "TFC_VAULT_APPLY_ROLE",
    doc: "The role to log in with at apply, instead of the role for both phases.",
    ..SETTING
};
static NAMESPACE: Setting<'static> = Setting {
    name: "TFC_VAULT_NAMESPACE",
    label: "Vault namespace",
    example: "admin/platform",
    doc: "The namespace that the authentication method lies in.",
    ..SETTING
};
static AUTH_PATH: Setting<'static> = Setting {
    name: "TFC_VAULT_AUTH_PATH",
    label: "Vault authentication path",
    default: Some("jwt"),
    example: "jwt",
    doc: "The path that the JWT authentication method is mounted at.",
    ..SETTING
};
static AUDIENCE: Setting<'static> = Setting {
    name: "TFC_VAULT_WORKLOAD_IDENTITY_AUDIENCE",
    label: "Vault audience",
    default: Some("vault.workload.identity"),
    example: "vault.workload.identity",
    doc: "The audience of the identity token; must be one of the role's bound audiences.",
    ..SETTING
};
static ENCODED_CACERT: Setting<'static> = Setting {
    name: "TFC_VAULT_ENCODED_CACERT",
    label: "Vault CA certificate",
    // The example is the base64 form of a PEM certificate whose body is not a real certificate.
    example: "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1BQT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=",
    doc: "The only certificate authorities to trust, as base64 of PEM; without it those of the system.",
    ..SETTING
};
static CLIENT_TIMEOUT: Setting<'static> = Setting {
    name: "TFC_VAULT_CLIENT_TIMEOUT",
    label: "Vault client timeout",
    default: Some("60"),
    example: "60",
    doc: "The longest that one request to Vault may take, in whole seconds.",
    ..SETTING
};
static ROLE: Phased<'static> = Phased { run: &RUN_ROLE, plan: &PLAN_ROLE, apply: &APPLY_ROLE };

const TOKEN_FILE: &str = "tfc-vault-token";
const CA_FILE: &str = "tfc-vault-ca-cert.pem";

/// What switches a Vault configuration on.
pub(crate) const VAULT_FLAG: &str = "TFC_VAULT_PROVIDER_AUTH";

/// The family of Vault tokens.
pub(crate) struct Vault;

#[derive(Debug)]
struct VaultConfiguration {
    login: VaultLogin,
    audience: String,
}

impl Provider for Vault {
    fn family(&self) -> FamilyName {
        FamilyName::Vault
    }

    fn settings(&self) -> Vec<Setting<'_>> {
        vec![
            AUTH,
            ADDRESS,
            RUN_ROLE,
            PLAN_ROLE,
            APPLY_ROLE,
            NAMESPACE,
            AUTH_PATH,
            AUDIENCE,
            ENCODED_CACERT,
            CLIENT_TIMEOUT,
        ]
    }

    fn variable(&self) -> Option<&str> {
        Some("tfc_vault_dynamic_credentials")
    }

    fn rivals(&self) -> Vec<Rival<'_>> {
        vec![
            Rival::always("VAULT_TOKEN"),
            Rival::always("VAULT_ADDR"),
            Rival::always("VAULT_NAMESPACE"),
            Rival::always("VAULT_CACERT"),
            Rival::always("VAULT_CAPATH"),
            Rival::always("VAULT_SKIP_VERIFY"),
            Rival::always("VAULT_TOKEN_FILE"),
            Rival::always("VAULT_AGENT_ADDR"),
        ]
    }

    fn configure(&self, form: &mut Form<'_>) -> Result<Box<dyn Configuration>, Incomplete> {
        let address = form.required(&ADDRESS).and_then(|found| checked_address(form, &found));
        let role = form.phased(&ROLE);
        let namespace = form.optional(&NAMESPACE).and_then(|found| checked_namespace(form, found));
        let auth_path = checked_auth_path(form);
        let audience = form.or_default(&AUDIENCE);
        let ca_pem = checked_certificates(form);
        let timeout = checked_timeout(form);
        let role = role?;
        let login = VaultLogin {
            address: address?,
            namespace: namespace?,
            auth_path: auth_path?,
            role: role.value,
            role_variable: role.variable,
            ca_pem: ca_pem?,
            timeout: timeout?,
        };
        Ok(Box::new(VaultConfiguration { login, audience: audience? }))
    }
}

impl Configuration for VaultConfiguration {
    fn token(&self) -> Option<TokenNeed<'_>> {
        Some(TokenNeed { audience: &self.audience, life: TokenLife::Login })
    }

    fn role(&self) -> Option<&str> {
        Some(&self.login.role)
    }

    fn grant(&self) -> Grant<'_> {
        Grant::VaultLogin(&self.login)
    }

    fn deliver(&self, credential: &Credential, place: &Place<'_>) -> Delivery {
        let login = &self.login;
        let mut delivery = Delivery::default();
        delivery.file(place.file_name(TOKEN_FILE), credential.token.clone());
        delivery.env(When::Alone, "VAULT_ADDR", login.address.as_str());
        delivery.env(When::Alone, "VAULT_TOKEN", credential.token.clone());
        // A child token would need a right that the documented policy lacks, and end after 20 minutes.
        delivery.env(When::Always, "TERRAFORM_VAULT_SKIP_CHILD_TOKEN", "true");
        if let Some(namespace) = &login.namespace {
            delivery.env(When::Alone, "VAULT_NAMESPACE", namespace.as_str());
        }
        let mut ca_path = String::new();
        if let Some(pem) = &login.ca_pem {
            ca_path = place.path(CA_FILE);
            delivery.file(place.file_name(CA_FILE), pem.as_str().into());
            delivery.env(When::Alone, "VAULT_CACERT", ca_path.as_str());
        }
        // People interpolate all four attributes as texts, so what is absent is empty and not null.
        delivery.attribute("token_filename", place.path(TOKEN_FILE));
        delivery.attribute("address", login.address.as_str());
        delivery.attribute("namespace", login.namespace.clone().unwrap_or_default());
        delivery.attribute("ca_cert_file", ca_path);
        delivery
    }
}

// A user name, a query or a fragment has no place here: the address is written into logs and variables.
pub(super) fn checked_address(form: &mut Form<'_>, found: &Found) -> Result<String, Incomplete> {
    let text = found.value.trim_end_matches('/');
    let rest = ["http://", "https://"].iter().find_map(|scheme| {
        let (start, rest) = text.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    });
    let is_address = |rest: &str| {
        let host = rest.split('/').next().unwrap_or_default();
        !host.is_empty() && !host.starts_with(':') && !rest.contains([' ', '@', '?', '#', '\\', '"'])
    };
    if rest.is_some_and(is_address) {
        return Ok(text.to_owned());
    }
    Err(form.malformed("E7", found, "is not an http(s) URL"))
}

fn checked_namespace(form: &mut Form<'_>, found: Option<Found>) -> Result<Option<String>, Incomplete> {
    match found {
        // The namespace travels in a header.
        Some(found) if !found.value.is_ascii() => {
            Err(form.malformed("E17", &found, "may only contain ASCII characters"))
        }
        found => Ok(found.map(|found| found.value)),
    }
}

fn checked_auth_path(form: &mut Form<'_>) -> Result<String, Incomplete> {
    let Some(found) = form.optional(&AUTH_PATH)? else {
        return Ok(AUTH_PATH.default.unwrap_or_default().to_owned());
    };
    let path = found.value.trim_matches('/');
    let path = path.strip_prefix("auth/").unwrap_or(path).trim_matches('/');
    let is_character = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~+@:".contains(&byte);
    let is_segment = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(is_character);
    if path.split('/').all(is_segment) {
        return Ok(path.to_owned());
    }
    Err(form.malformed("E17", &found, "is not the path of an authentication method"))
}

fn checked_certificates(form: &mut Form<'_>) -> Result<Option<String>, Incomplete> {
    let Some(found) = form.optional_lines(&ENCODED_CACERT) else { return Ok(None) };
    let encoded: String = found.value.split_ascii_whitespace().collect();
    let pem = BASE64_STANDARD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    match pem {
        Some(pem) if has_certificates(&pem) => Ok(Some(pem)),
        _ => Err(form.malformed("E6", &found, "is not base64-encoded PEM")),
    }
}

pub(super) fn has_certificates(pem: &str) -> bool {
    let mut certificates = CertificateDer::pem_slice_iter(pem.as_bytes()).peekable();
    certificates.peek().is_some() && certificates.all(|certificate| certificate.is_ok())
}

fn checked_timeout(form: &mut Form<'_>) -> Result<Duration, Incomplete> {
    let Some(found) = form.optional(&CLIENT_TIMEOUT)? else { return Ok(Duration::from_mins(1)) };
    match found.value.parse::<u32>() {
        Ok(seconds) if seconds >= 1 => Ok(Duration::from_secs(seconds.into())),
        _ => Err(form.malformed("E5", &found, "is not a whole number of seconds ≥ 1")),
    }
}
