//! How the API answers on a large site: 10,000 workspaces, 200,000 runs, 1,000,000 ledger entries and 500 variable sets, on
//! SQLite and on Postgres, with 16 clients.
//!
//! `scale [sqlite] [postgres] [seconds=N] [divide=N]`: which engines, how long each operation is asked for, and by what the
//! amount of data is divided. Latencies are taken at a steady rate below saturation, throughput with all clients asking at once.

use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use carnet_benches::load::{Answers, AsyncAction, Pace, load};
use carnet_benches::report::{Figure, publish, write_table};
use carnet_model::{OrgName, Timestamp, UserId};
use carnet_store::testing::scale::{Owner, Scale, workspace};
use carnet_store::{MasterKey, Store};
use carnet_tests::{ApiClient, CarnetServer, EmbeddedAgent, PostgresDatabase, ServerOptions};
use serde_json::json;

const CLIENTS: usize = 16;
const RATE: u32 = 100;
const LIMIT: f64 = 25.0;
const ORGANIZATION: &str = "scale";

struct Wanted {
    engines: Vec<&'static str>,
    seconds: u64,
    scale: Scale,
}

/// What is asked for.
#[derive(Debug, Clone)]
enum Question {
    Read(String),
    CreateRun { workspaces: u32 },
}

impl AsyncAction<ApiClient> for Question {
    async fn run(&self, client: &ApiClient, number: u32) -> anyhow::Result<()> {
        match self {
            Self::Read(path) => client.get(path).await.map(drop),
            Self::CreateRun { workspaces } => {
                let id = workspace(number % (workspaces - 1) + 2)?;
                let workspace = json!({"workspace": {"data": {"type": "workspaces", "id": id.as_str()}}});
                let body = json!({"data": {"type": "runs", "attributes": {}, "relationships": workspace}});
                client.post("runs", body).await.map(drop)
            }
        }
    }
}

/// One row by its primary key, through the same connections as a server has.
#[derive(Debug, Clone)]
struct Select(UserId);

impl AsyncAction<Store> for Select {
    async fn run(&self, store: &Store, _: u32) -> anyhow::Result<()> {
        store.read().await?.user(&self.0).await?.context("a user").map(drop)
    }
}

/// A measured operation.
struct Row {
    name: &'static str,
    steady: Answers,
    unpaced: Answers,
}

struct Site {
    server: CarnetServer,
    store: Store,
    owner: Owner,
    _database: Option<PostgresDatabase>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let wanted = wanted()?;
    for engine in &wanted.engines {
        let rows = measure(engine, &wanted).await.with_context(|| format!("on {engine}"))?;
        figures(engine, &rows)?;
    }
    write_table("scale-")
}

fn wanted() -> anyhow::Result<Wanted> {
    let (mut engines, mut seconds, mut divide) = (Vec::new(), 10, 1);
    for argument in std::env::args().skip(1) {
        match argument.split_once('=') {
            Some(("seconds", value)) => seconds = value.parse()?,
            Some(("divide", value)) => divide = value.parse()?,
            _ if argument == "sqlite" => engines.push("sqlite"),
            _ if argument == "postgres" => engines.push("postgres"),
            _ => anyhow::bail!("unknown argument {argument}"),
        }
    }
    if engines.is_empty() {
        engines = vec!["sqlite", "postgres"];
    }
    let scale = Scale {
        workspaces: 10_000 / divide,
        runs: 200_000 / divide,
        tokens_per_run: 5,
        variable_sets: 500 / divide,
    };
    Ok(Wanted { engines, seconds, scale })
}

/// A server on a site full of data.
async fn site(engine: &str, scale: Scale) -> anyhow::Result<Site> {
    let database = match engine {
        "postgres" => Some(PostgresDatabase::start().await?),
        _ => None,
    };
    let options = ServerOptions {
        agent: EmbeddedAgent::Off,
        database: database.as_ref().map(PostgresDatabase::address),
        arguments: ["--rate-limit", "0"].map(str::to_owned).to_vec(),
        environment: vec![("CARNET_LOG".to_owned(), "warn".to_owned())],
        ..ServerOptions::default()
    };
    let mut server = CarnetServer::start(options).await?;
    let api = server.api()?;
    api.create_organization(ORGANIZATION).await?;
    let user = api.get("account/details").await?;
    let user: UserId = user["data"]["id"].as_str().context("an id")?.parse()?;
    server.terminate().await?;
    let key = std::fs::read_to_string(server.data_dir().join("master.key"))?;
    let key = MasterKey::from_text(key.trim()).context("a master key")?;
    let store = match &database {
        Some(database) => Store::connect(&database.address().parse()?, key).await?,
        None => Store::open(&server.data_dir(), key).await?,
    };
    let name: OrgName = ORGANIZATION.parse()?;
    let organization = store.read().await?.organization(&name).await?.context("the organization")?;
    let owner = Owner { organization: organization.id, name, user };
    let start = Instant::now();
    store.fill(&owner, scale, now()).await?;
    writeln!(std::io::stdout(), "{engine}: {scale:?} in {:.0} s", start.elapsed().as_secs_f64())?;
    server.restart().await?;
    Ok(Site { server, store, owner, _database: database })
}

#[expect(clippy::disallowed_methods, reason = "the server asks for what happened of late")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// The operations and what they ask for.
fn questions(scale: Scale) -> anyhow::Result<Vec<(&'static str, Question)>> {
    let organization = format!("organizations/{ORGANIZATION}");
    let busy = format!("workspaces/{}", workspace(1)?);
    let page = |path: &str, number: u32| Question::Read(format!("{path}?page[number]={number}"));
    let (workspaces, runs) = (format!("{organization}/workspaces"), format!("{busy}/runs"));
    let (all_runs, last_workspaces) = (format!("{organization}/runs"), scale.workspaces.div_ceil(20));
    let plan_only = scale.runs / 8;
    let last_of_all = (scale.runs - plan_only).div_ceil(20);
    // A run of the busy workspace is plan-only when its number is a multiple of 40.
    let last_runs = (scale.runs / 10 - scale.runs / 40).div_ceil(20);
    Ok(vec![
        ("ping", Question::Read("/healthz".to_owned())),
        ("workspaces-first", page(&workspaces, 1)),
        ("workspaces-middle", page(&workspaces, last_workspaces / 2)),
        ("workspaces-last", page(&workspaces, last_workspaces)),
        ("workspaces-tag", Question::Read(format!("{workspaces}?search[tags]=tag-7"))),
        ("workspaces-search", Question::Read(format!("{workspaces}?search[name]=service-00123"))),
        ("runs-first", page(&runs, 1)),
        ("runs-last", page(&runs, last_runs)),
        ("organization-runs-first", page(&all_runs, 1)),
        ("organization-runs-last", page(&all_runs, last_of_all)),
        ("variable-resolution", Question::Read(format!("{busy}/all-vars"))),
        (
            "ledger-page",
            Question::Read(format!("/api/carnet/v1/workspaces/{}/identity-tokens", workspace(2)?)),
        ),
        ("run-creation", Question::CreateRun { workspaces: scale.workspaces }),
    ])
}

async fn measure(engine: &str, wanted: &Wanted) -> anyhow::Result<Vec<Row>> {
    let mut site = site(engine, wanted.scale).await?;
    let clients: Vec<ApiClient> = (0..CLIENTS).map(|_| site.server.api()).collect::<anyhow::Result<_>>()?;
    let stores = vec![site.store.clone(); CLIENTS];
    let select = Select(site.owner.user.clone());
    let mut rows = vec![row("select-by-key", &stores, wanted.seconds, &select).await?];
    for (name, question) in questions(wanted.scale)? {
        if let Question::Read(path) = &question {
            let found = clients.first().context("a client")?.get(path).await?;
            let is_full = found["data"].as_array().is_none_or(|data| !data.is_empty());
            ensure!(is_full, "{path} has no data");
        }
        rows.push(row(name, &clients, wanted.seconds, &question).await.context(name)?);
    }
    site.server.forget_log();
    Ok(rows)
}

async fn row<C, A>(name: &'static str, clients: &[C], seconds: u64, action: &A) -> anyhow::Result<Row>
where
    C: Clone + Send + 'static,
    A: AsyncAction<C>,
{
    // The first second opens connections and fills caches.
    load(clients, Duration::from_secs(1), Pace::PerSecond(RATE), action.clone()).await?;
    let steady = load(clients, Duration::from_secs(seconds), Pace::PerSecond(RATE), action.clone()).await?;
    let unpaced = load(clients, Duration::from_secs(3), Pace::Unpaced, action.clone()).await?;
    writeln!(
        std::io::stdout(),
        "  {name:<26} p50 {:>7.2} ms  p99 {:>7.2} ms  {:>6.0} a second, then p99 {:>7.2} ms",
        steady.percentile(0.5),
        steady.percentile(0.99),
        unpaced.per_second(),
        unpaced.percentile(0.99),
    )?;
    Ok(Row { name, steady, unpaced })
}

fn figures(engine: &str, rows: &[Row]) -> anyhow::Result<()> {
    let find = |name: &str| rows.iter().find(|row| row.name == name).context("measured");
    let ping = find("ping")?.steady.percentile(0.99);
    let select = find("select-by-key")?.steady.percentile(0.99);
    for row in rows {
        let (p50, p99) = (row.steady.percentile(0.5), row.steady.percentile(0.99));
        publish(&Figure {
            name: format!("scale-{engine}-{}", row.name),
            value: p99,
            unit: "ms p99".to_owned(),
            reference: format!(
                "limit {LIMIT:.0} ms; p50 {p50:.1} ms; {:.0}/s unpaced; ping {ping:.1} ms, key lookup {select:.1} ms",
                row.unpaced.per_second()
            ),
            ratio: p99 / LIMIT,
        })?;
    }
    for (name, first, last) in [
        ("workspaces", "workspaces-first", "workspaces-last"),
        ("runs", "runs-first", "runs-last"),
        ("organization-runs", "organization-runs-first", "organization-runs-last"),
    ] {
        let (first, last) = (find(first)?.steady.percentile(0.5), find(last)?.steady.percentile(0.5));
        publish(&Figure {
            name: format!("scale-{engine}-{name}-last-page"),
            value: last,
            unit: "ms p50".to_owned(),
            reference: format!("the first page: {first:.1} ms"),
            ratio: last / first,
        })?;
    }
    Ok(())
}
