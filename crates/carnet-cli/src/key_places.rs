//! Where keys are that do not lie in the data directory: options, and the connections they lead to.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use carnet_issuer::pkcs11::{ModuleKeys, ModuleSettings};
use carnet_issuer::transit::{
    TransitClient, TransitCredential, TransitKeys, TransitSettings, TransitWrapper,
};
use carnet_issuer::{KeySources, KeyWrapper};
use clap::Args;
use secrecy::SecretString;

use crate::edge;
use crate::reach::{authorities, server_address};

/// Where a pod finds the token of its service account.
const SERVICE_ACCOUNT_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// How Vault or OpenBao is reached whose secrets engine `transit` holds keys.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct TransitOptions {
    /// The address of the Vault or OpenBao whose secrets engine transit signs tokens or wraps the master key.
    #[arg(long, env = "CARNET_TRANSIT_ADDRESS", value_name = "URL")]
    pub(crate) transit_address: Option<String>,

    /// Its namespace [default: the root].
    #[arg(long, env = "CARNET_TRANSIT_NAMESPACE", value_name = "NAME")]
    pub(crate) transit_namespace: Option<String>,

    /// Certificate authorities to trust for it beside the system's, PEM.
    #[arg(long, env = "CARNET_TRANSIT_CA_FILE", value_name = "FILE")]
    pub(crate) transit_ca_file: Option<PathBuf>,

    /// The file of a token for it, read again for each request; CARNET_TRANSIT_TOKEN beats it.
    #[arg(long, env = "CARNET_TRANSIT_TOKEN_FILE", value_name = "FILE")]
    pub(crate) transit_token_file: Option<PathBuf>,

    /// The id of a role of its method AppRole, instead of a token; needs --transit-secret-id-file.
    #[arg(long, env = "CARNET_TRANSIT_ROLE_ID", value_name = "ID")]
    pub(crate) transit_role_id: Option<String>,

    /// The file of the secret id of that role, read again for each login.
    #[arg(long, env = "CARNET_TRANSIT_SECRET_ID_FILE", value_name = "FILE")]
    pub(crate) transit_secret_id_file: Option<PathBuf>,

    /// A role of its method Kubernetes, instead of a token: the login is with the service account of this pod.
    #[arg(long, env = "CARNET_TRANSIT_KUBERNETES_ROLE", value_name = "ROLE")]
    pub(crate) transit_kubernetes_role: Option<String>,

    /// The path of the method that is logged in with [default: approle or kubernetes].
    #[arg(long, env = "CARNET_TRANSIT_AUTH_MOUNT", value_name = "PATH")]
    pub(crate) transit_auth_mount: Option<String>,
}

impl TransitOptions {
    /// These options over those of a file.
    pub(crate) fn or(self, file: Self) -> Self {
        Self {
            transit_address: self.transit_address.or(file.transit_address),
            transit_namespace: self.transit_namespace.or(file.transit_namespace),
            transit_ca_file: self.transit_ca_file.or(file.transit_ca_file),
            transit_token_file: self.transit_token_file.or(file.transit_token_file),
            transit_role_id: self.transit_role_id.or(file.transit_role_id),
            transit_secret_id_file: self.transit_secret_id_file.or(file.transit_secret_id_file),
            transit_kubernetes_role: self.transit_kubernetes_role.or(file.transit_kubernetes_role),
            transit_auth_mount: self.transit_auth_mount.or(file.transit_auth_mount),
        }
    }

    /// The files that hold secrets: nothing that Terraform starts may read them.
    pub(crate) fn secret_files(&self) -> impl Iterator<Item = &PathBuf> {
        self.transit_token_file.iter().chain(&self.transit_secret_id_file)
    }

    fn credential(&self) -> anyhow::Result<TransitCredential> {
        let mount = |default: &str| self.transit_auth_mount.clone().unwrap_or_else(|| default.to_owned());
        if let Some(role_id) = &self.transit_role_id {
            let file = self.transit_secret_id_file.clone();
            return Ok(TransitCredential::AppRole {
                mount: mount("approle"),
                role_id: role_id.clone(),
                secret_id_file: file.context("--transit-role-id needs --transit-secret-id-file")?,
            });
        }
        if let Some(role) = &self.transit_kubernetes_role {
            let token_file = PathBuf::from(SERVICE_ACCOUNT_TOKEN);
            return Ok(TransitCredential::Kubernetes {
                mount: mount("kubernetes"),
                role: role.clone(),
                token_file,
            });
        }
        if let Some(token) = edge::secret("CARNET_TRANSIT_TOKEN") {
            return Ok(TransitCredential::Token(token));
        }
        match &self.transit_token_file {
            Some(file) => Ok(TransitCredential::TokenFile(file.clone())),
            None => bail!(
                "no credential for Vault or OpenBao at --transit-address: give --transit-token-file, CARNET_TRANSIT_TOKEN, \
                 --transit-role-id with --transit-secret-id-file, or --transit-kubernetes-role"
            ),
        }
    }

    /// The connection; `None` when no address is given.
    pub(crate) fn client(&self) -> anyhow::Result<Option<Arc<TransitClient>>> {
        let Some(address) = &self.transit_address else { return Ok(None) };
        let address = server_address(address).map_err(anyhow::Error::msg).context("transit_address")?;
        // A redirect would carry the token to another place.
        let mut builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        if let Some(file) = &self.transit_ca_file {
            builder = builder.tls_certs_merge(reqwest::Certificate::from_pem_bundle(&authorities(file)?)?);
        }
        let http = builder.build().context("the HTTP client cannot be made")?;
        let credential = self.credential()?;
        let namespace = self.transit_namespace.clone();
        Ok(Some(Arc::new(TransitClient::new(http, TransitSettings { address, namespace, credential }))))
    }
}

/// How a module that speaks PKCS#11 is reached.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct ModuleOptions {
    /// The library of a hardware module (PKCS#11) that signs tokens.
    #[arg(long, env = "CARNET_PKCS11_MODULE", value_name = "FILE")]
    pub(crate) pkcs11_module: Option<PathBuf>,

    /// The file of the PIN of its token; CARNET_PKCS11_PIN beats it.
    #[arg(long, env = "CARNET_PKCS11_PIN_FILE", value_name = "FILE")]
    pub(crate) pkcs11_pin_file: Option<PathBuf>,
}

impl ModuleOptions {
    /// These options over those of a file.
    pub(crate) fn or(self, file: Self) -> Self {
        Self {
            pkcs11_module: self.pkcs11_module.or(file.pkcs11_module),
            pkcs11_pin_file: self.pkcs11_pin_file.or(file.pkcs11_pin_file),
        }
    }

    fn settings(&self) -> anyhow::Result<Option<ModuleSettings>> {
        let Some(library) = &self.pkcs11_module else { return Ok(None) };
        let pin = match (edge::secret("CARNET_PKCS11_PIN"), &self.pkcs11_pin_file) {
            (Some(pin), _) => pin,
            (None, Some(file)) => SecretString::from(
                std::fs::read_to_string(file)
                    .with_context(|| format!("{} cannot be read", file.display()))?
                    .trim(),
            ),
            (None, None) => bail!("no PIN for --pkcs11-module: give --pkcs11-pin-file or CARNET_PKCS11_PIN"),
        };
        Ok(Some(ModuleSettings { library: library.clone(), pin }))
    }
}

/// Where new signing keys are made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum SigningKeys {
    /// By the server, which seals them.
    #[default]
    Local,
    /// In the secrets engine transit: MOUNT/KEY.
    Transit(String),
    /// In a hardware module: TOKEN/LABEL.
    Module(String),
}

impl SigningKeys {
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        match text.split_once(':') {
            None if text == "local" => Ok(Self::Local),
            Some(("transit", path)) => Ok(Self::Transit(path.to_owned())),
            Some(("pkcs11", path)) => Ok(Self::Module(path.to_owned())),
            _ => bail!("signing_keys is local, transit:MOUNT/KEY or pkcs11:TOKEN/LABEL, not {text:?}"),
        }
    }
}

impl std::fmt::Display for SigningKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::Transit(path) => write!(f, "transit:{path}"),
            Self::Module(path) => write!(f, "pkcs11:{path}"),
        }
    }
}

/// Every place that is configured; a ring may hold keys of before in any of them.
pub(crate) fn key_sources(
    new_keys: &SigningKeys,
    transit: &TransitOptions,
    module: &ModuleOptions,
) -> anyhow::Result<KeySources> {
    let mut sources = KeySources::local();
    match (new_keys, transit.client()?) {
        (SigningKeys::Transit(path), Some(client)) => {
            sources = sources.making_keys_in(Arc::new(TransitKeys::new(client, path)?));
        }
        (SigningKeys::Transit(path), None) => bail!("signing_keys transit:{path} needs --transit-address"),
        (SigningKeys::Local | SigningKeys::Module(_), Some(client)) => {
            sources = sources.with(Arc::new(TransitKeys::of_before(client)));
        }
        (SigningKeys::Local | SigningKeys::Module(_), None) => {}
    }
    match (new_keys, module.settings()?) {
        (SigningKeys::Module(path), Some(settings)) => {
            sources = sources.making_keys_in(Arc::new(ModuleKeys::new(settings, path)?));
        }
        (SigningKeys::Module(path), None) => bail!("signing_keys pkcs11:{path} needs --pkcs11-module"),
        (SigningKeys::Local | SigningKeys::Transit(_), Some(settings)) => {
            sources = sources.with(Arc::new(ModuleKeys::of_before(settings)));
        }
        (SigningKeys::Local | SigningKeys::Transit(_), None) => {}
    }
    Ok(sources)
}

/// How the master key is kept.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct WrapperOptions {
    /// Keep the master key wrapped by a key of Vault or OpenBao: transit:MOUNT/KEY. The file is then DATA/master.key.wrapped.
    #[arg(long, env = "CARNET_MASTER_KEY_WRAPPER", value_name = "PLACE")]
    pub(crate) master_key_wrapper: Option<String>,
}

/// The key that wraps the master key.
pub(crate) fn key_wrapper(place: &str, transit: &TransitOptions) -> anyhow::Result<Box<dyn KeyWrapper>> {
    let Some(path) = place.strip_prefix("transit:") else {
        bail!("the master key is wrapped by transit:MOUNT/KEY, not by {place:?}");
    };
    let client = transit.client()?.with_context(|| format!("the wrapper {place} needs --transit-address"))?;
    Ok(Box::new(TransitWrapper::new(client, path)?))
}

/// The file beside `file` that holds the key wrapped.
pub(crate) fn wrapped_beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".wrapped");
    PathBuf::from(name)
}
