//! Where the issuer's keys come from: made at the first start, sealed in the database ever after.

use carnet_issuer::{Issuer, IssuerUrl, KeyError, KeyRing, RingError, RingKey, SigningKey};
use carnet_model::Timestamp;
use carnet_store::{Store, StoreError, StoredSigningKey};

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

/// Loads the issuer with its keys; at the first start it makes one.
pub async fn load_issuer(store: &Store, url: IssuerUrl, now: Timestamp) -> Result<Issuer, LoadIssuerError> {
    let mut stored = store.read().await?.signing_keys().await?;
    if stored.is_empty() {
        stored = create_key(store, now).await?;
    }
    let keys: Vec<RingKey> = stored.iter().map(ring_key).collect::<Result<_, _>>()?;
    Ok(Issuer::new(url, KeyRing::new(keys)?))
}

fn ring_key(stored: &StoredSigningKey) -> Result<RingKey, KeyError> {
    let key = SigningKey::from_pkcs8(&stored.pkcs8)?;
    Ok(if stored.is_current { RingKey::Current(key) } else { RingKey::Previous(key.public().clone()) })
}

async fn create_key(store: &Store, now: Timestamp) -> Result<Vec<StoredSigningKey>, LoadIssuerError> {
    let new = tokio::task::spawn_blocking(move || {
        let key = SigningKey::generate()?;
        let kid = key.kid().to_string();
        Ok::<_, KeyError>(StoredSigningKey { kid, pkcs8: key.to_pkcs8()?, is_current: true, created_at: now })
    })
    .await??;
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
