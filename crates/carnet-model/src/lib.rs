//! What things are in Carnet, and the pure decisions about them.
//!
//! Nothing here is async, reads a clock, touches a file or the network.

mod access;
mod adapter;
mod agent;
mod agent_pool;
mod audit_event;
mod comment;
mod configuration_version;
mod credential_rules;
mod id;
mod identity;
mod issuance_policy;
mod job;
mod key_rotation;
mod ledger;
mod name;
mod network;
mod notification;
mod opt_in_claims;
mod organization;
mod permission;
mod project;
mod registry;
mod relying_party;
mod reserved_tag_key;
mod run;
mod run_event;
mod run_status;
mod run_trigger;
mod schedule;
mod ssh_key;
mod state_version;
mod subject_settings;
mod subject_template;
mod tag;
mod team;
mod terraform_version;
mod token;
mod token_ttl_policy;
mod user;
mod variable;
mod variable_precedence;
mod variable_set;
mod workspace;

pub use access::{
    CredentialVariableAccess, OrganizationAccess, ProjectAccess, ProjectLevel, ProjectSettingsAccess,
    ProjectTeamAccess, RunAccess, SentinelMockAccess, StateAccess, VariableAccess, WorkspaceAccess,
    WorkspaceLevel,
};
pub use adapter::Adapter;
pub use agent::{Agent, AgentStatus, abandoned_since};
pub use agent_pool::{AgentPool, AgentPoolNameError, AgentPoolScope};
pub use audit_event::{AuditAct, AuditEvent};
pub use comment::Comment;
pub use configuration_version::{ConfigurationStatus, ConfigurationVersion};
pub use credential_rules::{IdentityTokenTtl, IdentityTokenTtlError, StaticCredentials};
pub use id::{
    AgentId, AgentPoolId, ApplyId, AuditEventId, CommentId, ConfigurationVersionId, GpgKeyId, IdError, JobId,
    MembershipId, NotificationId, OrgId, PhaseId, PlanId, ProjectId, RegistryModuleId,
    RegistryModuleVersionId, RegistryPlatformId, RegistryProviderId, RegistryProviderVersionId,
    ReservedTagKeyId, RunEventId, RunId, RunTriggerId, SshKeyId, StateVersionId, StateVersionOutputId,
    TagBindingId, TagId, TeamId, TeamProjectId, TeamWorkspaceId, TestRunId, TokenId, TokenTtlPolicyId,
    UserId, VariableId, VariableSetId, WorkspaceId,
};
pub use identity::{ModuleTestIdentity, Phase, WorkloadIdentity};
pub use issuance_policy::{
    Approval, ApprovalRule, IssuanceActor, IssuanceAllowance, IssuanceCondition, IssuancePolicy,
    IssuanceRefusal, IssuanceRequest, IssuanceRun, IssuanceStatement, Mismatch, Pattern, PatternError,
    PersonPattern, PersonPatternError, PolicyLevel, decide as decide_issuance,
};
pub use job::{Job, JobOutcome, JobStatus, Signal};
pub use key_rotation::{
    ClockGuard, Confirmation, Due, IssuerKeys, IssuerName, IssuerNameError, KeyOutlook, KeyRecord, KeyState,
    KeyStateError, KeyStep, KnownKeyError, RevokeError, RotationPolicy, Trimmed, due_key_steps,
    next_key_step, outlook, tokens_end,
};
pub use ledger::{
    ENTRIES_PER_CHECKPOINT, FactName, LedgerChain, LedgerChainError, LedgerCheckpoint, LedgerEntry,
    LedgerFact, LedgerFault, LedgerFormatError, LedgerHash, LedgerHashError, LedgerKind, LedgerProblem,
    LedgerRecord, LedgerSummary, LedgerVerifier, LedgerWitness,
};
pub use name::{ModuleName, NameError, OrgName, ProjectName, Username, VariableKey, WorkspaceName};
pub use network::{is_local_address, is_private_address};
pub use notification::{
    DestinationType, NotificationConfiguration, NotificationDelivery, NotificationResponse,
    NotificationTrigger,
};
pub use opt_in_claims::{ClaimFacts, ClaimValue, MAX_EXTRA_CLAIM_BYTES, OptInClaim};
pub use organization::{DefaultExecution, DefaultExecutionError, Organization, OrganizationSettings};
pub use permission::{Permission, Place, Scope, Standing, is_allowed};
pub use project::{ActivityDuration, ActivityDurationError, DEFAULT_PROJECT, Project};
pub use registry::{
    ArchiveFilename, Checksum, GpgKey, ModuleVersionStatus, PlatformName, RegistryModule, RegistryModuleName,
    RegistryModuleProvider, RegistryModuleVersion, RegistryNameError, RegistryPlatform, RegistryProvider,
    RegistryProviderName, RegistryProviderVersion, RegistryVersion,
};
pub use relying_party::{BUDGETS, RelyingPartyBudget, SubjectBudget, refuse_subject, subject_warnings};
pub use reserved_tag_key::{ReservedTagKey, TagKey, TagKeyError};
pub use run::{
    PhaseAgent, PhaseStatus, ResourceCounts, Run, RunDecision, RunOptions, RunPhase, RunRights, RunSource,
    StatusTimestamps,
};
pub use run_event::{COMMENTED, RunEvent};
pub use run_status::RunStatus;
pub use run_trigger::{MAX_RUN_TRIGGERS, RunTrigger, TriggerDirection, may_trigger};
pub use schedule::{QueuedRun, ScheduleStep, WorkspaceQueue, next_steps};
pub use ssh_key::SshKey;
pub use state_version::{
    StateConflict, StateHead, StateOutput, StateResource, StateStatus, StateVersion, check_successor,
};
pub use subject_settings::{
    KeptName, MAX_GRACE_DAYS, SubjectSetting, claims_that_apply, presented, template_that_applies,
};
pub use subject_template::{
    MAX_SUBJECT_BYTES, PartFacts, SubjectFacts, SubjectPart, SubjectSharing, SubjectTemplate, TemplateError,
    TemplateProblem,
};
pub use tag::{EffectiveTag, OrganizationTag, Tag, TagError};
pub use team::{Membership, MembershipStatus, OWNERS, Team, TeamProject, TeamVisibility, TeamWorkspace};
pub use terraform_version::{TerraformVersion, TerraformVersionError};
pub use token::{ApiToken, TokenKind, TokenOwner};
pub use token_ttl_policy::{LimitedToken, MaxTtl, MaxTtlError, TokenTtlPolicy};
pub use user::User;
pub use variable::{Variable, VariableCategory, VariableInput, VariableOwner, VariableValue};
pub use variable_precedence::{
    EffectiveVariable, RunVariable, VariableLevel, VariableSource, merge_variables,
};
pub use variable_set::{VariableSet, VariableSetAssignment, VariableSetName};
pub use workspace::{AutoDestroy, ExecutionMode, Lock, LockOwner, Workspace, WorkspaceSource};

/// A moment in time; only the edges of the program read a clock.
pub type Timestamp = jiff::Timestamp;
