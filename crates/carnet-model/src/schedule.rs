//! Which run of a workspace may go on: one pure decision for every change of the queue.

use crate::{LockOwner, RunId, RunStatus};

/// A run that is not final, as the scheduler sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedRun {
    /// The run.
    pub id: RunId,
    /// Where it stands.
    pub status: RunStatus,
    /// It can never be applied.
    pub plan_only: bool,
    /// Its plan does not hold the workspace.
    pub save_plan: bool,
}

impl QueuedRun {
    /// Whether the run goes on as soon as it owns the workspace.
    pub fn waits_for_workspace(&self) -> bool {
        match self.status {
            RunStatus::Pending => !self.plan_only && !self.save_plan,
            RunStatus::Confirmed => true,
            RunStatus::PlanQueued
            | RunStatus::Planning
            | RunStatus::Planned
            | RunStatus::PlannedAndFinished
            | RunStatus::PlannedAndSaved
            | RunStatus::ApplyQueued
            | RunStatus::Applying
            | RunStatus::Applied
            | RunStatus::Discarded
            | RunStatus::Errored
            | RunStatus::Canceled => false,
        }
    }
}

/// The runs of one workspace that are not final, the oldest first, and its lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceQueue {
    /// The runs.
    pub runs: Vec<QueuedRun>,
    /// Who holds the lock.
    pub lock: Option<LockOwner>,
}

/// What the scheduler does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScheduleStep {
    /// The owner is final: give the lock back.
    Release,
    /// Make the run the owner of the workspace; while a user holds the lock, only its current run.
    Own(RunId),
    /// Queue the plan of the run.
    Plan(RunId),
    /// Queue the apply of the run.
    Apply(RunId),
}

/// Tells what may go on, in order.
///
/// Plans that cannot be applied, and plans that are saved, never wait for the workspace. Of the others, and of the
/// applies of saved plans, one at a time owns it, the oldest first.
pub fn next_steps(queue: &WorkspaceQueue) -> Vec<ScheduleStep> {
    let mut steps: Vec<ScheduleStep> = queue
        .runs
        .iter()
        .filter(|run| run.status == RunStatus::Pending && (run.plan_only || run.save_plan))
        .map(|run| ScheduleStep::Plan(run.id.clone()))
        .collect();
    let owner = match &queue.lock {
        Some(LockOwner::User(_)) => return steps,
        Some(LockOwner::Run(id)) => queue.runs.iter().find(|run| run.id == *id),
        None => None,
    };
    if matches!(queue.lock, Some(LockOwner::Run(_))) && owner.is_none() {
        steps.push(ScheduleStep::Release);
    }
    let Some(run) = owner.or_else(|| queue.runs.iter().find(|run| run.waits_for_workspace())) else {
        return steps;
    };
    if owner.is_none() {
        steps.push(ScheduleStep::Own(run.id.clone()));
    }
    match run.status {
        RunStatus::Pending => steps.push(ScheduleStep::Plan(run.id.clone())),
        RunStatus::Confirmed => steps.push(ScheduleStep::Apply(run.id.clone())),
        RunStatus::PlanQueued
        | RunStatus::Planning
        | RunStatus::Planned
        | RunStatus::PlannedAndFinished
        | RunStatus::PlannedAndSaved
        | RunStatus::ApplyQueued
        | RunStatus::Applying
        | RunStatus::Applied
        | RunStatus::Discarded
        | RunStatus::Errored
        | RunStatus::Canceled => {}
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UserId;

    fn id(number: u8) -> RunId {
        RunId::from_entropy([number; 16])
    }

    fn run(number: u8, status: RunStatus) -> QueuedRun {
        QueuedRun { id: id(number), status, plan_only: false, save_plan: false }
    }

    #[track_caller]
    fn check(runs: Vec<QueuedRun>, lock: Option<LockOwner>, expected: &[ScheduleStep]) {
        assert_eq!(next_steps(&WorkspaceQueue { runs, lock }), expected);
    }

    #[test]
    fn the_oldest_run_takes_a_free_workspace() {
        check(
            vec![run(1, RunStatus::Pending), run(2, RunStatus::Pending)],
            None,
            &[ScheduleStep::Own(id(1)), ScheduleStep::Plan(id(1))],
        );
    }

    #[test]
    fn the_next_run_waits_while_one_is_planned() {
        check(vec![run(1, RunStatus::Planned), run(2, RunStatus::Pending)], Some(LockOwner::Run(id(1))), &[]);
    }

    #[test]
    fn a_final_owner_hands_over() {
        check(
            vec![run(2, RunStatus::Pending)],
            Some(LockOwner::Run(id(1))),
            &[ScheduleStep::Release, ScheduleStep::Own(id(2)), ScheduleStep::Plan(id(2))],
        );
    }

    #[test]
    fn a_final_owner_without_heir_frees_the_workspace() {
        check(vec![], Some(LockOwner::Run(id(1))), &[ScheduleStep::Release]);
    }

    #[test]
    fn plans_that_cannot_be_applied_ignore_queue_and_lock() {
        let speculative = QueuedRun { plan_only: true, ..run(3, RunStatus::Pending) };
        let saved = QueuedRun { save_plan: true, ..run(4, RunStatus::Pending) };
        let user = LockOwner::User(UserId::from_entropy([0; 16]));
        check(
            vec![run(1, RunStatus::Pending), speculative, saved],
            Some(user),
            &[ScheduleStep::Plan(id(3)), ScheduleStep::Plan(id(4))],
        );
    }

    #[test]
    fn the_apply_of_a_saved_plan_takes_its_turn() {
        let saved = QueuedRun { save_plan: true, ..run(2, RunStatus::Confirmed) };
        check(vec![run(1, RunStatus::Planning), saved.clone()], Some(LockOwner::Run(id(1))), &[]);
        check(vec![saved], None, &[ScheduleStep::Own(id(2)), ScheduleStep::Apply(id(2))]);
    }

    #[test]
    fn a_confirmed_owner_applies() {
        check(vec![run(1, RunStatus::Confirmed)], Some(LockOwner::Run(id(1))), &[ScheduleStep::Apply(id(1))]);
    }
}
