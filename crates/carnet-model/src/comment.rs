//! Comments on runs.

use crate::{CommentId, RunEventId, RunId, Timestamp};

/// What somebody said about a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// The stable id.
    pub id: CommentId,
    /// The run.
    pub run_id: RunId,
    /// The event that tells who said it.
    pub run_event_id: RunEventId,
    /// The words.
    pub body: String,
    /// When it was said.
    pub created_at: Timestamp,
}
