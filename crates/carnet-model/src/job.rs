//! Jobs: one phase of one run, given to one agent at a time.

use crate::{AgentId, AgentPoolId, JobId, Phase, RunId, Timestamp, TokenId, WorkspaceId};

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobStatus {
    /// Waiting for an agent.
    Queued,
    /// An agent holds its lease.
    Running,
    /// The agent reported its end.
    Finished,
    /// The lease ran out without an end.
    Lost,
    /// Ended before any agent took it.
    Canceled,
}

impl JobStatus {
    /// The status as it stands in a column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Lost => "lost",
            Self::Canceled => "canceled",
        }
    }
}

impl std::str::FromStr for JobStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "queued" => Ok(Self::Queued),
            "running" => Ok(Self::Running),
            "finished" => Ok(Self::Finished),
            "lost" => Ok(Self::Lost),
            "canceled" => Ok(Self::Canceled),
            other => Err(format!("{other:?} is not the status of a job")),
        }
    }
}

/// What the server asks of the agent that runs a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    /// Go on.
    None,
    /// End gracefully: interrupt Terraform and wait for it.
    Interrupt,
    /// End at once: kill the whole process group.
    Kill,
}

impl Signal {
    /// The signal as it stands in a column and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Interrupt => "interrupt",
            Self::Kill => "kill",
        }
    }
}

impl std::str::FromStr for Signal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "interrupt" => Ok(Self::Interrupt),
            "kill" => Ok(Self::Kill),
            other => Err(format!("{other:?} is not a signal")),
        }
    }
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobOutcome {
    /// Terraform succeeded.
    Succeeded,
    /// Something failed; the log says what.
    Failed,
    /// It ended because it was asked to.
    Canceled,
}

/// One phase of one run on its way through an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The stable id.
    pub id: JobId,
    /// The run.
    pub run_id: RunId,
    /// The workspace of the run.
    pub workspace_id: WorkspaceId,
    /// The phase.
    pub phase: Phase,
    /// Where it stands.
    pub status: JobStatus,
    /// The agent that claimed it.
    pub agent_id: Option<AgentId>,
    /// The pool whose agents may claim it; `None` for agents of the site.
    pub agent_pool_id: Option<AgentPoolId>,
    /// The token with which the agent claimed it.
    pub agent_token_id: Option<TokenId>,
    /// What the agent is asked to do.
    pub signal: Signal,
    /// When the lease runs out unless a heartbeat renews it.
    pub lease_expires_at: Option<Timestamp>,
    /// When the phase has run for too long.
    pub deadline_at: Option<Timestamp>,
    /// When the agent claimed it.
    pub claimed_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}
