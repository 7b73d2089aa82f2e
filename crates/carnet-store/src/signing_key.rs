//! The keys of issuers, sealed.

use carnet_model::{IssuerName, KeyRecord, KeyState, Timestamp};
use zeroize::Zeroizing;

use crate::db::{StoreError, Tx};

/// A private key of an issuer.
#[derive(Clone)]
pub struct StoredSigningKey {
    /// The name of the key.
    pub kid: String,
    /// The key in PKCS#8 DER.
    pub pkcs8: Zeroizing<Vec<u8>>,
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

fn place(kid: &str) -> String {
    format!("signing key {kid}")
}

impl Tx {
    /// Stores a new key together with its record, whose state counts.
    pub async fn insert_signing_key(
        &mut self,
        issuer: &IssuerName,
        key: &StoredSigningKey,
        record: &KeyRecord,
    ) -> Result<(), StoreError> {
        let sealed = self.sealer.seal(&place(&key.kid), &key.pkcs8)?;
        let organization = match issuer {
            IssuerName::Site => None,
            IssuerName::Organization(id) => Some(id),
        };
        self.execute(
            "INSERT INTO signing_keys (kid, issuer, organization_id, sealed_pkcs8, state, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
            &[
                (&key.kid).into(),
                issuer.as_str().into(),
                organization.into(),
                sealed.into(),
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
                    pkcs8: self.sealer.open(&place(&kid), &row.text("sealed_pkcs8")?)?,
                    state: row.parsed("state")?,
                    created_at: row.time("created_at")?,
                    kid,
                })
            })
            .collect()
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
