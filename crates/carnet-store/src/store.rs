//! The store: where transactions begin and blobs live.

use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use secrecy::{ExposeSecret, SecretString};

use crate::blob::Blobs;
use crate::db::{Database, StoreError, Tx};
use crate::seal::{MasterKey, Sealer};

/// SHA-256 of a token, in hex: the only form in which tokens that we check are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenHash(String);

impl TokenHash {
    /// Hashes a token.
    pub fn of(token: &SecretString) -> Self {
        let bytes = digest(&SHA256, token.expose_secret().as_bytes());
        Self(bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The hash in hex.
    pub fn as_hex(&self) -> &str {
        &self.0
    }
}

impl From<&TokenHash> for crate::db::Bind {
    fn from(hash: &TokenHash) -> Self {
        Self::Text(hash.as_hex().to_owned())
    }
}

/// The data directory: a database and a folder of blobs.
#[derive(Debug, Clone)]
pub struct Store {
    database: Database,
    sealer: Arc<Sealer>,
    blobs: Arc<Blobs>,
}

impl Store {
    /// Opens the data directory, making what is not there.
    pub async fn open(folder: &Path, master: MasterKey) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder)?;
        let sealer = Arc::new(Sealer::new(&master)?);
        let database = Database::open(&folder.join("carnet.db")).await?;
        let blobs = Arc::new(Blobs::open(folder.join("blobs"), master)?);
        Ok(Self { database, sealer, blobs })
    }

    /// Begins to read.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        self.database.begin_read(Arc::clone(&self.sealer)).await
    }

    /// Begins to write. One writer at a time goes on; the others wait here.
    pub async fn write(&self) -> Result<Tx, StoreError> {
        self.database.begin_write(Arc::clone(&self.sealer)).await
    }

    /// The blobs. Their methods block: call them where that does no harm.
    pub fn blobs(&self) -> Arc<Blobs> {
        Arc::clone(&self.blobs)
    }
}
