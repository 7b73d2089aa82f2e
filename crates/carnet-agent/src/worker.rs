//! The loop of an agent: register, claim, execute.

use std::{
    fs,
    os::unix::fs::DirBuilderExt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use carnet_api::{
    client::{AgentClient, ClientError, ClientSettings},
    job::{Registration, Stop},
};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    certificates,
    config::{AgentConfig, AgentError, Clock},
    engine::Engines,
    job::{Shared, execute},
    leftovers,
    reach::Reach,
    sandbox,
    schemas::SchemaCache,
    workdir,
};

/// How long one small request may take.
const REQUEST_LIMIT: Duration = Duration::from_secs(20);

/// How long an agent that ends goes on trying to deliver.
const LAST_TRIES: Duration = Duration::from_secs(10);

/// How long an agent that ends waits for the server to hear of it.
const GOOD_BYE: Duration = Duration::from_secs(2);

/// Runs an agent until `shutdown` is ready; then running jobs are interrupted and waited for. Fails when the agent cannot work
/// at all.
pub async fn run(
    config: AgentConfig,
    clock: Clock,
    shutdown: impl Future<Output = ()>,
) -> Result<(), AgentError> {
    let shared = Arc::new(prepare(config, clock)?);
    let places = Arc::new(Semaphore::new(shared.config.concurrency));
    let worker = Worker { shared, places, agent_id: Mutex::new(None) };
    let leftovers = tokio::spawn(leftovers::keep_delivering(
        worker.shared.client.clone(),
        worker.shared.config.data_dir.clone(),
        worker.shared.config.server_url.clone(),
        worker.shared.shutdown.clone(),
    ));
    let mut jobs = JoinSet::new();
    let result = tokio::select! {
        () = shutdown => {
            tracing::info!("the agent is stopping; its jobs are interrupted and report their end");
            Ok(())
        }
        error = worker.work(&mut jobs) => Err(error),
    };
    worker.shared.shutdown.cancel();
    leftovers.abort();
    let give_up = worker.shared.give_up.clone();
    let patience = tokio::spawn(async move {
        tokio::time::sleep(LAST_TRIES).await;
        give_up.cancel();
    });
    while let Some(ended) = jobs.join_next().await {
        report(ended);
    }
    patience.abort();
    worker.say_good_bye(result.is_err()).await;
    result
}

fn prepare(mut config: AgentConfig, clock: Clock) -> Result<Shared, AgentError> {
    if config.concurrency == 0 {
        return Err(AgentError::Config("an agent needs a concurrency of at least 1".to_owned()));
    }
    for folder in [config.data_dir.clone(), config.data_dir.join("logs"), config.data_dir.join("jobs")] {
        make_private(&folder).map_err(|source| AgentError::Directory { path: folder, source })?;
    }
    // Paths must mean the same in every process that gets them, and in the sandbox.
    for path in [&mut config.data_dir, &mut config.work_root] {
        *path = path.canonicalize().map_err(|source| AgentError::Directory { path: path.clone(), source })?;
    }
    if let Err(error) = workdir::delete_abandoned(&config.work_root) {
        tracing::warn!(%error, "what earlier runs left behind cannot be deleted");
    }
    // Copies of logs that an earlier agent did not come to delete.
    for entry in fs::read_dir(config.data_dir.join("logs")).into_iter().flatten().flatten() {
        let _ = fs::remove_file(entry.path());
    }
    config.server_url = config.server_url.trim_end_matches('/').to_owned();
    let settings = ClientSettings {
        base_url: config.server_url.clone(),
        ca_pem: config.ca_pem.clone(),
        timeout: REQUEST_LIMIT,
    };
    let client = AgentClient::new(&settings, config.agent_token.clone()).map_err(AgentError::Client)?;
    Ok(Shared {
        engines: Engines::new(config.engine.clone()),
        schemas: SchemaCache::new(&config.data_dir),
        is_sandbox_available: sandbox::is_available(),
        certificates: config.ca_pem.as_deref().map(certificates::beside_the_systems),
        shutdown: CancellationToken::new(),
        give_up: CancellationToken::new(),
        client,
        clock,
        config,
    })
}

fn make_private(folder: &Path) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

struct Worker {
    shared: Arc<Shared>,
    /// One permit for each job that may run.
    places: Arc<Semaphore>,
    /// Under which it claims.
    agent_id: Mutex<Option<String>>,
}

impl Worker {
    /// Claims and executes; ends only when the server will never have this agent.
    async fn work(&self, jobs: &mut JoinSet<()>) -> AgentError {
        let shared = &self.shared;
        if let Err(reason) = shared.engines.engine().await {
            tracing::warn!(reason, "no engine is found; jobs will fail until there is one");
        }
        // What an earlier agent left is delivered before anything new is started, as far as the server can be reached.
        leftovers::deliver_all(&shared.client, &shared.config.data_dir, &shared.config.server_url).await;
        let mut reach = Reach::new(&shared.config.server_url);
        loop {
            let agent_id = match self.register(&mut reach).await {
                Ok(agent_id) => agent_id,
                Err(error) => return error,
            };
            tracing::info!(agent.id = agent_id, "the agent is registered");
            if let Err(error) = self.claim_all(&agent_id, jobs, &mut reach).await {
                return error;
            }
        }
    }

    /// Tells the server that no more is to be expected of this agent. A server that is away learns it from the silence.
    async fn say_good_bye(&self, failed: bool) {
        let agent_id = self.agent_id.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(agent_id) = agent_id else {
            return;
        };
        if let Err(error) = self.shared.client.stop(&agent_id, Stop { failed }, GOOD_BYE).await {
            tracing::debug!(%error, "the server did not hear that the agent ends");
        }
    }

    async fn register(&self, reach: &mut Reach<'_>) -> Result<String, AgentError> {
        let registration = Registration {
            name: self.shared.config.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        loop {
            match self.shared.client.register(&registration).await {
                Ok(registered) => {
                    reach.succeeded();
                    *self.agent_id.lock().unwrap_or_else(PoisonError::into_inner) =
                        Some(registered.agent_id.clone());
                    return Ok(registered.agent_id);
                }
                Err(ClientError::Refused { status: 404, .. }) => return Err(AgentError::NotAnAgent),
                Err(error) => bear(error, reach).await?,
            }
        }
    }

    /// Claims until the server no longer knows the agent.
    async fn claim_all(
        &self,
        agent_id: &str,
        jobs: &mut JoinSet<()>,
        reach: &mut Reach<'_>,
    ) -> Result<(), AgentError> {
        loop {
            let Ok(place) = self.places.clone().acquire_owned().await else {
                return Ok(());
            };
            while let Some(ended) = jobs.try_join_next() {
                report(ended);
            }
            match self.shared.client.claim(agent_id, self.shared.config.poll_wait).await {
                Ok(None) => reach.succeeded(),
                Ok(Some(document)) => {
                    reach.succeeded();
                    let shared = self.shared.clone();
                    jobs.spawn(async move {
                        execute(shared, document).await;
                        drop(place);
                    });
                }
                Err(ClientError::Gone | ClientError::Refused { status: 404, .. }) => return Ok(()),
                Err(error) => bear(error, reach).await?,
            }
        }
    }
}

/// Waits after an error that may pass, and gives every other back.
async fn bear(error: ClientError, reach: &mut Reach<'_>) -> Result<(), AgentError> {
    match error {
        ClientError::Unauthorized => Err(AgentError::Unauthorized),
        ClientError::Unavailable { .. } | ClientError::Unreadable { .. } => {
            tokio::time::sleep(reach.failed(&error, Instant::now())).await;
            Ok(())
        }
        error => Err(AgentError::Refused(error)),
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(error = %error, "a job ended in a defect of the agent");
    }
}
