//! What happened to a run, for people.

use crate::{CommentId, RunEventId, RunId, Timestamp, UserId};

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

/// The action of an event that is a comment.
pub const COMMENTED: &str = "commented";

impl RunEvent {
    /// The comment that the event is about.
    pub fn comment_id(&self) -> Option<CommentId> {
        let target = self.target_id.as_deref().filter(|_| self.action == COMMENTED);
        target.and_then(|target| target.parse().ok())
    }
}
