//! Signs what is known about chains of the ledger that have grown.

use std::time::Duration;

use carnet_model::{LedgerCheckpoint, Timestamp};
use carnet_store::{LedgerHead, NewCheckpoint};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::app::App;
use crate::error::ApiError;

/// How often chains are looked at, at most.
const PERIOD: Duration = Duration::from_secs(10);

/// How many chains get a checkpoint at a time.
const CHAINS: u64 = 100;

/// Signs checkpoints as long as the server runs. Servers of one database need not agree who does: a checkpoint that is there
/// already stays, and two that cover different entries are both true.
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

/// Makes the checkpoints that are due; tells how many.
pub(crate) async fn make_checkpoints(app: &App) -> Result<usize, ApiError> {
    let now = app.now();
    let before = now.checked_sub(app.settings.checkpoint_after).unwrap_or(Timestamp::MIN);
    let mut tx = app.store.read().await?;
    let due = tx.open_ledger_heads(before, CHAINS).await?;
    if due.is_empty() {
        return Ok(0);
    }
    let issuer = app.issuer.fresh(&mut tx).await?;
    drop(tx);
    for head in &due {
        let LedgerHead { chain, sequence, hash, .. } = head.clone();
        let signed = issuer.sign_checkpoint(&LedgerCheckpoint { chain, sequence, hash, time: now }).await?;
        let jwk = serde_json::to_string(&signed.key).map_err(ApiError::internal)?;
        let new = NewCheckpoint {
            chain: &head.chain,
            sequence: head.sequence,
            hash: head.hash,
            time: now,
            kid: signed.key.kid().as_str(),
            jwk: &jwk,
            jws: &signed.jws,
        };
        let mut tx = app.store.write().await?;
        tx.insert_checkpoint(&new).await?;
        tx.commit().await?;
        tracing::info!(ledger.chain = %head.chain, ledger.sequence = head.sequence, "the ledger got a checkpoint");
    }
    Ok(due.len())
}
