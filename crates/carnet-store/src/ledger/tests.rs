use std::sync::Arc;

use carnet_model::{FactName, JobId, LedgerKind, LedgerVerifier, OrgId};

use super::*;
use crate::testing::TestStore;
use crate::{MasterKey, Store};

fn key() -> MasterKey {
    MasterKey::from_bytes([7; 32])
}

fn organization() -> OrgId {
    OrgId::from_entropy([3; 16])
}

fn chain() -> LedgerChain {
    LedgerChain::Organization(organization())
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

fn fact(jti: &str, second: i64) -> LedgerFact {
    LedgerFact::of(&organization(), LedgerKind::Mint, at(second)).with(FactName::Jti, jti)
}

async fn append(store: &Store, facts: impl IntoIterator<Item = LedgerFact>) {
    let mut tx = store.write().await.expect("a transaction");
    for fact in facts {
        tx.record(fact);
    }
    tx.commit().await.expect("committed");
}

/// The number of entries of a chain, all of which verify.
async fn verified(store: &Store, chain: &LedgerChain) -> u64 {
    let mut tx = store.read().await.expect("a transaction");
    let mut verifier = LedgerVerifier::new(chain.clone(), []);
    for record in tx.ledger_page(chain, 0, 10_000).await.expect("read") {
        verifier.check(&record).expect("verified");
    }
    let summary = verifier.finish().expect("verified");
    let head = tx.ledger_head(chain).await.expect("read").expect("a head");
    assert_eq!((head.sequence, head.hash), (summary.entries, summary.hash));
    summary.entries
}

#[tokio::test]
async fn a_chain_grows_by_what_is_committed_and_by_nothing_else() {
    let test = TestStore::new().await;
    let store = test.open(key()).await.expect("a store");
    append(&store, [fact("a", 5)]).await;
    let mut given_up = store.write().await.expect("a transaction");
    given_up.record(fact("never", 6));
    drop(given_up);
    append(&store, [fact("b", 7), LedgerFact::of_site(LedgerKind::Key, at(7)), fact("c", 8)]).await;
    assert_eq!(verified(&store, &chain()).await, 3);
    assert_eq!(verified(&store, &LedgerChain::Site).await, 1);
    let mut tx = store.read().await.expect("a transaction");
    assert_eq!(tx.ledger_sequence_since(&chain(), at(6)).await.expect("read"), Some(2));
    assert_eq!(tx.ledger_sequence_since(&chain(), at(9)).await.expect("read"), None);
    let page = tx.ledger_page(&chain(), 1, 1).await.expect("read");
    assert_eq!(page.iter().map(|record| record.sequence).collect::<Vec<_>>(), [2]);
    let heads = tx.ledger_heads("", 10).await.expect("read");
    assert_eq!(heads.iter().map(|head| head.sequence).collect::<Vec<_>>(), [3, 1]);
    assert_eq!(tx.ledger_heads(&chain().to_string(), 10).await.expect("read").len(), 1);
}

#[tokio::test]
async fn servers_that_append_at_once_make_one_chain() {
    let test = TestStore::new().await;
    let first = Arc::new(test.open(key()).await.expect("a store"));
    let second = Arc::new(test.open(key()).await.expect("a store"));
    let mut tasks = Vec::new();
    for (place, store) in [&first, &second, &first, &second].into_iter().enumerate() {
        let store = Arc::clone(store);
        tasks.push(tokio::spawn(async move {
            let job = JobId::from_entropy([u8::try_from(place).expect("small"); 16]);
            for round in 0..12 {
                let mut tx = match round % 3 {
                    0 => store.write().await.expect("a transaction"),
                    _ => store.write_to_job(&job).await.expect("a transaction"),
                };
                tx.record(fact(&format!("{place}-{round}"), round));
                if round % 4 == 0 {
                    tx.record(LedgerFact::of_site(LedgerKind::Key, at(round)));
                }
                tokio::task::yield_now().await;
                tx.commit().await.expect("committed");
            }
        }));
    }
    for task in tasks {
        task.await.expect("no panic");
    }
    assert_eq!(verified(&first, &chain()).await, 48);
    assert_eq!(verified(&second, &LedgerChain::Site).await, 12);
}

fn checkpoint(head: &LedgerHead) -> NewCheckpoint<'_> {
    NewCheckpoint {
        chain: &head.chain,
        sequence: head.sequence,
        hash: head.hash,
        time: at(100),
        kid: "k",
        jwk: "{}",
        jws: "a.b.c",
    }
}

#[tokio::test]
async fn chains_that_grew_are_due_and_those_with_a_checkpoint_are_not() {
    let test = TestStore::new().await;
    let store = test.open(key()).await.expect("a store");
    append(&store, [fact("a", 50), fact("b", 51)]).await;
    let due = async |before: i64| {
        store.read().await.expect("a transaction").open_ledger_heads(at(before), 10).await.expect("read")
    };
    assert_eq!(due(49).await, []);
    let heads = due(50).await;
    assert_eq!(heads.iter().map(|head| head.sequence).collect::<Vec<_>>(), [2]);
    append(&store, [fact("c", 60)]).await;
    for _ in 0..2 {
        // A second server that does the same harms nobody.
        let mut tx = store.write().await.expect("a transaction");
        tx.insert_checkpoint(&checkpoint(&heads[0])).await.expect("stored");
        tx.commit().await.expect("committed");
    }
    assert_eq!(due(99).await, [], "what grew meanwhile waits from the checkpoint on");
    let mut tx = store.read().await.expect("a transaction");
    let head = tx.ledger_head(&chain()).await.expect("read").expect("a head");
    assert_eq!((head.sequence, head.checkpoint_sequence), (3, 2));
    let found = tx.ledger_checkpoints(&chain(), 0, 10).await.expect("read");
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].sequence, found[0].jwk.as_str()), (2, "{}"));
    drop(tx);
    append(&store, (0..ENTRIES_PER_CHECKPOINT).map(|_| fact("many", 70))).await;
    assert_eq!(due(0).await.len(), 1, "many entries wait for no time to pass");
}

#[tokio::test]
async fn the_database_refuses_to_change_the_ledger() {
    let test = TestStore::new().await;
    let store = test.open(key()).await.expect("a store");
    append(&store, [fact("a", 1)]).await;
    let head = store.read().await.expect("a transaction").ledger_head(&chain()).await.expect("read");
    let mut tx = store.write().await.expect("a transaction");
    tx.insert_checkpoint(&checkpoint(&head.expect("a head"))).await.expect("stored");
    tx.commit().await.expect("committed");
    for statement in [
        "UPDATE ledger_entries SET hash = '' WHERE chain = $1 AND sequence = 1",
        "DELETE FROM ledger_entries WHERE chain = $1 AND sequence = 1",
        "UPDATE ledger_checkpoints SET hash = '' WHERE chain = $1 AND sequence = 1",
        "DELETE FROM ledger_checkpoints WHERE chain = $1 AND sequence = 1",
        "UPDATE ledger_keys SET jwk = '' WHERE kid = 'k' AND kid <> $1",
        "DELETE FROM ledger_keys WHERE kid = 'k' AND kid <> $1",
    ] {
        let mut tx = store.write().await.expect("a transaction");
        assert!(tx.execute(statement, &[(&chain()).into()]).await.is_err(), "{statement}");
    }
    assert_eq!(verified(&store, &chain()).await, 1);
}
