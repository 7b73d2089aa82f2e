//! The keys of the issuer, sealed.

use carnet_model::Timestamp;
use zeroize::Zeroizing;

use crate::db::{StoreError, Tx};

/// A private key of the issuer.
#[derive(Clone)]
pub struct StoredSigningKey {
    /// The name of the key.
    pub kid: String,
    /// The key in PKCS#8 DER.
    pub pkcs8: Zeroizing<Vec<u8>>,
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

impl Tx {
    /// Stores a new key.
    pub async fn insert_signing_key(&mut self, key: &StoredSigningKey) -> Result<(), StoreError> {
        let sealed = self.sealer.seal(&place(&key.kid), &key.pkcs8)?;
        self.execute(
            "INSERT INTO signing_keys (kid, sealed_pkcs8, is_current, created_at) VALUES ($1, $2, $3, $4)",
            &[(&key.kid).into(), sealed.into(), key.is_current.into(), key.created_at.into()],
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
                Ok(StoredSigningKey {
                    pkcs8: self.sealer.open(&place(&kid), &row.text("sealed_pkcs8")?)?,
                    is_current: row.boolean("is_current")?,
                    created_at: row.time("created_at")?,
                    kid,
                })
            })
            .collect()
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
