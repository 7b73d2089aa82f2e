//! The chains of the ledger. Entries are appended and read; nothing here changes or removes one.

use std::collections::BTreeMap;

use carnet_model::{ENTRIES_PER_CHECKPOINT, LedgerChain, LedgerFact, LedgerHash, LedgerRecord, Timestamp};

use crate::db::{Bind, Row, StoreError, Tx, corrupt};

impl From<&LedgerChain> for Bind {
    fn from(chain: &LedgerChain) -> Self {
        Self::Text(chain.to_string())
    }
}

/// The end of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerHead {
    /// The chain.
    pub chain: LedgerChain,
    /// The last entry.
    pub sequence: u64,
    /// Its hash.
    pub hash: LedgerHash,
    /// The last entry that a checkpoint covers; 0 when there is none.
    pub checkpoint_sequence: u64,
}

/// A checkpoint that is to be stored.
#[derive(Debug, Clone)]
pub struct NewCheckpoint<'a> {
    /// The chain.
    pub chain: &'a LedgerChain,
    /// The last entry that it covers.
    pub sequence: u64,
    /// The hash of that entry.
    pub hash: LedgerHash,
    /// When it was made.
    pub time: Timestamp,
    /// The key that signed it.
    pub kid: &'a str,
    /// The public half of that key as a JSON Web Key.
    pub jwk: &'a str,
    /// The signed checkpoint, a compact JWS.
    pub jws: &'a str,
}

/// A checkpoint as it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCheckpoint {
    /// The last entry that it covers.
    pub sequence: u64,
    /// The hash of that entry.
    pub hash: String,
    /// When it was made.
    pub time: Timestamp,
    /// The key that signed it.
    pub kid: String,
    /// The signed checkpoint, a compact JWS.
    pub jws: String,
    /// The public half of the key as a JSON Web Key.
    pub jwk: String,
}

fn head(row: &Row) -> Result<LedgerHead, StoreError> {
    Ok(LedgerHead {
        chain: row.parsed("chain")?,
        sequence: row.count("sequence")?,
        hash: row.parsed("hash")?,
        checkpoint_sequence: row.count("checkpoint_sequence")?,
    })
}

impl Tx {
    /// Has the commit of this transaction add an entry to the ledger: it is there together with what it tells of, or not at all.
    pub fn record(&mut self, fact: LedgerFact) {
        self.ledger.push(fact);
    }

    /// Appends what is to be recorded. Chains are taken in one order, so that no two writers wait for each other.
    pub(crate) async fn append_to_ledger(&mut self) -> Result<(), StoreError> {
        let mut chains: BTreeMap<LedgerChain, Vec<LedgerFact>> = BTreeMap::new();
        for fact in std::mem::take(&mut self.ledger) {
            chains.entry(fact.chain.clone()).or_default().push(fact);
        }
        for (chain, facts) in chains {
            self.append_to_chain(&chain, facts).await?;
        }
        Ok(())
    }

    async fn append_to_chain(
        &mut self,
        chain: &LedgerChain,
        facts: Vec<LedgerFact>,
    ) -> Result<(), StoreError> {
        let count = u64::try_from(facts.len()).unwrap_or(u64::MAX);
        let (first_time, genesis) = (facts.first().map(|fact| fact.time), LedgerHash::genesis(chain));
        // The update keeps the row, and with it the chain, until the commit.
        let row = self
            .optional(
                "INSERT INTO ledger_heads (chain, sequence, hash, checkpoint_sequence, open_since) \
                 VALUES ($1, $2, $3, 0, $4) ON CONFLICT (chain) DO UPDATE SET \
                 sequence = ledger_heads.sequence + $2, open_since = COALESCE(ledger_heads.open_since, $4) \
                 RETURNING sequence, hash",
                &[chain.into(), count.into(), genesis.to_string().into(), first_time.into()],
            )
            .await?
            .ok_or_else(|| corrupt("sequence"))?;
        let last: u64 = row.count("sequence")?;
        let mut hash: LedgerHash = row.parsed("hash")?;
        for (sequence, fact) in (last - count + 1..).zip(facts) {
            let time = fact.time;
            let text = fact.at(sequence).canonical();
            hash = hash.after(&text);
            self.execute(
                "INSERT INTO ledger_entries (chain, sequence, recorded_at, entry, hash) VALUES ($1, $2, $3, $4, $5)",
                &[chain.into(), sequence.into(), time.into(), text.into(), hash.to_string().into()],
            )
            .await?;
        }
        self.execute(
            "UPDATE ledger_heads SET hash = $2, \
             open_since = CASE WHEN sequence - checkpoint_sequence >= $3 THEN 0 ELSE open_since END WHERE chain = $1",
            &[chain.into(), hash.to_string().into(), ENTRIES_PER_CHECKPOINT.into()],
        )
        .await
        .map(drop)
    }

    /// The end of a chain; `None` while nothing stands in it.
    pub async fn ledger_head(&mut self, chain: &LedgerChain) -> Result<Option<LedgerHead>, StoreError> {
        let row = self.optional("SELECT * FROM ledger_heads WHERE chain = $1", &[chain.into()]).await?;
        row.map(|row| head(&row)).transpose()
    }

    /// The chains whose names come after one, in the order of their names.
    pub async fn ledger_heads(&mut self, after: &str, limit: u64) -> Result<Vec<LedgerHead>, StoreError> {
        let sql = "SELECT * FROM ledger_heads WHERE chain > $1 ORDER BY chain LIMIT $2";
        self.all(sql, &[after.into(), limit.into()]).await?.iter().map(head).collect()
    }

    /// Entries of a chain behind one, as they are stored: nobody has looked at their hashes yet.
    pub async fn ledger_page(
        &mut self,
        chain: &LedgerChain,
        after: u64,
        limit: u64,
    ) -> Result<Vec<LedgerRecord>, StoreError> {
        let rows = self
            .all(
                "SELECT sequence, entry, hash FROM ledger_entries WHERE chain = $1 AND sequence > $2 \
                 ORDER BY sequence LIMIT $3",
                &[chain.into(), after.into(), limit.into()],
            )
            .await?;
        let record = |row: &Row| {
            Ok(LedgerRecord {
                sequence: row.count("sequence")?,
                entry: row.text("entry")?,
                hash: row.text("hash")?,
            })
        };
        rows.iter().map(record).collect()
    }

    /// The first entry of a chain that is not older than a moment.
    pub async fn ledger_sequence_since(
        &mut self,
        chain: &LedgerChain,
        since: Timestamp,
    ) -> Result<Option<u64>, StoreError> {
        let row = self
            .optional(
                "SELECT sequence FROM ledger_entries WHERE chain = $1 AND recorded_at >= $2 \
                 ORDER BY recorded_at, sequence LIMIT 1",
                &[chain.into(), since.into()],
            )
            .await?;
        row.map(|row| row.count("sequence")).transpose()
    }

    /// Chains with entries that no checkpoint covers, since before this moment or many of them.
    pub async fn open_ledger_heads(
        &mut self,
        before: Timestamp,
        limit: u64,
    ) -> Result<Vec<LedgerHead>, StoreError> {
        let sql = "SELECT * FROM ledger_heads WHERE open_since <= $1 ORDER BY open_since, chain LIMIT $2";
        self.all(sql, &[before.into(), limit.into()]).await?.iter().map(head).collect()
    }

    /// Keeps a checkpoint. Another server may have made the same one; then nothing happens.
    pub async fn insert_checkpoint(&mut self, new: &NewCheckpoint<'_>) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO ledger_keys (kid, jwk, first_used_at) VALUES ($1, $2, $3) ON CONFLICT (kid) DO NOTHING",
            &[new.kid.into(), new.jwk.into(), new.time.into()],
        )
        .await?;
        self.execute(
            "INSERT INTO ledger_checkpoints (chain, sequence, hash, created_at, kid, jws) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (chain, sequence) DO NOTHING",
            &[
                new.chain.into(),
                new.sequence.into(),
                new.hash.to_string().into(),
                new.time.into(),
                new.kid.into(),
                new.jws.into(),
            ],
        )
        .await?;
        self.execute(
            "UPDATE ledger_heads SET checkpoint_sequence = $2, \
             open_since = CASE WHEN sequence > $2 THEN CAST($3 AS BIGINT) ELSE NULL END \
             WHERE chain = $1 AND checkpoint_sequence < $2",
            &[new.chain.into(), new.sequence.into(), new.time.into()],
        )
        .await
        .map(drop)
    }

    /// Checkpoints of a chain behind one, with the keys that signed them.
    pub async fn ledger_checkpoints(
        &mut self,
        chain: &LedgerChain,
        after: u64,
        limit: u64,
    ) -> Result<Vec<StoredCheckpoint>, StoreError> {
        let rows = self
            .all(
                "SELECT c.sequence, c.hash, c.created_at, c.kid, c.jws, k.jwk FROM ledger_checkpoints c \
                 JOIN ledger_keys k ON k.kid = c.kid WHERE c.chain = $1 AND c.sequence > $2 ORDER BY c.sequence LIMIT $3",
                &[chain.into(), after.into(), limit.into()],
            )
            .await?;
        let checkpoint = |row: &Row| {
            Ok(StoredCheckpoint {
                sequence: row.count("sequence")?,
                hash: row.text("hash")?,
                time: row.time("created_at")?,
                kid: row.text("kid")?,
                jws: row.text("jws")?,
                jwk: row.text("jwk")?,
            })
        };
        rows.iter().map(checkpoint).collect()
    }
}

#[cfg(test)]
mod tests;
