//! Notification configurations: whom a workspace tells what happens to its runs.

use secrecy::SecretString;

use crate::{NotificationId, RunId, RunStatus, Timestamp, UserId, WorkspaceId};

/// How a destination wants to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DestinationType {
    /// A web hook that gets everything that is known.
    Generic,
    /// A channel of Slack.
    Slack,
    /// A channel of Microsoft Teams.
    MicrosoftTeams,
}

impl DestinationType {
    /// The type as clients read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Slack => "slack",
            Self::MicrosoftTeams => "microsoft-teams",
        }
    }
}

impl std::str::FromStr for DestinationType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "generic" => Ok(Self::Generic),
            "slack" => Ok(Self::Slack),
            "microsoft-teams" => Ok(Self::MicrosoftTeams),
            other => Err(format!("{other:?} is not a type of destination")),
        }
    }
}

macro_rules! triggers {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What a configuration can ask to be told of.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum NotificationTrigger {
            $($(#[$doc])* $name,)*
        }

        impl NotificationTrigger {
            /// Every trigger.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The trigger as clients read it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

triggers! {
    /// A run was made.
    Created = "run:created",
    /// An agent plans.
    Planning = "run:planning",
    /// A plan waits for a decision.
    NeedsAttention = "run:needs_attention",
    /// An agent applies.
    Applying = "run:applying",
    /// A run succeeded.
    Completed = "run:completed",
    /// A run failed or was stopped.
    Errored = "run:errored",
    /// A health assessment found a drift; there are no assessments yet.
    Drifted = "assessment:drifted",
    /// A check of a health assessment failed; there are no assessments yet.
    CheckFailure = "assessment:check_failure",
    /// A health assessment failed; there are no assessments yet.
    AssessmentFailed = "assessment:failed",
    /// A workspace will be destroyed soon; nothing is destroyed by itself yet.
    AutoDestroyReminder = "workspace:auto_destroy_reminder",
    /// A workspace was destroyed by itself; nothing is yet.
    AutoDestroyResults = "workspace:auto_destroy_run_results",
}

impl NotificationTrigger {
    /// What a run has to tell that has just entered a status; `None` when that is nothing.
    pub fn of_status(status: RunStatus, approves_itself: bool) -> Option<Self> {
        match status {
            RunStatus::Planning => Some(Self::Planning),
            RunStatus::Planned if approves_itself => None,
            RunStatus::Planned | RunStatus::PlannedAndSaved => Some(Self::NeedsAttention),
            RunStatus::Applying => Some(Self::Applying),
            RunStatus::PlannedAndFinished | RunStatus::Applied => Some(Self::Completed),
            RunStatus::Errored | RunStatus::Canceled => Some(Self::Errored),
            RunStatus::Pending
            | RunStatus::PlanQueued
            | RunStatus::Confirmed
            | RunStatus::ApplyQueued
            | RunStatus::Discarded => None,
        }
    }
}

impl std::str::FromStr for NotificationTrigger {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|trigger| trigger.as_str() == text);
        found.copied().ok_or_else(|| format!("{text:?} is not a trigger"))
    }
}

/// Whom a workspace tells of what.
#[derive(Debug, Clone)]
pub struct NotificationConfiguration {
    /// The stable id.
    pub id: NotificationId,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// What people call it.
    pub name: String,
    /// How the destination wants to be told.
    pub destination: DestinationType,
    /// Where the destination is. Who knows the address of a chat may write there.
    pub url: SecretString,
    /// The key of the signature; only generic destinations have one.
    pub token: Option<SecretString>,
    /// What the destination is told of.
    pub triggers: Vec<NotificationTrigger>,
    /// Whether it is told at all.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Something that a destination is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationDelivery {
    /// The stable id.
    pub id: String,
    /// The configuration.
    pub notification_id: NotificationId,
    /// The run that it tells of.
    pub run_id: RunId,
    /// What happened.
    pub trigger: NotificationTrigger,
    /// Where the run stood then.
    pub run_status: RunStatus,
    /// When it happened.
    pub run_updated_at: Timestamp,
    /// Who made it happen; `None` for the server itself.
    pub run_updated_by: Option<UserId>,
    /// How often it was tried.
    pub attempts: u32,
}

/// What a destination answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationResponse {
    /// The status; `None` when there was no answer.
    pub code: Option<u16>,
    /// The beginning of the answer, or why there was none.
    pub body: String,
    /// Whether the destination accepted it.
    pub successful: bool,
    /// When it was sent.
    pub sent_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trigger_survives_its_text() {
        for trigger in NotificationTrigger::ALL {
            assert_eq!(trigger.as_str().parse(), Ok(*trigger));
        }
    }

    #[test]
    fn every_end_but_a_decision_against_it_is_told() {
        for status in RunStatus::ALL.into_iter().filter(|status| status.is_final()) {
            let told = NotificationTrigger::of_status(status, false).is_some();
            assert_eq!(told, status != RunStatus::Discarded, "{status:?}");
        }
    }

    #[test]
    fn only_a_plan_that_waits_for_people_needs_attention() {
        let of = NotificationTrigger::of_status;
        assert_eq!(of(RunStatus::Planned, false), Some(NotificationTrigger::NeedsAttention));
        assert_eq!(of(RunStatus::Planned, true), None);
    }
}
