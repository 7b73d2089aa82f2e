//! Signs what is known about chains of the ledger that have grown.
//!
//! What stands in the database is not believed: before anything is signed, the entries since the last checkpoint must follow from
//! what was signed then, which is sealed with the master key. Who can write to the database can so stop the checkpoints, which is
//! seen, and cannot have another history signed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use carnet_issuer::{CheckpointLink, Issuer, checkpoint_digest};
use carnet_model::{LedgerChain, LedgerCheckpoint, LedgerHash, LedgerVerifier, Timestamp};
use carnet_store::{LedgerHead, LedgerSeal, LedgerSeals, NewCheckpoint, Tx};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::app::App;
use crate::error::ApiError;
use crate::ledger::checkpoint_fact;

/// How often chains are looked at, at most.
const PERIOD: Duration = Duration::from_secs(10);

/// How many chains get a checkpoint at a time.
const CHAINS: u64 = 100;

/// How many entries are read at a time.
const PAGE: u64 = 1000;

/// The most entries that one checkpoint adds; a chain that grew by more gets several.
const ENTRIES: u64 = 10_000;

/// What this process knows about the ledger beside the database.
#[derive(Debug, Default)]
pub struct LedgerWatch {
    /// The most checkpoints that were ever seen.
    total: Mutex<u64>,
    /// Why nothing is signed about any chain.
    all: Mutex<Option<String>>,
    /// The chains about which nothing is signed, and why.
    chains: Mutex<BTreeMap<LedgerChain, String>>,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LedgerWatch {
    /// Why nothing is signed about a chain; `None` while nothing stands in the way.
    pub(crate) fn fault(&self, chain: &LedgerChain) -> Option<String> {
        locked(&self.all).clone().or_else(|| locked(&self.chains).get(chain).cloned())
    }

    /// Tells whether there is a chain about which nothing is signed.
    pub(crate) fn has_fault(&self) -> bool {
        locked(&self.all).is_some() || !locked(&self.chains).is_empty()
    }

    /// Looks at what was signed last: it must be whole, and never be older than it was once.
    fn look_at(&self, seals: &LedgerSeals) -> Result<(), String> {
        seals.check().map_err(|fault| fault.to_string())?;
        let (mut known, found) = (locked(&self.total), seals.total.unwrap_or(0));
        if found < *known {
            return Err(format!(
                "there were {known} checkpoints, now there are {found}: older seals were put back"
            ));
        }
        *known = found;
        Ok(())
    }

    fn note(&self, chain: &LedgerChain, fault: Option<String>) {
        let mut chains = locked(&self.chains);
        match fault {
            Some(fault) => chains.insert(chain.clone(), fault),
            None => chains.remove(chain),
        };
    }
}

/// Signs checkpoints as long as the server runs. Servers of one database need not agree who does: of two that sign the next
/// checkpoint of a chain, one stores it.
pub(super) async fn keep_checkpoints(app: &App) {
    let period = PERIOD.min(app.settings.checkpoint_after).max(Duration::from_millis(100));
    let mut ticks = interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = make_checkpoints(app).await {
            tracing::error!(%error, "the ledger got no checkpoint");
        }
    }
}

/// Makes the checkpoints that are due; tells how many. Where the ledger is not what was signed, it makes none and says so.
pub(crate) async fn make_checkpoints(app: &App) -> Result<usize, ApiError> {
    let now = app.now();
    let before = now.checked_sub(app.settings.checkpoint_after).unwrap_or(Timestamp::MIN);
    let mut tx = app.store.read().await?;
    let due = tx.open_ledger_heads(before, CHAINS).await?;
    if due.is_empty() {
        return Ok(0);
    }
    let seals = tx.ledger_seals().await?;
    let looked_at = app.ledger.look_at(&seals);
    *locked(&app.ledger.all) = looked_at.as_ref().err().cloned();
    if let Err(fault) = looked_at {
        tracing::error!(fault, "THE LEDGER WAS TAMPERED WITH: nothing is signed about it any more");
        return Ok(0);
    }
    let issuer = app.issuer.fresh(&mut tx).await?;
    let (mut signed, mut faults) = (Vec::new(), Vec::new());
    for head in &due {
        let seal = seals.chains.get(&head.chain);
        match follow(&mut tx, head, seal, now).await? {
            Ok(next) => {
                app.ledger.note(&head.chain, None);
                signed.extend(next.map(|checkpoint| (checkpoint, seal)));
            }
            Err(fault) => faults.push((&head.chain, fault)),
        }
    }
    drop(tx);
    for (chain, fault) in faults {
        tracing::error!(ledger.chain = %chain, fault,
            "THE LEDGER WAS TAMPERED WITH: nothing is signed about this chain any more");
        app.ledger.note(chain, Some(fault));
    }
    let mut count = 0;
    for (checkpoint, seal) in signed {
        match sign(app, &issuer, &checkpoint, seal).await {
            Ok(is_stored) => count += usize::from(is_stored),
            // One chain that takes no checkpoint must not keep the others from theirs.
            Err(error) => {
                tracing::error!(ledger.chain = %checkpoint.chain, %error, "a chain got no checkpoint");
            }
        }
    }
    Ok(count)
}

/// What may be signed about a chain: everything since the last checkpoint follows from what was signed then. `None` when nothing was
/// added.
///
/// Fails with what is wrong.
async fn follow(
    tx: &mut Tx,
    head: &LedgerHead,
    seal: Option<&LedgerSeal>,
    now: Timestamp,
) -> Result<Result<Option<LedgerCheckpoint>, String>, ApiError> {
    let chain = &head.chain;
    let start = match seal {
        None if head.checkpoint_sequence > 0 => {
            let covered = head.checkpoint_sequence;
            return Ok(Err(format!(
                "a checkpoint is said to cover entries up to {covered}, but none was signed"
            )));
        }
        None => (0, LedgerHash::genesis(chain)),
        Some(seal) => match is_where_it_was(tx, chain, seal).await? {
            true => (seal.sequence, seal.hash),
            false => {
                let place = seal.sequence;
                return Ok(Err(format!(
                    "entry {place}: it is missing, or not what was signed when it was the last"
                )));
            }
        },
    };
    if head.sequence < start.0 {
        return Ok(Err(format!("entries are said to end at {}, but {} was signed", head.sequence, start.0)));
    }
    let mut verifier = LedgerVerifier::behind(chain.clone(), start.0, start.1, []);
    let end = head.sequence.min(start.0.saturating_add(ENTRIES));
    let mut last = start;
    while last.0 < end {
        let page = tx.ledger_page(chain, last.0, PAGE.min(end - last.0)).await?;
        if page.is_empty() {
            return Ok(Err(format!("entry {}: it is missing", last.0 + 1)));
        }
        for record in &page {
            if let Err(fault) = verifier.check(record) {
                return Ok(Err(fault.to_string()));
            }
            // The verifier has read the hash already.
            last = (record.sequence, record.hash.parse().map_err(ApiError::internal)?);
        }
    }
    if last.0 == head.sequence && last.1 != head.hash {
        return Ok(Err(format!("entry {}: another hash is kept as that of the last entry", last.0)));
    }
    let checkpoint = LedgerCheckpoint { chain: chain.clone(), sequence: last.0, hash: last.1, time: now };
    Ok(Ok((last.0 > start.0).then_some(checkpoint)))
}

/// Tells whether the entry that was the last one when the chain was signed still stands at its place and says the same.
async fn is_where_it_was(tx: &mut Tx, chain: &LedgerChain, seal: &LedgerSeal) -> Result<bool, ApiError> {
    let found = tx.ledger_page(chain, seal.sequence.saturating_sub(2), 2).await?;
    let (before, entry) = match found.as_slice() {
        [entry] if seal.sequence == 1 => (Some(LedgerHash::genesis(chain)), entry),
        [entry, _] if seal.sequence == 1 => (Some(LedgerHash::genesis(chain)), entry),
        [before, entry] => (before.hash.parse().ok(), entry),
        _ => return Ok(false),
    };
    let follows = before.is_some_and(|before| before.after(&entry.entry) == seal.hash);
    Ok(follows && entry.sequence == seal.sequence && entry.hash == seal.hash.to_string())
}

/// Signs outside of any transaction: the key may be far away.
async fn sign(
    app: &App,
    issuer: &Issuer,
    checkpoint: &LedgerCheckpoint,
    before: Option<&LedgerSeal>,
) -> Result<bool, ApiError> {
    let previous =
        before.map(|seal| CheckpointLink { sequence: seal.sequence, sha256: seal.checkpoint.clone() });
    let signed = issuer.sign_checkpoint(checkpoint, previous).await?;
    let jwk = serde_json::to_string(&signed.key).map_err(ApiError::internal)?;
    let LedgerCheckpoint { chain, sequence, hash, time } = checkpoint;
    let new = NewCheckpoint {
        chain,
        sequence: *sequence,
        hash: *hash,
        time: *time,
        kid: signed.key.kid().as_str(),
        jwk: &jwk,
        jws: &signed.jws,
        digest: &checkpoint_digest(&signed.jws),
    };
    let mut tx = app.store.write().await?;
    if !tx.insert_checkpoint(&new, before).await? {
        return Ok(false);
    }
    // The chain of the site remembers the chains of organizations, so that none vanishes unseen.
    if let LedgerChain::Organization(_) = chain {
        tx.record(checkpoint_fact(checkpoint));
    }
    tx.commit().await?;
    *locked(&app.ledger.total) += 1;
    tracing::info!(ledger.chain = %chain, ledger.sequence = sequence, "the ledger got a checkpoint");
    Ok(true)
}
