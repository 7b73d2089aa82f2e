//! The store: where transactions begin and blobs live.

use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use carnet_model::JobId;
use secrecy::{ExposeSecret, SecretString};

use crate::blob::Blobs;
use crate::db::{Database, PostgresDatabase, PostgresUrl, StoreError, Tx};
use crate::seal::{MasterKey, Sealer};
use crate::wake_up::{WakeUps, pulse};

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

/// Where a known text stands, sealed, by which a wrong master key is noticed.
const MASTER_KEY_CHECK: &str = "master-key-check";

/// A database and its blobs.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) database: Database,
    sealer: Arc<Sealer>,
    blobs: Arc<Blobs>,
}

impl Store {
    /// Opens a data directory, making what is not there: SQLite and a folder of blobs.
    pub async fn open(folder: &Path, master: MasterKey) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder)?;
        let sealer = Arc::new(Sealer::new(&master)?);
        let database = Database::open(&folder.join("carnet.db")).await?;
        let blobs = Arc::new(Blobs::open(folder.join("blobs"), master)?);
        Self { database, sealer, blobs }.checked().await
    }

    /// Opens a Postgres database, making the tables that are not there. Blobs stand in it, too: servers on other machines
    /// need nothing but its address and the master key.
    pub async fn connect(url: &PostgresUrl, master: MasterKey) -> Result<Self, StoreError> {
        let sealer = Arc::new(Sealer::new(&master)?);
        let database = PostgresDatabase::open(url).await?;
        let blobs = Arc::new(Blobs::in_rows(database.blob_pool(), master));
        Self { database: Database::Postgres(Box::new(database)), sealer, blobs }.checked().await
    }

    /// Tells whether somebody keeps data in a Postgres database already, so that a new master key would not open it.
    pub async fn is_in_use(url: &PostgresUrl) -> Result<bool, StoreError> {
        PostgresDatabase::has_tables(url).await
    }

    /// Refuses a master key that is not the one of the data.
    async fn checked(self) -> Result<Self, StoreError> {
        let mut tx = self.write().await?;
        match tx.meta(MASTER_KEY_CHECK).await? {
            Some(sealed) => {
                self.sealer.open(MASTER_KEY_CHECK, &sealed).map_err(|_| StoreError::OtherMasterKey)?;
            }
            None => {
                let sealed = self.sealer.seal(MASTER_KEY_CHECK, b"carnet")?;
                tx.set_meta(MASTER_KEY_CHECK, Some(&sealed)).await?;
                // A database in which a ledger stands already had this number, and somebody took it away.
                if tx.ledger_chain_after("").await?.is_none() {
                    tx.seal_total(0).await?;
                }
                tx.commit().await?;
            }
        }
        Ok(self)
    }

    /// Begins to read.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        self.database.begin_read(Arc::clone(&self.sealer)).await
    }

    /// Begins to write. One writer at a time goes on; the others wait here, also those of other processes.
    pub async fn write(&self) -> Result<Tx, StoreError> {
        self.database.begin_write(Arc::clone(&self.sealer)).await
    }

    /// Begins to write to a job that runs, to its phase and log and to nothing that others decide by, beside writers of other
    /// jobs. [`Store::write`] waits for all of them, and they for it.
    pub async fn write_to_job(&self, job: &JobId) -> Result<Tx, StoreError> {
        self.database.begin_narrow(Arc::clone(&self.sealer), job.as_str()).await
    }

    /// Hears what other processes commit; `None` when no other process can write to this database.
    pub fn wake_ups(&self) -> Option<WakeUps> {
        match &self.database {
            Database::Sqlite(_) => None,
            Database::Postgres(database) => Some(WakeUps::new(database.as_ref().clone())),
        }
    }

    /// Shows the [`WakeUps`] of all processes that their connections live; never completes.
    pub async fn pulse(&self) {
        match &self.database {
            Database::Sqlite(_) => std::future::pending().await,
            Database::Postgres(database) => pulse(database).await,
        }
    }

    /// The blobs. Their methods block: call them where that does no harm.
    pub fn blobs(&self) -> Arc<Blobs> {
        Arc::clone(&self.blobs)
    }
}
