//! Run triggers: a successful apply of one workspace queues a run of another.

use crate::{RunTriggerId, Timestamp, WorkspaceId, WorkspaceName};

/// The most workspaces whose applies may queue runs of one.
pub const MAX_RUN_TRIGGERS: u64 = 20;

/// The connection of a workspace to one whose applies queue its runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunTrigger {
    /// The stable id.
    pub id: RunTriggerId,
    /// The workspace whose runs are queued.
    pub workspace_id: WorkspaceId,
    /// Its name.
    pub workspace_name: WorkspaceName,
    /// The workspace whose applies queue them.
    pub source_id: WorkspaceId,
    /// Its name.
    pub source_name: WorkspaceName,
    /// When it was made.
    pub created_at: Timestamp,
}

/// From which end of its triggers a workspace is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriggerDirection {
    /// The triggers that queue its runs.
    Inbound,
    /// The triggers that its applies set off.
    Outbound,
}

/// Tells whether an apply may queue a run of a workspace: not of one whose own run led to this apply, so that workspaces
/// that trigger each other do not go on for ever. `chain` are the workspaces of the runs that led to the apply, its own
/// included.
pub fn may_trigger(chain: &[WorkspaceId], target: &WorkspaceId) -> bool {
    !chain.contains(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_does_not_come_back() {
        let [a, b, c] = [1, 2, 3].map(|number| WorkspaceId::from_entropy([number; 16]));
        let chain = [b.clone(), a.clone()];
        assert!(!may_trigger(&chain, &a));
        assert!(!may_trigger(&chain, &b));
        assert!(may_trigger(&chain, &c));
    }
}
