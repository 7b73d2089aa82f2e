//! What happened to a run, for people.

use crate::{RunEventId, RunId, Timestamp, UserId};

/// Something that happened to a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEvent {
    /// The stable id.
    pub id: RunEventId,
    /// The run.
    pub run_id: RunId,
    /// What happened: `created`, the status that was entered, or another word.
    pub action: String,
    /// More about it, perhaps in the actor's words.
    pub description: String,
    /// What of the run it is about, if that has an id of its own.
    pub target_id: Option<String>,
    /// Who did it; `None` for the server itself.
    pub actor_id: Option<UserId>,
    /// When it happened.
    pub created_at: Timestamp,
}
