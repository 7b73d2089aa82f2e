//! Places that keep a key closed for us: they wrap it, and unwrap it for whoever they let.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{KeyReference, KeySourceError};

/// A place that encrypts a small key under one of its own: the secrets engine `transit` of Vault or OpenBao, or the key
/// management of a cloud.
#[async_trait]
pub trait KeyWrapper: std::fmt::Debug + Send + Sync {
    /// The key of the place, as `transit:MOUNT/KEY`.
    fn reference(&self) -> &KeyReference;

    /// Encrypts a key.
    async fn wrap(&self, key: &[u8]) -> Result<String, KeySourceError>;

    /// Opens what [`KeyWrapper::wrap`] made.
    async fn open(&self, ciphertext: &str) -> Result<Zeroizing<Vec<u8>>, KeySourceError>;

    /// Encrypts it again under the newest version of the place's key, without opening it here.
    async fn rewrap(&self, ciphertext: &str) -> Result<String, KeySourceError>;
}

/// A wrapped key as it stands in its file: JSON, no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrappedKey {
    /// The key that it was wrapped with.
    pub wrapped_by: String,
    /// What the place made of it.
    pub ciphertext: String,
}

/// A file does not hold a wrapped key.
#[derive(Debug, thiserror::Error)]
#[error("this is not a wrapped key: a JSON document with wrapped_by and ciphertext")]
pub struct WrappedKeyError(#[source] serde_json::Error);

impl WrappedKey {
    /// Reads the text of a file.
    pub fn from_text(text: &str) -> Result<Self, WrappedKeyError> {
        serde_json::from_str(text).map_err(WrappedKeyError)
    }

    /// Writes the text of a file.
    pub fn to_text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("two texts can always be written as JSON");
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_key_survives_its_file() {
        let wrapped = WrappedKey { wrapped_by: "transit:transit/m".into(), ciphertext: "vault:v1:x".into() };
        assert_eq!(WrappedKey::from_text(&wrapped.to_text()).expect("read"), wrapped);
        for text in ["", "vault:v1:x", r#"{"wrapped_by":"a","ciphertext":"b","key":"c"}"#] {
            assert!(WrappedKey::from_text(text).is_err(), "{text}");
        }
    }
}
