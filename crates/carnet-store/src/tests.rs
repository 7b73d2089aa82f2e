//! What both engines promise.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::testing::{TestPostgres, TestStore, is_on_postgres};
use crate::wake_up::JOBS;
use crate::{MasterKey, Store, StoreError, Tx};

fn key() -> MasterKey {
    MasterKey::from_bytes([7; 32])
}

async fn store() -> (TestStore, Arc<Store>) {
    let test = TestStore::new().await;
    let store = test.open(key()).await.expect("a store");
    (test, Arc::new(store))
}

async fn number(tx: &mut Tx) -> u32 {
    tx.meta("number").await.expect("read").map_or(0, |text| text.parse().expect("a number"))
}

async fn set_number(tx: &mut Tx, number: u32) {
    tx.set_meta("number", Some(&number.to_string())).await.expect("written");
}

#[tokio::test]
async fn what_is_read_checked_and_written_is_one_step() {
    let (test, first) = store().await;
    // A second process, as far as the database can tell.
    let second = Arc::new(test.open(key()).await.expect("a store"));
    let mut tasks = Vec::new();
    for store in [first.clone(), second] {
        for _ in 0..4 {
            let store = Arc::clone(&store);
            tasks.push(tokio::spawn(async move {
                for _ in 0..5 {
                    let mut tx = store.write().await.expect("a transaction");
                    let found = number(&mut tx).await;
                    tokio::task::yield_now().await;
                    set_number(&mut tx, found + 1).await;
                    tx.commit().await.expect("committed");
                }
            }));
        }
    }
    for task in tasks {
        task.await.expect("no panic");
    }
    assert_eq!(number(&mut first.read().await.expect("a transaction")).await, 40);
}

#[tokio::test]
async fn a_reader_sees_one_moment_and_waits_for_nobody() {
    let (_test, store) = store().await;
    let mut before = store.read().await.expect("a transaction");
    assert_eq!(number(&mut before).await, 0);
    let mut writer = store.write().await.expect("a transaction");
    set_number(&mut writer, 1).await;
    let mut beside = store.read().await.expect("a transaction");
    assert_eq!(number(&mut beside).await, 0);
    writer.commit().await.expect("committed");
    assert_eq!(number(&mut before).await, 0);
    assert_eq!(number(&mut beside).await, 0);
    assert_eq!(number(&mut store.read().await.expect("a transaction")).await, 1);
    assert!(before.set_meta("number", Some("2")).await.is_err(), "a reader cannot write");
}

#[tokio::test]
async fn nothing_is_saved_without_a_commit() {
    let (_test, store) = store().await;
    let mut tx = store.write().await.expect("a transaction");
    set_number(&mut tx, 1).await;
    drop(tx);
    assert_eq!(number(&mut store.write().await.expect("a transaction")).await, 0);
}

#[tokio::test]
async fn writers_of_other_jobs_go_on_and_a_wide_writer_waits_for_them() {
    let (_test, store) = store().await;
    let [one, other] = [[1; 16], [2; 16]].map(carnet_model::JobId::from_entropy);
    let mut first = store.write_to_job(&one).await.expect("a transaction");
    if is_on_postgres() {
        let second = store.write_to_job(&other).await.expect("a transaction beside the first");
        second.commit().await.expect("committed");
    }
    set_number(&mut first, 1).await;
    let wide = tokio::spawn({
        let store = Arc::clone(&store);
        async move { number(&mut store.write().await.expect("a transaction")).await }
    });
    tokio::task::yield_now().await;
    first.commit().await.expect("committed");
    assert_eq!(wide.await.expect("no panic"), 1);
}

#[tokio::test]
async fn a_second_row_of_one_key_is_a_conflict() {
    let (_test, store) = store().await;
    let mut tx = store.write().await.expect("a transaction");
    let twice = "INSERT INTO meta (key, value) VALUES ($1, $2)";
    tx.execute(twice, &["key".into(), "value".into()]).await.expect("stored");
    let refused = tx.execute(twice, &["key".into(), "value".into()]).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    drop(tx);
    let mut tx = store.write().await.expect("a transaction");
    let orphan = "INSERT INTO blob_frames (content_id, place, sealed) VALUES ($1, $2, $3)";
    let refused = tx.execute(orphan, &["nobody".into(), 0_i64.into(), "".into()]).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
}

#[tokio::test]
async fn texts_are_in_the_order_of_their_bytes() {
    let (_test, store) = store().await;
    let mut tx = store.write().await.expect("a transaction");
    for key in ["order b", "order B", "order _", "order ä", "order a"] {
        tx.set_meta(key, Some("")).await.expect("stored");
    }
    let rows = tx.all("SELECT key FROM meta WHERE key LIKE 'order %' ORDER BY key", &[]).await.expect("read");
    let found: Vec<_> = rows.iter().map(|row| row.text("key").expect("a text")).collect();
    assert_eq!(found, ["order B", "order _", "order a", "order b", "order ä"]);
}

#[tokio::test]
async fn a_text_that_postgres_cannot_store_is_refused_everywhere() {
    let (_test, store) = store().await;
    let mut tx = store.write().await.expect("a transaction");
    let refused = tx.set_meta("key", Some("a\0b")).await;
    assert!(matches!(refused, Err(StoreError::Unstorable)), "{refused:?}");
}

#[tokio::test]
async fn another_master_key_is_turned_away() {
    let (test, _store) = store().await;
    let refused = test.open(MasterKey::from_bytes([8; 32])).await;
    assert!(matches!(refused, Err(StoreError::OtherMasterKey)), "{refused:?}");
    test.open(key()).await.expect("the right key opens");
}

#[tokio::test]
async fn two_processes_may_start_at_once() {
    let test = TestStore::empty().await;
    let (first, second, third) = tokio::join!(test.open(key()), test.open(key()), test.open(key()));
    let (first, second, _third) =
        (first.expect("a store"), second.expect("a store"), third.expect("a store"));
    let mut tx = first.write().await.expect("a transaction");
    set_number(&mut tx, 1).await;
    tx.commit().await.expect("committed");
    assert_eq!(number(&mut second.read().await.expect("a transaction")).await, 1);
}

async fn announce_job(store: &Store) {
    let mut tx = store.write().await.expect("a transaction");
    tx.notify(JOBS).await.expect("said");
    tx.commit().await.expect("committed");
}

#[tokio::test]
async fn a_process_hears_what_another_commits() {
    let (test, store) = store().await;
    let Some(mut wake_ups) = store.wake_ups() else {
        assert!(!is_on_postgres());
        return;
    };
    wake_ups.next().await.expect("it listens");
    let other = test.open(key()).await.expect("a store");
    announce_job(&other).await;
    wake_ups.next().await.expect("woken");
    test.break_connections().await;
    // It may have missed something: it wakes when it has connected again.
    let mut connected = wake_ups.next().await;
    while let Err(StoreError::Busy(_) | StoreError::Database(_)) = connected {
        connected = wake_ups.next().await;
    }
    connected.expect("connected again");
    announce_job(&other).await;
    wake_ups.next().await.expect("woken again");
}

/// A way to the Postgres server of tests that can be cut: then its port refuses, and what was open hears nothing more.
struct Way {
    url: crate::PostgresUrl,
    carrying: tokio::task::JoinHandle<()>,
}

impl Way {
    async fn to(postgres: &TestPostgres) -> Self {
        let address = postgres.address();
        let (user, place) = address.split_once('@').expect("a user");
        let (server, name) = place.split_once('/').expect("a name");
        let (server, listener) = (server.to_owned(), TcpListener::bind("127.0.0.1:0").await.expect("a port"));
        let url = format!("{user}@{}/{name}", listener.local_addr().expect("an address"));
        let carrying = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                let mut far = TcpStream::connect(&server).await.expect("the server of tests answers");
                connections.spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
            }
        });
        Self { url: url.parse().expect("an address"), carrying }
    }
}

#[tokio::test]
async fn a_database_that_is_away_is_not_waited_for() {
    let Some(postgres) = TestPostgres::for_test().await else {
        assert!(!is_on_postgres());
        return;
    };
    let way = Way::to(&postgres).await;
    let store = Arc::new(Store::connect(&way.url, key()).await.expect("a store"));
    drop(store.read().await.expect("a transaction"));
    drop(store.write().await.expect("a transaction"));
    way.carrying.abort();
    let began = tokio::time::Instant::now();
    let asked = (0..20).map(|number| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { if number % 2 == 0 { store.read().await } else { store.write().await } })
    });
    for answer in asked.collect::<Vec<_>>() {
        let answer = answer.await.expect("an answer");
        assert!(matches!(answer, Err(StoreError::Busy(_))), "{answer:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_database_that_is_only_slow_is_waited_for() {
    let (_test, store) = store().await;
    let first = store.write().await.expect("a transaction");
    let other = Arc::clone(&store);
    let mut waiting = tokio::spawn(async move { other.write().await.map(drop) });
    // Longer than anybody waits without asking whether the database answers.
    tokio::time::timeout(Duration::from_secs(4), &mut waiting).await.expect_err("it waits");
    drop(first);
    waiting.await.expect("an answer").expect("a transaction");
}
