//! The states of a run and the ways between them.

/// Where a run stands. Optional stages (cost, policy, tasks) do not exist here, so their states do not either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunStatus {
    /// Waiting for the workspace.
    Pending,
    /// Waiting for an agent to plan.
    PlanQueued,
    /// An agent plans.
    Planning,
    /// The plan has changes and waits for a decision.
    Planned,
    /// The plan has no changes, or the run could only plan.
    PlannedAndFinished,
    /// A saved plan waits to be applied.
    PlannedAndSaved,
    /// Approved, waiting for the workspace.
    Confirmed,
    /// Waiting for an agent to apply.
    ApplyQueued,
    /// An agent applies.
    Applying,
    /// The apply succeeded.
    Applied,
    /// Somebody decided against it.
    Discarded,
    /// Something failed.
    Errored,
    /// Somebody stopped it.
    Canceled,
}

impl RunStatus {
    /// Every status.
    pub const ALL: [Self; 13] = [
        Self::Pending,
        Self::PlanQueued,
        Self::Planning,
        Self::Planned,
        Self::PlannedAndFinished,
        Self::PlannedAndSaved,
        Self::Confirmed,
        Self::ApplyQueued,
        Self::Applying,
        Self::Applied,
        Self::Discarded,
        Self::Errored,
        Self::Canceled,
    ];

    /// The status as clients read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::PlanQueued => "plan_queued",
            Self::Planning => "planning",
            Self::Planned => "planned",
            Self::PlannedAndFinished => "planned_and_finished",
            Self::PlannedAndSaved => "planned_and_saved",
            Self::Confirmed => "confirmed",
            Self::ApplyQueued => "apply_queued",
            Self::Applying => "applying",
            Self::Applied => "applied",
            Self::Discarded => "discarded",
            Self::Errored => "errored",
            Self::Canceled => "canceled",
        }
    }

    /// Whether nothing can happen to the run any more.
    pub fn is_final(self) -> bool {
        match self {
            Self::PlannedAndFinished | Self::Applied | Self::Discarded | Self::Errored | Self::Canceled => {
                true
            }
            Self::Pending
            | Self::PlanQueued
            | Self::Planning
            | Self::Planned
            | Self::PlannedAndSaved
            | Self::Confirmed
            | Self::ApplyQueued
            | Self::Applying => false,
        }
    }

    /// Whether the run waits for an approval.
    pub fn is_confirmable(self) -> bool {
        matches!(self, Self::Planned | Self::PlannedAndSaved)
    }

    /// Whether somebody may decide against the run.
    pub fn is_discardable(self) -> bool {
        matches!(self, Self::Pending | Self::Planned | Self::PlannedAndSaved)
    }

    /// Whether the run can be stopped.
    pub fn is_cancelable(self) -> bool {
        matches!(
            self,
            Self::Pending
                | Self::PlanQueued
                | Self::Planning
                | Self::Confirmed
                | Self::ApplyQueued
                | Self::Applying
        )
    }

    /// The place in the queue of the organization: what executes stands before what waits for an agent, and that before
    /// what waits for its workspace; `None` for what waits for people and for what is over.
    pub fn queue_rank(self) -> Option<u32> {
        match self {
            Self::Planning | Self::Applying => Some(0),
            Self::PlanQueued | Self::ApplyQueued => Some(1),
            Self::Pending | Self::Confirmed => Some(2),
            Self::Planned
            | Self::PlannedAndFinished
            | Self::PlannedAndSaved
            | Self::Applied
            | Self::Discarded
            | Self::Errored
            | Self::Canceled => None,
        }
    }

    /// Whether a run in this status may be moved to `next`.
    pub fn can_become(self, next: Self) -> bool {
        use RunStatus::*;
        match self {
            Pending => matches!(next, PlanQueued | Canceled | Discarded | Errored),
            PlanQueued => matches!(next, Planning | Canceled | Errored),
            Planning => {
                matches!(next, Planned | PlannedAndFinished | PlannedAndSaved | Errored | Canceled)
            }
            Planned | PlannedAndSaved => matches!(next, Confirmed | Discarded | Errored),
            Confirmed => matches!(next, ApplyQueued | Canceled | Errored),
            ApplyQueued => matches!(next, Applying | Canceled | Errored),
            Applying => matches!(next, Applied | Errored | Canceled),
            PlannedAndFinished | Applied | Discarded | Errored | Canceled => false,
        }
    }
}

impl std::str::FromStr for RunStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| format!("{text:?} is not the status of a run"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_follows_a_final_status_and_something_follows_every_other() {
        for status in RunStatus::ALL {
            let has_next = RunStatus::ALL.into_iter().any(|next| status.can_become(next));
            assert_eq!(has_next, !status.is_final(), "{status:?}");
        }
    }

    #[test]
    fn no_way_leads_to_an_apply_without_a_confirmation() {
        for status in RunStatus::ALL {
            assert_eq!(status.can_become(RunStatus::ApplyQueued), status == RunStatus::Confirmed);
            assert_eq!(status.can_become(RunStatus::Applying), status == RunStatus::ApplyQueued);
            assert_eq!(status.can_become(RunStatus::Confirmed), status.is_confirmable());
        }
    }

    #[test]
    fn a_status_survives_its_text() {
        for status in RunStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
    }
}
