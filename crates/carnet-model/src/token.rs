//! API tokens: what they belong to. The secret itself is stored as a hash only.

use crate::{JobId, RunId, Timestamp, TokenId, UserId, WorkspaceId};

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A user's API token.
    User,
    /// A token with which agents claim jobs; it opens nothing else.
    Agent,
}

impl TokenKind {
    /// The kind as it stands in a column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Agent => "agent",
        }
    }
}

impl std::str::FromStr for TokenKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "user" => Ok(Self::User),
            "agent" => Ok(Self::Agent),
            other => Err(format!("{other:?} is not a kind of token")),
        }
    }
}

/// The record of a stored API token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// The stable id.
    pub id: TokenId,
    /// What it is for.
    pub kind: TokenKind,
    /// The user it acts as; `None` for agent tokens.
    pub user_id: Option<UserId>,
    /// A free text.
    pub description: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

/// Whom a presented bearer token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenOwner {
    /// A user.
    User {
        /// The token's record.
        token_id: TokenId,
        /// The user.
        user_id: UserId,
        /// Whether the user administers the site.
        is_site_admin: bool,
    },
    /// An agent process.
    Agent {
        /// The token's record.
        token_id: TokenId,
    },
    /// The Terraform process of a running job: it may read state and outputs of its own workspace, nothing else.
    Run {
        /// The job that is running.
        job_id: JobId,
        /// Its run.
        run_id: RunId,
        /// Its workspace.
        workspace_id: WorkspaceId,
    },
}
