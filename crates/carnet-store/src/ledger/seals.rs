//! What the server signed last about each chain, sealed: whoever can write to the database can take such a seal away or put an older
//! one back, but make none. The number of all checkpoints that were ever made is sealed, too, so that both are seen.

use std::collections::{BTreeMap, BTreeSet};

use carnet_model::{LedgerChain, LedgerHash};

use super::NewCheckpoint;
use crate::db::{Row, StoreError, Tx};

/// How many seals are read at a time.
const PAGE: u64 = 1000;

/// Where the number of all checkpoints stands.
pub(crate) const TOTAL: &str = "ledger-seal";

/// What was signed last about a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerSeal {
    /// How many checkpoints of the chain there are.
    pub number: u64,
    /// The last entry that the last of them covers.
    pub sequence: u64,
    /// The hash of that entry.
    pub hash: LedgerHash,
    /// SHA-256 of the last checkpoint, in hex.
    pub checkpoint: String,
}

/// What was signed last about every chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LedgerSeals {
    /// The chains with a checkpoint.
    pub chains: BTreeMap<LedgerChain, LedgerSeal>,
    /// The names of chains whose seal nobody made who has the master key.
    pub forged: BTreeSet<String>,
    /// How many checkpoints there are of all chains; `None` when that is not there or nobody made it who has the master key.
    pub total: Option<u64>,
}

/// Why what was signed last about the chains is not known any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealFault {
    /// Somebody wrote a seal without the master key, or moved one to another chain.
    #[error("the seal of what was signed about {0} is forged")]
    Forged(String),
    /// The number of checkpoints is gone.
    #[error("the sealed number of checkpoints is missing or forged")]
    NoTotal,
    /// Seals were removed or replaced by older ones.
    #[error(
        "{total} checkpoints were made, but the seals of the chains tell of {found}: seals were removed or replaced by older ones"
    )]
    Total {
        /// How many checkpoints were made.
        total: u64,
        /// How many the seals of the chains tell of.
        found: u64,
    },
}

impl LedgerSeals {
    /// Fails when seals are missing, forged or older than the last ones.
    pub fn check(&self) -> Result<(), SealFault> {
        if let Some(chain) = self.forged.first() {
            return Err(SealFault::Forged(chain.clone()));
        }
        let total = self.total.ok_or(SealFault::NoTotal)?;
        let found = self.chains.values().fold(0_u64, |sum, seal| sum.saturating_add(seal.number));
        if found == total { Ok(()) } else { Err(SealFault::Total { total, found }) }
    }
}

fn place(chain: &str) -> String {
    format!("ledger seal {chain}")
}

fn written(seal: &LedgerSeal) -> String {
    format!("{} {} {} {}", seal.number, seal.sequence, seal.hash, seal.checkpoint)
}

fn read(text: &str) -> Option<LedgerSeal> {
    let mut parts = text.split(' ');
    let mut part = || parts.next();
    Some(LedgerSeal {
        number: part()?.parse().ok()?,
        sequence: part()?.parse().ok()?,
        hash: part()?.parse().ok()?,
        checkpoint: part()?.to_owned(),
    })
}

impl Tx {
    fn opened_seal(&self, row: &Row) -> Result<Option<(LedgerChain, LedgerSeal)>, StoreError> {
        let chain = row.text("chain")?;
        let opened = self.sealer.open(&place(&chain), &row.text("sealed")?).ok();
        let seal = opened.and_then(|bytes| read(std::str::from_utf8(&bytes).ok()?));
        Ok(chain.parse().ok().zip(seal))
    }

    /// What was signed last about a chain; `None` when nothing was, or when nobody made the seal who has the master key.
    pub(super) async fn ledger_seal(
        &mut self,
        chain: &LedgerChain,
    ) -> Result<Option<LedgerSeal>, StoreError> {
        let row = self.optional("SELECT * FROM ledger_seals WHERE chain = $1", &[chain.into()]).await?;
        Ok(match row {
            Some(row) => self.opened_seal(&row)?.map(|(_, seal)| seal),
            None => None,
        })
    }

    /// What was signed last about every chain.
    pub async fn ledger_seals(&mut self) -> Result<LedgerSeals, StoreError> {
        let mut seals = LedgerSeals { total: self.sealed_total().await?, ..LedgerSeals::default() };
        let mut after = String::new();
        loop {
            let sql = "SELECT * FROM ledger_seals WHERE chain > $1 ORDER BY chain LIMIT $2";
            let rows = self.all(sql, &[(&after).into(), PAGE.into()]).await?;
            for row in &rows {
                after = row.text("chain")?;
                match self.opened_seal(row)? {
                    Some((chain, seal)) => drop(seals.chains.insert(chain, seal)),
                    None => drop(seals.forged.insert(after.clone())),
                }
            }
            if rows.is_empty() {
                return Ok(seals);
            }
        }
    }

    async fn sealed_total(&mut self) -> Result<Option<u64>, StoreError> {
        let Some(sealed) = self.meta(TOTAL).await? else {
            return Ok(None);
        };
        let opened = self.sealer.open(TOTAL, &sealed).ok();
        Ok(opened.and_then(|bytes| std::str::from_utf8(&bytes).ok()?.parse().ok()))
    }

    /// Says how many checkpoints there are.
    pub(crate) async fn seal_total(&mut self, total: u64) -> Result<(), StoreError> {
        let sealed = self.sealer.seal(TOTAL, total.to_string().as_bytes())?;
        self.set_meta(TOTAL, Some(&sealed)).await
    }

    pub(super) async fn seal_checkpoint(
        &mut self,
        new: &NewCheckpoint<'_>,
        before: Option<&LedgerSeal>,
    ) -> Result<(), StoreError> {
        let seal = LedgerSeal {
            number: before.map_or(0, |before| before.number).saturating_add(1),
            sequence: new.sequence,
            hash: new.hash,
            checkpoint: new.digest.to_owned(),
        };
        let chain = new.chain.to_string();
        let sealed = self.sealer.seal(&place(&chain), written(&seal).as_bytes())?;
        self.execute(
            "INSERT INTO ledger_seals (chain, sealed) VALUES ($1, $2) ON CONFLICT (chain) DO UPDATE SET sealed = $2",
            &[chain.into(), sealed.into()],
        )
        .await?;
        // Without a number nothing is signed: it is not made here, where somebody may have taken it away.
        match self.sealed_total().await? {
            Some(total) => self.seal_total(total.saturating_add(1)).await,
            None => Err(crate::seal::SealError::Open.into()),
        }
    }
}
