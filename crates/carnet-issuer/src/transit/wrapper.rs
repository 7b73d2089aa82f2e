//! Wrapping a key with a key of the secrets engine.

use std::sync::Arc;

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::{Value, json};
use zeroize::{Zeroize as _, Zeroizing};

use super::{KeyPath, KeyPathError, TransitClient};
use crate::{KeyReference, KeySourceError, KeyWrapper};

/// A key of the secrets engine that wraps other keys.
#[derive(Debug)]
pub struct TransitWrapper {
    client: Arc<TransitClient>,
    path: KeyPath,
    reference: KeyReference,
}

impl TransitWrapper {
    /// Wraps with the key `MOUNT/KEY`, which is made when it is not there and our policy allows it.
    ///
    /// Fails when the text is not the path of a key.
    pub fn new(client: Arc<TransitClient>, path: &str) -> Result<Self, KeyPathError> {
        let path: KeyPath = path.parse()?;
        Ok(Self { client, reference: path.reference(), path })
    }

    async fn ask(&self, action: &str, mut body: Value, member: &str) -> Result<String, KeySourceError> {
        let at = format!("{}/{action}/{}", self.path.mount, self.path.name);
        let answer = self.client.call(Method::POST, &at, Some(&body)).await;
        for member in ["plaintext", "ciphertext"] {
            if let Value::String(text) = &mut body[member] {
                text.zeroize();
            }
        }
        match answer?["data"][member].take() {
            Value::String(text) => Ok(text),
            _ => Err(self.client.unreadable(member)),
        }
    }
}

#[async_trait]
impl KeyWrapper for TransitWrapper {
    fn reference(&self) -> &KeyReference {
        &self.reference
    }

    async fn wrap(&self, key: &[u8]) -> Result<String, KeySourceError> {
        self.ask("encrypt", json!({"plaintext": STANDARD.encode(key)}), "ciphertext").await
    }

    async fn open(&self, ciphertext: &str) -> Result<Zeroizing<Vec<u8>>, KeySourceError> {
        let text = Zeroizing::new(self.ask("decrypt", json!({"ciphertext": ciphertext}), "plaintext").await?);
        let key =
            STANDARD.decode(text.as_bytes()).map_err(|_| self.client.unreadable("plaintext in base64"))?;
        Ok(Zeroizing::new(key))
    }

    async fn rewrap(&self, ciphertext: &str) -> Result<String, KeySourceError> {
        self.ask("rewrap", json!({"ciphertext": ciphertext}), "ciphertext").await
    }
}
