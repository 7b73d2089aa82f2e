//! Making runs: for clients, and for workspaces that wait for an apply of another.

use carnet_model::{
    ApplyId, ConfigurationVersionId, ExecutionMode, Phase, PhaseId, PhaseStatus, PlanId, Run, RunId,
    RunOptions, RunPhase, RunSource, RunStatus, StatusTimestamps, Timestamp, TriggerDirection, UserId,
    Workspace, WorkspaceId, may_trigger,
};
use carnet_store::{RunVariables, Tx};

use super::{Cause, note_event, schedule};
use crate::app::{App, entropy, new_secret};
use crate::error::ApiError;
use crate::notifications::note_created;

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
    pub(crate) triggering_run_id: Option<RunId>,
    pub(crate) created_by: Option<UserId>,
}

impl<'a> NewRun<'a> {
    /// A run that nobody asked for: the server makes it with what the workspace says.
    pub(crate) fn by_server(
        workspace: &'a Workspace,
        configuration_version_id: ConfigurationVersionId,
        source: RunSource,
        message: String,
    ) -> Self {
        Self {
            workspace,
            configuration_version_id,
            options: RunOptions { refresh: true, ..RunOptions::default() },
            message,
            source,
            terraform_version: workspace.terraform_version.clone(),
            structured_output: workspace.structured_run_output,
            variables: RunVariables::default(),
            triggering_run_id: None,
            created_by: None,
        }
    }
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
        triggering_run_id: new.triggering_run_id,
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
    note_created(tx, &run, now).await?;
    schedule(tx, app, &run.workspace_id, now).await?;
    tx.run(&run.id).await?.ok_or_else(|| ApiError::internal("the new run is not there"))
}

/// Queues a run of every workspace that waits for applies of the one of this run. Belongs into the transaction in which the run
/// becomes applied. A workspace without a configuration has nothing to run, and one that runs locally does so by itself.
pub(super) async fn trigger_runs(tx: &mut Tx, app: &App, run: &Run, now: Timestamp) -> Result<(), ApiError> {
    let triggers =
        tx.run_triggers(&run.workspace_id, TriggerDirection::Outbound, None, (0, u64::MAX)).await?;
    if triggers.is_empty() {
        return Ok(());
    }
    let chain = chain_of(tx, run).await?;
    for trigger in triggers.iter().filter(|trigger| may_trigger(&chain, &trigger.workspace_id)) {
        let Some(workspace) = tx.workspace(&trigger.workspace_id).await? else {
            continue;
        };
        let configuration = match tx.latest_configuration(&workspace.id).await? {
            Some(id) if workspace.execution_mode != ExecutionMode::Local => {
                tx.configuration_version(&id).await?
            }
            Some(_) | None => None,
        };
        let Some(configuration) = configuration else {
            tracing::info!(run.id = %run.id, workspace.id = %workspace.id, "a run trigger has nothing to run");
            continue;
        };
        let message = format!("Triggered by {} of the workspace {}", run.id, trigger.source_name);
        let mut new = NewRun::by_server(&workspace, configuration.id, RunSource::RunTrigger, message);
        new.options.auto_apply = workspace.auto_apply_run_trigger && configuration.may_auto_apply;
        new.triggering_run_id = Some(run.id.clone());
        create_run(tx, app, new, now).await?;
    }
    Ok(())
}

/// The workspaces of the run, of the run whose apply queued it, and so on.
async fn chain_of(tx: &mut Tx, run: &Run) -> Result<Vec<WorkspaceId>, ApiError> {
    let mut chain = vec![run.workspace_id.clone()];
    let mut next = run.triggering_run_id.clone();
    while let Some(id) = next {
        let Some(before) = tx.run(&id).await? else {
            break;
        };
        chain.push(before.workspace_id);
        next = before.triggering_run_id;
    }
    Ok(chain)
}
