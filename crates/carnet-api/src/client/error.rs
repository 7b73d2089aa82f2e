//! Why a request did not succeed.

use crate::job::LogPosition;

/// Why a request did not succeed. No secret is in it.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The client cannot be made.
    #[error("the connection cannot be set up: {reason}")]
    Settings {
        /// What is wrong.
        reason: String,
    },
    /// The job is no longer this agent's.
    #[error("the job is no longer this agent's")]
    Gone,
    /// The log ends elsewhere than the client thought.
    #[error("the log ends at byte {}", .0.length)]
    LogPosition(LogPosition),
    /// What is stored is newer.
    #[error("the server has something newer: {detail}")]
    Conflict {
        /// The server's words.
        detail: String,
    },
    /// The token is not accepted.
    #[error("the server does not accept the token")]
    Unauthorized,
    /// The server could not be reached, or cannot answer now. The same request may succeed later.
    #[error("the server is not available: {detail}")]
    Unavailable {
        /// What happened.
        detail: String,
    },
    /// The server understood and refused; the same request will be refused again.
    #[error("the server answered {status}: {detail}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The server's words.
        detail: String,
    },
    /// The answer is not what the protocol says.
    #[error("the answer of the server cannot be read")]
    Unreadable {
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
}

impl ClientError {
    /// Whether the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
