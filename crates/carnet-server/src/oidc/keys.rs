//! Where the issuer's keys come from: made at the first start, sealed in the database ever after, or in a place that they never
//! leave.

use std::sync::{Arc, PoisonError, RwLock};

use carnet_issuer::{
    Issuer, IssuerUrl, KeyError, KeyReferenceError, KeyRing, KeySources, PublicJwk, RingError, RingKey,
    SigningKey,
};
use carnet_model::Timestamp;
use carnet_store::{Store, StoreError, StoredPrivateKey, StoredSigningKey, Tx};

use crate::error::ApiError;

/// Why the issuer could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadIssuerError {
    /// The keys could not be read or stored.
    #[error("the issuer's keys could not be read")]
    Store(#[from] StoreError),
    /// A key is damaged, or none could be made.
    #[error("a key of the issuer cannot be used")]
    Key(#[from] KeyError),
    /// What is stored of a key whose private half is elsewhere cannot be read.
    #[error("what is stored of the key {kid} cannot be read")]
    Reference {
        /// The name of the key.
        kid: String,
        /// What is wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The keys do not go together.
    #[error("the issuer's keys do not make a ring")]
    Ring(#[from] RingError),
    /// The process stops.
    #[error("making a key was interrupted")]
    Interrupted(#[from] tokio::task::JoinError),
}

impl From<LoadIssuerError> for ApiError {
    fn from(error: LoadIssuerError) -> Self {
        match error {
            LoadIssuerError::Store(error) => error.into(),
            LoadIssuerError::Key(error) => error.into(),
            LoadIssuerError::Reference { .. }
            | LoadIssuerError::Ring(_)
            | LoadIssuerError::Interrupted(_) => Self::internal(error),
        }
    }
}

/// The issuer, whose keys may change while the server runs: by a request to this server, or to another one of the same
/// database.
///
/// Nothing is polled. Whoever needs the keys of now asks the database for their names, two rows, in its own transaction: the
/// minting of a token, which must never use a key that another server has replaced, and the key set, which must hold every key
/// that signs anywhere. Only when the names differ are the keys read and opened.
#[derive(Debug)]
pub struct LiveIssuer {
    url: IssuerUrl,
    sources: KeySources,
    known: RwLock<Arc<Issuer>>,
}

impl From<Issuer> for LiveIssuer {
    /// An issuer whose keys are all here.
    fn from(issuer: Issuer) -> Self {
        Self::new(issuer, KeySources::local())
    }
}

impl LiveIssuer {
    /// An issuer whose keys come from these places.
    pub fn new(issuer: Issuer, sources: KeySources) -> Self {
        Self { url: issuer.url().clone(), sources, known: RwLock::new(Arc::new(issuer)) }
    }

    /// Makes a key that is to sign. It takes a while: hold no transaction meanwhile.
    pub(crate) async fn new_key(&self, now: Timestamp) -> Result<StoredSigningKey, LoadIssuerError> {
        new_key(&self.sources, now).await
    }

    /// The issuer's URL: the claim `iss`.
    pub fn url(&self) -> &IssuerUrl {
        &self.url
    }

    /// The issuer with the keys that this process knew last.
    pub fn known(&self) -> Arc<Issuer> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The issuer with the keys that are stored.
    pub(crate) async fn fresh(&self, tx: &mut Tx) -> Result<Arc<Issuer>, LoadIssuerError> {
        let known = self.known();
        let names = tx.signing_key_names().await?;
        if is_ring_of(known.ring(), &names) {
            return Ok(known);
        }
        let fresh = Arc::new(issuer(self.url.clone(), &self.sources, &tx.signing_keys().await?)?);
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&fresh);
        tracing::info!(key.id = %fresh.ring().current().kid(), "the keys of the issuer have changed");
        Ok(fresh)
    }
}

fn is_ring_of(ring: &KeyRing, names: &[(String, bool)]) -> bool {
    names.len() == 1 + ring.previous().len() + ring.upcoming().len()
        && names.iter().all(|(kid, is_current)| match is_current {
            true => ring.current().kid().as_str() == kid,
            false => ring.previous().iter().any(|key| key.kid().as_str() == kid),
        })
}

fn issuer(
    url: IssuerUrl,
    sources: &KeySources,
    stored: &[StoredSigningKey],
) -> Result<Issuer, LoadIssuerError> {
    let keys: Vec<RingKey> = stored.iter().map(|key| ring_key(sources, key)).collect::<Result<_, _>>()?;
    Ok(Issuer::new(url, KeyRing::new(keys)?))
}

/// Loads the issuer with its keys; at the first start it makes one. Keys that are elsewhere are not asked for anything.
pub async fn load_issuer(
    store: &Store,
    url: IssuerUrl,
    sources: KeySources,
    now: Timestamp,
) -> Result<LiveIssuer, LoadIssuerError> {
    let mut stored = store.read().await?.signing_keys().await?;
    if stored.is_empty() {
        stored = create_key(store, &sources, now).await?;
    }
    let issuer = issuer(url, &sources, &stored)?;
    Ok(LiveIssuer::new(issuer, sources))
}

fn ring_key(sources: &KeySources, stored: &StoredSigningKey) -> Result<RingKey, LoadIssuerError> {
    let (reference, public) = match &stored.private {
        StoredPrivateKey::Here(pkcs8) => {
            let key = SigningKey::from_pkcs8(pkcs8)?;
            return Ok(match stored.is_current {
                true => RingKey::Current(key),
                false => RingKey::Previous(key.public().clone()),
            });
        }
        StoredPrivateKey::Elsewhere { reference, public_jwk } => (reference, public_jwk),
    };
    let unreadable = |source| LoadIssuerError::Reference { kid: stored.kid.clone(), source };
    let public: PublicJwk = serde_json::from_str(public).map_err(|error| unreadable(error.into()))?;
    // A key that only is published needs no place that signs.
    if !stored.is_current {
        return Ok(RingKey::Previous(public));
    }
    let reference = reference.parse().map_err(|error: KeyReferenceError| unreadable(error.into()))?;
    Ok(RingKey::Current(sources.key_at(reference, public)?))
}

async fn new_key(sources: &KeySources, now: Timestamp) -> Result<StoredSigningKey, LoadIssuerError> {
    let key = match sources.makes_keys_here() {
        true => tokio::task::spawn_blocking(SigningKey::generate).await??,
        false => sources.new_key().await?,
    };
    stored_key(&key, now)
}

/// What is stored of a key that is to sign.
pub(crate) fn stored_key(key: &SigningKey, now: Timestamp) -> Result<StoredSigningKey, LoadIssuerError> {
    let kid = key.kid().to_string();
    let private = match key.reference() {
        None => StoredPrivateKey::Here(key.to_pkcs8()?),
        Some(reference) => StoredPrivateKey::Elsewhere {
            reference: reference.to_string(),
            public_jwk: serde_json::to_string(key.public())
                .map_err(|error| LoadIssuerError::Reference { kid: kid.clone(), source: error.into() })?,
        },
    };
    Ok(StoredSigningKey { kid, private, is_current: true, created_at: now })
}

async fn create_key(
    store: &Store,
    sources: &KeySources,
    now: Timestamp,
) -> Result<Vec<StoredSigningKey>, LoadIssuerError> {
    let new = new_key(sources, now).await?;
    let mut tx = store.write().await?;
    // Another process may have been faster.
    let mut stored = tx.signing_keys().await?;
    if stored.is_empty() {
        tx.insert_signing_key(&new).await?;
        tx.commit().await?;
        stored.push(new);
    }
    Ok(stored)
}
