//! Configuration versions: one uploaded archive each.

use crate::{ConfigurationVersionId, Timestamp, WorkspaceId};

/// Where a configuration version stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigurationStatus {
    /// Waiting for its archive.
    Pending,
    /// The archive is there and was checked.
    Uploaded,
    /// The archive was refused.
    Errored,
    /// The archive was there and was removed.
    Archived,
}

impl ConfigurationStatus {
    /// The status as clients read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Uploaded => "uploaded",
            Self::Errored => "errored",
            Self::Archived => "archived",
        }
    }
}

impl std::str::FromStr for ConfigurationStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "pending" => Ok(Self::Pending),
            "uploaded" => Ok(Self::Uploaded),
            "errored" => Ok(Self::Errored),
            "archived" => Ok(Self::Archived),
            other => Err(format!("{other:?} is not the status of a configuration version")),
        }
    }
}

/// One upload of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigurationVersion {
    /// The stable id.
    pub id: ConfigurationVersionId,
    /// The workspace it was made for.
    pub workspace_id: WorkspaceId,
    /// Where it stands.
    pub status: ConfigurationStatus,
    /// Whether a finished upload makes a run by itself.
    pub auto_queue_runs: bool,
    /// Whether its runs can only plan.
    pub speculative: bool,
    /// Whether it becomes the workspace's current one only once it is applied.
    pub provisional: bool,
    /// Whether the run of a finished upload may apply by itself: who made the version may apply runs.
    pub may_auto_apply: bool,
    /// Which client made it.
    pub source: String,
    /// Why the archive was refused.
    pub error_message: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the archive was accepted.
    pub uploaded_at: Option<Timestamp>,
    /// When the archive was removed.
    pub archived_at: Option<Timestamp>,
}
