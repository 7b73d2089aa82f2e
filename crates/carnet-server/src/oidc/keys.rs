//! Where the issuer's keys come from: made at the first start, sealed in the database ever after.

use std::sync::{Arc, PoisonError, RwLock};

use carnet_issuer::{Issuer, IssuerUrl, KeyError, KeyRing, RingError, RingKey, SigningKey};
use carnet_model::Timestamp;
use carnet_store::{Store, StoreError, StoredSigningKey, Tx};

use crate::error::ApiError;
use crate::ledger::key_fact;

/// Why the issuer could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadIssuerError {
    /// The keys could not be read or stored.
    #[error("the issuer's keys could not be read")]
    Store(#[from] StoreError),
    /// A key is damaged, or none could be made.
    #[error("a key of the issuer cannot be used")]
    Key(#[from] KeyError),
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
            LoadIssuerError::Key(_) | LoadIssuerError::Ring(_) | LoadIssuerError::Interrupted(_) => {
                Self::internal(error)
            }
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
    known: RwLock<Arc<Issuer>>,
}

impl From<Issuer> for LiveIssuer {
    fn from(issuer: Issuer) -> Self {
        Self { url: issuer.url().clone(), known: RwLock::new(Arc::new(issuer)) }
    }
}

impl LiveIssuer {
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
        let fresh = Arc::new(issuer(self.url.clone(), &tx.signing_keys().await?)?);
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

fn issuer(url: IssuerUrl, stored: &[StoredSigningKey]) -> Result<Issuer, LoadIssuerError> {
    let keys: Vec<RingKey> = stored.iter().map(ring_key).collect::<Result<_, _>>()?;
    Ok(Issuer::new(url, KeyRing::new(keys)?))
}

/// Loads the issuer with its keys; at the first start it makes one.
pub async fn load_issuer(
    store: &Store,
    url: IssuerUrl,
    now: Timestamp,
) -> Result<LiveIssuer, LoadIssuerError> {
    let mut stored = store.read().await?.signing_keys().await?;
    if stored.is_empty() {
        stored = create_key(store, now).await?;
    }
    Ok(issuer(url, &stored)?.into())
}

fn ring_key(stored: &StoredSigningKey) -> Result<RingKey, KeyError> {
    let key = SigningKey::from_pkcs8(&stored.pkcs8)?;
    Ok(if stored.is_current { RingKey::Current(key) } else { RingKey::Previous(key.public().clone()) })
}

/// Makes a key that is to sign. It takes a while: hold no transaction meanwhile.
pub(crate) async fn new_key(now: Timestamp) -> Result<StoredSigningKey, LoadIssuerError> {
    let key = tokio::task::spawn_blocking(move || {
        let key = SigningKey::generate()?;
        let kid = key.kid().to_string();
        Ok::<_, KeyError>(StoredSigningKey { kid, pkcs8: key.to_pkcs8()?, is_current: true, created_at: now })
    });
    Ok(key.await??)
}

async fn create_key(store: &Store, now: Timestamp) -> Result<Vec<StoredSigningKey>, LoadIssuerError> {
    let new = new_key(now).await?;
    let mut tx = store.write().await?;
    // Another process may have been faster.
    let mut stored = tx.signing_keys().await?;
    if stored.is_empty() {
        tx.insert_signing_key(&new).await?;
        tx.record(key_fact(&new.kid, "create_key", now));
        tx.commit().await?;
        stored.push(new);
    }
    Ok(stored)
}
