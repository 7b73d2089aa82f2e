//! What somebody can do to the ledger who can write to the database.

use carnet_model::{LedgerChain, LedgerEntry, LedgerHash};

use crate::Store;
use crate::db::{Engine, StoreError};

const TABLES: [&str; 5] =
    ["ledger_entries", "ledger_heads", "ledger_checkpoints", "ledger_keys", "ledger_seals"];

/// The triggers of SQLite, which knows no other way to keep them from firing.
const SQLITE_TRIGGERS: [&str; 12] = [
    "ledger_entries_do_not_change",
    "ledger_entries_do_not_go",
    "ledger_entries_are_not_replaced",
    "ledger_checkpoints_do_not_change",
    "ledger_checkpoints_do_not_go",
    "ledger_checkpoints_are_not_replaced",
    "ledger_keys_do_not_change",
    "ledger_keys_do_not_go",
    "ledger_keys_are_not_replaced",
    "ledger_heads_do_not_go",
    "ledger_heads_do_not_go_back",
    "ledger_seals_do_not_go",
];

/// Runs SQL on the ledger without the triggers that guard it.
pub async fn tamper(store: &Store, sql: &str) -> Result<(), StoreError> {
    let mut tx = store.write().await?;
    let statements: Vec<String> = match tx.engine() {
        Engine::Sqlite => {
            SQLITE_TRIGGERS.iter().map(|name| format!("DROP TRIGGER IF EXISTS {name};")).collect()
        }
        Engine::Postgres => {
            TABLES.iter().map(|table| format!("ALTER TABLE {table} DISABLE TRIGGER USER;")).collect()
        }
    };
    tx.raw(statements.concat()).await?;
    tx.raw(sql.to_owned()).await?;
    tx.commit().await
}

/// Writes a chain anew, hashes and all, and takes its checkpoints away.
pub async fn rewrite_chain(
    store: &Store,
    chain: &LedgerChain,
    change: impl FnOnce(&mut Vec<LedgerEntry>),
) -> Result<(), StoreError> {
    let found = store.read().await?.ledger_page(chain, 0, 1 << 40).await?;
    let mut entries: Vec<LedgerEntry> =
        found.iter().filter_map(|record| LedgerEntry::parse(&record.entry).ok()).collect();
    change(&mut entries);
    let mut sql = ["ledger_entries", "ledger_checkpoints"]
        .map(|table| format!("DELETE FROM {table} WHERE chain = '{chain}';"))
        .concat();
    let (mut hash, mut last) = (LedgerHash::genesis(chain), 0);
    for (sequence, entry) in (1_u64..).zip(entries) {
        let text = LedgerEntry { sequence, ..entry }.canonical();
        (hash, last) = (hash.after(&text), sequence);
        sql.push_str(&format!(
            "INSERT INTO ledger_entries (chain, sequence, recorded_at, entry, hash) VALUES ('{chain}', {sequence}, {}, '{}', '{hash}');",
            entry.time.as_millisecond(),
            text.replace('\'', "''"),
        ));
    }
    sql.push_str(&format!(
        "UPDATE ledger_heads SET sequence = {last}, hash = '{hash}', checkpoint_sequence = 0, open_since = 0 WHERE chain = '{chain}';"
    ));
    tamper(store, &sql).await
}
