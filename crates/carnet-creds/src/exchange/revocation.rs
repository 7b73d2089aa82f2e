//! Taking credentials back.

use std::time::Duration;

use carnet_model::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use super::{
    adapter_call::revoke,
    http::HttpSettings,
    vault_api::{VaultApi, VaultPlace},
};
use crate::{
    adapter::PreparedCall,
    family::{FamilyName, Tag, titled},
};

/// Everything that revoking one credential takes, to be handed to a process that outlives this one.
///
/// Serializing it writes the secret out: hand it over a pipe, never to a file or a log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RevocationHandle {
    pub(crate) family: FamilyName,
    pub(crate) tag: Option<Tag>,
    pub(crate) ends_at: Option<Timestamp>,
    pub(crate) target: Target,
}

/// What is revoked, and how.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// A Vault token; everything that was read with it ends, too.
    VaultToken(VaultToken),
    /// A request that an adapter describes.
    Call(PreparedCall),
}

/// A Vault token and the server that knows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct VaultToken {
    pub(crate) address: String,
    pub(crate) namespace: Option<String>,
    pub(crate) ca_pem: Option<String>,
    pub(crate) timeout_seconds: u64,
    pub(crate) accessor: String,
    pub(crate) is_batch: bool,
    #[serde(serialize_with = "exposed")]
    pub(crate) token: SecretString,
}

/// What became of one credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// The family.
    pub family: FamilyName,
    /// The alias, if any.
    pub tag: Option<Tag>,
    /// The name of the token that may be written down; empty for kinds that have none.
    pub accessor: String,
    /// How it ended.
    pub outcome: RevocationOutcome,
}

/// How the revocation of a credential ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RevocationOutcome {
    /// It is revoked, and everything that was read with it.
    Revoked,
    /// It did not work any more.
    AlreadyGone,
    /// It is of a kind that nobody can revoke; it ends by itself at this moment.
    EndsByItself(Option<Timestamp>),
    /// It could not be revoked, and may still work.
    Failed(String),
}

impl RevocationHandle {
    /// The family of the credential.
    pub fn family(&self) -> FamilyName {
        self.family
    }

    /// The name of the token that may be written down; empty for kinds that have none.
    pub fn accessor(&self) -> &str {
        match &self.target {
            Target::VaultToken(vault) => &vault.accessor,
            Target::Call(_) => "",
        }
    }

    /// The server that can revoke it.
    pub(crate) fn address(&self) -> &str {
        match &self.target {
            Target::VaultToken(vault) => &vault.address,
            Target::Call(call) => &call.url,
        }
    }

    /// The namespace, if any.
    pub(crate) fn namespace(&self) -> Option<&str> {
        match &self.target {
            Target::VaultToken(vault) => vault.namespace.as_deref(),
            Target::Call(_) => None,
        }
    }

    /// Revokes the credential; safe to call twice.
    pub async fn revoke(&self, http: &HttpSettings) -> Revocation {
        let vault = match &self.target {
            Target::VaultToken(vault) => vault,
            Target::Call(call) => {
                let outcome = match revoke(http, call).await {
                    Ok(()) => RevocationOutcome::Revoked,
                    Err(failure) if failure.is_gone() => RevocationOutcome::AlreadyGone,
                    Err(failure) => RevocationOutcome::Failed(failure.to_string()),
                };
                return self.ended(outcome);
            }
        };
        let place = VaultPlace {
            address: &vault.address,
            namespace: vault.namespace.as_deref(),
            ca_pem: vault.ca_pem.as_deref(),
            timeout: Duration::from_secs(vault.timeout_seconds),
        };
        let outcome = match VaultApi::new(http, place) {
            Ok(api) => self.revoke_token(vault, &api).await,
            Err(reason) => RevocationOutcome::Failed(reason),
        };
        self.ended(outcome)
    }

    async fn revoke_token(&self, vault: &VaultToken, api: &VaultApi) -> RevocationOutcome {
        if vault.is_batch {
            return RevocationOutcome::EndsByItself(self.ends_at);
        }
        match api.revoke(&vault.token).await {
            Ok(()) => RevocationOutcome::Revoked,
            // Vault answers 403 both for a token that is gone and for one whose policy lacks the right.
            Err(failure) if failure.failure.status() == Some(403) => {
                if api.is_alive(&vault.token).await {
                    RevocationOutcome::Failed(format!(
                        "{failure}; the policies of the role lack update on auth/token/revoke-self"
                    ))
                } else {
                    RevocationOutcome::AlreadyGone
                }
            }
            Err(failure) => RevocationOutcome::Failed(failure.to_string()),
        }
    }

    fn ended(&self, outcome: RevocationOutcome) -> Revocation {
        let (family, tag, accessor) = (self.family, self.tag.clone(), self.accessor().to_owned());
        Revocation { family, tag, accessor, outcome }
    }
}

impl std::fmt::Display for Revocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: the token", titled(self.family, self.tag.as_ref()))?;
        if !self.accessor.is_empty() {
            write!(f, " with accessor {}", self.accessor)?;
        }
        match &self.outcome {
            RevocationOutcome::Revoked => f.write_str(" is revoked"),
            RevocationOutcome::AlreadyGone => f.write_str(" was gone already"),
            RevocationOutcome::EndsByItself(Some(end)) => {
                write!(f, " is a batch token, which cannot be revoked; it ends at {end}")
            }
            RevocationOutcome::EndsByItself(None) => {
                f.write_str(" is a batch token, which cannot be revoked")
            }
            RevocationOutcome::Failed(reason) => write!(f, " could not be revoked: {reason}"),
        }
    }
}

fn exposed<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}
