use std::sync::Arc;

use carnet_model::{FactName, JobId, LedgerKind, LedgerVerifier, OrgId};

use super::*;
use crate::testing::{TestStore, rewrite_chain, tamper};
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
        digest: "d",
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
    for is_first in [true, false] {
        // A second server that does the same harms nobody.
        let mut tx = store.write().await.expect("a transaction");
        assert_eq!(tx.insert_checkpoint(&checkpoint(&heads[0]), None).await.expect("stored"), is_first);
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
    tx.insert_checkpoint(&checkpoint(&head.expect("a head")), None).await.expect("stored");
    tx.commit().await.expect("committed");
    for statement in [
        "UPDATE ledger_entries SET hash = '' WHERE chain = $1 AND sequence = 1",
        "DELETE FROM ledger_entries WHERE chain = $1 AND sequence = 1",
        "UPDATE ledger_checkpoints SET hash = '' WHERE chain = $1 AND sequence = 1",
        "DELETE FROM ledger_checkpoints WHERE chain = $1 AND sequence = 1",
        "UPDATE ledger_keys SET jwk = '' WHERE kid = 'k' AND kid <> $1",
        "DELETE FROM ledger_keys WHERE kid = 'k' AND kid <> $1",
        "DELETE FROM ledger_heads WHERE chain = $1",
        "UPDATE ledger_heads SET sequence = 0 WHERE chain = $1",
        "UPDATE ledger_heads SET checkpoint_sequence = 0 WHERE chain = $1",
        "DELETE FROM ledger_seals WHERE chain = $1",
    ] {
        let mut tx = store.write().await.expect("a transaction");
        assert!(tx.execute(statement, &[(&chain()).into()]).await.is_err(), "{statement}");
    }
    assert_eq!(verified(&store, &chain()).await, 1);
}

#[tokio::test]
async fn nothing_of_the_ledger_is_replaced() {
    let test = TestStore::new().await;
    let store = test.open(key()).await.expect("a store");
    append(&store, [fact("a", 1)]).await;
    let mut tx = store.write().await.expect("a transaction");
    if tx.engine() == crate::db::Engine::Postgres {
        // It has no such statement.
        return;
    }
    let statement = "INSERT OR REPLACE INTO ledger_entries (chain, sequence, recorded_at, entry, hash) VALUES ($1, 1, 2, '', '')";
    assert!(tx.execute(statement, &[(&chain()).into()]).await.is_err());
    drop(tx);
    assert_eq!(verified(&store, &chain()).await, 1);
}

/// The places of the entries that a range finds, page by page.
async fn places(store: &Store, since: Option<i64>, until: Option<i64>) -> Vec<u64> {
    let range = LedgerRange { since: since.map(at), until: until.map(at) };
    let (mut found, mut after) = (Vec::new(), Some(0));
    while let Some(place) = after {
        let mut tx = store.read().await.expect("a transaction");
        let page = tx.ledger_range_page(&chain(), (place, 2), range).await.expect("read");
        let before = page.records.first().map(|record| record.sequence - 1);
        if let Some(before) = before.filter(|before| *before > 0) {
            let stands = tx.ledger_page(&chain(), before - 1, 1).await.expect("read");
            assert_eq!(page.previous, Some(stands[0].hash.clone()));
        }
        found.extend(page.records.iter().map(|record| record.sequence));
        after = page.next;
    }
    found
}

#[tokio::test]
async fn a_clock_that_was_wrong_for_a_moment_hides_nothing_from_a_range() {
    let test = TestStore::new().await;
    let store = test.open(key()).await.expect("a store");
    let times = [10, 20, 9_000, 30, 40, 5, 50];
    append(&store, times.map(|second| fact("a", second))).await;
    assert_eq!(places(&store, None, None).await, [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(places(&store, None, Some(45)).await, [1, 2, 3, 4, 5, 6]);
    assert_eq!(places(&store, None, Some(5)).await, Vec::<u64>::new());
    assert_eq!(places(&store, Some(30), None).await, [3, 4, 5, 6, 7]);
    assert_eq!(places(&store, Some(50), Some(60)).await, [3, 4, 5, 6, 7]);
    assert_eq!(places(&store, Some(9_001), None).await, Vec::<u64>::new());
}

#[tokio::test]
async fn a_chain_without_its_head_takes_nothing_and_says_why() {
    let test = TestStore::new().await;
    let store = test.open(key()).await.expect("a store");
    append(&store, [fact("a", 1)]).await;
    tamper(&store, "DELETE FROM ledger_heads").await.expect("done");
    let mut tx = store.write().await.expect("a transaction");
    tx.record(fact("b", 2));
    let refused = tx.commit().await.expect_err("refused");
    assert!(matches!(&refused, StoreError::Ledger { sequence: 1, .. }), "{refused:?}");
    let mut tx = store.read().await.expect("a transaction");
    assert_eq!(tx.ledger_chain_after("").await.expect("read"), Some(chain().to_string()));
}

#[tokio::test]
async fn a_time_that_was_changed_beside_an_entry_is_found() {
    let test = TestStore::new().await;
    let store = test.open(key()).await.expect("a store");
    append(&store, [fact("a", 1), fact("b", 2)]).await;
    tamper(&store, "UPDATE ledger_entries SET recorded_at = 7 WHERE sequence = 2").await.expect("done");
    let mut tx = store.read().await.expect("a transaction");
    let mut verifier = LedgerVerifier::new(chain(), []);
    let found = tx.ledger_page(&chain(), 0, 10).await.expect("read");
    verifier.check(&found[0]).expect("verified");
    let fault = verifier.check(&found[1]).expect_err("found");
    assert!(matches!(fault.problem, carnet_model::LedgerProblem::OtherTime { .. }), "{fault:?}");
}

/// Signs the end of a chain, as far as the store is concerned.
async fn signed(store: &Store, chain: &LedgerChain) {
    let mut tx = store.write().await.expect("a transaction");
    let head = tx.ledger_head(chain).await.expect("read").expect("a head");
    let seal = tx.ledger_seal(chain).await.expect("read");
    assert!(tx.insert_checkpoint(&checkpoint(&head), seal.as_ref()).await.expect("stored"));
    tx.commit().await.expect("committed");
}

async fn seals(store: &Store) -> LedgerSeals {
    store.read().await.expect("a transaction").ledger_seals().await.expect("read")
}

#[tokio::test]
async fn seals_that_are_gone_moved_or_older_are_noticed() {
    let test = TestStore::new().await;
    let store = test.open(key()).await.expect("a store");
    let (one, other) = (chain(), LedgerChain::Site);
    append(&store, [fact("a", 1), LedgerFact::of_site(LedgerKind::Key, at(1))]).await;
    assert_eq!(seals(&store).await.check(), Ok(()));
    signed(&store, &one).await;
    tamper(&store, "CREATE TABLE old_seals AS SELECT * FROM ledger_seals").await.expect("done");
    append(&store, [fact("b", 2)]).await;
    signed(&store, &one).await;
    signed(&store, &other).await;
    let whole = seals(&store).await;
    assert_eq!(whole.check(), Ok(()));
    assert_eq!((whole.total, whole.chains[&one].number, whole.chains[&one].sequence), (Some(3), 2, 2));
    let kept = "CREATE TABLE now_seals AS SELECT * FROM ledger_seals; \
                CREATE TABLE now_meta AS SELECT * FROM meta WHERE key = 'ledger-seal'";
    tamper(&store, kept).await.expect("done");
    let older = "UPDATE ledger_seals SET sealed = (SELECT sealed FROM old_seals) WHERE chain <> 'site'";
    let moved = "UPDATE ledger_seals SET sealed = (SELECT sealed FROM now_seals WHERE chain <> 'site')";
    for (sql, expected) in [
        (older, SealFault::Total { total: 3, found: 2 }),
        ("DELETE FROM ledger_seals WHERE chain <> 'site'", SealFault::Total { total: 3, found: 1 }),
        ("DELETE FROM ledger_seals", SealFault::Total { total: 3, found: 0 }),
        (moved, SealFault::Forged("site".to_owned())),
        ("DELETE FROM meta WHERE key = 'ledger-seal'", SealFault::NoTotal),
        ("DELETE FROM ledger_seals; DELETE FROM meta WHERE key = 'ledger-seal'", SealFault::NoTotal),
    ] {
        tamper(&store, sql).await.expect("done");
        assert_eq!(seals(&store).await.check(), Err(expected), "{sql}");
        // Nobody gets a new one by opening the database again.
        let again = test.open(key()).await.expect("a store");
        assert!(seals(&again).await.check().is_err(), "{sql}");
        let back = "DELETE FROM ledger_seals; INSERT INTO ledger_seals SELECT * FROM now_seals; \
                    DELETE FROM meta WHERE key = 'ledger-seal'; INSERT INTO meta SELECT * FROM now_meta";
        tamper(&store, back).await.expect("done");
        assert_eq!(seals(&store).await.check(), Ok(()));
    }
}

#[tokio::test]
async fn a_chain_that_was_written_anew_verifies_by_itself() {
    let test = TestStore::new().await;
    let store = test.open(key()).await.expect("a store");
    append(&store, [fact("a", 1), fact("b", 2), fact("c", 3)]).await;
    rewrite_chain(&store, &chain(), |entries| drop(entries.remove(1))).await.expect("done");
    // That is why hashes alone prove nothing against whoever has the database.
    assert_eq!(verified(&store, &chain()).await, 2);
}
