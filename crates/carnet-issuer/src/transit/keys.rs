//! Signing keys in the secrets engine: each is a version of one key, so that rotating is one request.

use std::sync::Arc;

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rsa::PublicKey;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::{Value, json};

use super::{KeyPath, KeyPathError, SCHEME, TransitClient};
use crate::{KeyReference, KeySource, KeySourceError, PublicJwk};

/// How often a key is rotated when it cannot be told which version is ours.
const ROTATIONS: usize = 3;

/// A key of the secrets engine whose versions sign tokens.
#[derive(Debug)]
pub struct TransitKeys {
    client: Arc<TransitClient>,
    /// The key of which new versions are made; keys of before may be elsewhere in the same server.
    path: Option<KeyPath>,
}

impl TransitKeys {
    /// New signing keys are versions of the key `MOUNT/KEY`, which is made when it is not there.
    ///
    /// Fails when the text is not the path of a key.
    pub fn new(client: Arc<TransitClient>, path: &str) -> Result<Self, KeyPathError> {
        Ok(Self { client, path: Some(path.parse()?) })
    }

    /// Signs with keys that are there already and makes none.
    pub fn of_before(client: Arc<TransitClient>) -> Self {
        Self { client, path: None }
    }

    async fn new_version(&self, path: &KeyPath) -> Result<(u64, PublicJwk), KeySourceError> {
        let at = format!("{}/keys/{}", path.mount, path.name);
        let known = match self.client.call(Method::GET, &at, None).await {
            Ok(known) => Some(known),
            // Whether it is the key or the whole engine that is missing is found out by making the key.
            Err(KeySourceError::Missing { .. }) => None,
            Err(error) => return Err(error),
        };
        match known {
            Some(known) => {
                self.check_kind(path, &known["data"])?;
                self.rotate(path, &at, known).await
            }
            None => {
                let body = json!({"type": "rsa-2048", "exportable": false, "allow_plaintext_backup": false});
                self.client.call(Method::POST, &at, Some(&body)).await?;
                let made = self.client.call(Method::GET, &at, None).await?;
                self.latest(&made["data"])
            }
        }
    }

    /// Makes a version that nobody else takes for its own.
    async fn rotate(
        &self,
        path: &KeyPath,
        at: &str,
        mut known: Value,
    ) -> Result<(u64, PublicJwk), KeySourceError> {
        for _ in 0..ROTATIONS {
            let (before, _) = self.latest(&known["data"])?;
            let made = self.client.call(Method::POST, &format!("{at}/rotate"), Some(&json!({}))).await?;
            // OpenBao, and Vault since 1.14, answer with the key as this very request has left it.
            if made["data"]["latest_version"].is_u64() {
                return self.latest(&made["data"]);
            }
            known = self.client.call(Method::GET, at, None).await?;
            let (after, public) = self.latest(&known["data"])?;
            // Only when nobody else rotated meanwhile is it certain whose the latest version is.
            if after == before + 1 {
                return Ok((after, public));
            }
        }
        Err(KeySourceError::NotReady {
            place: self.client.place(),
            reason: format!("others rotate {} at the same time; try again", path.reference()),
        })
    }

    fn check_kind(&self, path: &KeyPath, data: &Value) -> Result<(), KeySourceError> {
        let kind = data["type"].as_str().unwrap_or("of no type");
        if !matches!(kind, "rsa-2048" | "rsa-3072" | "rsa-4096") {
            return Err(KeySourceError::Refused {
                place: self.client.place(),
                reason: format!(
                    "the key {} is {kind}, and tokens are signed with RSA; name another key, which is made when it is not there",
                    path.reference()
                ),
            });
        }
        if data["exportable"].as_bool() == Some(true) {
            return Err(KeySourceError::Refused {
                place: self.client.place(),
                reason: format!(
                    "the key {} is exportable, so it could leave its place; name another key, which is made when it is not there",
                    path.reference()
                ),
            });
        }
        Ok(())
    }

    fn latest(&self, data: &Value) -> Result<(u64, PublicJwk), KeySourceError> {
        let version =
            data["latest_version"].as_u64().ok_or_else(|| self.client.unreadable("latest version"))?;
        let public = data["keys"][version.to_string()]["public_key"].as_str().and_then(public_jwk);
        Ok((version, public.ok_or_else(|| self.client.unreadable("public key"))?))
    }
}

#[async_trait]
impl KeySource for TransitKeys {
    fn scheme(&self) -> &'static str {
        SCHEME
    }

    async fn make(&self) -> Result<(KeyReference, PublicJwk), KeySourceError> {
        let path = self.path.as_ref().ok_or_else(|| KeySourceError::Refused {
            place: self.client.place(),
            reason: "new keys are not made here; name a key with --signing-keys transit:MOUNT/KEY".to_owned(),
        })?;
        let (version, public) = self.new_version(path).await?;
        let rest = format!("{}/{}#{version}", path.mount, path.name);
        Ok((KeyReference::new(SCHEME, &rest), public))
    }

    async fn sign(&self, reference: &KeyReference, message: &[u8]) -> Result<Vec<u8>, KeySourceError> {
        let (path, version) = parse(reference).ok_or_else(|| KeySourceError::Refused {
            place: self.client.place(),
            reason: format!("{reference} is not a key of it: transit:MOUNT/KEY#VERSION"),
        })?;
        // Only the digest leaves this process: whom a token is for is nobody's concern there.
        let body = json!({
            "input": STANDARD.encode(digest(&SHA256, message)),
            "prehashed": true,
            "hash_algorithm": "sha2-256",
            "signature_algorithm": "pkcs1v15",
            "key_version": version,
        });
        let at = format!("{}/sign/{}", path.mount, path.name);
        let answer = self.client.call(Method::POST, &at, Some(&body)).await?;
        // vault:v3:BASE64
        let signature = answer["data"]["signature"].as_str().and_then(|text| text.rsplit(':').next());
        let bytes = signature.and_then(|text| STANDARD.decode(text).ok());
        bytes.ok_or_else(|| self.client.unreadable("signature"))
    }
}

fn parse(reference: &KeyReference) -> Option<(KeyPath, u64)> {
    let (path, version) = reference.rest().rsplit_once('#')?;
    Some((path.parse().ok()?, version.parse().ok()?))
}

/// Reads a public key in PEM (RFC 5280, section 4.1.2.7).
fn public_jwk(text: &str) -> Option<PublicJwk> {
    let der = pem::parse(text).ok()?;
    let key = PublicKey::from_der(der.contents()).ok()?;
    let (modulus, exponent) = (key.modulus(), key.exponent());
    PublicJwk::from_components(
        modulus.big_endian_without_leading_zero(),
        exponent.big_endian_without_leading_zero(),
    )
    .ok()
}
