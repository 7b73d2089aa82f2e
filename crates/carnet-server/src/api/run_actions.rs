//! Decisions about runs: apply, discard, cancel, let go first.

use carnet_model::{
    LockOwner, Permission, Run, RunDecision, RunId, RunStatus, Signal, Timestamp, UserId, Workspace,
};

use super::comments::{add, check};
use super::run_document::{is_cancelable, is_force_cancelable, rights};
use super::runs::find;
use crate::document::ActionBody;
use crate::error::ApiError;
use crate::extract::{Context, Id, Write};
use crate::jobs::{Cause, end_run, give_way, move_run, note_event, schedule};
use crate::reply::{Reply, accepted};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    let plan = Access::Allowed(Permission::QueuePlans);
    let apply_runs = Access::Allowed(Permission::ApplyRuns);
    Routes::default()
        .post("/api/v2/runs/{run}/actions/apply", apply_runs, apply)
        .post("/api/v2/runs/{run}/actions/discard", plan, discard)
        .post("/api/v2/runs/{run}/actions/cancel", plan, cancel)
        .post("/api/v2/runs/{run}/actions/force-cancel", apply_runs, force_cancel)
        .post("/api/v2/runs/{run}/actions/force-execute", apply_runs, force_execute)
}

/// A decision on its way: who made it about what, and the words that came with it.
struct Decision {
    cx: Context,
    run: Run,
    workspace: Workspace,
    actor: UserId,
    comment: String,
}

impl Decision {
    async fn new(
        mut cx: Context,
        id: &RunId,
        body: ActionBody,
        decision: RunDecision,
    ) -> Result<Self, ApiError> {
        let (run, workspace) = find(&mut cx, id, Permission::ReadRuns).await?;
        let rights = rights(&mut cx, &run).await?;
        if !run.may_be_decided(decision, rights, cx.user_id()) {
            // Says why to those who may know.
            cx.workspace(&run.workspace_id, Permission::ApplyRuns).await?;
            return Err(ApiError::NotFound);
        }
        let actor = cx.require_user()?;
        let comment = body.text.unwrap_or_default();
        check(&comment, "/comment")?;
        if !comment.trim().is_empty() {
            add(&mut cx.tx, &run.id, &actor, &comment, cx.now).await?;
        }
        Ok(Self { cx, run, workspace, actor, comment })
    }

    fn refuse(&self, what: &str) -> ApiError {
        ApiError::Conflict(format!("a run that is {} cannot be {what}", self.run.status.as_str()))
    }

    async fn note(&mut self, action: &str) -> Result<(), ApiError> {
        let cause = Cause { actor: Some(&self.actor), description: &self.comment };
        note_event(&mut self.cx.tx, &self.run.id, action, cause, self.cx.now).await
    }

    async fn end(&mut self, status: RunStatus, note: &str) -> Result<(), ApiError> {
        let cause = Cause { actor: Some(&self.actor), description: &self.comment };
        let Context { app, tx, now, .. } = &mut self.cx;
        end_run(tx, app, &mut self.run, status, (cause, note), *now).await
    }

    async fn accept(self) -> Reply {
        let app = Write(self.cx).commit().await?;
        app.jobs_waiting.notify_waiters();
        accepted()
    }
}

async fn apply(Write(cx): Write, Id(id): Id<RunId>, body: ActionBody) -> Reply {
    let mut decision = Decision::new(cx, &id, body, RunDecision::Confirm).await?;
    if !decision.run.status.is_confirmable() {
        return Err(decision.refuse("applied"));
    }
    decision.run.confirmed_by = Some(decision.actor.clone());
    let cause = Cause { actor: Some(&decision.actor), description: &decision.comment };
    let Context { app, tx, now, .. } = &mut decision.cx;
    move_run(tx, &mut decision.run, RunStatus::Confirmed, cause, *now).await?;
    schedule(tx, app, &decision.run.workspace_id, *now).await?;
    decision.accept().await
}

async fn discard(Write(cx): Write, Id(id): Id<RunId>, body: ActionBody) -> Reply {
    let mut decision = Decision::new(cx, &id, body, RunDecision::Discard).await?;
    if !decision.run.status.is_discardable() {
        return Err(decision.refuse("discarded"));
    }
    decision.end(RunStatus::Discarded, "The run was discarded before it began.").await?;
    decision.accept().await
}

async fn cancel(Write(cx): Write, Id(id): Id<RunId>, body: ActionBody) -> Reply {
    let mut decision = Decision::new(cx, &id, body, RunDecision::Cancel).await?;
    if !is_cancelable(&decision.run) {
        return Err(decision.refuse("canceled, or was canceled before"));
    }
    decision.run.canceled_at = Some(decision.cx.now);
    match decision.cx.tx.running_job(&id).await? {
        None => decision.end(RunStatus::Canceled, "The run was canceled before an agent took it.").await?,
        Some(job) => {
            let available = force_cancel_time(&decision.cx)?;
            decision.run.force_cancel_available_at = Some(available);
            decision.cx.tx.update_run(&decision.run).await?;
            decision.cx.tx.set_signal(&job.id, job.signal.max(Signal::Interrupt)).await?;
        }
    }
    decision.note("cancel_requested").await?;
    decision.accept().await
}

fn force_cancel_time(cx: &Context) -> Result<Timestamp, ApiError> {
    cx.now.checked_add(cx.app.settings.force_cancel_after).map_err(ApiError::internal)
}

async fn force_cancel(Write(cx): Write, Id(id): Id<RunId>, body: ActionBody) -> Reply {
    let mut decision = Decision::new(cx, &id, body, RunDecision::ForceCancel).await?;
    if decision.run.status.is_final() {
        return Err(decision.refuse("stopped by force: it has ended"));
    }
    if !is_force_cancelable(&decision.run, decision.cx.now) {
        return Err(ApiError::Conflict(
            "a run can be stopped by force only some time after it was canceled".to_owned(),
        ));
    }
    let now = decision.cx.now;
    decision.run.status_timestamps.insert("force_canceled".to_owned(), now);
    decision.cx.tx.update_run(&decision.run).await?;
    // The agent kills and reports; if it does not, its lease runs out, since it is not renewed any more.
    if let Some(job) = decision.cx.tx.running_job(&id).await? {
        decision.cx.tx.set_signal(&job.id, Signal::Kill).await?;
    }
    decision.note("force_canceled").await?;
    decision.accept().await
}

async fn force_execute(Write(cx): Write, Id(id): Id<RunId>, body: ActionBody) -> Reply {
    let mut decision = Decision::new(cx, &id, body, RunDecision::ForceExecute).await?;
    if decision.run.status != RunStatus::Pending {
        let status = decision.run.status.as_str();
        return Err(ApiError::Forbidden(format!("a run that is {status} does not wait for the workspace")));
    }
    let Some(LockOwner::Run(holder)) = decision.workspace.lock.as_ref().map(|lock| &lock.owner) else {
        return Err(ApiError::Forbidden("no other run holds the workspace".to_owned()));
    };
    let mut holder = decision.cx.tx.run(holder).await?.ok_or(ApiError::NotFound)?;
    if !holder.status.is_discardable() {
        let status = holder.status.as_str();
        return Err(ApiError::Conflict(format!(
            "{} holds the workspace and is {status}: it cannot be discarded",
            holder.id
        )));
    }
    decision.note("force_executed").await?;
    let text = format!("The run was discarded so that {id} could go first.");
    let cause = Cause { actor: Some(&decision.actor), description: &text };
    let Context { app, tx, now, .. } = &mut decision.cx;
    give_way(tx, app, &mut holder, &id, (cause, &text), *now).await?;
    decision.accept().await
}

#[cfg(test)]
pub(super) mod tests;
