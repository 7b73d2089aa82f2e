//! The only places where the status of a run and of its phases change.

use carnet_model::{PhaseStatus, Run, RunEvent, RunEventId, RunId, RunPhase, RunStatus, Timestamp, UserId};
use carnet_store::Tx;

use crate::app::entropy;
use crate::error::ApiError;
use crate::notifications::note_status;

/// Who made something happen, and why.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cause<'a> {
    /// `None` for the server itself.
    pub(crate) actor: Option<&'a UserId>,
    pub(crate) description: &'a str,
}

impl<'a> Cause<'a> {
    /// The server did it.
    pub(crate) fn server(description: &'a str) -> Self {
        Self { actor: None, description }
    }
}

/// Moves a run to a status, notes when, and makes an event of it.
pub(crate) async fn move_run(
    tx: &mut Tx,
    run: &mut Run,
    next: RunStatus,
    cause: Cause<'_>,
    now: Timestamp,
) -> Result<(), ApiError> {
    if !run.status.can_become(next) {
        let (from, to) = (run.status.as_str(), next.as_str());
        return Err(ApiError::Conflict(format!("a run that is {from} cannot become {to}")));
    }
    run.status = next;
    run.status_timestamps.insert(next.as_str().to_owned(), now);
    tx.update_run(run).await?;
    note_status(tx, run, cause.actor, now).await?;
    note_event(tx, &run.id, next.as_str(), cause, now).await
}

/// Moves a phase to a status and notes when.
pub(crate) async fn move_phase(
    tx: &mut Tx,
    phase: &mut RunPhase,
    next: PhaseStatus,
    now: Timestamp,
) -> Result<(), ApiError> {
    phase.status = next;
    phase.status_timestamps.insert(next.as_str().to_owned(), now);
    Ok(tx.update_phase(phase).await?)
}

/// Notes something that happened to a run.
pub(crate) async fn note_event(
    tx: &mut Tx,
    run_id: &RunId,
    action: &str,
    cause: Cause<'_>,
    now: Timestamp,
) -> Result<(), ApiError> {
    let event = RunEvent {
        id: RunEventId::from_entropy(entropy()?),
        run_id: run_id.clone(),
        action: action.to_owned(),
        description: cause.description.to_owned(),
        target_id: None,
        actor_id: cause.actor.cloned(),
        created_at: now,
    };
    Ok(tx.insert_run_event(&event).await?)
}
