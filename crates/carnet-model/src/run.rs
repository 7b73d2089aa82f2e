//! Runs and their two phases.

use std::collections::BTreeMap;

use secrecy::SecretString;

use crate::{
    ApplyId, ConfigurationVersionId, OrgId, Phase, PhaseId, PlanId, RunId, RunStatus, Timestamp, UserId,
    WorkspaceId,
};

/// Which kind of client made a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunSource {
    /// The API.
    Api,
    /// The Terraform CLI with a `cloud` block.
    Cloud,
    /// A finished upload.
    ConfigurationVersion,
}

impl RunSource {
    /// The source as clients read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Api => "tfe-api",
            Self::Cloud => "terraform+cloud",
            Self::ConfigurationVersion => "tfe-configuration-version",
        }
    }
}

impl std::str::FromStr for RunSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "tfe-api" => Ok(Self::Api),
            "terraform+cloud" => Ok(Self::Cloud),
            "tfe-configuration-version" => Ok(Self::ConfigurationVersion),
            other => Err(format!("{other:?} is not the source of a run")),
        }
    }
}

/// When each status was entered, by the status' text.
pub type StatusTimestamps = BTreeMap<String, Timestamp>;

/// What a run is asked to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunOptions {
    /// The run can never be applied.
    pub plan_only: bool,
    /// The plan is kept for a later decision and does not hold the workspace.
    pub save_plan: bool,
    /// A plan with changes is approved by itself.
    pub auto_apply: bool,
    /// A plan without changes is applied too.
    pub allow_empty_apply: bool,
    /// Terraform may write configuration for imports.
    pub allow_config_generation: bool,
    /// Everything is destroyed.
    pub is_destroy: bool,
    /// Reality is read before planning.
    pub refresh: bool,
    /// Only the state is brought up to date.
    pub refresh_only: bool,
    /// Only these addresses.
    pub target_addrs: Vec<String>,
    /// These addresses are made anew.
    pub replace_addrs: Vec<String>,
}

impl RunOptions {
    /// What a run becomes whose plan succeeded.
    pub fn after_plan(&self, has_changes: bool) -> RunStatus {
        if self.plan_only || !(has_changes || self.allow_empty_apply) {
            RunStatus::PlannedAndFinished
        } else if self.save_plan {
            RunStatus::PlannedAndSaved
        } else {
            RunStatus::Planned
        }
    }

    /// Whether the run approves its own plan; a saved plan never does, whatever else was asked for.
    pub fn approves_itself(&self) -> bool {
        self.auto_apply && !self.save_plan && !self.plan_only
    }
}

/// One plan and, perhaps, its apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The stable id.
    pub id: RunId,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The organization of the workspace.
    pub organization_id: OrgId,
    /// The configuration.
    pub configuration_version_id: ConfigurationVersionId,
    /// Its plan.
    pub plan_id: PlanId,
    /// Its apply.
    pub apply_id: ApplyId,
    /// Where it stands.
    pub status: RunStatus,
    /// What it is asked to do.
    pub options: RunOptions,
    /// Why it was made, in words.
    pub message: String,
    /// Which kind of client made it.
    pub source: RunSource,
    /// The version of Terraform it runs, or the wish for one until it is known.
    pub terraform_version: String,
    /// Whether its logs are JSON lines.
    pub structured_output: bool,
    /// Whether the plan has changes.
    pub has_changes: bool,
    /// Who made it.
    pub created_by: Option<UserId>,
    /// Who approved it.
    pub confirmed_by: Option<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When somebody asked to stop it.
    pub canceled_at: Option<Timestamp>,
    /// When it may be stopped by force.
    pub force_cancel_available_at: Option<Timestamp>,
    /// When each status was entered.
    pub status_timestamps: StatusTimestamps,
}

/// Where a plan or an apply stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhaseStatus {
    /// Not asked for yet.
    Pending,
    /// Waiting for an agent.
    Queued,
    /// An agent works on it.
    Running,
    /// It succeeded.
    Finished,
    /// It failed.
    Errored,
    /// It was stopped.
    Canceled,
    /// It will never start.
    Unreachable,
}

impl PhaseStatus {
    /// The status as clients read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Errored => "errored",
            Self::Canceled => "canceled",
            Self::Unreachable => "unreachable",
        }
    }

    /// Whether nothing can happen to it any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Finished | Self::Errored | Self::Canceled | Self::Unreachable)
    }
}

impl std::str::FromStr for PhaseStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "pending" => Ok(Self::Pending),
            "queued" => Ok(Self::Queued),
            "running" => Ok(Self::Running),
            "finished" => Ok(Self::Finished),
            "errored" => Ok(Self::Errored),
            "canceled" => Ok(Self::Canceled),
            "unreachable" => Ok(Self::Unreachable),
            other => Err(format!("{other:?} is not the status of a phase")),
        }
    }
}

/// What a plan would do or an apply did, in resources.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ResourceCounts {
    /// Added.
    pub additions: u32,
    /// Changed in place.
    pub changes: u32,
    /// Destroyed.
    pub destructions: u32,
    /// Imported.
    pub imports: u32,
}

/// A plan or an apply.
#[derive(Debug, Clone)]
pub struct RunPhase {
    /// The stable id.
    pub id: PhaseId,
    /// The run.
    pub run_id: RunId,
    /// Which of the two.
    pub phase: Phase,
    /// Where it stands.
    pub status: PhaseStatus,
    /// What it would do or did; `None` before its end.
    pub counts: Option<ResourceCounts>,
    /// Whether the plan wrote configuration.
    pub generated_configuration: bool,
    /// The name in its log's address; it is a capability of its own.
    pub log_key: SecretString,
    /// How many bytes the log holds.
    pub log_length: u64,
    /// When each status was entered.
    pub status_timestamps: StatusTimestamps,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(options: RunOptions, has_changes: bool, expected: RunStatus) {
        assert_eq!(options.after_plan(has_changes), expected);
    }

    #[test]
    fn a_plan_leads_where_its_options_and_changes_lead() {
        let plain = RunOptions::default;
        check(plain(), true, RunStatus::Planned);
        check(plain(), false, RunStatus::PlannedAndFinished);
        check(RunOptions { allow_empty_apply: true, ..plain() }, false, RunStatus::Planned);
        check(RunOptions { save_plan: true, ..plain() }, true, RunStatus::PlannedAndSaved);
        check(RunOptions { save_plan: true, ..plain() }, false, RunStatus::PlannedAndFinished);
        check(
            RunOptions { plan_only: true, save_plan: true, ..plain() },
            true,
            RunStatus::PlannedAndFinished,
        );
    }

    #[test]
    fn only_an_ordinary_run_approves_itself() {
        let auto = || RunOptions { auto_apply: true, ..RunOptions::default() };
        assert!(auto().approves_itself());
        assert!(!RunOptions { save_plan: true, ..auto() }.approves_itself());
        assert!(!RunOptions { plan_only: true, ..auto() }.approves_itself());
        assert!(!RunOptions::default().approves_itself());
    }
}
