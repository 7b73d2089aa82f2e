//! Stores for tests: each test has one of its own, on the engine that the environment names.
//!
//! `CARNET_TEST_DATABASE` is `sqlite` (the default) or `postgres`; for Postgres, `CARNET_TEST_POSTGRES` is the address of a
//! database of a server in which tests may make and drop databases. `tools/postgres.py COMMAND` starts such a server for the time
//! of a command and sets both.

pub mod scale;
mod tamper;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use tempfile::TempDir;

use crate::db::{PostgresDatabase, PostgresUrl};
use crate::migrations::MIGRATIONS;
use crate::{MasterKey, Store};

pub use self::tamper::{rewrite_chain, tamper};

/// The variable that names the engine.
pub const ENGINE: &str = "CARNET_TEST_DATABASE";

/// The variable with the address of the Postgres server of tests.
pub const POSTGRES: &str = "CARNET_TEST_POSTGRES";

/// The lock of whoever makes the template: "template" in ASCII.
const TEMPLATE_LOCK: i64 = 0x7465_6d70_6c61_7465;

#[expect(clippy::disallowed_methods, reason = "tests are told by their environment where they run")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Tells whether the tests run on Postgres.
pub fn is_on_postgres() -> bool {
    match variable(ENGINE).as_deref() {
        None | Some("sqlite") => false,
        Some("postgres") => true,
        Some(other) => panic!("{ENGINE} is sqlite or postgres, not {other}"),
    }
}

/// The error of a database that is busy.
pub fn busy() -> crate::StoreError {
    sqlx::Error::PoolTimedOut.into()
}

/// A place for one store, which goes with this value.
#[derive(Debug)]
pub struct TestStore {
    folder: TempDir,
    postgres: Option<TestPostgres>,
}

impl TestStore {
    /// A place without data. On Postgres, the tables are there already.
    pub async fn new() -> Self {
        Self::with(TestPostgres::migrated).await
    }

    /// A place where nothing is.
    pub async fn empty() -> Self {
        Self::with(TestPostgres::empty).await
    }

    async fn with(make: impl AsyncFnOnce(&str) -> TestPostgres) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let postgres = match is_on_postgres() {
            false => None,
            true => {
                let server = variable(POSTGRES).unwrap_or_else(|| {
                    panic!("{POSTGRES} is not set: run the tests through tools/postgres.py")
                });
                Some(make(&server).await)
            }
        };
        Self { folder, postgres }
    }

    /// Opens the store, as a process would.
    pub async fn open(&self, master: MasterKey) -> Result<Store, crate::StoreError> {
        match &self.postgres {
            None => Store::open(self.folder.path(), master).await,
            Some(postgres) => Store::connect(&postgres.url(), master).await,
        }
    }

    /// The data directory.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Breaks all connections to the database, as a restart of its server would.
    pub async fn break_connections(&self) {
        if let Some(postgres) = &self.postgres {
            let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
            let mut connection = connect(&postgres.server).await;
            sqlx::query(sql).bind(&postgres.name).execute(&mut connection).await.expect("ended");
        }
    }

    /// Everything that is stored: the files, or the rows as text.
    pub async fn contents(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut places = vec![self.folder.path().to_owned()];
        while let Some(place) = places.pop() {
            if place.is_dir() {
                let entries = std::fs::read_dir(&place).expect("a folder");
                places.extend(entries.map(|entry| entry.expect("an entry").path()));
            } else {
                bytes.append(&mut std::fs::read(&place).expect("a file"));
            }
        }
        if let Some(postgres) = &self.postgres {
            let mut connection = connect(&postgres.address()).await;
            let tables: Vec<String> =
                sqlx::query_scalar("SELECT tablename::TEXT FROM pg_tables WHERE schemaname = 'public'")
                    .fetch_all(&mut connection)
                    .await
                    .expect("the tables");
            for table in tables {
                let sql = AssertSqlSafe(format!("SELECT CAST(t AS TEXT) FROM \"{table}\" t"));
                let rows: Vec<String> =
                    sqlx::query_scalar(sql).fetch_all(&mut connection).await.expect("the rows");
                bytes.extend(rows.into_iter().flat_map(String::into_bytes));
            }
        }
        bytes
    }

    /// How many blobs of a kind are kept, complete or not.
    pub async fn count_blobs(&self, kind: &str) -> usize {
        match &self.postgres {
            None => std::fs::read_dir(self.folder.path().join("blobs").join(kind))
                .map_or(0, |entries| entries.count()),
            Some(postgres) => {
                let mut connection = connect(&postgres.address()).await;
                let count = sqlx::query_scalar::<_, i64>(
                    "SELECT COUNT(*) FROM blob_contents c LEFT JOIN blobs b ON b.content_id = c.id \
                     WHERE b.kind = $1 OR b.kind IS NULL",
                );
                let count = count.bind(kind).fetch_one(&mut connection).await.expect("counted");
                usize::try_from(count).expect("not negative")
            }
        }
    }
}

/// A database of its own in the Postgres server of tests. It is dropped with this value.
#[derive(Debug)]
pub struct TestPostgres {
    server: String,
    name: String,
}

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("the Postgres server of tests answers")
}

fn beside(server: &str, name: &str) -> String {
    let place = server.rsplit_once('/').expect("an address with the name of a database").0;
    format!("{place}/{name}")
}

async fn run(connection: &mut PgConnection, sql: String) {
    connection.execute(AssertSqlSafe(sql.clone())).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

impl TestPostgres {
    /// A database with the tables of Carnet, if the tests run on Postgres.
    pub async fn for_test() -> Option<Self> {
        match is_on_postgres() {
            false => None,
            true => {
                Some(Self::migrated(&variable(POSTGRES).expect("the address of the server of tests")).await)
            }
        }
    }

    /// A database without tables.
    pub async fn empty(server: &str) -> Self {
        Self::copy_of("template0", server, &mut connect(server).await).await
    }

    /// A database with the tables of Carnet. They are made once for all tests of a server.
    pub async fn migrated(server: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        MIGRATIONS.hash(&mut hasher);
        let template = format!("carnet_template_{:016x}", hasher.finish());
        let mut connection = connect(server).await;
        let lock = format!("SELECT pg_advisory_lock({TEMPLATE_LOCK})");
        run(&mut connection, lock).await;
        let found: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
            .bind(&template)
            .fetch_one(&mut connection)
            .await
            .expect("asked");
        if !found {
            let new = Self::copy_of("template0", server, &mut connection).await;
            PostgresDatabase::open(&new.url()).await.expect("migrated").close().await;
            run(&mut connection, format!("ALTER DATABASE {} RENAME TO {template}", new.name)).await;
        }
        run(&mut connection, format!("SELECT pg_advisory_unlock({TEMPLATE_LOCK})")).await;
        Self::copy_of(&template, server, &mut connection).await
    }

    async fn copy_of(template: &str, server: &str, connection: &mut PgConnection) -> Self {
        let mut random = [0; 8];
        aws_lc_rs::rand::fill(&mut random).expect("randomness");
        let name = format!("carnet_test_{:016x}", u64::from_be_bytes(random));
        run(connection, format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        Self { server: server.to_owned(), name }
    }

    /// The address of the database.
    pub fn url(&self) -> PostgresUrl {
        self.address().parse().expect("an address")
    }

    /// The address as text.
    pub fn address(&self) -> String {
        beside(&self.server, &self.name)
    }
}

impl Drop for TestPostgres {
    fn drop(&mut self) {
        let (server, sql) =
            (self.server.clone(), format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        // The runtime of the test may be about to end: this work has one of its own.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut connection = PgConnection::connect(&server).await.map_err(std::io::Error::other)?;
                connection.execute(AssertSqlSafe(sql)).await.map_err(std::io::Error::other)
            })
        });
        // What could not be dropped goes with the server of tests.
        let _ = dropping.join();
    }
}
