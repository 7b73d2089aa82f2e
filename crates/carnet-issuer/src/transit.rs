//! The secrets engine `transit` of Vault and OpenBao: it signs with keys, and wraps a key with a key, that never leave it.
//!
//! <https://openbao.org/api-docs/secret/transit/>

mod client;
mod credential;
mod keys;
mod wrapper;

use std::path::PathBuf;

use secrecy::SecretString;

use crate::KeyReference;

pub use client::TransitClient;
pub use keys::TransitKeys;
pub use wrapper::TransitWrapper;

/// How we prove to Vault or OpenBao who we are.
#[derive(Debug, Clone)]
pub enum TransitCredential {
    /// A token that somebody else renews or replaces, in a file that is read for each request: what an agent of Vault or OpenBao
    /// writes.
    TokenFile(PathBuf),
    /// A token that was given to this process.
    Token(SecretString),
    /// The method AppRole, with the secret id in a file that is read for each login.
    AppRole {
        /// The path of the method, `approle`.
        mount: String,
        /// The id of the role.
        role_id: String,
        /// The file with the secret id.
        secret_id_file: PathBuf,
    },
    /// The method Kubernetes, with the token of the pod's service account, which is read for each login.
    Kubernetes {
        /// The path of the method, `kubernetes`.
        mount: String,
        /// The role.
        role: String,
        /// The file with the token.
        token_file: PathBuf,
    },
}

/// Where Vault or OpenBao is, and who we are there.
#[derive(Debug, Clone)]
pub struct TransitSettings {
    /// The address, as in `VAULT_ADDR`.
    pub address: reqwest::Url,
    /// The namespace; none for the root.
    pub namespace: Option<String>,
    /// Who we are.
    pub credential: TransitCredential,
}

/// The path of a key: its mount and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct KeyPath {
    mount: String,
    name: String,
}

/// A text does not name a key of the secrets engine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} does not name a key of the secrets engine transit: it is MOUNT/KEY of letters, numbers, - _ and ., as in \
     transit/carnet-signing"
)]
pub struct KeyPathError {
    text: String,
}

impl std::str::FromStr for KeyPath {
    type Err = KeyPathError;

    fn from_str(text: &str) -> Result<Self, KeyPathError> {
        let is_plain = |part: &str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            !part.is_empty() && !part.starts_with('.') && part.bytes().all(allowed)
        };
        match text.rsplit_once('/') {
            Some((mount, name)) if mount.split('/').all(is_plain) && is_plain(name) => {
                Ok(Self { mount: mount.to_owned(), name: name.to_owned() })
            }
            Some(_) | None => Err(KeyPathError { text: text.to_owned() }),
        }
    }
}

impl KeyPath {
    fn reference(&self) -> KeyReference {
        KeyReference::new(SCHEME, &format!("{}/{}", self.mount, self.name))
    }
}

const SCHEME: &str = "transit";

#[cfg(test)]
mod tests;
