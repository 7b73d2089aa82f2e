//! The database: one SQL text for SQLite and for Postgres. Only the files below name the engine, and the few queries that ask
//! [`Tx::engine`].

#[cfg(any(test, feature = "query-plans"))]
mod plans;
mod postgres;
mod postgres_url;
mod sqlite;

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use carnet_model::{LedgerFact, Timestamp};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Encode, Postgres, Row as _, Sqlite, Transaction, Type};

use self::sqlite::SqliteDatabase;
use crate::audit_event::OpenAudit;
use crate::seal::Sealer;

pub(crate) use self::postgres::{CHANNEL, PostgresDatabase};
pub use self::postgres_url::PostgresUrl;
pub use crate::error::StoreError;

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
    carnet_model::TeamId, carnet_model::TeamWorkspaceId, carnet_model::TeamProjectId, carnet_model::MembershipId, carnet_model::AgentPoolId, carnet_model::CommentId, carnet_model::RunTriggerId, carnet_model::TagBindingId, carnet_model::ReservedTagKeyId, carnet_model::NotificationId, carnet_model::SshKeyId, carnet_model::RegistryModuleId, carnet_model::RegistryModuleVersionId, carnet_model::RegistryProviderId, carnet_model::RegistryProviderVersionId, carnet_model::RegistryPlatformId, carnet_model::GpgKeyId, carnet_model::AuditEventId,
    carnet_model::TokenTtlPolicyId,
    carnet_model::AgentId, carnet_model::ApplyId, carnet_model::ConfigurationVersionId, carnet_model::JobId,
    carnet_model::OrgId, carnet_model::PhaseId, carnet_model::PlanId, carnet_model::ProjectId, carnet_model::RunEventId,
    carnet_model::RunId, carnet_model::StateVersionId, carnet_model::StateVersionOutputId, carnet_model::TagId,
    carnet_model::TokenId, carnet_model::UserId, carnet_model::VariableId, carnet_model::VariableSetId,
    carnet_model::VariableSetName, carnet_model::WorkspaceId,
    carnet_model::OrgName, carnet_model::ProjectName, carnet_model::Username, carnet_model::VariableKey,
    carnet_model::WorkspaceName
}

/// One row of an answer.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    fn get<T>(&self, column: &str) -> Result<T, StoreError>
    where
        for<'r> T: sqlx::Decode<'r, Sqlite> + Type<Sqlite> + sqlx::Decode<'r, Postgres> + Type<Postgres>,
    {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
        .map_err(StoreError::from)
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
        // The names of the columns and nothing that stands in them.
        match self {
            Self::Sqlite(row) => {
                f.debug_list().entries(row.columns().iter().map(sqlx::Column::name)).finish()
            }
            Self::Postgres(row) => {
                f.debug_list().entries(row.columns().iter().map(sqlx::Column::name)).finish()
            }
        }
    }
}

pub(crate) fn corrupt(column: &str) -> StoreError {
    StoreError::Corrupt { column: column.to_owned() }
}

/// Which database answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// The connections to the database.
#[derive(Debug, Clone)]
pub(crate) enum Database {
    Sqlite(SqliteDatabase),
    Postgres(Box<PostgresDatabase>),
}

impl Database {
    pub(crate) async fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self::Sqlite(SqliteDatabase::open(path).await?))
    }

    /// Does what Postgres does by itself after many changes; SQLite has no such work.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) async fn vacuum(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(database) => database.vacuum().await,
        }
    }

    pub(crate) async fn begin_read(&self, sealer: Arc<Sealer>) -> Result<Tx, StoreError> {
        let inner = match self {
            Self::Sqlite(database) => Inner::Sqlite(database.begin_read().await?),
            Self::Postgres(database) => Inner::Postgres(database.begin_read().await?),
        };
        Ok(Tx { inner, sealer, audit: None, ledger: Vec::new() })
    }

    pub(crate) async fn begin_write(&self, sealer: Arc<Sealer>) -> Result<Tx, StoreError> {
        let inner = match self {
            Self::Sqlite(database) => Inner::Sqlite(database.begin_write().await?),
            Self::Postgres(database) => Inner::Postgres(database.begin_write().await?),
        };
        Ok(Tx { inner, sealer, audit: None, ledger: Vec::new() })
    }

    pub(crate) async fn begin_narrow(&self, sealer: Arc<Sealer>, thing: &str) -> Result<Tx, StoreError> {
        let inner = match self {
            Self::Sqlite(database) => Inner::Sqlite(database.begin_write().await?),
            Self::Postgres(database) => Inner::Postgres(database.begin_narrow(thing).await?),
        };
        Ok(Tx { inner, sealer, audit: None, ledger: Vec::new() })
    }
}

enum Inner {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// A transaction. Nothing is saved without [`Tx::commit`]; after an error, drop it.
pub struct Tx {
    inner: Inner,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) audit: Option<Box<OpenAudit>>,
    /// What the commit adds to the ledger.
    pub(crate) ledger: Vec<LedgerFact>,
}

impl std::fmt::Debug for Tx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Tx").field(&self.engine()).finish()
    }
}

fn bound<'s, DB>(
    mut query: sqlx::query::Query<'s, DB, DB::Arguments>,
    binds: &[Bind],
) -> Result<sqlx::query::Query<'s, DB, DB::Arguments>, StoreError>
where
    DB: sqlx::Database,
    DB::Arguments: sqlx::IntoArguments<DB>,
    for<'q> String: Encode<'q, DB> + Type<DB>,
    for<'q> Option<String>: Encode<'q, DB> + Type<DB>,
    for<'q> i64: Encode<'q, DB> + Type<DB>,
    for<'q> Option<i64>: Encode<'q, DB> + Type<DB>,
    for<'q> bool: Encode<'q, DB> + Type<DB>,
{
    for bind in binds {
        query = match bind.clone() {
            Bind::Text(text) | Bind::OptionalText(Some(text)) if text.contains('\0') => {
                return Err(StoreError::Unstorable);
            }
            Bind::Text(value) => query.bind(value),
            Bind::OptionalText(value) => query.bind(value),
            Bind::Integer(value) => query.bind(value),
            Bind::OptionalInteger(value) => query.bind(value),
            Bind::Boolean(value) => query.bind(value),
        };
    }
    Ok(query)
}

impl Tx {
    /// Which database answers, for the few queries that differ.
    pub(crate) fn engine(&self) -> Engine {
        match &self.inner {
            Inner::Sqlite(_) => Engine::Sqlite,
            Inner::Postgres(_) => Engine::Postgres,
        }
    }

    /// Saves everything that was done in it.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        self.store_open_audit().await?;
        // Last, as whoever appends to a chain holds it until the commit.
        self.append_to_ledger().await?;
        match self.inner {
            Inner::Sqlite(tx) => tx.commit().await,
            Inner::Postgres(tx) => tx.commit().await,
        }
        .map_err(StoreError::from)
    }

    /// Runs a statement and tells how many rows it touched.
    pub(crate) async fn execute(&mut self, sql: &'static str, binds: &[Bind]) -> Result<u64, StoreError> {
        if let Some(audit) = &mut self.audit {
            audit.look_at(sql, binds);
        }
        #[cfg(any(test, feature = "query-plans"))]
        plans::check(&mut self.inner, sql, binds).await?;
        Ok(match &mut self.inner {
            Inner::Sqlite(tx) => bound(sqlx::query(sql), binds)?.execute(&mut **tx).await?.rows_affected(),
            Inner::Postgres(tx) => bound(sqlx::query(sql), binds)?.execute(&mut **tx).await?.rows_affected(),
        })
    }

    /// Runs statements as somebody does who has the database and not this program.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) async fn raw(&mut self, sql: String) -> Result<(), StoreError> {
        let sql = sqlx::AssertSqlSafe(sql);
        match &mut self.inner {
            Inner::Sqlite(tx) => sqlx::raw_sql(sql).execute(&mut **tx).await.map(|_| ())?,
            Inner::Postgres(tx) => sqlx::raw_sql(sql).execute(&mut **tx).await.map(|_| ())?,
        }
        Ok(())
    }

    pub(crate) async fn optional(
        &mut self,
        sql: &'static str,
        binds: &[Bind],
    ) -> Result<Option<Row>, StoreError> {
        #[cfg(any(test, feature = "query-plans"))]
        plans::check(&mut self.inner, sql, binds).await?;
        Ok(match &mut self.inner {
            Inner::Sqlite(tx) => {
                bound(sqlx::query(sql), binds)?.fetch_optional(&mut **tx).await?.map(Row::Sqlite)
            }
            Inner::Postgres(tx) => {
                bound(sqlx::query(sql), binds)?.fetch_optional(&mut **tx).await?.map(Row::Postgres)
            }
        })
    }

    pub(crate) async fn all(&mut self, sql: &'static str, binds: &[Bind]) -> Result<Vec<Row>, StoreError> {
        #[cfg(any(test, feature = "query-plans"))]
        plans::check(&mut self.inner, sql, binds).await?;
        Ok(match &mut self.inner {
            Inner::Sqlite(tx) => bound(sqlx::query(sql), binds)?
                .fetch_all(&mut **tx)
                .await?
                .into_iter()
                .map(Row::Sqlite)
                .collect(),
            Inner::Postgres(tx) => bound(sqlx::query(sql), binds)?
                .fetch_all(&mut **tx)
                .await?
                .into_iter()
                .map(Row::Postgres)
                .collect(),
        })
    }

    /// The single number that the statement selects as `total`.
    pub(crate) async fn total(&mut self, sql: &'static str, binds: &[Bind]) -> Result<u64, StoreError> {
        let row = self.optional(sql, binds).await?.ok_or_else(|| corrupt("total"))?;
        row.count("total")
    }

    /// Tells every process that uses the database, once this transaction is committed. On SQLite there is no other.
    pub(crate) async fn notify(&mut self, what: &'static str) -> Result<(), StoreError> {
        match self.engine() {
            Engine::Sqlite => Ok(()),
            Engine::Postgres => {
                self.execute("SELECT pg_notify($1, $2)", &[CHANNEL.into(), what.into()]).await.map(drop)
            }
        }
    }
}
