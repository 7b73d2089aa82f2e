//! One phase: preparation, the steps, and the end that always comes.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use carnet_api::{
    client::{ClientError, JobClient},
    job::{JobDocument, StepTime},
};
use carnet_creds::{Injection, Resolution, ResolveContext, resolve};
use carnet_model::{Phase, RunId};
use secrecy::ExposeSecret;
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    broker::{Broker, Surroundings, write_file},
    control::{Control, Stop},
    engine::{Engine, check_version},
    environment::{Environment, cli_config},
    guardian::Guardian,
    job::{Shared, phase_of},
    log::Log,
    plan_json::PlanSummary,
    preparation::{Downloads, arrange, download},
    process::Launcher,
    sandbox::{self, SandboxPlan},
    state::{Delivered, StateKeeper},
    steps::{self, PhaseError, StepClock, Steps},
    workdir::Home,
};

/// A clock that differs by more from the server's is worth a warning: providers would refuse tokens.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(30);

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
        let since = Instant::now();
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
        let mut environment = Environment::new(&self.shared.config.host_env, self.document, home.path());
        let resolution = self.resolve(phase, &home, &environment)?;
        self.warn(environment.notices.drain(..));
        let guardian = self.start_guardian(phase, &home)?;

        let (downloads, injection) = self.fetch(phase, &home, &guardian, resolution).await?;
        let root = arrange(&home, self.document, &downloads, self.log)?;
        self.inject(&home, injection, &mut environment)?;
        let prefix = self.command_prefix(&home, &engine)?;
        self.keep_state(&root, downloads)?;

        let launcher = Launcher {
            prefix,
            env: environment.values,
            folder: root.clone(),
            output: home.output(),
            guardian,
            grace: self.shared.config.grace,
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

    /// Clients do not show the first three lines of an apply.
    fn write_header(&self, engine: Option<&Engine>) {
        match engine {
            Some(engine) => {
                self.log.line(&format!("{} v{}", engine.product, engine.version));
                self.log.line(&format!("on {}", engine.platform));
            }
            None => {
                self.log.line("Terraform");
                self.log.line("of unknown version");
            }
        }
        let (name, run) = (&self.shared.config.name, &self.document.identity.run_id);
        self.log.line(&format!("Carnet agent {name}, run {run}"));
    }

    fn warn(&self, remarks: impl IntoIterator<Item = String>) {
        for remark in remarks {
            self.log.line(&format!("Warning: {remark}"));
        }
    }

    fn check_clock(&self) {
        let ahead = (self.shared.clock)().duration_since(self.document.claimed_at);
        if ahead.unsigned_abs() > CLOCK_TOLERANCE {
            let seconds = ahead.as_secs();
            self.warn([format!(
                "the clock of this agent is {seconds} s ahead of the server's; providers may refuse identity tokens"
            )]);
        }
    }

    fn resolve(
        &self,
        phase: Phase,
        home: &Home,
        environment: &Environment,
    ) -> Result<Resolution, PhaseError> {
        let run_id: RunId = self
            .document
            .identity
            .run_id
            .parse()
            .map_err(|error| PhaseError::failed("the run has no valid id", error))?;
        let by_category = |category: &'static str| {
            self.document.variables.iter().filter(move |variable| variable.category == category)
        };
        let variables: BTreeSet<String> =
            by_category("terraform").map(|variable| variable.key.clone()).collect();
        // Only what the workspace sets counts, never what the agent's host has.
        let env = by_category("env")
            .filter(|variable| environment.values.contains_key(&variable.key))
            .map(|variable| (variable.key.clone(), variable.value.0.clone()))
            .collect();
        let limit = self.document.deadline_at.duration_since((self.shared.clock)());
        let cx = ResolveContext {
            phase,
            home: home.path(),
            run_id: &run_id,
            subject: &self.document.identity.subject,
            terraform_variables: &variables,
            phase_limit: limit.try_into().unwrap_or_default(),
        };
        let resolution = resolve(&env, &cx).map_err(|problems| {
            let sentences: Vec<String> = problems.iter().map(ToString::to_string).collect();
            PhaseError::Failed(sentences.join("\n"))
        })?;
        self.warn(resolution.warnings().iter().map(ToString::to_string));
        Ok(resolution)
    }

    /// Makes the durable folder of an apply and starts the process that cleans up should this one die.
    fn start_guardian(&mut self, phase: Phase, home: &Home) -> Result<Arc<Guardian>, PhaseError> {
        let config = &self.shared.config;
        let cannot = |error| PhaseError::failed("the job cannot be prepared", error);
        let keeper = match phase {
            Phase::Plan => {
                std::fs::create_dir(home.state()).map_err(cannot)?;
                None
            }
            Phase::Apply => {
                let keeper = StateKeeper::create(&config.data_dir, self.document, &config.server_url)
                    .map_err(cannot)?;
                std::os::unix::fs::symlink(keeper.folder().state(), home.state()).map_err(cannot)?;
                Some(keeper)
            }
        };
        let lock = keeper.as_ref().map(|keeper| keeper.folder().lock());
        let guardian =
            Guardian::start(config.stage_program(), home.path(), lock.as_deref(), config.guardian_grace)
                .map_err(|error| PhaseError::failed("the guardian cannot be started", error))?;
        let guardian = Arc::new(guardian);
        self.guardian = Some(guardian.clone());
        self.keeper = keeper.map(|keeper| Keeping {
            keeper: Arc::new(keeper),
            root: None,
            done: CancellationToken::new(),
            task: tokio::spawn(async { Ok(()) }),
        });
        Ok(guardian)
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
                    obtained.map(Some).map_err(|error| PhaseError::Failed(error.to_string())),
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

    /// Puts credentials and the run's own token where Terraform finds them.
    fn inject(
        &self,
        home: &Home,
        injection: Injection,
        environment: &mut Environment,
    ) -> Result<(), PhaseError> {
        let cannot = |error| PhaseError::failed("the credentials cannot be written", error);
        for file in &injection.files {
            write_file(home, file).map_err(cannot)?;
        }
        environment.values.extend(injection.env);
        for (name, value) in injection.variables {
            environment.set(format!("TF_VAR_{name}"), value);
        }
        let token = self.document.run_token.0.expose_secret();
        let text = cli_config(&self.document.server_url, token, self.shared.config.plugin_dir.as_deref());
        crate::workdir::write_private(&home.cli_config(), text.as_bytes()).map_err(cannot)
    }

    fn command_prefix(&self, home: &Home, engine: &Engine) -> Result<Vec<std::ffi::OsString>, PhaseError> {
        let config = &self.shared.config;
        let (is_used, remark) =
            sandbox::decide(config.sandbox, self.shared.is_sandbox_available).map_err(PhaseError::Failed)?;
        self.warn(remark.map(str::to_owned));
        if !is_used {
            return Ok(vec![engine.path.clone().into()]);
        }
        let mut writable = vec![home.path().to_owned()];
        writable.extend(self.keeper.as_ref().map(|keeping| keeping.keeper.folder().state()));
        let mut protected = config.protected.clone();
        protected.push(config.data_dir.clone());
        protected.extend(config.host_env.get("HOME").map(Path::new).map(sandbox::personal).unwrap_or_default());
        let plan = SandboxPlan {
            protected,
            work_root: config.work_root.clone(),
            writable,
            is_required: config.sandbox == crate::config::SandboxMode::Required,
        };
        let mut prefix = plan.prefix(config.stage_program());
        prefix.push(engine.path.clone().into());
        Ok(prefix)
    }

    /// Starts to deliver the state as Terraform writes it.
    fn keep_state(&mut self, root: &Path, downloads: Downloads) -> Result<(), PhaseError> {
        let Some(keeping) = &mut self.keeper else {
            return Ok(());
        };
        let delivery = self
            .shared
            .client
            .delivery(&self.document.job_id, self.document.delivery_token.0.clone())
            .map_err(|error| PhaseError::failed("the state cannot be delivered", error))?;
        let (keeper, done) = (keeping.keeper.clone(), keeping.done.clone());
        let give_up = self.shared.give_up.clone();
        keeping.root = Some(root.to_owned());
        keeping.task =
            tokio::spawn(
                async move { keeper.keep_delivered(&delivery, downloads.state, done, &give_up).await },
            );
        Ok(())
    }

    fn rescue(&self, keeping: &Keeping) {
        if let Some(root) = &keeping.root
            && let Err(error) = keeping.keeper.rescue(root)
        {
            self.warn([format!("a state that Terraform left behind cannot be kept: {error}")]);
        }
    }

    /// Waits until the server has the state; tells whether it has.
    async fn settle_state(&self, keeping: Option<Keeping>) -> bool {
        let Some(Keeping { keeper, done, task, .. }) = keeping else {
            return true;
        };
        done.cancel();
        let result =
            task.await.unwrap_or_else(|error| Err(ClientError::Unavailable { detail: error.to_string() }));
        let Some(keeper) = Arc::into_inner(keeper) else {
            return false;
        };
        match keeper.settle(result, &self.shared.config.data_dir) {
            Ok(Delivered::Yes) => true,
            Ok(Delivered::Later) => {
                self.warn([
                    "the state could not be delivered yet; the agent keeps it and tries again".to_owned()
                ]);
                false
            }
            Ok(Delivered::SetAside(place, reason)) => {
                self.warn([format!(
                    "the state was not stored ({reason}); the agent keeps it at {}",
                    place.display()
                )]);
                false
            }
            Err(error) => {
                tracing::error!(job.id = self.document.job_id, error = %error, "the folder of a job cannot be settled");
                false
            }
        }
    }

    /// Revokes, deletes the home directory and lets the guardian go; returns what could not be revoked.
    async fn leave(
        &self,
        broker: Option<Broker>,
        home: Option<Home>,
        guardian: Option<Arc<Guardian>>,
    ) -> Vec<String> {
        let unrevoked = match broker {
            Some(broker) => broker.revoke().await,
            None => Vec::new(),
        };
        if let Some(home) = home
            && let Ok(Err(error)) = tokio::task::spawn_blocking(move || home.delete()).await
        {
            self.warn([format!("the home directory of the run cannot be deleted: {error}")]);
        }
        if let Some(guardian) = guardian {
            guardian.dismiss().await;
        }
        unrevoked
    }
}
