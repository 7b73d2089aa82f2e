//! The keys of the issuer, sealed.

use carnet_model::Timestamp;
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

/// A key of the issuer.
#[derive(Clone)]
pub struct StoredSigningKey {
    /// The name of the key.
    pub kid: String,
    /// The private half.
    pub private: StoredPrivateKey,
    /// Whether it signs; the others are only published.
    pub is_current: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

impl std::fmt::Debug for StoredSigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredSigningKey")
            .field("kid", &self.kid)
            .field("is_current", &self.is_current)
            .finish_non_exhaustive()
    }
}

fn place(kid: &str) -> String {
    format!("signing key {kid}")
}

fn place_elsewhere(kid: &str) -> String {
    format!("signing key elsewhere {kid}")
}

impl Tx {
    /// Stores a new key.
    pub async fn insert_signing_key(&mut self, key: &StoredSigningKey) -> Result<(), StoreError> {
        let (sealed, reference) = match &key.private {
            StoredPrivateKey::Here(pkcs8) => (self.sealer.seal(&place(&key.kid), pkcs8)?, None),
            StoredPrivateKey::Elsewhere { reference, public_jwk } => {
                let lines = format!("{reference}\n{public_jwk}");
                (self.sealer.seal(&place_elsewhere(&key.kid), lines.as_bytes())?, Some(reference.clone()))
            }
        };
        self.execute(
            "INSERT INTO signing_keys (kid, sealed_pkcs8, key_reference, is_current, created_at) \
             VALUES ($1, $2, $3, $4, $5)",
            &[
                (&key.kid).into(),
                sealed.into(),
                reference.into(),
                key.is_current.into(),
                key.created_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// The keys of the issuer, the oldest first.
    pub async fn signing_keys(&mut self) -> Result<Vec<StoredSigningKey>, StoreError> {
        let rows = self.all("SELECT * FROM signing_keys ORDER BY created_at, kid", &[]).await?;
        rows.iter()
            .map(|row| {
                let kid = row.text("kid")?;
                let private = self.private_half(&kid, row)?;
                Ok(StoredSigningKey {
                    private,
                    is_current: row.boolean("is_current")?,
                    created_at: row.time("created_at")?,
                    kid,
                })
            })
            .collect()
    }

    fn private_half(&self, kid: &str, row: &Row) -> Result<StoredPrivateKey, StoreError> {
        let sealed = row.text("sealed_pkcs8")?;
        if row.optional_text("key_reference")?.is_none() {
            return Ok(StoredPrivateKey::Here(self.sealer.open(&place(kid), &sealed)?));
        }
        let lines = self.sealer.open(&place_elsewhere(kid), &sealed)?;
        let lines = std::str::from_utf8(&lines).ok().and_then(|text| text.split_once('\n'));
        let (reference, public_jwk) = lines.ok_or(SealError::Open)?;
        Ok(StoredPrivateKey::Elsewhere { reference: reference.to_owned(), public_jwk: public_jwk.to_owned() })
    }

    /// The names of the keys and which of them signs, the oldest first: enough to tell whether a ring is still the right one.
    pub async fn signing_key_names(&mut self) -> Result<Vec<(String, bool)>, StoreError> {
        let rows = self.all("SELECT kid, is_current FROM signing_keys ORDER BY created_at, kid", &[]).await?;
        rows.iter().map(|row| Ok((row.text("kid")?, row.boolean("is_current")?))).collect()
    }

    /// Stores a new key, which signs from now on; the others are only published.
    pub async fn rotate_signing_key(&mut self, key: &StoredSigningKey) -> Result<(), StoreError> {
        self.execute("UPDATE signing_keys SET is_current = FALSE", &[]).await?;
        self.insert_signing_key(key).await
    }

    /// When the last token of a key stops being valid; `None` when it has signed none.
    pub async fn last_expiry_of_key(&mut self, kid: &str) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT expires_at FROM identity_tokens WHERE kid = $1 ORDER BY expires_at DESC LIMIT 1";
        let row = self.optional(sql, &[kid.into()]).await?;
        row.map(|row| row.time("expires_at")).transpose()
    }

    /// Removes a key that does not sign.
    pub async fn delete_signing_key(&mut self, kid: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM signing_keys WHERE kid = $1 AND is_current = FALSE";
        self.execute(sql, &[kid.into()]).await.map(drop)
    }
}
