//! Postgres: any number of servers on one database.
//!
//! Handlers read, check and then write, and count on nobody else writing in between. That holds here as it does on SQLite:
//! every writing transaction first takes one advisory lock of the database, exclusively, and keeps it to its end. Behind
//! the lock, READ COMMITTED is serializable, for each statement sees all that was committed before it, and nobody commits
//! anything in between. SERIALIZABLE would let writers run side by side, but fails some of them after the fact, and a handler
//! that has already called a provider's API or answered cannot be run again. What writes most, and only to one thing of its
//! own (the log and the lease of one job), takes the lock shared and a second one for its thing: see
//! [`PostgresDatabase::begin_narrow`].
//!
//! Reading transactions see one snapshot (REPEATABLE READ, READ ONLY) and wait for nobody.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Postgres, Transaction};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use crate::db::{Engine, PostgresUrl};
use crate::error::StoreError;
use crate::migrations::{MIGRATIONS, engine_part};

/// The advisory lock of writers: "carnet" in ASCII.
const WRITE_LOCK: i64 = 0x6361_726e_6574;

/// The channel on which processes wake each other.
pub(crate) const CHANNEL: &str = "carnet";

/// A server whose machine is gone must not keep the lock; and whoever waits for the lock must learn that it is in vain.
const SESSION: &str = "SET idle_in_transaction_session_timeout = '60s'; SET lock_timeout = '30s'; \
    SET statement_timeout = '120s'; SET client_min_messages = 'warning'";

const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

/// Who waits this long to begin asks whether the server answers at all: others may only be slow, and then waiting helps.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long a server that is there takes to let somebody in.
const ANSWER_LIMIT: Duration = Duration::from_millis(1500);

/// How long what one of them found out is true for all who wait.
const KNOWN_FOR: Duration = Duration::from_secs(1);

/// SQLSTATE of a server that is there and has no connection left.
const TOO_MANY_CONNECTIONS: &str = "53300";

/// The connections to a database.
#[derive(Clone)]
pub(crate) struct PostgresDatabase {
    /// One connection: the writers of this process line up before they line up with those of the others.
    write: PgPool,
    narrow: PgPool,
    read: PgPool,
    options: PgConnectOptions,
    /// When the server was last asked whether it answers, and whether it did.
    answered: Arc<Mutex<Option<(Instant, bool)>>>,
}

impl std::fmt::Debug for PostgresDatabase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The options hold a password.
        f.write_str("PostgresDatabase")
    }
}

fn pool(options: &PgConnectOptions, connections: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_connect(|connection, _| {
            Box::pin(async move { sqlx::raw_sql(SESSION).execute(connection).await.map(drop) })
        })
        .connect_lazy_with(options.clone())
}

impl PostgresDatabase {
    pub(crate) async fn open(url: &PostgresUrl) -> Result<Self, StoreError> {
        let options = url.options()?;
        let database = Self {
            write: pool(&options, 1),
            narrow: pool(&options, 5),
            read: pool(&options, 8),
            options,
            answered: Arc::default(),
        };
        // Says at once what is wrong with the address, instead of trying until the time is over.
        sqlx::Connection::close(sqlx::ConnectOptions::connect(&database.options).await?).await?;
        database.migrate().await?;
        Ok(database)
    }

    #[cfg(any(test, feature = "testing"))]
    pub(super) async fn vacuum(&self) -> Result<(), StoreError> {
        sqlx::raw_sql("VACUUM ANALYZE").execute(&self.write).await?;
        Ok(())
    }

    pub(crate) async fn begin_read(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        self.while_it_answers(self.read.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")).await
    }

    /// Begins to write what needs the whole database to itself.
    pub(crate) async fn begin_write(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        self.while_it_answers(async {
            let mut tx = self.write.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
            sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(WRITE_LOCK).execute(&mut *tx).await?;
            Ok(tx)
        })
        .await
    }

    /// Begins to write to one thing only, side by side with others who write to other things.
    pub(crate) async fn begin_narrow(
        &self,
        thing: &str,
    ) -> Result<Transaction<'static, Postgres>, StoreError> {
        self.while_it_answers(async {
            let mut tx = self.narrow.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
            sqlx::query("SELECT pg_advisory_xact_lock_shared($1)").bind(WRITE_LOCK).execute(&mut *tx).await?;
            // Two things whose hashes meet only wait for one another.
            sqlx::query("SELECT pg_advisory_xact_lock(1, hashtext($1))")
                .bind(thing)
                .execute(&mut *tx)
                .await?;
            Ok(tx)
        })
        .await
    }

    /// Waits for a transaction as long as there is something to wait for.
    async fn while_it_answers<T>(
        &self,
        begin: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, StoreError> {
        tokio::pin!(begin);
        loop {
            tokio::select! {
                begun = &mut begin => return Ok(begun?),
                () = sleep(PATIENCE) => self.require_answer().await?,
            }
        }
    }

    /// Fails when the server does not answer. Of many who ask, one finds out for all.
    async fn require_answer(&self) -> Result<(), StoreError> {
        let mut answered = self.answered.lock().await;
        match *answered {
            Some((at, true)) if at.elapsed() < KNOWN_FOR => return Ok(()),
            Some((at, false)) if at.elapsed() < KNOWN_FOR => {
                return Err(StoreError::away(sqlx::Error::PoolTimedOut));
            }
            Some(_) | None => {}
        }
        let found = match timeout(ANSWER_LIMIT, sqlx::ConnectOptions::connect(&self.options)).await {
            Ok(Ok(connection)) => {
                drop(connection);
                Ok(())
            }
            Ok(Err(sqlx::Error::Database(cause)))
                if cause.code().as_deref() == Some(TOO_MANY_CONNECTIONS) =>
            {
                Ok(())
            }
            Ok(Err(error)) => Err(StoreError::away(error)),
            Err(_) => Err(StoreError::away(sqlx::Error::PoolTimedOut)),
        };
        *answered = Some((Instant::now(), found.is_ok()));
        found
    }

    /// Tells whether the tables are there, without making them.
    pub(crate) async fn has_tables(url: &PostgresUrl) -> Result<bool, StoreError> {
        let mut connection = sqlx::ConnectOptions::connect(&url.options()?).await?;
        let found: bool =
            sqlx::query_scalar("SELECT to_regclass('meta') IS NOT NULL").fetch_one(&mut connection).await?;
        sqlx::Connection::close(connection).await?;
        Ok(found)
    }

    /// Ends all connections.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) async fn close(self) {
        for pool in [self.write, self.narrow, self.read] {
            pool.close().await;
        }
    }

    /// Connections for blobs, which live beside transactions.
    pub(crate) fn blob_pool(&self) -> PgPool {
        self.narrow.clone()
    }

    /// Begins to listen to the other processes.
    pub(crate) async fn listen(&self) -> Result<PgListener, StoreError> {
        let mut listener = PgListener::connect_with(&pool(&self.options, 1)).await?;
        listener.listen(CHANNEL).await?;
        Ok(listener)
    }

    /// Says something to every process that listens, this one included.
    pub(crate) async fn notify(&self, what: &str) -> Result<(), StoreError> {
        sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(what).execute(&self.narrow).await?;
        Ok(())
    }

    /// Servers that start at the same time take turns.
    async fn migrate(&self) -> Result<(), StoreError> {
        let mut tx = self.begin_write().await?;
        sqlx::raw_sql(
            "SET LOCAL statement_timeout = 0; \
             CREATE TABLE IF NOT EXISTS schema_migrations (version BIGINT PRIMARY KEY)",
        )
        .execute(&mut *tx)
        .await?;
        let done: Vec<i64> =
            sqlx::query_scalar("SELECT version FROM schema_migrations").fetch_all(&mut *tx).await?;
        for (version, text) in MIGRATIONS.iter().filter(|(version, _)| !done.contains(version)) {
            sqlx::raw_sql(AssertSqlSafe(by_bytes(text))).execute(&mut *tx).await?;
            if let Some(text) = engine_part(*version, Engine::Postgres) {
                sqlx::raw_sql(text).execute(&mut *tx).await?;
            }
            sqlx::query("INSERT INTO schema_migrations (version) VALUES ($1)")
                .bind(*version)
                .execute(&mut *tx)
                .await?;
        }
        Ok(tx.commit().await?)
    }
}

/// Lets texts be compared by their bytes, as SQLite does, whatever the locale of the database is: lists come in the same order
/// on both engines, and an update of the system's locales cannot damage an index.
fn by_bytes(sql: &str) -> String {
    sql.replace(" TEXT", " TEXT COLLATE \"C\"").replace(" AS TEXT COLLATE \"C\"", " AS TEXT")
}
