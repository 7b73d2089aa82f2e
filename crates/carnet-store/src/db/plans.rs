//! How the engine finds what a statement asks for: tests fail on a statement that reads a whole table.
//!
//! Every distinct statement that a test executes is explained on the connection that executes it, beside its own binds. SQLite
//! says what it scans. Postgres is asked with sequential scans made dear, so that one that remains has no index to use.

use std::collections::BTreeSet;
use std::sync::{LazyLock, Mutex, PoisonError};

use sqlx::{AssertSqlSafe, Row as _};

use super::{Bind, Inner, StoreError, bound};

/// The statements that this process has looked at.
static SEEN: LazyLock<Mutex<BTreeSet<&'static str>>> = LazyLock::new(Mutex::default);

/// Tables that hold a handful of rows however large a site is, and why.
const SMALL: [(&str, &str); 3] = [
    ("schema_migrations", "one row for each migration"),
    ("meta", "one row for each setting of the site"),
    ("organization_issuers", "one row for each organization that was given an issuer of its own: a handful"),
];

/// Statements that may read all of a table: a part of their text, the table, and why.
const WHOLE: [(&str, &str, &str); 7] = [
    ("SELECT id FROM users LIMIT 1", "users", "reads one row: whether there is any"),
    ("FROM users u WHERE", "users", "the list of all people, for administrators of the site"),
    ("u.username) LIKE", "users", "looks for a part of a name; asked only when a request filters by it"),
    (
        "FROM organizations o WHERE",
        "organizations",
        "the list of all organizations, for administrators of the site",
    ),
    (
        "lower(name) = lower($1) ORDER BY name LIMIT 3",
        "organizations",
        "names like that of a new organization",
    ),
    (
        "FROM effective_workspace_tags e",
        "workspace_tags",
        "asked only when a request filters by a tag with a value",
    ),
    ("FROM effective_workspace_tags e", "projects", "project_tags, which has the same alias p in that view"),
];

fn is_new(sql: &'static str) -> bool {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner).insert(sql)
}

fn is_explained(sql: &str) -> bool {
    let start = sql.trim_start();
    ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].iter().any(|verb| start.starts_with(verb))
        && !start.contains("pg_")
}

/// The table of a name that stands in the statement, be it its own or an alias; `None` for a subquery.
fn table_of(sql: &str, name: &str) -> Option<String> {
    // A parenthesis stays a word: what follows it is no alias of what stands before it.
    let text = sql.replace(['(', ','], " ").replace(')', " ) ");
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut places =
        words.iter().enumerate().filter(|(_, word)| ["FROM", "JOIN", "UPDATE", "INTO"].contains(word));
    places.find_map(|(place, _)| {
        let table = words.get(place + 1)?;
        let is_table = table.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        (is_table && (*table == name || words.get(place + 2) == Some(&name))).then(|| (*table).to_owned())
    })
}

fn is_allowed(sql: &str, table: &str) -> bool {
    SMALL.iter().any(|(small, _)| *small == table)
        || WHOLE.iter().any(|(part, whole, _)| *whole == table && sql.contains(part))
}

/// The tables that the lines of a plan read as a whole.
fn whole_tables<'a>(sql: &str, plan: impl Iterator<Item = &'a str>, scan: &str) -> Vec<String> {
    plan.filter_map(|line| {
        let rest = line.trim_start_matches([' ', '-', '>']).strip_prefix(scan)?;
        table_of(sql, rest.split_whitespace().next()?)
    })
    .filter(|table| !is_allowed(sql, table))
    .collect()
}

/// Panics when the statement has to read a whole table that may be large.
pub(super) async fn check(inner: &mut Inner, sql: &'static str, binds: &[Bind]) -> Result<(), StoreError> {
    if !is_explained(sql) || !is_new(sql) {
        return Ok(());
    }
    let (lines, scan) = match inner {
        Inner::Sqlite(tx) => {
            let text = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
            let rows = bound(sqlx::query(text), binds)?.fetch_all(&mut **tx).await?;
            let lines = rows.iter().map(|row| row.try_get::<String, _>("detail"));
            (lines.collect::<Result<Vec<_>, _>>()?, "SCAN ")
        }
        Inner::Postgres(tx) => {
            sqlx::query("SET LOCAL enable_seqscan = off").execute(&mut **tx).await?;
            let text = AssertSqlSafe(format!("EXPLAIN {sql}"));
            let rows = bound(sqlx::query(text), binds)?.fetch_all(&mut **tx).await?;
            sqlx::query("SET LOCAL enable_seqscan = on").execute(&mut **tx).await?;
            let lines = rows.iter().map(|row| row.try_get::<String, _>(0));
            (lines.collect::<Result<Vec<_>, _>>()?, "Seq Scan on ")
        }
    };
    let whole = whole_tables(sql, lines.iter().map(String::as_str), scan);
    assert!(
        whole.is_empty(),
        "a statement reads all of {}; it needs an index, or db/plans.rs the reason why not\n{sql}\n{}",
        whole.join(", "),
        lines.join("\n")
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_plan_is_a_table_or_the_alias_of_one() {
        let sql = "SELECT r.id FROM (SELECT id FROM runs r WHERE id IN (SELECT id FROM jobs)) page JOIN users u ON TRUE";
        for (name, table) in
            [("r", Some("runs")), ("jobs", Some("jobs")), ("u", Some("users")), ("page", None)]
        {
            assert_eq!(table_of(sql, name).as_deref(), table, "{name}");
        }
    }

    #[test]
    fn a_scan_of_a_large_table_is_found_on_both_engines() {
        let sql = "SELECT id FROM runs r JOIN meta ON TRUE";
        let sqlite = ["SCAN r USING COVERING INDEX runs_page", "SCAN meta", "SEARCH r USING INDEX x (id=?)"];
        assert_eq!(whole_tables(sql, sqlite.into_iter(), "SCAN "), ["runs"]);
        let postgres = ["Nested Loop  (cost=0.1)", "  ->  Seq Scan on runs r  (cost=0.1)"];
        assert_eq!(whole_tables(sql, postgres.into_iter(), "Seq Scan on "), ["runs"]);
    }

    #[tokio::test]
    async fn a_statement_without_an_index_fails_its_test() {
        let place = crate::testing::TestStore::new().await;
        let store = place.open(crate::MasterKey::generate().expect("a key")).await.expect("a store");
        let mut tx = store.read().await.expect("a transaction");
        let reading =
            tokio::spawn(
                async move { tx.all("SELECT id FROM runs WHERE message = 'x'", &[]).await.map(drop) },
            );
        assert!(reading.await.is_err_and(|error| error.is_panic()));
    }
}
