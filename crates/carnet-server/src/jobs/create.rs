//! Making runs.

use carnet_model::{
    ApplyId, ConfigurationVersionId, Phase, PhaseId, PhaseStatus, PlanId, Run, RunId, RunOptions, RunPhase,
    RunSource, RunStatus, StatusTimestamps, Timestamp, UserId, Workspace,
};
use carnet_store::{RunVariables, Tx};

use super::{Cause, note_event, schedule};
use crate::app::{App, entropy, new_secret};
use crate::error::ApiError;

/// A run to be made; everything in it was checked.
#[derive(Debug)]
pub(crate) struct NewRun<'a> {
    pub(crate) workspace: &'a Workspace,
    pub(crate) configuration_version_id: ConfigurationVersionId,
    pub(crate) options: RunOptions,
    pub(crate) message: String,
    pub(crate) source: RunSource,
    pub(crate) terraform_version: String,
    pub(crate) structured_output: bool,
    pub(crate) variables: RunVariables,
    pub(crate) created_by: Option<UserId>,
}

/// Makes a run and lets it go on as far as the workspace allows. Wake the agents after the commit.
pub(crate) async fn create_run(
    tx: &mut Tx,
    app: &App,
    new: NewRun<'_>,
    now: Timestamp,
) -> Result<Run, ApiError> {
    let run = Run {
        id: RunId::from_entropy(entropy()?),
        workspace_id: new.workspace.id.clone(),
        organization_id: new.workspace.organization_id.clone(),
        configuration_version_id: new.configuration_version_id,
        plan_id: PlanId::from_entropy(entropy()?),
        apply_id: ApplyId::from_entropy(entropy()?),
        status: RunStatus::Pending,
        options: new.options,
        message: new.message,
        source: new.source,
        terraform_version: new.terraform_version,
        structured_output: new.structured_output,
        has_changes: false,
        created_by: new.created_by,
        confirmed_by: None,
        created_at: now,
        canceled_at: None,
        force_cancel_available_at: None,
        status_timestamps: StatusTimestamps::from([("plan_queueable".to_owned(), now)]),
    };
    tx.insert_run(&run, &new.variables).await?;
    for (id, phase) in [
        (PhaseId::Plan(run.plan_id.clone()), Phase::Plan),
        (PhaseId::Apply(run.apply_id.clone()), Phase::Apply),
    ] {
        let phase = RunPhase {
            id,
            run_id: run.id.clone(),
            phase,
            status: PhaseStatus::Pending,
            counts: None,
            generated_configuration: false,
            log_key: new_secret("")?,
            log_length: 0,
            status_timestamps: StatusTimestamps::from([("pending".to_owned(), now)]),
        };
        tx.insert_phase(&phase).await?;
    }
    let cause = Cause { actor: run.created_by.as_ref(), description: "" };
    note_event(tx, &run.id, "created", cause, now).await?;
    schedule(tx, app, &run.workspace_id, now).await?;
    tx.run(&run.id).await?.ok_or_else(|| ApiError::internal("the new run is not there"))
}
