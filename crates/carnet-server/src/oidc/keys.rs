//! Where the keys of issuers come from: made when an issuer is, sealed in the database ever after, or in a place that they
//! never leave.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use carnet_issuer::{
    Issuer, IssuerUrl, IssuerUrlError, KeyError, KeyReferenceError, KeyRing, KeySources, PublicJwk,
    RingError, RingKey, SigningKey,
};
use carnet_model::{IssuerName, KeyRecord, KeyState, OrgId, Timestamp};
use carnet_store::{Store, StoreError, StoredPrivateKey, StoredSigningKey, Tx};
use tokio::sync::Notify;

use super::organization_issuer::url_of;
use super::watched_clock::WatchedClock;
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
    /// The issuer of an organization cannot have its URL.
    #[error("the issuer of an organization cannot have its URL")]
    Url(#[from] IssuerUrlError),
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
            | LoadIssuerError::Url(_)
            | LoadIssuerError::Interrupted(_) => Self::internal(error),
        }
    }
}

/// The issuers, whose keys may change while the server runs: by a request to this server, or to another one of the same
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
    /// The issuers that organizations have of their own.
    organizations: RwLock<HashMap<OrgId, Arc<Issuer>>>,
    pub(super) clock: Mutex<WatchedClock>,
    /// Wakes the job that takes the steps of rotation.
    pub(crate) asked: Notify,
    /// Why discovery and keys are not published as they should be.
    pub(crate) publication_problem: Mutex<Option<String>>,
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
        Self {
            url: issuer.url().clone(),
            sources,
            known: RwLock::new(Arc::new(issuer)),
            organizations: RwLock::default(),
            clock: Mutex::default(),
            asked: Notify::new(),
            publication_problem: Mutex::default(),
        }
    }

    /// The URL of the site's issuer: the claim `iss` of the tokens of every organization that has no issuer of its own.
    pub fn url(&self) -> &IssuerUrl {
        &self.url
    }

    /// The issuer of the site with the keys that this process knew last.
    pub fn known(&self) -> Arc<Issuer> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The issuer of an organization with the keys that this process knew last, if it ever looked.
    pub(super) fn known_of(&self, organization: &OrgId) -> Option<Arc<Issuer>> {
        self.organizations.read().unwrap_or_else(PoisonError::into_inner).get(organization).map(Arc::clone)
    }

    /// The issuer of the site with the keys that are stored.
    pub(crate) async fn fresh(&self, tx: &mut Tx) -> Result<Arc<Issuer>, LoadIssuerError> {
        let known = self.known();
        let names = tx.signing_key_names(&IssuerName::Site).await?;
        if is_ring_of(known.ring(), &names) {
            return Ok(known);
        }
        let fresh = load(tx, &IssuerName::Site, self.url.clone(), &self.sources).await?;
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&fresh);
        Ok(fresh)
    }

    /// The issuer that an organization has of its own, with the keys that are stored; `None` when it has none.
    pub(crate) async fn fresh_of(
        &self,
        tx: &mut Tx,
        organization: &OrgId,
    ) -> Result<Option<Arc<Issuer>>, LoadIssuerError> {
        match tx.organization_issuer(organization).await? {
            Some(own) => self.fresh_at(tx, organization, url_of(&self.url, &own)?).await.map(Some),
            None => Ok(None),
        }
    }

    /// The issuer that mints the tokens of an organization's runs.
    pub(crate) async fn fresh_for(
        &self,
        tx: &mut Tx,
        organization: &OrgId,
    ) -> Result<Arc<Issuer>, LoadIssuerError> {
        match tx.organization_issuer(organization).await?.filter(|own| own.is_minting) {
            Some(own) => self.fresh_at(tx, organization, url_of(&self.url, &own)?).await,
            None => self.fresh(tx).await,
        }
    }

    /// Learns of a change to the keys of an issuer that was committed.
    pub(crate) async fn renew(&self, store: &Store, issuer: &IssuerName) -> Result<(), LoadIssuerError> {
        let mut tx = store.read().await?;
        match issuer {
            IssuerName::Site => self.fresh(&mut tx).await.map(drop),
            IssuerName::Organization(id) => self.fresh_of(&mut tx, id).await.map(drop),
        }
    }

    async fn fresh_at(
        &self,
        tx: &mut Tx,
        organization: &OrgId,
        url: IssuerUrl,
    ) -> Result<Arc<Issuer>, LoadIssuerError> {
        let name = IssuerName::Organization(organization.clone());
        let names = tx.signing_key_names(&name).await?;
        if let Some(known) = self.known_of(organization)
            && known.url() == &url
            && is_ring_of(known.ring(), &names)
        {
            return Ok(known);
        }
        let fresh = load(tx, &name, url, &self.sources).await?;
        let mut organizations = self.organizations.write().unwrap_or_else(PoisonError::into_inner);
        organizations.insert(organization.clone(), Arc::clone(&fresh));
        Ok(fresh)
    }

    /// Lets tests set the clock.
    #[cfg(test)]
    pub(crate) fn with_trusted_clock(self) -> Self {
        Self { clock: Mutex::new(WatchedClock::trusted()), ..self }
    }

    /// Makes a key that is to sign. It takes a while: hold no transaction meanwhile.
    pub(crate) async fn new_key(&self, now: Timestamp) -> Result<StoredSigningKey, LoadIssuerError> {
        new_key(&self.sources, now).await
    }
}

async fn load(
    tx: &mut Tx,
    name: &IssuerName,
    url: IssuerUrl,
    sources: &KeySources,
) -> Result<Arc<Issuer>, LoadIssuerError> {
    let fresh = Arc::new(issuer(url, sources, &tx.signing_keys(name).await?)?);
    tracing::info!(issuer.name = %name, key.id = %fresh.ring().current().kid(), "the keys of an issuer have changed");
    Ok(fresh)
}

fn is_ring_of(ring: &KeyRing, names: &[(String, KeyState)]) -> bool {
    names.len() == 1 + ring.previous().len() + ring.upcoming().len()
        && names.iter().all(|(kid, state)| match state {
            KeyState::Active => ring.current().kid().as_str() == kid,
            KeyState::Published => ring.upcoming().iter().any(|key| key.kid().as_str() == kid),
            KeyState::Prepared | KeyState::Retired | KeyState::Removed | KeyState::Revoked => {
                ring.previous().iter().any(|key| key.kid().as_str() == kid)
            }
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
    let mut stored = store.read().await?.signing_keys(&IssuerName::Site).await?;
    if stored.is_empty() {
        stored = create_key(store, &sources, now).await?;
    }
    let issuer = issuer(url, &sources, &stored)?;
    Ok(LiveIssuer::new(issuer, sources))
}

fn ring_key(sources: &KeySources, stored: &StoredSigningKey) -> Result<RingKey, LoadIssuerError> {
    let is_active = stored.state == KeyState::Active;
    let public = match &stored.private {
        StoredPrivateKey::Here(pkcs8) => {
            let key = SigningKey::from_pkcs8(pkcs8)?;
            if is_active {
                return Ok(RingKey::Current(key));
            }
            key.public().clone()
        }
        StoredPrivateKey::Elsewhere { reference, public_jwk } => {
            let unreadable = |source| LoadIssuerError::Reference { kid: stored.kid.clone(), source };
            let public: PublicJwk =
                serde_json::from_str(public_jwk).map_err(|error| unreadable(error.into()))?;
            // A key that only is published needs no place that signs.
            if is_active {
                let reference = reference.parse();
                let reference = reference.map_err(|error: KeyReferenceError| unreadable(error.into()))?;
                return Ok(RingKey::Current(sources.key_at(reference, public)?));
            }
            public
        }
    };
    Ok(match stored.state {
        KeyState::Published => RingKey::Upcoming(public),
        KeyState::Active | KeyState::Prepared | KeyState::Retired | KeyState::Removed | KeyState::Revoked => {
            RingKey::Previous(public)
        }
    })
}

async fn new_key(sources: &KeySources, now: Timestamp) -> Result<StoredSigningKey, LoadIssuerError> {
    let key = match sources.makes_keys_here() {
        true => tokio::task::spawn_blocking(SigningKey::generate).await??,
        false => sources.new_key().await?,
    };
    stored_key(&key, now)
}

/// What is stored of a new key.
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
    Ok(StoredSigningKey { kid, private, state: KeyState::Prepared, created_at: now })
}

async fn create_key(
    store: &Store,
    sources: &KeySources,
    now: Timestamp,
) -> Result<Vec<StoredSigningKey>, LoadIssuerError> {
    let mut new = new_key(sources, now).await?;
    new.state = KeyState::Active;
    let mut tx = store.write().await?;
    // Another process may have been faster.
    let mut stored = tx.signing_keys(&IssuerName::Site).await?;
    if stored.is_empty() {
        tx.record(key_fact(&new.kid, "create_key", now));
        let record = KeyRecord::active(new.kid.clone(), now);
        tx.insert_signing_key(&IssuerName::Site, &new, &record).await?;
        tx.commit().await?;
        stored.push(new);
    }
    Ok(stored)
}
