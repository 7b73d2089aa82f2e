//! The chains of the ledger. Entries are appended and read; nothing here changes or removes one.

mod seals;

use std::collections::BTreeMap;

use carnet_model::{ENTRIES_PER_CHECKPOINT, LedgerChain, LedgerFact, LedgerHash, LedgerRecord, Timestamp};

use crate::db::{Bind, Row, StoreError, Tx, corrupt};

pub use self::seals::{LedgerSeal, LedgerSeals, SealFault};

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

/// A time of which entries are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LedgerRange {
    /// Nothing that is older.
    pub since: Option<Timestamp>,
    /// Nothing that is as old or younger.
    pub until: Option<Timestamp>,
}

/// Entries that follow each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LedgerPage {
    /// The hash before the first of them; `None` when that is not there.
    pub previous: Option<String>,
    /// The entries.
    pub records: Vec<LedgerRecord>,
    /// Behind which entry the next page begins; `None` when this is the last one.
    pub next: Option<u64>,
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
    /// SHA-256 of the JWS, in hex.
    pub digest: &'a str,
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

fn record(row: &Row) -> Result<LedgerRecord, StoreError> {
    Ok(LedgerRecord {
        sequence: row.count("sequence")?,
        entry: row.text("entry")?,
        hash: row.text("hash")?,
        recorded_at: Some(row.time("recorded_at")?),
    })
}

/// The head says that a place is free that is not: it was changed by somebody else than Carnet.
fn misled(chain: &LedgerChain, sequence: u64, error: StoreError) -> StoreError {
    match error {
        StoreError::Conflict | StoreError::Database(_) => {
            StoreError::Ledger { chain: chain.to_string(), sequence, source: Box::new(error) }
        }
        other => other,
    }
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
            .await
            .map_err(|error| misled(chain, sequence, error))?;
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

    /// The chains that have entries, whether or not the table of heads knows of them, behind one of them.
    pub async fn ledger_chain_after(&mut self, after: &str) -> Result<Option<String>, StoreError> {
        let sql = "SELECT chain FROM ledger_entries WHERE chain > $1 ORDER BY chain LIMIT 1";
        self.optional(sql, &[after.into()]).await?.map(|row| row.text("chain")).transpose()
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
                "SELECT sequence, recorded_at, entry, hash FROM ledger_entries WHERE chain = $1 AND sequence > $2 \
                 ORDER BY sequence LIMIT $3",
                &[chain.into(), after.into(), limit.into()],
            )
            .await?;
        rows.iter().map(record).collect()
    }

    /// The part of a chain that lies in a time: from the first entry that is not older than its begin to the last that is older
    /// than its end, without gaps. Entries in between stay, whatever the clock said when they were written: without them the others
    /// could not be verified. The page begins behind an entry; nobody has looked at its hashes yet.
    pub async fn ledger_range_page(
        &mut self,
        chain: &LedgerChain,
        (after, limit): (u64, u64),
        range: LedgerRange,
    ) -> Result<LedgerPage, StoreError> {
        let mut after = after;
        if let Some(since) = range.since {
            match self.ledger_sequence_since(chain, since).await? {
                Some(first) => after = after.max(first.saturating_sub(1)),
                None => return Ok(LedgerPage::default()),
            }
        }
        // The entry before the page is read for its hash, and one behind it tells whether there is more.
        let mut records = self.ledger_page(chain, after.saturating_sub(1), limit.saturating_add(2)).await?;
        let previous = match after {
            0 => Some(LedgerHash::genesis(chain).to_string()),
            after if records.first().is_some_and(|record| record.sequence == after) => {
                Some(records.remove(0).hash)
            }
            _ => None,
        };
        if let Some(until) = range.until
            && records.iter().any(|record| record.recorded_at.is_none_or(|time| time >= until))
        {
            let last = self.ledger_sequence_before(chain, until, after).await?;
            records.retain(|record| last.is_some_and(|last| record.sequence <= last));
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = records.len() > limit;
        records.truncate(limit);
        let next = records.last().filter(|_| has_more).map(|record| record.sequence);
        Ok(LedgerPage { previous, records, next })
    }

    /// The first entry of a chain that is not older than a moment; later ones may be, when a clock was set back.
    async fn ledger_sequence_since(
        &mut self,
        chain: &LedgerChain,
        since: Timestamp,
    ) -> Result<Option<u64>, StoreError> {
        let row = self
            .optional(
                "SELECT sequence FROM ledger_entries WHERE chain = $1 AND recorded_at >= $2 \
                 ORDER BY sequence LIMIT 1",
                &[chain.into(), since.into()],
            )
            .await?;
        row.map(|row| row.count("sequence")).transpose()
    }

    /// The last entry of a chain behind one that is older than a moment.
    async fn ledger_sequence_before(
        &mut self,
        chain: &LedgerChain,
        until: Timestamp,
        after: u64,
    ) -> Result<Option<u64>, StoreError> {
        let row = self
            .optional(
                "SELECT sequence FROM ledger_entries WHERE chain = $1 AND recorded_at < $2 AND sequence > $3 \
                 ORDER BY sequence DESC LIMIT 1",
                &[chain.into(), until.into(), after.into()],
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

    /// Keeps a checkpoint that follows the one that `before` tells of, and seals what was signed. Tells whether it did: another
    /// server may have been faster, and then nothing happens.
    pub async fn insert_checkpoint(
        &mut self,
        new: &NewCheckpoint<'_>,
        before: Option<&LedgerSeal>,
    ) -> Result<bool, StoreError> {
        if self.ledger_seal(new.chain).await?.as_ref() != before {
            return Ok(false);
        }
        self.seal_checkpoint(new, before).await?;
        self.execute(
            "INSERT INTO ledger_keys (kid, jwk, first_used_at) VALUES ($1, $2, $3) ON CONFLICT (kid) DO NOTHING",
            &[new.kid.into(), new.jwk.into(), new.time.into()],
        )
        .await?;
        self.execute(
            "INSERT INTO ledger_checkpoints (chain, sequence, hash, created_at, kid, jws) \
             VALUES ($1, $2, $3, $4, $5, $6)",
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
             open_since = CASE WHEN sequence >= $2 + $4 THEN 0 WHEN sequence > $2 THEN CAST($3 AS BIGINT) ELSE NULL END \
             WHERE chain = $1 AND checkpoint_sequence < $2",
            &[new.chain.into(), new.sequence.into(), new.time.into(), ENTRIES_PER_CHECKPOINT.into()],
        )
        .await?;
        Ok(true)
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
