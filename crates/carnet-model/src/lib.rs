//! What things are in Carnet, and the pure decisions about them.
//!
//! Nothing here is async, reads a clock, touches a file or the network.

mod adapter;
mod agent;
mod configuration_version;
mod credential_rules;
mod id;
mod identity;
mod job;
mod name;
mod organization;
mod permission;
mod project;
mod run;
mod run_event;
mod run_status;
mod schedule;
mod state_version;
mod tag;
mod token;
mod user;
mod variable;
mod variable_precedence;
mod variable_set;
mod workspace;

pub use adapter::Adapter;
pub use agent::Agent;
pub use configuration_version::{ConfigurationStatus, ConfigurationVersion};
pub use credential_rules::{IdentityTokenTtl, IdentityTokenTtlError, StaticCredentials};
pub use id::{
    AgentId, ApplyId, ConfigurationVersionId, IdError, JobId, OrgId, PhaseId, PlanId, ProjectId, RunEventId,
    RunId, StateVersionId, StateVersionOutputId, TagId, TestRunId, TokenId, UserId, VariableId,
    VariableSetId, WorkspaceId,
};
pub use identity::{ModuleTestIdentity, Phase, WorkloadIdentity};
pub use job::{Job, JobOutcome, JobStatus, Signal};
pub use name::{ModuleName, NameError, OrgName, ProjectName, Username, VariableKey, WorkspaceName};
pub use organization::Organization;
pub use permission::{Action, Principal, Role, is_allowed};
pub use project::{DEFAULT_PROJECT, Project};
pub use run::{PhaseStatus, ResourceCounts, Run, RunOptions, RunPhase, RunSource, StatusTimestamps};
pub use run_event::RunEvent;
pub use run_status::RunStatus;
pub use schedule::{QueuedRun, ScheduleStep, WorkspaceQueue, next_steps};
pub use state_version::{
    StateConflict, StateHead, StateOutput, StateResource, StateStatus, StateVersion, check_successor,
};
pub use tag::{Tag, TagError};
pub use token::{ApiToken, TokenKind, TokenOwner};
pub use user::User;
pub use variable::{Variable, VariableCategory, VariableInput, VariableOwner, VariableValue};
pub use variable_precedence::{
    EffectiveVariable, RunVariable, VariableLevel, VariableSource, merge_variables,
};
pub use variable_set::{VariableSet, VariableSetAssignment, VariableSetName};
pub use workspace::{ExecutionMode, Lock, LockOwner, Workspace};

/// A moment in time; only the edges of the program read a clock.
pub type Timestamp = jiff::Timestamp;
