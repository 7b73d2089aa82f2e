//! The database. This file alone names the engine.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use carnet_model::Timestamp;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Row as _, Sqlite, Transaction};

use crate::migrations::MIGRATIONS;
use crate::seal::Sealer;
use std::sync::Arc;

/// Why the store could not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A row with the same unique key is there, or a row that others need would vanish.
    #[error("the change conflicts with a stored row")]
    Conflict,
    /// A stored text is not what its column promises.
    #[error("the column {column} holds something unreadable")]
    Corrupt {
        /// The column.
        column: String,
    },
    /// A sealed column cannot be opened.
    #[error("a sealed column cannot be opened")]
    Sealed(#[from] crate::seal::SealError),
    /// A blob could not be read or written.
    #[error("a blob could not be read or written")]
    Blob(#[from] std::io::Error),
    /// The database failed.
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(cause)
                if cause.is_unique_violation() || cause.is_foreign_key_violation() =>
            {
                Self::Conflict
            }
            _ => Self::Database(error),
        }
    }
}

/// A value that a statement binds.
#[derive(Debug, Clone)]
pub(crate) enum Bind {
    Text(String),
    OptionalText(Option<String>),
    Integer(i64),
    OptionalInteger(Option<i64>),
    Boolean(bool),
}

macro_rules! bind_from {
    ($($type:ty => |$value:ident| $make:expr;)*) => {$(
        impl From<$type> for Bind {
            fn from($value: $type) -> Self {
                $make
            }
        }
    )*};
}

bind_from! {
    &str => |value| Self::Text(value.to_owned());
    &String => |value| Self::Text(value.clone());
    String => |value| Self::Text(value);
    Option<String> => |value| Self::OptionalText(value);
    i64 => |value| Self::Integer(value);
    u32 => |value| Self::Integer(i64::from(value));
    u64 => |value| Self::Integer(i64::try_from(value).unwrap_or(i64::MAX));
    Option<i64> => |value| Self::OptionalInteger(value);
    bool => |value| Self::Boolean(value);
    Timestamp => |value| Self::Integer(value.as_millisecond());
    Option<Timestamp> => |value| Self::OptionalInteger(value.map(Timestamp::as_millisecond));
}

macro_rules! bind_ids {
    ($($type:ty),*) => {$(
        impl From<&$type> for Bind {
            fn from(value: &$type) -> Self {
                Self::Text(value.as_str().to_owned())
            }
        }

        impl From<Option<&$type>> for Bind {
            fn from(value: Option<&$type>) -> Self {
                Self::OptionalText(value.map(|value| value.as_str().to_owned()))
            }
        }
    )*};
}

bind_ids! {
    carnet_model::AgentId, carnet_model::ApplyId, carnet_model::ConfigurationVersionId, carnet_model::JobId,
    carnet_model::OrgId, carnet_model::PhaseId, carnet_model::PlanId, carnet_model::ProjectId, carnet_model::RunEventId,
    carnet_model::RunId, carnet_model::StateVersionId, carnet_model::StateVersionOutputId, carnet_model::TagId,
    carnet_model::TokenId, carnet_model::UserId, carnet_model::VariableId, carnet_model::VariableSetId,
    carnet_model::VariableSetName, carnet_model::WorkspaceId,
    carnet_model::OrgName, carnet_model::ProjectName, carnet_model::Username, carnet_model::VariableKey,
    carnet_model::WorkspaceName
}

/// One row of an answer.
pub(crate) struct Row(SqliteRow);

impl Row {
    fn get<T>(&self, column: &str) -> Result<T, StoreError>
    where
        for<'r> T: sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite>,
    {
        self.0.try_get(column).map_err(StoreError::from)
    }

    pub(crate) fn text(&self, column: &str) -> Result<String, StoreError> {
        self.get(column)
    }

    pub(crate) fn optional_text(&self, column: &str) -> Result<Option<String>, StoreError> {
        self.get(column)
    }

    pub(crate) fn integer(&self, column: &str) -> Result<i64, StoreError> {
        self.get(column)
    }

    pub(crate) fn optional_integer(&self, column: &str) -> Result<Option<i64>, StoreError> {
        self.get(column)
    }

    pub(crate) fn boolean(&self, column: &str) -> Result<bool, StoreError> {
        self.get(column)
    }

    /// A count or a size, which is never negative.
    pub(crate) fn count<T: TryFrom<i64>>(&self, column: &str) -> Result<T, StoreError> {
        T::try_from(self.integer(column)?).map_err(|_| corrupt(column))
    }

    /// A text that parses into one of the model's types.
    pub(crate) fn parsed<T: FromStr>(&self, column: &str) -> Result<T, StoreError> {
        self.text(column)?.parse().map_err(|_| corrupt(column))
    }

    pub(crate) fn optional_parsed<T: FromStr>(&self, column: &str) -> Result<Option<T>, StoreError> {
        self.optional_text(column)?.map(|text| text.parse().map_err(|_| corrupt(column))).transpose()
    }

    pub(crate) fn time(&self, column: &str) -> Result<Timestamp, StoreError> {
        Timestamp::from_millisecond(self.integer(column)?).map_err(|_| corrupt(column))
    }

    pub(crate) fn optional_time(&self, column: &str) -> Result<Option<Timestamp>, StoreError> {
        self.optional_integer(column)?
            .map(|millis| Timestamp::from_millisecond(millis).map_err(|_| corrupt(column)))
            .transpose()
    }

    /// A column of JSON.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        serde_json::from_str(&self.text(column)?).map_err(|_| corrupt(column))
    }
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.columns().iter().map(sqlx::Column::name)).finish()
    }
}

pub(crate) fn corrupt(column: &str) -> StoreError {
    StoreError::Corrupt { column: column.to_owned() }
}

/// The connections to the database.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    write: SqlitePool,
    read: SqlitePool,
}

impl Database {
    pub(crate) async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10));
        let write = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        migrate(&write).await?;
        let read = SqlitePoolOptions::new().max_connections(8).connect_with(options.read_only(true)).await?;
        Ok(Self { write, read })
    }

    pub(crate) async fn begin_read(&self, sealer: Arc<Sealer>) -> Result<Tx, StoreError> {
        Ok(Tx { inner: self.read.begin().await?, sealer })
    }

    /// SQLite cannot turn a read into a write when another writer was faster: take the write lock at once.
    pub(crate) async fn begin_write(&self, sealer: Arc<Sealer>) -> Result<Tx, StoreError> {
        Ok(Tx { inner: self.write.begin_with("BEGIN IMMEDIATE").await?, sealer })
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
            sqlx::query("INSERT INTO schema_migrations (version) VALUES ($1)")
                .bind(*version)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
    }
    Ok(())
}

/// A transaction. Nothing is saved without [`Tx::commit`].
#[derive(Debug)]
pub struct Tx {
    inner: Transaction<'static, Sqlite>,
    pub(crate) sealer: Arc<Sealer>,
}

type Query = sqlx::query::Query<'static, Sqlite, SqliteArguments>;

fn query(sql: &'static str, binds: &[Bind]) -> Query {
    binds.iter().fold(sqlx::query(sql), |query, bind| match bind.clone() {
        Bind::Text(value) => query.bind(value),
        Bind::OptionalText(value) => query.bind(value),
        Bind::Integer(value) => query.bind(value),
        Bind::OptionalInteger(value) => query.bind(value),
        Bind::Boolean(value) => query.bind(value),
    })
}

impl Tx {
    /// Saves everything that was done in it.
    pub async fn commit(self) -> Result<(), StoreError> {
        Ok(self.inner.commit().await?)
    }

    /// Runs a statement and tells how many rows it touched.
    pub(crate) async fn execute(&mut self, sql: &'static str, binds: &[Bind]) -> Result<u64, StoreError> {
        Ok(query(sql, binds).execute(&mut *self.inner).await?.rows_affected())
    }

    pub(crate) async fn optional(
        &mut self,
        sql: &'static str,
        binds: &[Bind],
    ) -> Result<Option<Row>, StoreError> {
        Ok(query(sql, binds).fetch_optional(&mut *self.inner).await?.map(Row))
    }

    pub(crate) async fn all(&mut self, sql: &'static str, binds: &[Bind]) -> Result<Vec<Row>, StoreError> {
        Ok(query(sql, binds).fetch_all(&mut *self.inner).await?.into_iter().map(Row).collect())
    }

    /// The single number that the statement selects as `total`.
    pub(crate) async fn total(&mut self, sql: &'static str, binds: &[Bind]) -> Result<u64, StoreError> {
        let row = query(sql, binds).fetch_one(&mut *self.inner).await?;
        Row(row).count("total")
    }
}
