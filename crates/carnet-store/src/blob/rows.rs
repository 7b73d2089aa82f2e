//! A blob in rows of a Postgres database, one for each frame.
//!
//! The rows of a blob are committed one by one, so that a client that sends slowly holds no connection and no lock; the name
//! is given to them with the last one. What a server left behind that died before that is swept away when a server starts.

use std::future::Future;
use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sqlx::PgPool;
use tokio::runtime::Handle;

use super::BlobName;
use super::frames::SALT_LEN;
use crate::error::StoreError;

/// The tables of blobs.
#[derive(Clone)]
pub(super) struct Rows {
    pool: PgPool,
    runtime: Handle,
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rows")
    }
}

/// The moment of the database in milliseconds: its tables alone say what is old.
const SWEEP: &str = "DELETE FROM blob_contents c \
    WHERE c.begun_at < CAST(EXTRACT(EPOCH FROM now()) * 1000 AS BIGINT) - 86400000 \
    AND NOT EXISTS (SELECT 1 FROM blobs b WHERE b.content_id = c.id)";

impl Rows {
    pub(super) fn new(pool: PgPool) -> Self {
        let rows = Self { pool, runtime: Handle::current() };
        let pool = rows.pool.clone();
        rows.runtime.spawn(async move {
            if let Err(error) = sqlx::query(SWEEP).execute(&pool).await {
                tracing::warn!(%error, "uploads that were given up could not be swept away");
            }
        });
        rows
    }

    fn wait<T>(&self, work: impl Future<Output = Result<T, sqlx::Error>>) -> io::Result<T> {
        self.runtime.block_on(work).map_err(|error| io::Error::other(StoreError::from(error)))
    }

    pub(super) fn delete(&self, name: &BlobName) -> io::Result<()> {
        // The name goes with its contents, and these with their frames.
        let contents = sqlx::query(
            "DELETE FROM blob_contents WHERE id = (SELECT content_id FROM blobs WHERE kind = $1 AND id = $2)",
        );
        self.wait(contents.bind(name.kind).bind(&name.id).execute(&self.pool)).map(drop)
    }
}

/// Writes rows that have no name yet. Dropped before the end, they are removed.
#[derive(Debug)]
pub(super) struct RowSink {
    rows: Rows,
    name: BlobName,
    content_id: String,
    count: i64,
    is_finished: bool,
}

impl RowSink {
    pub(super) fn create(rows: &Rows, name: &BlobName, salt: &[u8; SALT_LEN]) -> io::Result<Self> {
        // The salt is random and used once, so it is a name, too.
        let content_id = STANDARD_NO_PAD.encode(salt);
        let begin = sqlx::query(
            "INSERT INTO blob_contents (id, begun_at) VALUES ($1, CAST(EXTRACT(EPOCH FROM now()) * 1000 AS BIGINT))",
        );
        rows.wait(begin.bind(&content_id).execute(&rows.pool))?;
        Ok(Self { rows: rows.clone(), name: name.clone(), content_id, count: 0, is_finished: false })
    }

    pub(super) fn write_frame(&mut self, frame: &[u8]) -> io::Result<()> {
        let insert = sqlx::query("INSERT INTO blob_frames (content_id, place, sealed) VALUES ($1, $2, $3)");
        let insert = insert.bind(&self.content_id).bind(self.count).bind(STANDARD_NO_PAD.encode(frame));
        self.rows.wait(insert.execute(&self.rows.pool))?;
        self.count += 1;
        Ok(())
    }

    /// Gives the rows their name; what had it before goes.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.rows.wait(async {
            let mut tx = self.rows.pool.begin().await?;
            // Two writers of one name take turns.
            sqlx::query("SELECT pg_advisory_xact_lock(2, hashtext($1))")
                .bind(self.name.purpose())
                .execute(&mut *tx)
                .await?;
            sqlx::query(
                "DELETE FROM blob_contents \
                 WHERE id = (SELECT content_id FROM blobs WHERE kind = $1 AND id = $2)",
            )
            .bind(self.name.kind)
            .bind(&self.name.id)
            .execute(&mut *tx)
            .await?;
            sqlx::query("INSERT INTO blobs (kind, id, content_id) VALUES ($1, $2, $3)")
                .bind(self.name.kind)
                .bind(&self.name.id)
                .bind(&self.content_id)
                .execute(&mut *tx)
                .await?;
            tx.commit().await
        })?;
        self.is_finished = true;
        Ok(())
    }
}

impl Drop for RowSink {
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        let pool = self.rows.pool.clone();
        let content_id = std::mem::take(&mut self.content_id);
        // If the runtime ends before that, the next start sweeps.
        self.rows.runtime.spawn(async move {
            let removed =
                sqlx::query("DELETE FROM blob_contents WHERE id = $1").bind(content_id).execute(&pool);
            if let Err(error) = removed.await {
                tracing::warn!(%error, "an upload that was given up could not be removed");
            }
        });
    }
}

#[derive(Debug)]
pub(super) struct RowSource {
    rows: Rows,
    content_id: String,
    count: i64,
}

impl RowSource {
    pub(super) fn open(rows: &Rows, name: &BlobName) -> io::Result<Option<(Self, [u8; SALT_LEN])>> {
        let find = sqlx::query_scalar("SELECT content_id FROM blobs WHERE kind = $1 AND id = $2");
        let find = find.bind(name.kind).bind(&name.id);
        let found: Option<String> = rows.wait(find.fetch_optional(&rows.pool))?;
        let Some(content_id) = found else {
            return Ok(None);
        };
        let salt = decoded(&content_id)?.try_into().map_err(|_| damaged())?;
        Ok(Some((Self { rows: rows.clone(), content_id, count: 0 }, salt)))
    }

    /// Puts the next frame behind what is in `frame`; nothing when there is none.
    pub(super) fn read_frame(&mut self, frame: &mut Vec<u8>) -> io::Result<()> {
        let find = sqlx::query_scalar("SELECT sealed FROM blob_frames WHERE content_id = $1 AND place = $2");
        let find = find.bind(&self.content_id).bind(self.count);
        let found: Option<String> = self.rows.wait(find.fetch_optional(&self.rows.pool))?;
        if let Some(sealed) = found {
            frame.append(&mut decoded(&sealed)?);
        }
        self.count += 1;
        Ok(())
    }
}

fn decoded(text: &str) -> io::Result<Vec<u8>> {
    STANDARD_NO_PAD.decode(text).map_err(|_| damaged())
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a row of a blob is damaged")
}
