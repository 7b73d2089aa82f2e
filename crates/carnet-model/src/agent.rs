//! Agents: the processes that execute runs.

use std::net::IpAddr;

use jiff::SignedDuration;

use crate::{AgentId, AgentPoolId, Timestamp, TokenId};

/// An agent that was not heard of for so long may be gone: waiting agents and working ones tell more often.
const SILENCE: SignedDuration = SignedDuration::from_secs(90);

/// An agent that was not heard of for so long does not come back.
const ABANDONED: SignedDuration = SignedDuration::from_hours(2);

/// A process that claims jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// The stable id, new for every start of the process.
    pub id: AgentId,
    /// The token it registered with.
    pub token_id: TokenId,
    /// The pool of that token; `None` for agents of the site.
    pub agent_pool_id: Option<AgentPoolId>,
    /// A name for people, unique or not.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The address that it registered from.
    pub ip_address: Option<IpAddr>,
    /// When it registered.
    pub created_at: Timestamp,
    /// When it was last heard of.
    pub last_ping_at: Timestamp,
    /// When it said that it ends.
    pub stopped_at: Option<Timestamp>,
    /// Whether an error made it end.
    pub failed: bool,
    /// Whether it holds a job.
    pub is_busy: bool,
}

/// What is known of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentStatus {
    /// It waits for jobs.
    Idle,
    /// It works.
    Busy,
    /// It was not heard of for a while.
    Unknown,
    /// It said that it ends.
    Exited,
    /// An error made it end, or it was not heard of for hours.
    Errored,
}

impl AgentStatus {
    /// The status as clients read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Busy => "busy",
            Self::Unknown => "unknown",
            Self::Exited => "exited",
            Self::Errored => "errored",
        }
    }

    /// Whether the agent may be forgotten: it cannot be at work.
    pub fn is_gone(self) -> bool {
        match self {
            Self::Idle | Self::Busy => false,
            Self::Unknown | Self::Exited | Self::Errored => true,
        }
    }
}

impl Agent {
    /// What is known of the agent at this moment.
    pub fn status(&self, now: Timestamp) -> AgentStatus {
        let silence = now.duration_since(self.last_ping_at);
        if self.failed || (self.stopped_at.is_none() && silence >= ABANDONED) {
            AgentStatus::Errored
        } else if self.stopped_at.is_some() {
            AgentStatus::Exited
        } else if silence >= SILENCE {
            AgentStatus::Unknown
        } else if self.is_busy {
            AgentStatus::Busy
        } else {
            AgentStatus::Idle
        }
    }
}

/// The moment after which an agent must have been heard of to be counted.
pub fn abandoned_since(now: Timestamp) -> Timestamp {
    now.checked_sub(ABANDONED).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(seconds: i64, change: impl FnOnce(&mut Agent), expected: AgentStatus) {
        let start: Timestamp = "2026-01-05T10:00:00Z".parse().unwrap();
        let mut agent = Agent {
            id: AgentId::from_entropy([0; 16]),
            token_id: TokenId::from_entropy([0; 16]),
            agent_pool_id: None,
            name: "one".to_owned(),
            version: "1".to_owned(),
            ip_address: None,
            created_at: start,
            last_ping_at: start,
            stopped_at: None,
            failed: false,
            is_busy: false,
        };
        change(&mut agent);
        let now = start.checked_add(SignedDuration::from_secs(seconds)).unwrap();
        assert_eq!(agent.status(now), expected);
    }

    #[test]
    fn an_agent_is_idle_or_busy_while_it_is_heard_of() {
        check(89, |_| (), AgentStatus::Idle);
        check(89, |agent| agent.is_busy = true, AgentStatus::Busy);
    }

    #[test]
    fn a_silent_agent_is_unknown_and_errored_in_the_end() {
        check(90, |agent| agent.is_busy = true, AgentStatus::Unknown);
        check(7199, |_| (), AgentStatus::Unknown);
        check(7200, |_| (), AgentStatus::Errored);
    }

    #[test]
    fn an_agent_that_said_good_bye_has_exited_for_good() {
        let stop = |agent: &mut Agent| agent.stopped_at = Some(agent.last_ping_at);
        check(1, stop, AgentStatus::Exited);
        check(100_000, stop, AgentStatus::Exited);
        check(
            1,
            |agent| {
                stop(agent);
                agent.failed = true;
            },
            AgentStatus::Errored,
        );
    }
}
