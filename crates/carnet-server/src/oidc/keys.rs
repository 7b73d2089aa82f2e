//! Where the keys of issuers come from: made when an issuer is, sealed in the database ever after, or in a place that they
//! never leave.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use carnet_issuer::{
    Issuer, IssuerUrl, IssuerUrlError, KeyError, KeyReferenceError, KeyRing, KeySources, MintedToken,
    PublicJwk, RingError, RingKey, SigningKey, TokenDraft,
};
use carnet_model::{IssuerName, KeyRecord, KeyState, OrgId, Timestamp};
use carnet_store::{Store, StoreError, StoredPrivateKey, StoredSigningKey, Tx};
use tokio::sync::Notify;

use super::new_key::{NewKey, Spare};
use super::organization_issuer::url_of;
use super::problems::{Problems, reason};
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
    /// What is wrong with the keys.
    pub(crate) problems: Problems,
    spare: Spare,
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
            problems: Problems::default(),
            spare: Spare::default(),
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
    pub(crate) fn known_of(&self, organization: &OrgId) -> Option<Arc<Issuer>> {
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

    /// Makes a key that is to sign, and sees it sign; one that was made in vain before is taken first. It takes a while: hold no
    /// transaction meanwhile.
    pub(crate) async fn new_key(&self, now: Timestamp) -> Result<NewKey, LoadIssuerError> {
        let made = match self.spare.take() {
            Some(spare) => StoredSigningKey { created_at: now, ..spare },
            None => new_key(&self.sources, now).await?,
        };
        let new = self.spare.lend(made);
        self.try_to_sign(&new.key).await?;
        Ok(new)
    }

    /// Forgets a key that was made in vain: it lies beside one that was revoked.
    pub(crate) fn drop_spare(&self) {
        drop(self.spare.take());
    }

    /// Whether a new key is made by this process, so that nobody else is needed.
    pub(crate) fn makes_keys_here(&self) -> bool {
        self.sources.makes_keys_here()
    }

    /// Signs with a key something that is no token. Fails when the key does not sign.
    pub(crate) async fn try_to_sign(&self, key: &StoredSigningKey) -> Result<(), LoadIssuerError> {
        Ok(signing_key(&self.sources, key)?.try_to_sign().await?)
    }

    /// Signs a draft of an organization's run with the key that it names.
    ///
    /// Fails when the key does not sign, and when it was revoked before the token could be handed out: whoever lists the tokens
    /// of a revoked key finds every one that got out.
    pub(crate) async fn sign(
        &self,
        store: &Store,
        issuer: &Issuer,
        organization: &OrgId,
        draft: TokenDraft,
    ) -> Result<MintedToken, ApiError> {
        let name = match issuer.url() == &self.url {
            true => IssuerName::Site,
            false => IssuerName::Organization(organization.clone()),
        };
        let now = draft.issued_at;
        let signed = issuer.sign(draft).await.map_err(ApiError::from);
        self.problems.note_signing(&name, signed.as_ref().err().map(reason), now);
        let minted = signed?;
        match store.read().await?.key_state(minted.kid.as_str()).await? {
            Some(state) if !state.is_over() => Ok(minted),
            Some(_) | None => Err(ApiError::Unsigned {
                detail: "the key was revoked meanwhile; ask again",
                source: format!("the key {} was revoked while it signed", minted.kid).into(),
            }),
        }
    }

    /// Forgets issuers that are no more.
    pub(crate) fn keep_only(&self, issuers: &[IssuerName]) {
        let is_there = |id: &OrgId| issuers.contains(&IssuerName::Organization(id.clone()));
        self.organizations.write().unwrap_or_else(PoisonError::into_inner).retain(|id, _| is_there(id));
        self.problems.keep_only(issuers);
    }
}

async fn load(
    tx: &mut Tx,
    name: &IssuerName,
    url: IssuerUrl,
    sources: &KeySources,
) -> Result<Arc<Issuer>, LoadIssuerError> {
    let fresh = Arc::new(issuer(url, sources, &tx.signing_keys(name).await?)?);
    let current = fresh.ring().current().map(|key| key.kid().as_str());
    tracing::info!(issuer.name = %name, key.id = current, "the keys of an issuer have changed");
    Ok(fresh)
}

fn is_ring_of(ring: &KeyRing, names: &[(String, KeyState)]) -> bool {
    names.len() == usize::from(ring.current().is_some()) + ring.previous().len() + ring.upcoming().len()
        && names.iter().all(|(kid, state)| match state {
            KeyState::Active => ring.current().is_some_and(|key| key.kid().as_str() == kid),
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
    let spare = match had_keys(&mut store.read().await?).await? {
        true => None,
        false => create_key(store, &sources, now).await?,
    };
    let stored = store.read().await?.signing_keys(&IssuerName::Site).await?;
    let live = LiveIssuer::new(issuer(url, &sources, &stored)?, sources);
    if let Some(spare) = spare {
        live.spare.keep(&spare);
    }
    Ok(live)
}

/// Whether the site ever had a key: when all of them were revoked, the next one is made by the job that rotates, not by a start.
async fn had_keys(tx: &mut Tx) -> Result<bool, StoreError> {
    let is_alive = tx.issuer_keys(&IssuerName::Site).await?.iter().next().is_some();
    Ok(is_alive || !tx.ended_keys(&IssuerName::Site, 1).await?.is_empty())
}

fn ring_key(sources: &KeySources, stored: &StoredSigningKey) -> Result<RingKey, LoadIssuerError> {
    // A key that only is published needs no place that signs.
    let public = match stored.state {
        KeyState::Active => return Ok(RingKey::Current(signing_key(sources, stored)?)),
        _ => public_half(stored)?,
    };
    Ok(match stored.state {
        KeyState::Published => RingKey::Upcoming(public),
        KeyState::Active | KeyState::Prepared | KeyState::Retired | KeyState::Removed | KeyState::Revoked => {
            RingKey::Previous(public)
        }
    })
}

fn public_half(stored: &StoredSigningKey) -> Result<PublicJwk, LoadIssuerError> {
    match &stored.private {
        StoredPrivateKey::Here(pkcs8) => Ok(SigningKey::from_pkcs8(pkcs8)?.public().clone()),
        StoredPrivateKey::Elsewhere { public_jwk, .. } => serde_json::from_str(public_jwk)
            .map_err(|error| LoadIssuerError::Reference { kid: stored.kid.clone(), source: error.into() }),
    }
}

/// A stored key, to sign with. Nothing is asked of the place where it is.
fn signing_key(sources: &KeySources, stored: &StoredSigningKey) -> Result<SigningKey, LoadIssuerError> {
    match &stored.private {
        StoredPrivateKey::Here(pkcs8) => Ok(SigningKey::from_pkcs8(pkcs8)?),
        StoredPrivateKey::Elsewhere { reference, .. } => {
            let reference = reference.parse().map_err(|error: KeyReferenceError| {
                LoadIssuerError::Reference { kid: stored.kid.clone(), source: error.into() }
            })?;
            Ok(sources.key_at(reference, public_half(stored)?)?)
        }
    }
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

/// Makes the first key of the site. Gives it back when another process was faster.
async fn create_key(
    store: &Store,
    sources: &KeySources,
    now: Timestamp,
) -> Result<Option<StoredSigningKey>, LoadIssuerError> {
    let mut new = new_key(sources, now).await?;
    new.state = KeyState::Active;
    let mut tx = store.write().await?;
    if had_keys(&mut tx).await? {
        let is_stored = tx.key_record(&new.kid).await?.is_some();
        return Ok(Some(new).filter(|_| !is_stored));
    }
    tx.record(key_fact(&new.kid, "create_key", now));
    let record = KeyRecord::active(new.kid.clone(), now);
    tx.insert_signing_key(&IssuerName::Site, &new, &record).await?;
    tx.commit().await?;
    Ok(None)
}
