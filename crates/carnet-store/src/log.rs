//! The logs of plans and applies, in sealed chunks.

use carnet_model::{PhaseId, RunPhase};

use crate::db::{StoreError, Tx};

fn place(id: &PhaseId, start: u64) -> String {
    format!("log of {id} from {start}")
}

impl Tx {
    /// Adds to the end of a log.
    pub async fn append_log(&mut self, phase: &mut RunPhase, bytes: &[u8]) -> Result<(), StoreError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let start = phase.log_length;
        let sealed = self.sealer.seal(&place(&phase.id, start), bytes)?;
        let length = bytes.len() as u64;
        self.execute(
            "INSERT INTO log_chunks (phase_id, start_byte, length, sealed) VALUES ($1, $2, $3, $4)",
            &[(&phase.id).into(), start.into(), length.into(), sealed.into()],
        )
        .await?;
        phase.log_length += length;
        self.execute(
            "UPDATE phases SET log_length = $2 WHERE id = $1",
            &[(&phase.id).into(), phase.log_length.into()],
        )
        .await
        .map(drop)
    }

    /// At most `limit` bytes of a log from `offset` on; empty behind its end.
    pub async fn read_log(&mut self, id: &PhaseId, offset: u64, limit: u64) -> Result<Vec<u8>, StoreError> {
        let end = offset.saturating_add(limit);
        let rows = self
            .all(
                "SELECT start_byte, sealed FROM log_chunks \
                 WHERE phase_id = $1 AND start_byte < $3 AND start_byte + length > $2 ORDER BY start_byte",
                &[id.into(), offset.into(), end.into()],
            )
            .await?;
        let mut bytes = Vec::new();
        for row in &rows {
            let start: u64 = row.count("start_byte")?;
            let chunk = self.sealer.open(&place(id, start), &row.text("sealed")?)?;
            let within =
                |position: u64| usize::try_from(position.saturating_sub(start)).unwrap_or(usize::MAX);
            let (from, to) = (within(offset).min(chunk.len()), within(end).min(chunk.len()));
            bytes.extend_from_slice(&chunk[from..to]);
        }
        Ok(bytes)
    }
}
