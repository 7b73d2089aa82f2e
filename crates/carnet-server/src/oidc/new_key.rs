//! Keys that were made and are not in use yet.

use std::sync::{Arc, Mutex, PoisonError};

use carnet_store::{StoredPrivateKey, StoredSigningKey, Tx};

use super::problems::reason;
use crate::error::ApiError;

/// A key that was made for nothing so far: a version of a key in `transit`, or a pair in a module, cannot be unmade.
#[derive(Debug, Clone, Default)]
pub(super) struct Spare(Arc<Mutex<Option<StoredSigningKey>>>);

impl Spare {
    pub(super) fn take(&self) -> Option<StoredSigningKey> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn lend(&self, key: StoredSigningKey) -> NewKey {
        NewKey { key, spare: self.clone(), is_settled: false }
    }

    /// Keeps a key for the next time one is needed. A key that lies here costs nothing to make again, and is not kept.
    pub(super) fn keep(&self, key: &StoredSigningKey) {
        if let StoredPrivateKey::Elsewhere { .. } = key.private {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(key.clone());
        }
    }
}

/// A key that is to be used. When it is not after all, because another server was faster, the caller went away or the key does not
/// sign, it is kept for the next time, so that nothing is left behind in its place.
#[derive(Debug)]
pub(crate) struct NewKey {
    pub(crate) key: StoredSigningKey,
    spare: Spare,
    is_settled: bool,
}

impl NewKey {
    /// The name of the key.
    pub(crate) fn kid(&self) -> String {
        self.key.kid.clone()
    }

    /// The key is stored: the transaction was committed.
    pub(crate) fn settle(mut self) {
        self.is_settled = true;
    }

    /// Refuses a key that this site had before, whatever became of it.
    pub(crate) async fn check(&mut self, tx: &mut Tx) -> Result<(), ApiError> {
        let Some((issuer, known)) = tx.key_record(&self.key.kid).await? else { return Ok(()) };
        self.is_settled = true;
        let place = match &self.key.private {
            StoredPrivateKey::Here(_) => "this server",
            StoredPrivateKey::Elsewhere { reference, .. } => reference,
        };
        Err(ApiError::Conflict(format!(
            "{place} gave the key {} again instead of a new one, and it is {} already as a key of the issuer {issuer}: that place \
             has no other key. Make another key there and name it with --signing-keys (pkcs11:TOKEN/LABEL#ID), or leave #ID \
             away so that this server makes its keys there, and start the server again",
            known.kid,
            known.state.as_str()
        )))
    }
}

impl Drop for NewKey {
    fn drop(&mut self) {
        if !self.is_settled {
            self.spare.keep(&self.key);
        }
    }
}

/// Why nothing took the place of a key, for people.
pub(crate) fn without_replacement(error: &ApiError) -> String {
    format!(
        "No key signs now, because no new one could be made: {}. Runs get no identity tokens until there is one. This server \
         tries again every ten seconds; carnet issuer keys says how it goes.",
        reason(error)
    )
}
