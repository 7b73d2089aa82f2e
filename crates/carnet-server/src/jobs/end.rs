//! How runs and their phases end.

use carnet_model::{Phase, PhaseStatus, Run, RunId, RunPhase, RunStatus, Timestamp};
use carnet_store::Tx;

use super::create::trigger_runs;
use super::schedule::hand_over;
use super::{Cause, move_phase, move_run, schedule};
use crate::app::App;
use crate::error::ApiError;

/// The first byte of every log.
const START_OF_LOG: u8 = 0x02;

/// The last byte of every log: clients stop reading here, so it is written with everything that it announces.
const END_OF_LOG: u8 = 0x03;

/// Clients never show the first three lines of an apply's log: Terraform's own greeting stands there.
const SWALLOWED_LINES: &str = "\n\n\n";

/// Ends a phase that has not ended: its log gets the note, if there is one, and its last byte.
pub(crate) async fn close_phase(
    tx: &mut Tx,
    phase: &mut RunPhase,
    status: PhaseStatus,
    note: &str,
    now: Timestamp,
) -> Result<(), ApiError> {
    if phase.status.is_final() {
        return Ok(());
    }
    let mut tail = Vec::new();
    if phase.log_length == 0 {
        tail.push(START_OF_LOG);
        if phase.phase == Phase::Apply && !note.is_empty() {
            tail.extend_from_slice(SWALLOWED_LINES.as_bytes());
        }
    }
    if !note.is_empty() {
        tail.extend_from_slice(format!("\n{note}\n").as_bytes());
    }
    tail.push(END_OF_LOG);
    tx.append_log(phase, &tail).await?;
    move_phase(tx, phase, status, now).await
}

/// Ends a run: no agent can begin a part of it any more, its open phases end, and the workspace goes to the next run.
///
/// The note stands in the log of the phase that was under way. Wake the agents after the commit.
pub(crate) async fn end_run(
    tx: &mut Tx,
    app: &App,
    run: &mut Run,
    next: RunStatus,
    why: (Cause<'_>, &str),
    now: Timestamp,
) -> Result<(), ApiError> {
    finish_run(tx, run, next, why, now).await?;
    if next == RunStatus::Applied {
        trigger_runs(tx, app, run, now).await?;
    }
    schedule(tx, app, &run.workspace_id, now).await
}

/// Discards the run that holds a workspace and gives the workspace to another one, past those that wait longer.
///
/// Wake the agents after the commit.
pub(crate) async fn give_way(
    tx: &mut Tx,
    app: &App,
    run: &mut Run,
    favored: &RunId,
    why: (Cause<'_>, &str),
    now: Timestamp,
) -> Result<(), ApiError> {
    finish_run(tx, run, RunStatus::Discarded, why, now).await?;
    hand_over(tx, &run.workspace_id, favored.clone()).await?;
    schedule(tx, app, &run.workspace_id, now).await
}

async fn finish_run(
    tx: &mut Tx,
    run: &mut Run,
    next: RunStatus,
    (cause, note): (Cause<'_>, &str),
    now: Timestamp,
) -> Result<(), ApiError> {
    tx.cancel_queued_job(&run.id, now).await?;
    let mut note = note;
    for phase in [Phase::Plan, Phase::Apply] {
        let Some(mut phase) = tx.run_phase(&run.id, phase).await? else {
            continue;
        };
        if !phase.status.is_final() {
            let status = last_status(phase.status, next);
            close_phase(tx, &mut phase, status, std::mem::take(&mut note), now).await?;
        }
    }
    move_run(tx, run, next, cause, now).await
}

/// How a phase ends whose run ends.
fn last_status(phase: PhaseStatus, run: RunStatus) -> PhaseStatus {
    let was_asked_for = matches!(phase, PhaseStatus::Queued | PhaseStatus::Running);
    if was_asked_for && run == RunStatus::Canceled {
        PhaseStatus::Canceled
    } else if was_asked_for && run == RunStatus::Errored {
        PhaseStatus::Errored
    } else {
        PhaseStatus::Unreachable
    }
}
