//! Places that hold private keys which never leave them.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{KeyError, PublicJwk, SigningKey};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Where a private key is, in one line: `transit:MOUNT/KEY#VERSION` or `pkcs11:TOKEN/LABEL`. It is no secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyReference {
    text: String,
    scheme_end: usize,
}

/// A text does not say where a key is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} does not say where a key is; transit:MOUNT/KEY and pkcs11:TOKEN/LABEL do")]
pub struct KeyReferenceError {
    text: String,
}

impl KeyReference {
    /// Makes a reference of the scheme of a source and what is behind the colon.
    pub fn new(scheme: &str, rest: &str) -> Self {
        Self { text: format!("{scheme}:{rest}"), scheme_end: scheme.len() }
    }

    /// The kind of the place: what stands before the colon.
    pub fn scheme(&self) -> &str {
        &self.text[..self.scheme_end]
    }

    /// What stands behind the colon.
    pub fn rest(&self) -> &str {
        &self.text[self.scheme_end + 1..]
    }

    /// The whole line.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl std::str::FromStr for KeyReference {
    type Err = KeyReferenceError;

    fn from_str(text: &str) -> Result<Self, KeyReferenceError> {
        match text.split_once(':') {
            Some((scheme, rest)) if !scheme.is_empty() && !rest.is_empty() => Ok(Self::new(scheme, rest)),
            Some(_) | None => Err(KeyReferenceError { text: text.to_owned() }),
        }
    }
}

impl std::fmt::Display for KeyReference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a place that holds keys did not do what it was asked for. No secret is in it.
#[derive(Debug, thiserror::Error)]
pub enum KeySourceError {
    /// There was no answer.
    #[error(
        "{place} does not answer; is it running, is the address right, and is its certificate authority trusted?"
    )]
    Unreachable {
        /// What was asked.
        place: String,
        /// What happened.
        #[source]
        source: BoxError,
    },
    /// The library of a module cannot be loaded.
    #[error(
        "{place} cannot be loaded; is --pkcs11-module the library of the module, for this kind of machine, and may this \
         process read it?"
    )]
    Unloadable {
        /// What was to be loaded.
        place: String,
        /// What happened.
        #[source]
        source: BoxError,
    },
    /// It answers that it cannot work now.
    #[error("{place} cannot work now: {reason}")]
    NotReady {
        /// What was asked.
        place: String,
        /// Why, and what helps.
        reason: String,
    },
    /// Our credential for the place was not accepted, or allows too little.
    #[error("{place} does not allow it: {reason}")]
    Denied {
        /// What was asked.
        place: String,
        /// What is missing, and how it is given.
        reason: String,
    },
    /// Our credential for the place could not be read.
    #[error("the credential for {place} cannot be read from {from}")]
    Credential {
        /// What was to be asked.
        place: String,
        /// Where the credential should be.
        from: String,
        /// What happened.
        #[source]
        source: BoxError,
    },
    /// What was asked for is not there.
    #[error("{place} has nothing at {what}; {way_out}")]
    Missing {
        /// What was asked.
        place: String,
        /// What is missing.
        what: String,
        /// What helps.
        way_out: &'static str,
    },
    /// The place understood and refused, or answered what cannot be understood.
    #[error("{place} refused: {reason}")]
    Refused {
        /// What was asked.
        place: String,
        /// What it said.
        reason: String,
    },
    /// This server was not told how to reach the place.
    #[error("the key is in {reference}, and this server was not told how to reach it: {way_out}")]
    Unconfigured {
        /// Where the key is.
        reference: KeyReference,
        /// Which options help.
        way_out: &'static str,
    },
}

impl KeySourceError {
    /// What people without access to the server may know, and what an administrator should do.
    pub fn summary(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => {
                "the service that holds the signing key does not answer; an administrator of the site should look after it"
            }
            Self::NotReady { .. } => {
                "the service that holds the signing key cannot work now, perhaps it is sealed; an administrator of the site \
                 should look after it"
            }
            Self::Denied { .. } | Self::Credential { .. } => {
                "the service that holds the signing key does not let this server sign; an administrator of the site should \
                 renew its credential or its policy"
            }
            Self::Unloadable { .. }
            | Self::Missing { .. }
            | Self::Refused { .. }
            | Self::Unconfigured { .. } => {
                "the service that holds the signing key refused; the reason is in the server's log"
            }
        }
    }

    /// Whether the same request may succeed soon.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::NotReady { .. })
    }
}

/// A place that makes keys and signs with them: the secrets engine `transit` of Vault or OpenBao, a module that speaks PKCS#11,
/// or the key management of a cloud. The private half of a key never leaves it.
#[async_trait]
pub trait KeySource: std::fmt::Debug + Send + Sync {
    /// The scheme of its references.
    fn scheme(&self) -> &'static str;

    /// Makes a new RSA key of 2048 bits there.
    async fn make(&self) -> Result<(KeyReference, PublicJwk), KeySourceError>;

    /// Signs with RS256 (RFC 7518, section 3.3): PKCS#1 v1.5 over the SHA-256 of the message.
    async fn sign(&self, reference: &KeyReference, message: &[u8]) -> Result<Vec<u8>, KeySourceError>;
}

/// Where new keys are made, and the places in which keys of before may be.
///
/// A ring may mix keys of several places: after a switch the keys of before stay where they are until they are retired.
#[derive(Debug, Clone, Default)]
pub struct KeySources {
    places: Vec<Arc<dyn KeySource>>,
    /// The scheme of the place that makes new keys; `None` makes them here.
    new_keys: Option<&'static str>,
}

impl KeySources {
    /// Keys are made and held by this process.
    pub fn local() -> Self {
        Self::default()
    }

    /// Lets keys be used that are in this place already.
    #[must_use]
    pub fn with(mut self, place: Arc<dyn KeySource>) -> Self {
        self.places.push(place);
        self
    }

    /// Has new keys made in this place.
    #[must_use]
    pub fn making_keys_in(mut self, place: Arc<dyn KeySource>) -> Self {
        self.new_keys = Some(place.scheme());
        self.with(place)
    }

    /// Makes a new key. It takes a while: hold no transaction meanwhile, and let the thread be one that may block when keys are
    /// made here, see [`KeySources::makes_keys_here`].
    pub async fn new_key(&self) -> Result<SigningKey, KeyError> {
        let Some(scheme) = self.new_keys else {
            return SigningKey::generate();
        };
        let making = || KeyReference::new(scheme, "new key");
        let place = self.place(scheme).ok_or_else(|| unconfigured(making()))?;
        let made = place.make().await;
        let (reference, public) = made.map_err(|source| KeyError::NotMade { scheme, source })?;
        Ok(SigningKey::elsewhere(Arc::clone(place), reference, public))
    }

    /// Whether new keys are made by this process, which takes processor time.
    pub fn makes_keys_here(&self) -> bool {
        self.new_keys.is_none()
    }

    /// The key at a place. Nothing is asked of the place.
    ///
    /// Fails when this server was not told how to reach it.
    pub fn key_at(&self, reference: KeyReference, public: PublicJwk) -> Result<SigningKey, KeyError> {
        match self.place(reference.scheme()) {
            Some(place) => Ok(SigningKey::elsewhere(Arc::clone(place), reference, public)),
            None => Err(unconfigured(reference)),
        }
    }

    fn place(&self, scheme: &str) -> Option<&Arc<dyn KeySource>> {
        self.places.iter().find(|place| place.scheme() == scheme)
    }
}

fn unconfigured(reference: KeyReference) -> KeyError {
    let way_out = match reference.scheme() {
        "transit" => "give --transit-address and a credential, see docs/key-sources.md",
        "pkcs11" => "give --pkcs11-module and --pkcs11-pin-file, see docs/key-sources.md",
        _ => "no version of this program knows that kind of place",
    };
    let source = KeySourceError::Unconfigured { reference: reference.clone(), way_out };
    KeyError::Elsewhere { reference, source }
}

#[cfg(test)]
mod tests;
