//! The end of a phase: everything that it changes becomes visible at once, together with the last byte of its log.

use std::sync::Arc;
use std::time::Duration;

use carnet_api::job::Finish;
use carnet_model::{
    Job, JobOutcome, JobStatus, Phase, PhaseStatus, ResourceCounts, Run, RunPhase, RunSource, RunStatus,
    Timestamp,
};
use carnet_store::Tx;
use jiff::SignedDuration;

use super::caller::{JobCall, Plain};
use super::document::run_of;
use super::heartbeat::note_version;
use crate::app::App;
use crate::error::ApiError;
use crate::jobs::{
    Cause, TOKEN_REVOKED, close_phase, end_run, is_trusted, move_run, note_unrevoked, schedule,
};
use crate::reply::{Reply, no_content};

/// How long after the plan a failure may become visible to a client that follows the run.
const READER_PATIENCE: SignedDuration = SignedDuration::from_secs(4);

/// Why a job ended that nobody canceled.
const OUT_OF_TIME: &str = "Error: the time limit of this phase has passed; it was stopped.";

pub(crate) async fn finish(call: JobCall, Plain(report): Plain<Finish>) -> Reply {
    let outcome = parse_outcome(&report.outcome)?;
    if outcome == JobOutcome::Failed && call.job.phase == Phase::Apply {
        let pause = pause_for_reader(&call).await?;
        tokio::time::sleep(pause).await;
    }
    let mut tx = call.app.store.write().await?;
    let job = tx.job(&call.job.id).await?.ok_or(ApiError::NotFound)?;
    if job.status == JobStatus::Finished {
        return no_content();
    }
    let job = call.running(&mut tx).await?;
    let kept = serde_json::to_string(&report).map_err(ApiError::internal)?;
    tx.end_job(&job.id, JobStatus::Finished, Some(kept), call.now).await?;
    note_version(&mut tx, &job, report.terraform_version.as_deref()).await?;
    note_unrevoked(&mut tx, &job, &report.unrevoked, call.now).await?;
    // What an agent without a token says of its success is not believed.
    let (outcome, why_stopped) = match is_trusted(&mut tx, &job, call.now).await? {
        true => (outcome, OUT_OF_TIME.to_owned()),
        false => (JobOutcome::Canceled, format!("Error: {TOKEN_REVOKED}; the run was ended.")),
    };
    let mut end = End { app: &call.app, tx: &mut tx, job: &job, report: &report, why_stopped, now: call.now };
    end.carry_out(outcome).await?;
    tx.commit().await?;
    tracing::info!(job.id = %job.id, run.id = %job.run_id, outcome = report.outcome, "a job finished");
    call.app.jobs_waiting.notify_waiters();
    no_content()
}

/// How long the failure of an apply is kept back.
///
/// The CLI reads the run once after it has read the plan's log, at most two seconds after its end. If it finds a run that
/// approved itself and has failed already, it ends without ever showing the log of the apply.
async fn pause_for_reader(call: &JobCall) -> Result<Duration, ApiError> {
    let mut tx = call.app.store.read().await?;
    let Some(run) = tx.run(&call.job.run_id).await? else {
        return Ok(Duration::ZERO);
    };
    let is_followed = run.source == RunSource::Cloud && run.options.approves_itself();
    let planned_at = run.status_timestamps.get(RunStatus::Planned.as_str()).filter(|_| is_followed);
    let left = planned_at.map(|moment| READER_PATIENCE.saturating_sub(call.now.duration_since(*moment)));
    Ok(left.and_then(|left| Duration::try_from(left).ok()).unwrap_or_default())
}

fn parse_outcome(text: &str) -> Result<JobOutcome, ApiError> {
    match text {
        "succeeded" => Ok(JobOutcome::Succeeded),
        "failed" => Ok(JobOutcome::Failed),
        "canceled" => Ok(JobOutcome::Canceled),
        other => Err(ApiError::invalid("/outcome", format!("{other:?} is not an outcome"))),
    }
}

struct End<'a> {
    app: &'a Arc<App>,
    tx: &'a mut Tx,
    job: &'a Job,
    report: &'a Finish,
    /// What is told of a job that was stopped although nobody canceled the run.
    why_stopped: String,
    now: Timestamp,
}

impl End<'_> {
    async fn carry_out(&mut self, outcome: JobOutcome) -> Result<(), ApiError> {
        let (mut run, _) = run_of(self.tx, self.job).await?;
        let missing = || ApiError::internal("the phase of a job is not there");
        let mut phase = self.tx.run_phase(&run.id, self.job.phase).await?.ok_or_else(missing)?;
        match (outcome, self.job.phase) {
            (JobOutcome::Succeeded, Phase::Plan) => self.plan_succeeded(&mut run, &mut phase).await?,
            (JobOutcome::Succeeded, Phase::Apply) => self.apply_succeeded(&mut run, &mut phase).await?,
            (JobOutcome::Failed, _) => {
                self.close(&mut phase, PhaseStatus::Errored, "").await?;
                self.end(&mut run, RunStatus::Errored, "").await?;
            }
            (JobOutcome::Canceled, _) => {
                let (status, last, note) = match run.canceled_at {
                    Some(_) => (PhaseStatus::Canceled, RunStatus::Canceled, String::new()),
                    None => (PhaseStatus::Errored, RunStatus::Errored, std::mem::take(&mut self.why_stopped)),
                };
                self.close(&mut phase, status, &note).await?;
                self.end(&mut run, last, "").await?;
            }
        }
        if self.job.phase == Phase::Apply {
            self.discard_saved_plans(&run).await?;
        }
        Ok(())
    }

    async fn plan_succeeded(&mut self, run: &mut Run, phase: &mut RunPhase) -> Result<(), ApiError> {
        run.has_changes = self.report.has_changes;
        self.tx.update_run(run).await?;
        phase.generated_configuration = self.report.generated_configuration;
        self.close(phase, PhaseStatus::Finished, "").await?;
        if run.canceled_at.is_some() {
            // The plan was faster than the interrupt; whoever canceled does not want it applied.
            return self.end(run, RunStatus::Canceled, "").await;
        }
        let next = run.options.after_plan(run.has_changes);
        if next.is_final() {
            return self.end(run, next, "").await;
        }
        move_run(self.tx, run, next, Cause::default(), self.now).await?;
        if next == RunStatus::Planned && run.options.approves_itself() {
            let cause = Cause::server("approved by itself: the run was made with auto-apply");
            move_run(self.tx, run, RunStatus::Confirmed, cause, self.now).await?;
        }
        schedule(self.tx, self.app, &run.workspace_id, self.now).await
    }

    async fn apply_succeeded(&mut self, run: &mut Run, phase: &mut RunPhase) -> Result<(), ApiError> {
        self.tx.set_current_configuration(&run.workspace_id, &run.configuration_version_id).await?;
        // Whoever let the run be applied saw the configuration, or named it.
        self.tx.trust_configuration(&run.configuration_version_id).await?;
        self.close(phase, PhaseStatus::Finished, "").await?;
        self.end(run, RunStatus::Applied, "").await
    }

    async fn close(&mut self, phase: &mut RunPhase, status: PhaseStatus, note: &str) -> Result<(), ApiError> {
        phase.counts = Some(ResourceCounts {
            additions: self.report.additions,
            changes: self.report.changes,
            destructions: self.report.destructions,
            imports: self.report.imports,
        });
        close_phase(self.tx, phase, status, note, self.now).await
    }

    async fn end(&mut self, run: &mut Run, status: RunStatus, note: &str) -> Result<(), ApiError> {
        end_run(self.tx, self.app, run, status, (Cause::default(), note), self.now).await
    }

    /// A saved plan was made for the state before; it can never be applied any more.
    async fn discard_saved_plans(&mut self, run: &Run) -> Result<(), ApiError> {
        if self.tx.run_state_versions(&run.id).await?.is_empty() {
            return Ok(());
        }
        for other in self.tx.open_runs(&run.workspace_id).await? {
            if other.status != RunStatus::PlannedAndSaved {
                continue;
            }
            let Some(mut saved) = self.tx.run(&other.id).await? else {
                continue;
            };
            let text = format!("run {} changed the state that this plan was made for", run.id);
            let cause = Cause::server(&text);
            end_run(self.tx, self.app, &mut saved, RunStatus::Discarded, (cause, &text), self.now).await?;
        }
        Ok(())
    }
}
