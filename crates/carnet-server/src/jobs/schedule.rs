//! The queue of a workspace: carries out what the pure scheduler decides.

use carnet_model::{
    ExecutionMode, JobId, Lock, LockOwner, Phase, PhaseStatus, Run, RunId, RunStatus, ScheduleStep,
    Timestamp, Workspace, WorkspaceId, WorkspaceQueue, next_steps,
};
use carnet_store::{NewJob, Tx};

use super::{Cause, move_phase, move_run};
use crate::app::{App, entropy};
use crate::error::ApiError;

/// Lets the runs of a workspace go on that may. Belongs into every transaction that changes the queue or the lock;
/// after its commit, `app.jobs_waiting` must be notified.
pub(crate) async fn schedule(
    tx: &mut Tx,
    _app: &App,
    workspace_id: &WorkspaceId,
    now: Timestamp,
) -> Result<(), ApiError> {
    let Some(workspace) = tx.workspace(workspace_id).await? else {
        return Ok(());
    };
    let lock = workspace.lock.as_ref().map(|lock| lock.owner.clone());
    let queue = WorkspaceQueue { runs: tx.open_runs(workspace_id).await?, lock };
    for step in next_steps(&queue) {
        match step {
            ScheduleStep::Release => tx.unlock_workspace(workspace_id).await?,
            ScheduleStep::Own(id) => own(tx, workspace_id, id).await?,
            ScheduleStep::Plan(id) => queue_phase(tx, &workspace, (&id, Phase::Plan), now).await?,
            ScheduleStep::Apply(id) => queue_phase(tx, &workspace, (&id, Phase::Apply), now).await?,
        }
    }
    show_waiting_run(tx, &workspace, &queue).await
}

/// Takes the workspace from whoever holds it and gives it to a run.
pub(super) async fn hand_over(
    tx: &mut Tx,
    workspace_id: &WorkspaceId,
    run_id: RunId,
) -> Result<(), ApiError> {
    tx.unlock_workspace(workspace_id).await?;
    own(tx, workspace_id, run_id).await
}

async fn own(tx: &mut Tx, workspace_id: &WorkspaceId, run_id: RunId) -> Result<(), ApiError> {
    tx.set_current_run(workspace_id, &run_id).await?;
    let reason = format!("run {run_id} is in progress");
    let lock = Lock { owner: LockOwner::Run(run_id), reason };
    if !tx.lock_workspace(workspace_id, &lock).await? {
        return Err(ApiError::internal("the scheduler gave a workspace away that is not free"));
    }
    Ok(())
}

/// Behind a user's lock the oldest waiting run is shown as the current one, so that clients can tell what it waits for.
async fn show_waiting_run(
    tx: &mut Tx,
    workspace: &Workspace,
    queue: &WorkspaceQueue,
) -> Result<(), ApiError> {
    if !matches!(queue.lock, Some(LockOwner::User(_))) {
        return Ok(());
    }
    let waiting = queue.runs.iter().find(|run| run.waits_for_workspace());
    match waiting {
        Some(run) if workspace.current_run_id.as_ref() != Some(&run.id) => {
            Ok(tx.set_current_run(&workspace.id, &run.id).await?)
        }
        Some(_) | None => Ok(()),
    }
}

async fn queue_phase(
    tx: &mut Tx,
    workspace: &Workspace,
    (run_id, phase): (&RunId, Phase),
    now: Timestamp,
) -> Result<(), ApiError> {
    let missing = || ApiError::internal("a queued run is not there");
    let mut run: Run = tx.run(run_id).await?.ok_or_else(missing)?;
    let mut part = tx.run_phase(run_id, phase).await?.ok_or_else(missing)?;
    let next = match phase {
        Phase::Plan => RunStatus::PlanQueued,
        Phase::Apply => RunStatus::ApplyQueued,
    };
    move_run(tx, &mut run, next, Cause::default(), now).await?;
    move_phase(tx, &mut part, PhaseStatus::Queued, now).await?;
    let id = JobId::from_entropy(entropy()?);
    let pool = workspace.agent_pool_id.as_ref().filter(|_| workspace.execution_mode == ExecutionMode::Agent);
    if workspace.execution_mode == ExecutionMode::Agent && pool.is_none() {
        // It must not fall to the agents of the site.
        return Err(ApiError::internal("a workspace of execution mode agent has no agent pool"));
    }
    let job = NewJob { id: &id, run_id, workspace_id: &workspace.id, phase, agent_pool_id: pool };
    Ok(tx.insert_job(job, now).await?)
}
