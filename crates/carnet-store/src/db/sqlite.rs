//! SQLite: a file, one writer at a time.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Sqlite, Transaction};

use crate::db::Engine;
use crate::error::StoreError;
use crate::migrations::{MIGRATIONS, engine_part};

/// How long somebody waits for another writer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long somebody waits until the next attempt to connect.
const PAUSE: Duration = Duration::from_millis(20);

/// The connections to a file.
#[derive(Debug, Clone)]
pub(crate) struct SqliteDatabase {
    write: SqlitePool,
    read: SqlitePool,
}

impl SqliteDatabase {
    pub(crate) async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(PATIENCE);
        let write = connected(SqlitePoolOptions::new().max_connections(1), &options).await?;
        migrate(&write).await?;
        let read = connected(SqlitePoolOptions::new().max_connections(8), &options.read_only(true)).await?;
        Ok(Self { write, read })
    }

    pub(crate) async fn begin_read(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.read.begin().await?)
    }

    /// SQLite cannot turn a read into a write when another writer was faster: take the write lock at once.
    pub(crate) async fn begin_write(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.write.begin_with("BEGIN IMMEDIATE").await?)
    }
}

/// Connects, and waits for another process that does the same to a new file: while it turns the file to write-ahead logging, SQLite
/// says that it is busy and does not wait itself, whatever its timeout (<https://www.sqlite.org/wal.html>, section 8).
async fn connected(
    pool: SqlitePoolOptions,
    options: &SqliteConnectOptions,
) -> Result<SqlitePool, StoreError> {
    let mut waited = Duration::ZERO;
    loop {
        match pool.clone().connect_with(options.clone()).await.map_err(StoreError::from) {
            Err(StoreError::Busy(_)) if waited < PATIENCE => {
                tokio::time::sleep(PAUSE).await;
                waited += PAUSE;
            }
            connected => return connected,
        }
    }
}

async fn migrate(pool: &SqlitePool) -> Result<(), StoreError> {
    sqlx::query("CREATE TABLE IF NOT EXISTS schema_migrations (version BIGINT PRIMARY KEY)")
        .execute(pool)
        .await?;
    for (version, text) in MIGRATIONS {
        let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
        let done = sqlx::query("SELECT version FROM schema_migrations WHERE version = $1")
            .bind(*version)
            .fetch_optional(&mut *tx)
            .await?;
        if done.is_none() {
            sqlx::raw_sql(*text).execute(&mut *tx).await?;
            if let Some(text) = engine_part(*version, Engine::Sqlite) {
                sqlx::raw_sql(text).execute(&mut *tx).await?;
            }
            sqlx::query("INSERT INTO schema_migrations (version) VALUES ($1)")
                .bind(*version)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
    }
    Ok(())
}
