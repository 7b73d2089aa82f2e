//! Why the store could not answer.

use std::error::Error;
use std::fmt;

/// What the driver of the database says. Its text holds the one of its cause already, which must not come a second time.
#[derive(Debug)]
pub struct DriverError(sqlx::Error);

impl fmt::Display for DriverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for DriverError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()?.source()
    }
}

/// Why the store could not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A row with the same unique key is there, or a row that others need would vanish.
    #[error("the change conflicts with a stored row")]
    Conflict,
    /// A text holds the character NUL, which Postgres cannot store.
    #[error("a text holds the character NUL")]
    Unstorable,
    /// The database is busy, restarts or cannot be reached; the same may succeed later.
    #[error("the database is busy or cannot be reached")]
    Busy(#[source] DriverError),
    /// What is stored was sealed with another master key.
    #[error("what is stored was sealed with another master key")]
    OtherMasterKey,
    /// The address of a database is not one; the text, which may hold a password, is not repeated.
    #[error("the address of the database is not postgres://user:password@host:port/name: {0}")]
    Address(&'static str),
    /// A stored text is not what its column promises.
    #[error("the column {column} holds something unreadable")]
    Corrupt {
        /// The column.
        column: String,
    },
    /// A sealed column cannot be opened.
    #[error("a sealed column cannot be opened")]
    Sealed(#[from] crate::seal::SealError),
    /// An entry of the ledger found its place taken: the end of the chain is not what Carnet wrote.
    #[error(
        "the ledger {chain} takes no entry {sequence}: its end was changed in the database, see `carnet ledger verify --data`"
    )]
    Ledger {
        /// The chain.
        chain: String,
        /// The place that its head names.
        sequence: u64,
        /// What the database said.
        source: Box<StoreError>,
    },
    /// A blob could not be read or written.
    #[error("a blob could not be read or written")]
    Blob(#[source] std::io::Error),
    /// The database failed.
    #[error("the database failed")]
    Database(#[source] DriverError),
}

/// SQLSTATE of what passes by itself: serialization failures and deadlocks, locks and statements that took too long, a server
/// that stops, starts or has no connection left (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
const PASSING: [&str; 9] = ["40001", "40P01", "55P03", "57014", "57P01", "57P02", "57P03", "25P03", "53300"];

/// The result codes of SQLite for a database that somebody else holds (<https://sqlite.org/rescode.html>).
const SQLITE_BUSY: [&str; 5] = ["5", "6", "261", "517", "773"];

impl StoreError {
    /// The database cannot be reached for now, whatever the driver makes of it.
    pub(crate) fn away(error: sqlx::Error) -> Self {
        Self::Busy(DriverError(error))
    }
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        // Blobs in a database fail as the database does.
        error.downcast().unwrap_or_else(Self::Blob)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(cause)
                if cause.is_unique_violation() || cause.is_foreign_key_violation() =>
            {
                Self::Conflict
            }
            sqlx::Error::Database(cause) => match cause.code() {
                Some(code)
                    if PASSING.contains(&&*code)
                        || SQLITE_BUSY.contains(&&*code)
                        || (code.len() == 5 && code.starts_with("08")) =>
                {
                    Self::Busy(DriverError(error))
                }
                Some(_) | None => Self::Database(DriverError(error)),
            },
            sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) => Self::Busy(DriverError(error)),
            _ => Self::Database(DriverError(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_the_database_comes_once() {
        let cause = std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "nobody listens there");
        let error = StoreError::from(sqlx::Error::Io(cause));
        let mut text = error.to_string();
        let mut next = error.source();
        while let Some(cause) = next {
            text = format!("{text}: {cause}");
            next = cause.source();
        }
        assert_eq!(text.matches("nobody listens there").count(), 1, "{text}");
    }
}
