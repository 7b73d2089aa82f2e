//! One phase: preparation, the steps, and the end that always comes.

mod ending;
mod setup;

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use carnet_api::{
    client::{ClientError, JobClient},
    job::{JobDocument, StepTime},
};
use carnet_creds::{Injection, Resolution};
use carnet_model::Phase;
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    broker::{Broker, Surroundings},
    control::{Control, Stop},
    engine::check_version,
    environment::Environment,
    guardian::Guardian,
    job::{Shared, phase_of},
    log::Log,
    plan_json::PlanSummary,
    preparation::{Downloads, arrange, download},
    process::Launcher,
    refusal,
    state::StateKeeper,
    steps::{self, PhaseError, StepClock, Steps},
    workdir::Home,
};

/// How a phase went.
pub(crate) struct Report {
    pub(crate) result: Result<PlanSummary, PhaseError>,
    pub(crate) is_state_safe: bool,
    pub(crate) terraform_version: Option<String>,
    pub(crate) preparation_ms: u64,
    pub(crate) steps: Vec<StepTime>,
    pub(crate) unrevoked: Vec<String>,
}

/// A phase on its way.
pub(crate) struct PhaseRun<'a> {
    shared: &'a Shared,
    document: &'a JobDocument,
    client: &'a JobClient,
    log: &'a Log,
    control: Control,
    claimed: Instant,
    version: watch::Sender<Option<String>>,
    clock_work: StepClock,
    /// What the end has to take care of.
    home: Option<Home>,
    guardian: Option<Arc<Guardian>>,
    broker: Option<Broker>,
    keeper: Option<Keeping>,
    first_start: Option<Instant>,
    waited_for_exchange: Duration,
}

/// A state that is being delivered.
struct Keeping {
    keeper: Arc<StateKeeper>,
    /// Where Terraform runs, once it is known.
    root: Option<PathBuf>,
    done: CancellationToken,
    task: JoinHandle<Result<(), ClientError>>,
}

impl<'a> PhaseRun<'a> {
    pub(crate) fn new(
        shared: &'a Shared,
        document: &'a JobDocument,
        client: &'a JobClient,
        log: &'a Log,
        control: Control,
        claimed: Instant,
        version: watch::Sender<Option<String>>,
    ) -> Self {
        Self {
            shared,
            document,
            client,
            log,
            control,
            claimed,
            version,
            clock_work: StepClock::default(),
            home: None,
            guardian: None,
            broker: None,
            keeper: None,
            first_start: None,
            waited_for_exchange: Duration::ZERO,
        }
    }

    /// Executes the phase and cleans up, whatever happened.
    pub(crate) async fn run(mut self) -> Report {
        let result = self.work().await;
        refusal::explain(&result, self.broker.as_ref(), self.log).await;
        let since = Instant::now();
        self.end_strays().await;
        let keeping = self.keeper.take();
        if let Some(keeping) = &keeping {
            self.rescue(keeping);
        }
        let (broker, home, guardian) = (self.broker.take(), self.home.take(), self.guardian.take());
        let (unrevoked, is_state_safe) =
            tokio::join!(self.leave(broker, home, guardian), self.settle_state(keeping));
        self.clock_work.add("teardown", since);
        let prepared = self.first_start.unwrap_or_else(Instant::now).duration_since(self.claimed);
        let preparation = prepared.saturating_sub(self.waited_for_exchange);
        Report {
            result,
            is_state_safe,
            terraform_version: self.version.borrow().clone(),
            preparation_ms: u64::try_from(preparation.as_millis()).unwrap_or(u64::MAX),
            steps: self.clock_work.take(),
            unrevoked,
        }
    }

    async fn work(&mut self) -> Result<PlanSummary, PhaseError> {
        let phase = phase_of(self.document)?;
        let engine = self.shared.engines.engine().await;
        self.write_header(engine.as_ref().ok());
        let engine = engine.map_err(PhaseError::Failed)?;
        self.version.send_replace(Some(engine.version.clone()));
        let remark = check_version(&self.document.run.terraform_version, &engine.version)
            .map_err(PhaseError::Failed)?;
        self.warn(remark);
        self.check_clock();

        let home = Home::create(&self.shared.config.work_root, &self.document.identity.run_id)
            .map_err(|error| PhaseError::failed("the home directory of the run cannot be made", error))?;
        self.home = Some(home.clone());
        let mut host = self.shared.config.host_env.clone();
        if let Some(certificates) = &self.shared.certificates {
            let path = home.write_certificates(certificates).map_err(|error| {
                PhaseError::failed("the certificate authorities cannot be written", error)
            })?;
            host.insert("SSL_CERT_FILE".to_owned(), path.to_string_lossy().into_owned());
        }
        let mut environment = Environment::new(&host, self.document, home.path());
        let resolution = self.resolve(phase, &home, &environment)?;
        self.warn(environment.notices.drain(..));
        let guardian = self.start_guardian(phase, &home)?;

        let (downloads, injection) = self.fetch(phase, &home, &guardian, resolution).await?;
        let root = arrange(&home, self.document, &downloads, self.log)?;
        self.inject(&home, injection, &mut environment)?;
        self.settle().await?;
        let prefix = self.command_prefix(&home, &engine)?;
        self.keep_state(&root, downloads)?;

        let launcher = Launcher {
            prefix,
            env: environment.values,
            folder: root.clone(),
            output: self.shared.config.data_dir.join("logs"),
            guardian,
            grace: self.shared.config.grace_of(phase),
            first_start: OnceLock::new(),
        };
        let steps = Steps {
            launcher: &launcher,
            control: &self.control,
            log: self.log,
            home: &home,
            root,
            document: self.document,
            engine: &engine,
            schemas: &self.shared.schemas,
            client: self.client,
            give_up: &self.shared.give_up,
            clock_work: &self.clock_work,
        };
        let result = match phase {
            Phase::Plan => steps::plan(&steps).await,
            Phase::Apply => steps::apply(&steps).await,
        };
        self.first_start = launcher.first_start.get().copied();
        result
    }

    /// Downloads and the exchange, at the same time.
    async fn fetch(
        &mut self,
        phase: Phase,
        home: &Home,
        guardian: &Arc<Guardian>,
        resolution: Resolution,
    ) -> Result<(Downloads, Injection), PhaseError> {
        let (mut gentle, mut hard) = (self.control.clone(), self.control.clone());
        let limits = self.shared.config.unpack_limits;
        let downloads = async {
            tokio::select! {
                _ = gentle.stronger_than(None) => Err(PhaseError::Stopped),
                done = download(self.client, phase, home, limits, &self.shared.give_up) => done,
            }
        };
        let around = Surroundings {
            log: self.log.clone(),
            guardian: guardian.clone(),
            home: home.clone(),
            clock: self.shared.clock.clone(),
            http: self.shared.config.provider_http(),
        };
        let is_needed = !resolution.is_empty();
        let exchange = async {
            if !is_needed {
                return (Instant::now(), Ok(None));
            }
            // An exchange in the middle is let end, so that what it obtains can be revoked.
            let obtained = tokio::select! {
                _ = hard.stronger_than(Some(Stop::Interrupt)) => Err(PhaseError::Stopped),
                obtained = Broker::obtain(resolution, self.client.clone(), around) =>
                    obtained.map(Some),
            };
            (Instant::now(), obtained)
        };
        let since = Instant::now();
        let ((downloaded_at, downloads), (obtained_at, obtained)) = tokio::join!(
            async {
                let done = downloads.await;
                (Instant::now(), done)
            },
            exchange
        );
        if is_needed {
            self.waited_for_exchange = obtained_at.saturating_duration_since(downloaded_at);
            self.clock_work.add("exchange", since);
        }
        let injection = match obtained? {
            Some((broker, injection)) => {
                self.broker = Some(broker);
                injection
            }
            None => Injection::default(),
        };
        Ok((downloads?, injection))
    }
}
