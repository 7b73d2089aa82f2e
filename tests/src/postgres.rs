//! A Postgres server for servers that share a database.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, ChildStdin, Command, Stdio},
};

use anyhow::{Context, ensure};
use carnet_store::testing::{POSTGRES, TestPostgres, is_on_postgres};

/// An empty database of its own in a Postgres server, dropped with this value.
#[derive(Debug)]
pub struct PostgresDatabase {
    // The database goes before its server.
    database: TestPostgres,
    _server: Option<OwnServer>,
}

impl PostgresDatabase {
    /// A database in the server that the environment names, or else in one that is started for it.
    #[expect(clippy::disallowed_methods, reason = "the edge of the tests")]
    pub async fn start() -> anyhow::Result<Self> {
        let named = std::env::var(POSTGRES).ok().filter(|address| !address.is_empty());
        let (address, server) = match named {
            Some(address) => (address, None),
            None => {
                let (address, server) = tokio::task::spawn_blocking(OwnServer::start).await??;
                (address, Some(server))
            }
        };
        Ok(Self { database: TestPostgres::empty(&address).await, _server: server })
    }

    /// A database if the tests run on Postgres.
    pub(crate) async fn if_wanted() -> anyhow::Result<Option<Self>> {
        if is_on_postgres() { Self::start().await.map(Some) } else { Ok(None) }
    }

    /// The address of the database.
    pub fn address(&self) -> String {
        self.database.address()
    }
}

/// A server that lives as long as this value: it ends when its input does, also when this process is killed.
#[derive(Debug)]
struct OwnServer {
    child: Child,
    input: Option<ChildStdin>,
}

impl OwnServer {
    fn start() -> anyhow::Result<(String, Self)> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tools/postgres.py");
        let wait = r#"echo "$CARNET_TEST_POSTGRES"; cat"#;
        let mut child = Command::new("python3")
            .args(["-B", script, "sh", "-c", wait])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start python3")?;
        let input = child.stdin.take();
        let output = child.stdout.take().context("the output was asked for")?;
        let server = Self { child, input };
        let mut address = String::new();
        BufReader::new(output).read_line(&mut address)?;
        ensure!(address.starts_with("postgres://"), "the Postgres server did not start: see above");
        Ok((address.trim().to_owned(), server))
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        self.input.take();
        if let Err(error) = self.child.wait() {
            eprintln!("the Postgres server cannot be waited for: {error}");
        }
    }
}
