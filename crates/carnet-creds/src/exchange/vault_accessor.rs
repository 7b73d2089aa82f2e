//! Revoking a Vault token of which only the accessor is known: everybody who held the token itself has died.

use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

use super::{
    http::HttpSettings,
    revocation::RevocationOutcome,
    vault_api::{VaultApi, VaultPlace},
    vault_wire::{Failure, VaultFailure},
};

/// The longest that one attempt may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A Vault token by its accessor, which is not a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultAccessor {
    /// The server that knows it.
    pub address: String,
    /// The namespace, if any.
    pub namespace: Option<String>,
    /// The certificate authorities of the server, PEM; those of the system without.
    pub ca_pem: Option<String>,
    /// The accessor.
    pub accessor: String,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    warnings: Option<Vec<String>>,
}

impl VaultAccessor {
    /// Revokes the token and everything that was read with it, on the authority of another token of the same server;
    /// safe to call twice.
    pub async fn revoke(&self, http: &HttpSettings, authority: &SecretString) -> RevocationOutcome {
        let place = VaultPlace {
            address: self.address.trim_end_matches('/'),
            namespace: self.namespace.as_deref().filter(|namespace| !namespace.is_empty()),
            ca_pem: self.ca_pem.as_deref(),
            timeout: TIMEOUT,
        };
        let api = match VaultApi::new(http, place) {
            Ok(api) => api,
            Err(reason) => return RevocationOutcome::Failed(reason),
        };
        match api.revoke_accessor(authority, &self.accessor).await {
            Ok(answer) if knows_no_token(&answer) => RevocationOutcome::AlreadyGone,
            Ok(_) => RevocationOutcome::Revoked,
            Err(failure) if is_unknown(&failure) => RevocationOutcome::AlreadyGone,
            Err(failure) if failure.failure.status() == Some(403) => RevocationOutcome::Failed(format!(
                "{failure}; the Vault token needs update on auth/token/revoke-accessor"
            )),
            Err(failure) => RevocationOutcome::Failed(failure.to_string()),
        }
    }
}

/// OpenBao and newer versions of Vault answer 200 with a warning for an accessor that they do not know.
fn knows_no_token(answer: &[u8]) -> bool {
    let warnings = serde_json::from_slice(answer).ok().and_then(|answer: Answer| answer.warnings);
    warnings.into_iter().flatten().any(|warning| warning.starts_with("No token found"))
}

/// Older servers refuse; the status depends on the version, and the same ones stand for other refusals, too.
fn is_unknown(failure: &VaultFailure) -> bool {
    match &failure.failure {
        Failure::Refused { status: 400 | 403 | 404, errors } => {
            errors.iter().any(|error| error.contains("invalid accessor"))
        }
        Failure::Refused { .. } | Failure::NoAnswer { .. } | Failure::Unreadable { .. } => false,
    }
}
