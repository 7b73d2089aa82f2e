//! Signing keys in a hardware module, or one in software, that speaks PKCS#11 (OASIS PKCS #11, version 2.40).
//!
//! The calls of a module block, so they run on threads that may, a few at a time.

mod module;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use tokio::sync::Semaphore;

use self::module::Module;
use crate::{KeyReference, KeySource, KeySourceError, PublicJwk};

const SCHEME: &str = "pkcs11";

/// How many sessions with the module there are at most.
const SESSIONS: usize = 4;

/// How long is waited for the module. It signs in milliseconds; making a key takes some seconds on small ones.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a module is reached.
#[derive(Debug, Clone)]
pub struct ModuleSettings {
    /// The library of the module.
    pub library: PathBuf,
    /// The PIN of the user of its token.
    pub pin: SecretString,
}

/// Keys in a token of a module.
#[derive(Debug)]
pub struct ModuleKeys {
    module: Arc<Module>,
    turns: Arc<Semaphore>,
    /// Where new keys are made.
    path: Option<KeyPath>,
}

/// The place of a key in a module.
#[derive(Debug, Clone, PartialEq, Eq)]
struct KeyPath {
    /// The label of the token.
    token: String,
    /// The label of the key.
    label: String,
    /// The attribute `CKA_ID` of the key, when it is one that is there.
    id: Option<Vec<u8>>,
}

/// A text does not name the keys of a module.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} does not name keys of a module: it is TOKEN/LABEL, or TOKEN/LABEL#ID for a key that is there (ID in hex)"
)]
pub struct ModulePathError {
    text: String,
}

impl std::str::FromStr for KeyPath {
    type Err = ModulePathError;

    fn from_str(text: &str) -> Result<Self, ModulePathError> {
        let refused = || ModulePathError { text: text.to_owned() };
        let (names, id) = match text.rsplit_once('#') {
            Some((names, id)) => (names, Some(from_hex(id).ok_or_else(refused)?)),
            None => (text, None),
        };
        let is_plain = |name: &str| !name.is_empty() && !name.contains(['#', '/']) && name == name.trim();
        match names.split_once('/') {
            Some((token, label)) if is_plain(token) && is_plain(label) => {
                Ok(Self { token: token.to_owned(), label: label.to_owned(), id })
            }
            Some(_) | None => Err(refused()),
        }
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len() / 2).map(|i| u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()).collect()
}

impl ModuleKeys {
    /// New keys are made in the token TOKEN with the label LABEL; with `#ID` behind it, the key that is there is taken.
    ///
    /// Fails when the text does not name that. The module is loaded when it is needed first.
    pub fn new(settings: ModuleSettings, path: &str) -> Result<Self, ModulePathError> {
        Ok(Self { path: Some(path.parse()?), ..Self::of_before(settings) })
    }

    /// Signs with keys that are there already and makes none.
    pub fn of_before(settings: ModuleSettings) -> Self {
        Self {
            module: Arc::new(Module::new(settings)),
            turns: Arc::new(Semaphore::new(SESSIONS)),
            path: None,
        }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        action: impl FnOnce(&Module) -> Result<T, KeySourceError> + Send + 'static,
    ) -> Result<T, KeySourceError> {
        let late = |reason: &str| KeySourceError::NotReady {
            place: self.module.place(),
            reason: format!("{reason}; is the module there, and does its own tool reach it?"),
        };
        let (module, turns) = (Arc::clone(&self.module), Arc::clone(&self.turns));
        let work = async {
            let turn = turns.acquire_owned().await;
            tokio::task::spawn_blocking(move || {
                // The turn ends with the call, also when nobody waits for it any more.
                let _turn = turn;
                action(&module)
            })
            .await
        };
        match tokio::time::timeout(PATIENCE, work).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(late("a call of its library did not end well")),
            Err(_) => Err(late("it did not answer in time")),
        }
    }
}

#[async_trait]
impl KeySource for ModuleKeys {
    fn scheme(&self) -> &'static str {
        SCHEME
    }

    async fn make(&self) -> Result<(KeyReference, PublicJwk), KeySourceError> {
        let path = self.path.clone().ok_or_else(|| KeySourceError::Refused {
            place: self.module.place(),
            reason: "new keys are not made here; name a token with --signing-keys pkcs11:TOKEN/LABEL"
                .to_owned(),
        })?;
        self.blocking(move |module| {
            let (id, public) = match path.id {
                Some(id) => {
                    let public = module.public_key(&path.token, &path.label, &id)?;
                    (id, public)
                }
                None => module.make(&path.token, &path.label)?,
            };
            let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
            Ok((KeyReference::new(SCHEME, &format!("{}/{}#{id}", path.token, path.label)), public))
        })
        .await
    }

    async fn sign(&self, reference: &KeyReference, message: &[u8]) -> Result<Vec<u8>, KeySourceError> {
        let path: KeyPath = reference.rest().parse().map_err(|error: ModulePathError| {
            KeySourceError::Refused { place: self.module.place(), reason: error.to_string() }
        })?;
        let message = message.to_vec();
        self.blocking(move |module| {
            module.sign(&path.token, &path.label, path.id.as_deref().unwrap_or_default(), &message)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_token_a_label_and_perhaps_a_key() {
        let path: KeyPath = "carnet/signing#00ff".parse().expect("a path");
        assert_eq!((path.token.as_str(), path.label.as_str()), ("carnet", "signing"));
        assert_eq!(path.id, Some(vec![0, 255]));
        assert_eq!("my token/signing".parse::<KeyPath>().expect("a path").id, None);
        for text in ["", "carnet", "carnet/", "/signing", "a/b/c", "a/b#", "a/b#0", "a/b#xy", "a/b#ü1"] {
            assert!(text.parse::<KeyPath>().is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn a_library_that_is_not_there_is_named() {
        let settings =
            ModuleSettings { library: "/nowhere/libmodule.so".into(), pin: SecretString::from("1234") };
        let keys = ModuleKeys::new(settings, "carnet/signing").expect("keys");
        let error = keys.make().await.expect_err("refused");
        assert!(matches!(error, KeySourceError::Unloadable { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("/nowhere/libmodule.so") && text.contains("--pkcs11-module"), "{text}");
        assert!(!text.contains("certificate authority"), "it is no service: {text}");
    }
}
