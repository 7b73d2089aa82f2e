//! The keys of issuers, sealed.

use carnet_model::{IssuerName, KeyRecord, KeyState, Timestamp};
use zeroize::Zeroizing;

use crate::db::{Row, StoreError, Tx};
use crate::seal::SealError;

/// Where the private half of a stored key is.
#[derive(Clone)]
pub enum StoredPrivateKey {
    /// Sealed in the database: PKCS#8 DER.
    Here(Zeroizing<Vec<u8>>),
    /// In a place that it never leaves.
    Elsewhere {
        /// The place, as `transit:MOUNT/KEY#VERSION`.
        reference: String,
        /// The public half as a JSON Web Key.
        public_jwk: String,
    },
}

/// A key of an issuer.
#[derive(Clone)]
pub struct StoredSigningKey {
    /// The name of the key.
    pub kid: String,
    /// The private half.
    pub private: StoredPrivateKey,
    /// Where it is in its life.
    pub state: KeyState,
    /// When it was made.
    pub created_at: Timestamp,
}

impl std::fmt::Debug for StoredSigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredSigningKey")
            .field("kid", &self.kid)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// What a sealed key belongs to: whoever writes to the database without the master key cannot have it sign for another issuer.
fn place(kid: &str, issuer: &IssuerName) -> String {
    format!("signing key {kid} of {}", issuer.as_str())
}

fn place_elsewhere(kid: &str, issuer: &IssuerName) -> String {
    format!("signing key elsewhere {kid} of {}", issuer.as_str())
}

impl Tx {
    /// Stores a new key together with its record, whose state counts.
    pub async fn insert_signing_key(
        &mut self,
        issuer: &IssuerName,
        key: &StoredSigningKey,
        record: &KeyRecord,
    ) -> Result<(), StoreError> {
        let (sealed, reference) = match &key.private {
            StoredPrivateKey::Here(pkcs8) => (self.sealer.seal(&place(&key.kid, issuer), pkcs8)?, None),
            StoredPrivateKey::Elsewhere { reference, public_jwk } => {
                let lines = format!("{reference}\n{public_jwk}");
                (
                    self.sealer.seal(&place_elsewhere(&key.kid, issuer), lines.as_bytes())?,
                    Some(reference.clone()),
                )
            }
        };
        let organization = match issuer {
            IssuerName::Site => None,
            IssuerName::Organization(id) => Some(id),
        };
        self.execute(
            "INSERT INTO signing_keys \
             (kid, issuer, organization_id, sealed_pkcs8, key_reference, state, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            &[
                (&key.kid).into(),
                issuer.as_str().into(),
                organization.into(),
                sealed.into(),
                reference.into(),
                KeyState::Prepared.as_str().into(),
                key.created_at.into(),
            ],
        )
        .await?;
        self.save_key_record(record).await
    }

    /// The keys in the key set of an issuer, the oldest first.
    pub async fn signing_keys(&mut self, issuer: &IssuerName) -> Result<Vec<StoredSigningKey>, StoreError> {
        let rows = self
            .all(
                "SELECT * FROM signing_keys WHERE issuer = $1 AND state IN ('published', 'active', 'retired') \
                 ORDER BY created_at, kid",
                &[issuer.as_str().into()],
            )
            .await?;
        rows.iter()
            .map(|row| {
                let kid = row.text("kid")?;
                Ok(StoredSigningKey {
                    private: self.private_half(&kid, issuer, row)?,
                    state: row.parsed("state")?,
                    created_at: row.time("created_at")?,
                    kid,
                })
            })
            .collect()
    }

    fn private_half(
        &self,
        kid: &str,
        issuer: &IssuerName,
        row: &Row,
    ) -> Result<StoredPrivateKey, StoreError> {
        let sealed = row.text("sealed_pkcs8")?;
        if row.optional_text("key_reference")?.is_none() {
            return Ok(StoredPrivateKey::Here(self.sealer.open(&place(kid, issuer), &sealed)?));
        }
        let lines = self.sealer.open(&place_elsewhere(kid, issuer), &sealed)?;
        let lines = std::str::from_utf8(&lines).ok().and_then(|text| text.split_once('\n'));
        let (reference, public_jwk) = lines.ok_or(SealError::Open)?;
        Ok(StoredPrivateKey::Elsewhere { reference: reference.to_owned(), public_jwk: public_jwk.to_owned() })
    }

    /// The names of the keys in the key set of an issuer and where they are in their lives, the oldest first: enough to tell
    /// whether a ring is still the right one.
    pub async fn signing_key_names(
        &mut self,
        issuer: &IssuerName,
    ) -> Result<Vec<(String, KeyState)>, StoreError> {
        let rows = self
            .all(
                "SELECT kid, state FROM signing_keys \
                 WHERE issuer = $1 AND state IN ('published', 'active', 'retired') ORDER BY created_at, kid",
                &[issuer.as_str().into()],
            )
            .await?;
        rows.iter().map(|row| Ok((row.text("kid")?, row.parsed("state")?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MasterKey;
    use crate::seal::Sealer;

    #[test]
    fn a_key_that_was_given_to_another_issuer_does_not_open() {
        let sealer = Sealer::new(&MasterKey::from_bytes([7; 32])).expect("a sealer");
        let other = IssuerName::Organization("org-AAAAAAAAAAAAAAAA".parse().expect("an id"));
        for place in [place, place_elsewhere] {
            let sealed = sealer.seal(&place("kid", &IssuerName::Site), b"key").expect("sealed");
            assert!(sealer.open(&place("kid", &IssuerName::Site), &sealed).is_ok());
            assert!(sealer.open(&place("kid", &other), &sealed).is_err());
            assert!(sealer.open(&place("other", &IssuerName::Site), &sealed).is_err());
        }
    }
}
