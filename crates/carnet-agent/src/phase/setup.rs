//! What a phase puts in place before Terraform starts.

use std::{collections::BTreeSet, ffi::OsString, path::Path, sync::Arc, time::Duration};

use carnet_creds::{Injection, Resolution, ResolveContext, resolve};
use carnet_model::{Phase, RunId};
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use super::{Keeping, PhaseRun};
use crate::{
    adapters::adapters,
    broker::{Broker, write_file},
    config::SandboxMode,
    engine::Engine,
    environment::{Environment, cli_config},
    guardian::Guardian,
    preparation::Downloads,
    sandbox::{self, SandboxPlan},
    state::StateKeeper,
    steps::PhaseError,
    workdir::{Home, write_private},
};

/// A clock that differs by more from the server's is worth a warning: providers would refuse tokens.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(30);

impl PhaseRun<'_> {
    /// Clients do not show the first three lines of an apply.
    pub(super) fn write_header(&self, engine: Option<&Engine>) {
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
        self.log.line(&format!("Carnet agent {name}, {run}"));
    }

    pub(super) fn warn(&self, remarks: impl IntoIterator<Item = String>) {
        for remark in remarks {
            self.log.line(&format!("Warning: {remark}"));
        }
    }

    pub(super) fn check_clock(&self) {
        let ahead = (self.shared.clock)().duration_since(self.document.claimed_at);
        if ahead.unsigned_abs() > CLOCK_TOLERANCE {
            let seconds = ahead.as_secs();
            self.warn([format!(
                "the clock of this agent is {seconds} s ahead of the server's; providers may refuse identity tokens"
            )]);
        }
    }

    pub(super) fn resolve(
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
        let origins =
            by_category("env").map(|variable| (variable.key.clone(), variable.origin.clone())).collect();
        let adapters = adapters(&self.document.adapters)
            .map_err(|error| PhaseError::failed("an adapter cannot be read", error))?;
        let rules = &self.document.credentials;
        let limit = self.document.deadline_at.duration_since((self.shared.clock)());
        let cx = ResolveContext {
            phase,
            home: home.path(),
            run_id: &run_id,
            subject: &self.document.identity.subject,
            terraform_variables: &variables,
            phase_limit: limit.try_into().unwrap_or_default(),
            identity_token_ttl: Duration::from_secs(rules.identity_token_ttl_seconds),
            tolerates_static_credentials: rules.tolerates_static_credentials,
            origins: &origins,
            adapters: &adapters,
        };
        let resolution = resolve(&env, &cx).map_err(|problems| {
            let sentences: Vec<String> = problems.iter().map(ToString::to_string).collect();
            PhaseError::Failed(sentences.join("\n"))
        })?;
        self.warn(resolution.warnings().iter().map(ToString::to_string));
        if !resolution.is_empty() {
            self.warn(self.document.notices.iter().cloned());
        }
        Ok(resolution)
    }

    /// Makes the durable folder of an apply and starts the process that cleans up should this one die.
    pub(super) fn start_guardian(&mut self, phase: Phase, home: &Home) -> Result<Arc<Guardian>, PhaseError> {
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
        let guardian = Guardian::start(config, home.path(), lock.as_deref())
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

    /// Puts credentials and the run's own token where Terraform finds them.
    pub(super) fn inject(
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
        write_private(&home.cli_config(), text.as_bytes()).map_err(cannot)
    }

    /// Waits until new credentials work everywhere, where a person has asked for that; they are kept fresh meanwhile.
    pub(super) async fn settle(&self) -> Result<(), PhaseError> {
        let wait = self.broker.as_ref().map(Broker::settle).unwrap_or_default();
        if wait.is_zero() {
            return Ok(());
        }
        self.log.line(&format!("Waiting {} s for new credentials to work everywhere...", wait.as_secs()));
        let mut control = self.control.clone();
        tokio::select! {
            _ = control.stronger_than(None) => Err(PhaseError::Stopped),
            () = tokio::time::sleep(wait) => Ok(()),
        }
    }

    pub(super) fn command_prefix(&self, home: &Home, engine: &Engine) -> Result<Vec<OsString>, PhaseError> {
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
        protected
            .extend(config.host_env.get("HOME").map(Path::new).map(sandbox::personal).unwrap_or_default());
        let plan = SandboxPlan {
            protected,
            work_root: config.work_root.clone(),
            writable,
            is_required: config.sandbox == SandboxMode::Required,
        };
        let mut prefix = plan.prefix(config.stage_program());
        prefix.push(engine.path.clone().into());
        Ok(prefix)
    }

    /// Starts to deliver the state as Terraform writes it.
    pub(super) fn keep_state(&mut self, root: &Path, downloads: Downloads) -> Result<(), PhaseError> {
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
}
