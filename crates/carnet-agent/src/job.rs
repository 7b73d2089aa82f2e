//! One job from its claim to its end.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use carnet_api::{
    client::AgentClient,
    job::{Finish, JobDocument},
};
use carnet_model::Phase;
use secrecy::SecretString;
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    config::{AgentConfig, Clock},
    control::{Control, Reason, control, watch_over},
    engine::Engines,
    log::Log,
    phase::{PhaseRun, Report},
    plan_json::PlanSummary,
    retry::retry,
    schemas::SchemaCache,
    steps::PhaseError,
};

/// What all jobs of an agent share.
pub(crate) struct Shared {
    pub(crate) config: AgentConfig,
    pub(crate) clock: Clock,
    pub(crate) client: AgentClient,
    pub(crate) engines: Engines,
    pub(crate) schemas: SchemaCache,
    pub(crate) is_sandbox_available: bool,
    /// The certificate authorities of runs, when the operator gave more than the system has.
    pub(crate) certificates: Option<String>,
    /// Running jobs are to end.
    pub(crate) shutdown: CancellationToken,
    /// Nothing is tried again any more.
    pub(crate) give_up: CancellationToken,
}

/// Executes a job and reports its end.
pub(crate) async fn execute(shared: Arc<Shared>, document: JobDocument) {
    let claimed = Instant::now();
    let id = document.job_id.clone();
    tracing::info!(job.id = id, run.id = document.identity.run_id, phase = document.phase, "a job starts");
    if let Err(error) = try_execute(&shared, document, claimed).await {
        tracing::error!(job.id = id, error = %error, "a job could not be executed");
    }
}

async fn try_execute(shared: &Shared, document: JobDocument, claimed: Instant) -> Result<(), String> {
    let client = shared
        .client
        .job(&document.job_id, document.control_token.0.clone())
        .map_err(|error| error.to_string())?;
    let spool = shared.config.data_dir.join("logs").join(&document.job_id);
    let log = Log::create(&spool).map_err(|error| format!("{}: {error}", spool.display()))?;
    log.hide(&secrets(&document));

    let (stopper, control) = control();
    let (version, version_known) = watch::channel(None);
    let limit = document.deadline_at.duration_since(document.claimed_at);
    let deadline = claimed + Duration::try_from(limit).unwrap_or_default();
    let _watcher = Task(tokio::spawn(watch_over(
        client.clone(),
        stopper,
        deadline.into(),
        shared.shutdown.clone(),
        version_known,
    )));
    let limit = format!("the {} has reached its time limit of {limit:#}", document.phase);
    let _announcer = Task(tokio::spawn(announce(control.clone(), log.clone(), limit.clone())));
    let uploader = {
        let (log, client, give_up) = (log.clone(), client.clone(), shared.give_up.clone());
        tokio::spawn(async move { log.upload(&client, &give_up).await })
    };

    let report =
        PhaseRun::new(shared, &document, &client, &log, control.clone(), claimed, version).run().await;
    let finish = finish(report, &control, &log, &limit);
    log.close();
    let uploaded = uploader.await.map_err(|error| error.to_string())?;
    if let Err(error) = uploaded {
        tracing::warn!(job.id = document.job_id, error = %error, "the log is not complete on the server");
    }
    let finished = retry(&shared.give_up, || client.finish(&finish)).await;
    // It is only a copy of what the server has.
    let _ = std::fs::remove_file(&spool);
    tracing::info!(job.id = document.job_id, outcome = finish.outcome, "a job has ended");
    finished.map_err(|error| format!("its end could not be reported: {error}"))
}

/// A task that ends with the job.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Says in the log that, and why, the phase is stopped.
async fn announce(mut control: Control, log: Log, limit: String) {
    let mut known = None;
    loop {
        let stop = control.stronger_than(known).await;
        if let Some((_, reason)) = control.requested() {
            let verb = if known.is_none() { "Stopping" } else { "Killing" };
            log.line(&format!("{verb}: {}", text_of(reason, &limit)));
        }
        known = Some(stop);
    }
}

/// The reason for people; `limit` is the sentence about the phase's time limit.
fn text_of(reason: Reason, limit: &str) -> &str {
    match reason {
        Reason::Timeout => limit,
        Reason::Canceled => "the run was canceled",
        Reason::Lost => "the server no longer expects this agent to run the job",
        Reason::Shutdown => "the agent is shutting down",
    }
}

/// Everything secret that is known before anything runs.
fn secrets(document: &JobDocument) -> Vec<SecretString> {
    let tokens = [&document.control_token, &document.delivery_token, &document.run_token];
    let values =
        document.variables.iter().filter(|variable| variable.sensitive).map(|variable| &variable.value);
    tokens.into_iter().chain(values).map(|secret| secret.0.clone()).collect()
}

fn finish(report: Report, control: &Control, log: &Log, limit: &str) -> Finish {
    let (outcome, summary) = match report.result {
        Ok(summary) if report.is_state_safe => ("succeeded", summary),
        Ok(summary) => ("failed", summary),
        Err(error) => {
            let reason = control.requested().map(|(_, reason)| reason);
            (outcome_of(&error, reason, log, limit), PlanSummary::default())
        }
    };
    Finish {
        outcome: outcome.to_owned(),
        has_changes: summary.has_changes,
        additions: summary.additions,
        changes: summary.changes,
        destructions: summary.destructions,
        imports: summary.imports,
        generated_configuration: summary.generated_configuration,
        terraform_version: report.terraform_version,
        preparation_ms: report.preparation_ms,
        steps: report.steps,
        unrevoked: report.unrevoked,
    }
}

fn outcome_of(error: &PhaseError, reason: Option<Reason>, log: &Log, limit: &str) -> &'static str {
    match (error, reason) {
        (PhaseError::Stopped, Some(Reason::Canceled)) => {
            log.line("Operation canceled.");
            "canceled"
        }
        (PhaseError::Stopped, reason) => {
            let text = reason.map_or("it was stopped", |reason| text_of(reason, limit));
            log.line(&format!("Operation failed: {text}"));
            "failed"
        }
        (PhaseError::Failed(sentence), _) => {
            failure(sentence).iter().for_each(|line| log.line(line));
            "failed"
        }
    }
}

/// A failure as lines of the log; those after the first stand under it.
fn failure(sentence: &str) -> Vec<String> {
    let lines = sentence.lines().filter(|line| !line.is_empty()).enumerate();
    lines
        .map(|(position, line)| match position {
            0 => format!("Operation failed: {line}"),
            // Details come indented already.
            _ if line.starts_with("  ") => line.to_owned(),
            _ => format!("  {line}"),
        })
        .collect()
}

/// The phase that a job document names.
pub(crate) fn phase_of(document: &JobDocument) -> Result<Phase, PhaseError> {
    document.phase.parse().map_err(PhaseError::Failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_line_of_a_failure_says_that_it_is_one() {
        let sentence =
            "failed authenticating to Vault\n  tried:      POST\n              more\n\nanother problem";
        assert_eq!(
            failure(sentence),
            [
                "Operation failed: failed authenticating to Vault",
                "  tried:      POST",
                "              more",
                "  another problem",
            ]
        );
    }
}
