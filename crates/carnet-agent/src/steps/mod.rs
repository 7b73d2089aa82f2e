//! The commands of a phase, one after the other.

mod apply;
mod plan;
mod summary;

use std::{
    ffi::OsString,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use bytes::Bytes;
use carnet_api::{
    client::{ClientError, JobClient},
    job::{Artifact, JobDocument, StepTime},
};
use tokio_util::sync::CancellationToken;

use crate::{
    control::Control,
    engine::Engine,
    log::Log,
    plan_json::PlanSummary,
    process::{Ended, Launcher, Sink},
    retry::retry,
    schemas::SchemaCache,
    workdir::Home,
};

pub(crate) use apply::apply;
pub(crate) use plan::plan;

/// The name of Terraform's lock file.
pub(crate) const LOCK_FILE: &str = ".terraform.lock.hcl";

/// Why a phase did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PhaseError {
    /// It was asked to stop.
    #[error("the phase was stopped")]
    Stopped,
    /// Something failed; the sentence is for people, and empty when Terraform itself has said it already.
    #[error("{0}")]
    Failed(String),
}

impl PhaseError {
    pub(crate) fn failed(what: &str, error: impl std::fmt::Display) -> Self {
        Self::Failed(format!("{what}: {error}"))
    }
}

/// What all steps need.
pub(crate) struct Steps<'a> {
    pub(crate) launcher: &'a Launcher,
    pub(crate) control: &'a Control,
    pub(crate) log: &'a Log,
    pub(crate) home: &'a Home,
    /// Where Terraform runs.
    pub(crate) root: PathBuf,
    pub(crate) document: &'a JobDocument,
    pub(crate) engine: &'a Engine,
    pub(crate) schemas: &'a SchemaCache,
    pub(crate) client: &'a JobClient,
    pub(crate) give_up: &'a CancellationToken,
    pub(crate) clock_work: &'a StepClock,
}

/// Measures steps.
#[derive(Debug, Default)]
pub(crate) struct StepClock {
    times: Mutex<Vec<StepTime>>,
}

impl StepClock {
    pub(crate) fn add(&self, name: &str, since: Instant) {
        let milliseconds = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.push(StepTime { name: name.to_owned(), milliseconds });
    }

    pub(crate) fn take(&self) -> Vec<StepTime> {
        std::mem::take(&mut *self.times.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a phase has done.
pub(crate) type PhaseResult = Result<PlanSummary, PhaseError>;

impl Steps<'_> {
    /// Prepares the folder; its output is shown when it fails only.
    async fn init(&self, is_locked: bool) -> Result<(), PhaseError> {
        let mut arguments = arguments(&["init", "-input=false"]);
        if self.document.run.structured_output {
            arguments.push("-no-color".into());
        }
        if is_locked {
            arguments.push("-lockfile=readonly".into());
        }
        let ended = self.run("init", arguments).await?;
        if ended.status.success() {
            return Ok(());
        }
        for output in [&ended.stdout, &ended.stderr] {
            self.log.write(&output.read().unwrap_or_default());
        }
        Err(self.failure("init", &ended))
    }

    /// Runs a command whose output is only collected.
    async fn run(&self, name: &str, arguments: Vec<OsString>) -> Result<Ended, PhaseError> {
        self.execute(name, arguments, None).await
    }

    /// Runs a command whose output goes to the log; `watch` sees it, too.
    async fn run_shown(
        &self,
        name: &str,
        arguments: Vec<OsString>,
        watch: &mut (dyn FnMut(&[u8]) + Send),
    ) -> Result<Ended, PhaseError> {
        let mut show = |bytes: &[u8]| {
            watch(bytes);
            self.log.write(bytes);
        };
        self.execute(name, arguments, Some(&mut show)).await
    }

    async fn execute(
        &self,
        name: &str,
        arguments: Vec<OsString>,
        sink: Option<Sink<'_>>,
    ) -> Result<Ended, PhaseError> {
        if self.control.requested().is_some() {
            return Err(PhaseError::Stopped);
        }
        let since = Instant::now();
        let ended = self
            .launcher
            .run(arguments, self.control, sink)
            .await
            .map_err(|error| PhaseError::failed("Terraform cannot be started", error))?;
        self.clock_work.add(name, since);
        Ok(ended)
    }

    /// The error of a command that did not succeed.
    fn failure(&self, name: &str, ended: &Ended) -> PhaseError {
        if self.control.requested().is_some() {
            return PhaseError::Stopped;
        }
        match ended.status.code() {
            Some(code) => PhaseError::Failed(format!("terraform {name} failed (exit code {code})")),
            None => PhaseError::Failed(format!("terraform {name} was killed ({})", ended.status)),
        }
    }

    async fn upload(&self, artifact: Artifact, content: Bytes) -> Result<(), PhaseError> {
        let stored: Result<(), ClientError> =
            retry(self.give_up, || self.client.put_artifact(artifact, content.clone())).await;
        stored.map_err(|error| {
            PhaseError::failed(&format!("the {} cannot be stored", artifact.as_str()), error)
        })
    }

    /// The kind of output that the run wants.
    fn output_flag(&self) -> Option<OsString> {
        self.document.run.structured_output.then(|| "-json".into())
    }
}

fn arguments(fixed: &[&str]) -> Vec<OsString> {
    fixed.iter().map(OsString::from).collect()
}
