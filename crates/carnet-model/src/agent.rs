//! Agents: the processes that execute runs.

use crate::{AgentId, Timestamp, TokenId};

/// A process that claims jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// The stable id, new for every start of the process.
    pub id: AgentId,
    /// The token it registered with.
    pub token_id: TokenId,
    /// A name for people, unique or not.
    pub name: String,
    /// Its version.
    pub version: String,
    /// When it registered.
    pub created_at: Timestamp,
    /// When it was last heard of.
    pub last_ping_at: Timestamp,
}
