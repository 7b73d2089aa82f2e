//! Keys are rotated as fast as they can be while runs get tokens: nobody who verifies them may notice.
//!
//! The servers are the real ones, with their database, over TLS; the runs are real runs that were claimed over the job protocol
//! and are in their plan; each token is minted by `POST .../identity-tokens` on the authority of its job's control token, with
//! its entry in the ledger. What is not there is Terraform: the agent that holds the jobs is this program, which sends their
//! heartbeats and asks for tokens. The verifiers are `jsonwebtoken` with the key set of the server.

mod report;
mod runs;
mod verifier;

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use serde_json::json;
use tokio::{task::JoinSet, time::Instant};

pub use self::report::RotationReport;
pub use self::runs::{ProtocolAgent, ProtocolJob};
use self::verifier::{Caching, Verifier};
use crate::{
    carnet_server::{CarnetServer, EmbeddedAgent, ServerOptions},
    postgres::PostgresDatabase,
};

/// Who replaces the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotating {
    /// The servers, by their schedule: a key signs when every cache knows it.
    BySchedule,
    /// An administrator who has new keys sign at once: caches need not know them.
    AtOnce,
}

/// How keys are rotated and by whom tokens are verified.
#[derive(Debug, Clone)]
pub struct RotationOptions {
    /// Who replaces the keys.
    pub rotating: Rotating,
    /// For how long tokens are minted.
    pub time: Duration,
    /// How long a key signs.
    pub period: Duration,
    /// How many runs get tokens.
    pub runs: usize,
    /// How many servers share the database: one on a database of its own, or two on Postgres.
    pub servers: usize,
    /// For how long verifiers may keep the key set.
    pub max_age: Duration,
}

/// How long a token lives: its key must be published for all of it.
const TOKEN_LIFE: Duration = Duration::from_secs(20);

/// When a token is verified again: by then its key has retired several times over.
const AGAIN_AFTER: Duration = Duration::from_secs(12);

/// How long a run waits between two tokens.
const PAUSE: Duration = Duration::from_millis(1_000);

/// How many verifiers keep the key set; each judges the tokens of several runs.
const CACHING: usize = 10;

impl RotationOptions {
    /// A rotation every two seconds for three minutes under the traffic of fifty runs.
    pub fn long() -> Self {
        Self { time: Duration::from_secs(180), ..Self::short() }
    }

    /// The same for a quarter of a minute.
    pub fn short() -> Self {
        Self {
            rotating: Rotating::BySchedule,
            time: Duration::from_secs(15),
            period: Duration::from_secs(2),
            runs: 50,
            servers: 1,
            max_age: Duration::from_secs(1),
        }
    }

    fn arguments(&self) -> Vec<String> {
        let period = match self.rotating {
            Rotating::BySchedule => format!("{}ms", self.period.as_millis()),
            Rotating::AtOnce => "off".to_owned(),
        };
        let max_age = format!("{}s", self.max_age.as_secs());
        let options = [
            ("--key-rotation", period.as_str()),
            ("--key-announcement", "0s"),
            ("--jwks-max-age", &max_age),
            ("--key-leeway", "400ms"),
            ("--rate-limit", "0"),
        ];
        options.iter().flat_map(|(name, value)| [(*name).to_owned(), (*value).to_owned()]).collect()
    }
}

/// Rotates and verifies, and tells what was seen.
pub async fn rotation(options: &RotationOptions) -> anyhow::Result<RotationReport> {
    let mut servers = start(options).await?;
    let jobs = jobs(options, &servers).await?;
    let verifiers = verifiers(&servers)?;
    let until = Instant::now() + options.time;
    let mut tasks = JoinSet::new();
    for (place, job) in jobs.into_iter().enumerate() {
        let fetching = verifiers.fetching[place % servers.servers.len()].clone();
        let caching = Arc::clone(&verifiers.caching[place % CACHING]);
        tasks.spawn(async move { traffic(&job, &fetching, &caching, until).await });
    }
    if options.rotating == Rotating::AtOnce {
        let (api, period) = (servers.first()?.api()?, options.period);
        tasks.spawn(async move {
            while Instant::now() < until {
                tokio::time::sleep(period).await;
                let body = json!({ "data": { "attributes": { "at-once": true } } });
                api.post("/api/carnet/v1/admin/issuers/site/actions/rotate", body).await?;
            }
            Ok(RotationReport::default())
        });
    }
    let mut report = RotationReport::default();
    while let Some(ended) = tasks.join_next().await {
        report.add(ended??);
    }
    servers.servers.iter_mut().for_each(CarnetServer::forget_log);
    Ok(report)
}

/// The key that the servers of one database share.
fn master_key() -> (&'static str, &'static str) {
    ("CARNET_MASTER_KEY", "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f")
}

struct Servers {
    servers: Vec<CarnetServer>,
    _database: Option<PostgresDatabase>,
}

impl Servers {
    fn first(&self) -> anyhow::Result<&CarnetServer> {
        self.servers.first().context("there is no server")
    }
}

async fn start(options: &RotationOptions) -> anyhow::Result<Servers> {
    let with = |database: Option<String>, issuer: Option<String>| ServerOptions {
        agent: EmbeddedAgent::Off,
        database,
        arguments: options
            .arguments()
            .into_iter()
            .chain(issuer.into_iter().flat_map(|url| ["--issuer-url".to_owned(), url]))
            .collect(),
        environment: [master_key()].map(|(name, key)| (name.to_owned(), key.to_owned())).to_vec(),
        ..ServerOptions::default()
    };
    if options.servers == 1 {
        let server = CarnetServer::start(with(None, None)).await?;
        return Ok(Servers { servers: vec![server], _database: None });
    }
    let database = PostgresDatabase::start().await?;
    let first = CarnetServer::start(with(Some(database.address()), None)).await?;
    let issuer = first.url();
    let mut servers = vec![first];
    for _ in 1..options.servers {
        servers.push(CarnetServer::start(with(Some(database.address()), Some(issuer.clone()))).await?);
    }
    Ok(Servers { servers, _database: Some(database) })
}

/// Starts the runs and claims their jobs, in turn from every server.
async fn jobs(options: &RotationOptions, servers: &Servers) -> anyhow::Result<Vec<ProtocolJob>> {
    let first = servers.first()?;
    let api = first.api()?;
    api.create_organization("acme").await?;
    for place in 0..options.runs {
        let workspace = api.create_workspace("acme", &format!("net-{place}")).await?;
        api.set_environment(&workspace, &[("TFC_WORKLOAD_IDENTITY_AUDIENCE", verifier::AUDIENCE)]).await?;
        let configuration = "resource \"terraform_data\" \"one\" {}\n";
        api.start_run(&workspace, configuration, json!({})).await?;
    }
    let data = first.data_dir().display().to_string();
    let made = first.command_with(&["admin", "agent-token", "--data", &data], &[master_key()]).await?;
    anyhow::ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let token = String::from_utf8(made.stdout)?.trim().to_owned();
    let mut agents = Vec::new();
    for server in &servers.servers {
        agents.push(ProtocolAgent::register(server.anonymous()?, &token).await?);
    }
    let mut jobs = Vec::new();
    for place in 0..options.runs {
        jobs.push(agents[place % agents.len()].claim().await?);
    }
    Ok(jobs)
}

struct Verifiers {
    /// One for each server.
    fetching: Vec<Verifier>,
    caching: Vec<Arc<Caching>>,
}

fn verifiers(servers: &Servers) -> anyhow::Result<Verifiers> {
    let issuer = servers.first()?.url();
    // The key set is read from another server than the one that signs, if there is another.
    let at = |place: usize| {
        let server = &servers.servers[(place + 1) % servers.servers.len()];
        Verifier::new(&issuer, &server.url(), server.ca_pem())
    };
    let fetching = (0..servers.servers.len()).map(at).collect::<Result<_, _>>()?;
    let caching =
        (0..CACHING).map(|place| Ok(Arc::new(Caching::new(at(place)?)))).collect::<anyhow::Result<_>>()?;
    Ok(Verifiers { fetching, caching })
}

/// One run: a token each second, judged at once and again before it ends.
async fn traffic(
    job: &ProtocolJob,
    fetching: &Verifier,
    caching: &Caching,
    until: Instant,
) -> anyhow::Result<RotationReport> {
    let mut report = RotationReport::default();
    let mut waiting = std::collections::VecDeque::new();
    while Instant::now() < until || !waiting.is_empty() {
        job.beat().await?;
        if Instant::now() < until {
            let begun = Instant::now();
            let token = job.mint(TOKEN_LIFE).await?;
            report.minted(&token, begun.elapsed());
            report.judged_fetching(fetching.verify(&token).await?);
            report.judged_caching(caching.verify(&token).await?);
            waiting.push_back((Instant::now() + AGAIN_AFTER, token));
        }
        while let Some((_, token)) = waiting.pop_front_if(|(at, _)| *at <= Instant::now()) {
            report.judged_again(fetching.verify(&token).await?);
            report.judged_again(caching.verify(&token).await?);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(report)
}
