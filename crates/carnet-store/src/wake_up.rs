//! Servers that share a database wake each other.

use std::time::Duration;

use sqlx::postgres::PgListener;
use tokio::time::timeout;

use crate::db::{PostgresDatabase, StoreError};

/// How often a process says something, so that each can tell a quiet connection from a dead one.
const PULSE: Duration = Duration::from_secs(30);

/// After so long a silence the connection is dead, whatever the network says.
const SILENCE: Duration = Duration::from_secs(100);

/// What a process says to show that it lives.
const HERE: &str = "here";

/// A transaction was committed with a job that waits.
pub(crate) const JOBS: &str = "jobs";

/// Hears what was committed, by whichever process.
pub struct WakeUps {
    database: PostgresDatabase,
    listener: Option<PgListener>,
}

impl std::fmt::Debug for WakeUps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WakeUps").field("is_listening", &self.listener.is_some()).finish_non_exhaustive()
    }
}

impl WakeUps {
    pub(crate) fn new(database: PostgresDatabase) -> Self {
        Self { database, listener: None }
    }

    /// Waits until a job waits. Also wakes when it has just begun to listen, because a job may have come before. After an error,
    /// call it again: it connects anew.
    pub async fn next(&mut self) -> Result<(), StoreError> {
        let Some(listener) = &mut self.listener else {
            self.listener = Some(self.database.listen().await?);
            return Ok(());
        };
        loop {
            match timeout(SILENCE, listener.try_recv()).await {
                Ok(Ok(Some(heard))) if heard.payload() == HERE => {}
                Ok(Ok(Some(_))) => return Ok(()),
                Ok(Ok(None)) | Err(_) => {
                    self.listener = Some(self.database.listen().await?);
                    return Ok(());
                }
                Ok(Err(error)) => {
                    self.listener = None;
                    return Err(error.into());
                }
            }
        }
    }
}

/// Shows the listeners that their connections live, for as long as it is polled.
pub(crate) async fn pulse(database: &PostgresDatabase) {
    loop {
        tokio::time::sleep(PULSE).await;
        if let Err(error) = database.notify(HERE).await {
            tracing::debug!(%error, "the pulse could not be sent");
        }
    }
}
