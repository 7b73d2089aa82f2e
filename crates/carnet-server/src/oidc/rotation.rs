//! What is done to the keys of an issuer: decided by the model, written in one transaction, told to the audit trail.

use std::sync::PoisonError;

use carnet_model::{IssuerKeys, IssuerName, KeyRecord, KeyState, Timestamp};
use carnet_store::{StoredSigningKey, Tx};

use super::new_key::NewKey;
use crate::app::App;
use crate::audit::event_of_key;
use crate::error::ApiError;

/// The keys of an issuer in a transaction, before and after what is done to them.
#[derive(Debug)]
pub(crate) struct KeyChange {
    issuer: IssuerName,
    before: IssuerKeys,
    /// The keys, to be changed.
    pub(crate) keys: IssuerKeys,
    new: Option<StoredSigningKey>,
}

impl KeyChange {
    /// Reads the keys whose life is not over.
    pub(crate) async fn begin(tx: &mut Tx, issuer: &IssuerName) -> Result<Self, ApiError> {
        // Who asked for it stands where the keys stand: in the audit trail and the ledger of the organization.
        if let IssuerName::Organization(organization) = issuer {
            tx.audit_in(organization);
        }
        let before = tx.issuer_keys(issuer).await?;
        let keys = before.clone();
        Ok(Self { issuer: issuer.clone(), before, keys, new: None })
    }

    /// Adds the private half of a key that the change makes use of.
    #[must_use]
    pub(crate) fn with(mut self, new: &NewKey) -> Self {
        self.new = Some(new.key.clone());
        self
    }

    /// Lets a key take part whose life is over.
    #[must_use]
    pub(crate) fn with_ended(mut self, record: KeyRecord) -> Self {
        let with = |keys: &IssuerKeys| keys.iter().cloned().chain([record.clone()]).collect::<Vec<_>>();
        (self.before, self.keys) = (with(&self.before).into(), with(&self.keys).into());
        self
    }

    /// Writes what was changed, with an entry of the audit trail for each key whose state is another. Nothing is committed.
    pub(crate) async fn save(self, tx: &mut Tx, now: Timestamp) -> Result<(), ApiError> {
        let changed = |key: &&KeyRecord| self.before.find(&key.kid) != Some(*key);
        // Of two keys the one that stops to sign is written first: no moment has two that do.
        let (active, others): (Vec<&KeyRecord>, Vec<&KeyRecord>) =
            self.keys.iter().filter(changed).partition(|key| key.state == KeyState::Active);
        for key in others.into_iter().chain(active) {
            let before = self.before.find(&key.kid);
            match &self.new {
                // A key that is there already is a conflict, never a change to it.
                Some(new) if new.kid == key.kid => tx.insert_signing_key(&self.issuer, new, key).await?,
                Some(_) | None => tx.save_key_record(key).await?,
            }
            if before.is_none_or(|before| before.state != key.state) {
                let event = event_of_key(&self.issuer, &key.kid, verb(key.state), now)?;
                tx.insert_audit_event(&event).await?;
                tracing::info!(issuer.name = %self.issuer, key.id = key.kid, key.state = key.state.as_str(),
                    "a signing key changed its state");
            }
        }
        Ok(())
    }
}

fn verb(state: KeyState) -> &'static str {
    match state {
        KeyState::Prepared => "prepare",
        KeyState::Published => "publish",
        KeyState::Active => "activate",
        KeyState::Retired => "retire",
        KeyState::Removed => "remove",
        KeyState::Revoked => "revoke",
    }
}

/// Every issuer of the site.
pub(crate) async fn issuers(tx: &mut Tx) -> Result<Vec<IssuerName>, ApiError> {
    let own = tx.organization_issuers().await?;
    let own = own.into_iter().map(|own| IssuerName::Organization(own.organization_id));
    Ok(std::iter::once(IssuerName::Site).chain(own).collect())
}

/// Begins every wait again when the clock was set. Whatever counts on the clock comes after this.
pub(crate) async fn heed_clock(app: &App) -> Result<(), ApiError> {
    let (policy, now) = (&app.settings.key_rotation, app.now());
    if !app.issuer.clock.lock().unwrap_or_else(PoisonError::into_inner).has_jumped(policy, now) {
        return Ok(());
    }
    tracing::warn!("the clock of this machine was set: the waits of key rotation begin again");
    let mut tx = app.store.write().await?;
    let now = app.now();
    for issuer in issuers(&mut tx).await? {
        let mut change = KeyChange::begin(&mut tx, &issuer).await?;
        change.keys.restart_waits(policy, now);
        change.save(&mut tx, now).await?;
    }
    tx.commit().await?;
    app.issuer.clock.lock().unwrap_or_else(PoisonError::into_inner).settle();
    Ok(())
}
