//! Where the runs of a workspace execute: its own mode and pool, or those of its project and organization.

use carnet_model::{AgentPoolId, DefaultExecution, ExecutionMode, Organization, Project, Workspace};
use serde::Deserialize;

use super::WorkspaceInput;
use crate::error::ApiError;
use crate::extract::Context;

/// What a workspace has of its own; the pool goes with the mode.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Overwrites {
    execution_mode: Option<bool>,
    agent_pool: Option<bool>,
}

impl Overwrites {
    fn wanted(self) -> Result<Option<bool>, ApiError> {
        match (self.execution_mode, self.agent_pool) {
            (Some(mode), Some(pool)) if mode != pool => Err(ApiError::attribute(
                "setting-overwrites",
                "If agent-pool and execution-mode are both included in setting-overwrites, their values must be the same.",
            )),
            (mode, pool) => Ok(mode.or(pool)),
        }
    }
}

/// Puts what the input says of mode and pool into the workspace; what it does not overwrite is inherited.
pub(super) async fn change_execution(
    cx: &mut Context,
    (organization, project): (&Organization, &Project),
    workspace: &mut Workspace,
    input: &WorkspaceInput,
) -> Result<(), ApiError> {
    let mode = wanted_mode(input)?;
    let pool = wanted_pool(input)?;
    let overwrites = input.setting_overwrites.map(Overwrites::wanted).transpose()?.flatten();
    workspace.overwrites_execution_mode = overwrites
        .unwrap_or(workspace.overwrites_execution_mode || mode.is_some() || matches!(pool, Some(Some(_))));
    if !workspace.overwrites_execution_mode {
        let inherited = project.execution_that_applies(organization);
        workspace.agent_pool_id = inherited.agent_pool().cloned();
        workspace.execution_mode = match inherited {
            DefaultExecution::Remote => ExecutionMode::Remote,
            DefaultExecution::Local => ExecutionMode::Local,
            DefaultExecution::Agent(_) => ExecutionMode::Agent,
        };
        return Ok(());
    }
    workspace.execution_mode = mode.unwrap_or(workspace.execution_mode);
    let kept = workspace.agent_pool_id.take().filter(|_| workspace.execution_mode == ExecutionMode::Agent);
    workspace.agent_pool_id = pool.unwrap_or(kept);
    match (workspace.execution_mode, &workspace.agent_pool_id) {
        (ExecutionMode::Agent, None) => Err(ApiError::attribute(
            "agent-pool-id",
            "Agent pool must be specified when using 'agent' execution mode",
        )),
        (ExecutionMode::Remote | ExecutionMode::Local, Some(_)) => Err(ApiError::attribute(
            "agent-pool-id",
            "Agent pool must not be specified unless using 'agent' execution mode",
        )),
        (ExecutionMode::Agent, Some(pool)) => refuse_unknown(cx, organization, pool).await,
        (ExecutionMode::Remote | ExecutionMode::Local, None) => Ok(()),
    }
}

/// Refuses the workspace's own pool when it is for other workspaces. The workspace must be stored.
pub(in crate::api) async fn refuse_closed_pool(
    cx: &mut Context,
    workspace: &Workspace,
) -> Result<(), ApiError> {
    let own = workspace.agent_pool_id.as_ref().filter(|_| workspace.overwrites_execution_mode);
    match own {
        Some(pool) if !cx.tx.agent_pool_serves(pool, &workspace.id).await? => Err(ApiError::attribute(
            "agent-pool-id",
            "Agent pool is not open to this workspace: whoever manages the pool can allow it",
        )),
        Some(_) | None => Ok(()),
    }
}

async fn refuse_unknown(
    cx: &mut Context,
    organization: &Organization,
    pool: &AgentPoolId,
) -> Result<(), ApiError> {
    match cx.tx.agent_pool(pool).await? {
        Some(found) if found.organization_id == organization.id => Ok(()),
        Some(_) | None => Err(no_pool()),
    }
}

fn no_pool() -> ApiError {
    ApiError::attribute("agent-pool-id", "Agent pool must exist in the organization")
}

fn wanted_mode(input: &WorkspaceInput) -> Result<Option<ExecutionMode>, ApiError> {
    match (input.execution_mode.as_ref().and_then(Option::as_deref), input.operations) {
        (Some(_), Some(_)) => {
            Err(ApiError::attribute("operations", "Operations and execution-mode cannot be set together"))
        }
        (Some(mode), None) => {
            mode.parse().map(Some).map_err(|error: String| ApiError::attribute("execution-mode", error))
        }
        (None, Some(true)) => Ok(Some(ExecutionMode::Remote)),
        (None, Some(false)) => Ok(Some(ExecutionMode::Local)),
        (None, None) => Ok(None),
    }
}

/// Clients write no pool as null or as an empty text.
fn wanted_pool(input: &WorkspaceInput) -> Result<Option<Option<AgentPoolId>>, ApiError> {
    let Some(text) = &input.agent_pool_id else {
        return Ok(None);
    };
    match text.as_deref().filter(|text| !text.is_empty()) {
        None => Ok(Some(None)),
        Some(text) => text.parse().map(|pool| Some(Some(pool))).map_err(|_| no_pool()),
    }
}
