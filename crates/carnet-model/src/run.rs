//! Runs and their two phases.

use std::collections::BTreeMap;

use secrecy::SecretString;

use crate::{
    AgentId, AgentPoolId, ApplyId, ConfigurationVersionId, OrgId, Phase, PhaseId, PlanId, RunId, RunStatus,
    Timestamp, UserId, WorkspaceId,
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
    /// An apply in another workspace.
    RunTrigger,
}

impl RunSource {
    /// Every source.
    pub const ALL: [Self; 4] = [Self::Api, Self::Cloud, Self::ConfigurationVersion, Self::RunTrigger];

    /// The source as clients read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Api => "tfe-api",
            Self::Cloud => "terraform+cloud",
            Self::ConfigurationVersion => "tfe-configuration-version",
            Self::RunTrigger => "tfe-run-trigger",
        }
    }
}

impl std::str::FromStr for RunSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|source| source.as_str() == text)
            .ok_or_else(|| format!("{text:?} is not the source of a run"))
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
    /// Terraform logs everything that it does.
    pub debugging_mode: bool,
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
    /// The run whose apply queued it.
    pub triggering_run_id: Option<RunId>,
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

/// What somebody decides about a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunDecision {
    /// To apply it.
    Confirm,
    /// Not to apply it.
    Discard,
    /// To stop it.
    Cancel,
    /// To stop it at once, whatever that leaves behind.
    ForceCancel,
    /// To let it go first, instead of the run that holds the workspace.
    ForceExecute,
}

/// What a caller may do with the runs of a workspace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunRights {
    /// Queue plans.
    pub plans: bool,
    /// Confirm, discard and cancel runs.
    pub applies: bool,
}

impl Run {
    /// Tells whether somebody with these rights may decide so; whether the run is in a status for it is another question.
    ///
    /// Who may only plan can give up what is only a plan: runs that cannot be applied, and their own until the plan is made.
    pub fn may_be_decided(&self, decision: RunDecision, rights: RunRights, caller: Option<&UserId>) -> bool {
        let is_unplanned =
            matches!(self.status, RunStatus::Pending | RunStatus::PlanQueued | RunStatus::Planning);
        let is_own = caller.is_some() && self.created_by.as_ref() == caller;
        match decision {
            RunDecision::Discard | RunDecision::Cancel => {
                rights.applies || (rights.plans && (self.options.plan_only || (is_unplanned && is_own)))
            }
            RunDecision::Confirm | RunDecision::ForceCancel | RunDecision::ForceExecute => rights.applies,
        }
    }
}

/// Where a plan or an apply is executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhaseAgent {
    /// The agent that took it, and its name; `None` before that, and when the agent is forgotten.
    pub agent: Option<(AgentId, String)>,
    /// The pool whose agents it is for, and its name while it is there; `None` for agents of the site.
    pub pool: Option<(AgentPoolId, Option<String>)>,
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

    fn run(status: RunStatus, plan_only: bool, creator: &UserId) -> Run {
        let entropy = [1; 16];
        Run {
            id: RunId::from_entropy(entropy),
            workspace_id: WorkspaceId::from_entropy(entropy),
            organization_id: OrgId::from_entropy(entropy),
            configuration_version_id: ConfigurationVersionId::from_entropy(entropy),
            plan_id: PlanId::from_entropy(entropy),
            apply_id: ApplyId::from_entropy(entropy),
            status,
            options: RunOptions { plan_only, ..RunOptions::default() },
            message: String::new(),
            source: RunSource::Api,
            terraform_version: String::new(),
            structured_output: false,
            has_changes: false,
            triggering_run_id: None,
            created_by: Some(creator.clone()),
            confirmed_by: None,
            created_at: Timestamp::UNIX_EPOCH,
            canceled_at: None,
            force_cancel_available_at: None,
            status_timestamps: StatusTimestamps::new(),
        }
    }

    #[test]
    fn who_may_only_plan_gives_up_plans_and_nothing_else() {
        let (me, other) = (UserId::from_entropy([1; 16]), UserId::from_entropy([2; 16]));
        let planner = RunRights { plans: true, applies: false };
        let applier = RunRights { plans: true, applies: true };
        let may = |run: &Run, decision, rights| run.may_be_decided(decision, rights, Some(&me));
        let (cancel, discard) = (RunDecision::Cancel, RunDecision::Discard);
        assert!(may(&run(RunStatus::Planning, true, &other), cancel, planner));
        assert!(may(&run(RunStatus::Planning, false, &me), cancel, planner));
        assert!(may(&run(RunStatus::Pending, false, &me), discard, planner));
        assert!(!may(&run(RunStatus::Pending, false, &other), cancel, planner));
        assert!(!may(&run(RunStatus::Planned, false, &me), discard, planner));
        assert!(!may(&run(RunStatus::Applying, false, &me), cancel, planner));
        assert!(!may(&run(RunStatus::Planning, true, &me), cancel, RunRights::default()));
        for decision in
            [RunDecision::Confirm, RunDecision::ForceCancel, RunDecision::ForceExecute, cancel, discard]
        {
            let planned = run(RunStatus::Planned, false, &me);
            assert!(!may(&planned, decision, planner), "{decision:?}");
            assert!(may(&planned, decision, applier), "{decision:?}");
        }
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
