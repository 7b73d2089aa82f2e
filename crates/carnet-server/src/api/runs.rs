//! Runs: making, reading and listing them.

use axum::http::HeaderMap;
use carnet_api::jsonapi::Resource;
use carnet_model::{
    ConfigurationStatus, ConfigurationVersion, ExecutionMode, OrgName, Permission, Run, RunId, RunRights,
    RunSource, Workspace, WorkspaceId,
};
use carnet_store::RunList;

use super::run_document::{document, documents, included};
use super::run_filter::{filter, viewer};
use super::run_input::RunInput;
use super::workspaces::is_cloud_integration;
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read, Write};
use crate::jobs::{NewRun, create_run};
use crate::reply::{Reply, created, list, ok, ok_with, whole_list};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    let read = Access::Allowed(Permission::ReadRuns);
    Routes::default()
        .post("/api/v2/runs", Access::Allowed(Permission::QueuePlans), create)
        .get("/api/v2/runs/{run}", read, show)
        .get("/api/v2/runs/{run}/configuration-version", read, configuration_version)
        .get("/api/v2/runs/{run}/task-stages", read, no_task_stages)
        .get("/api/v2/runs/{run}/policy-checks", read, no_policy_checks)
        .get("/api/v2/workspaces/{workspace}/runs", read, of_workspace)
        .get("/api/v2/organizations/{organization}/runs", read, of_organization)
}

/// What the client is told when there is nothing to run; clients look for this text.
const NO_CONFIGURATION: &str = "Configuration version is missing";

async fn create(Write(mut cx): Write, headers: HeaderMap, doc: Doc<RunInput>) -> Reply {
    let workspace_id = doc
        .to_one("workspace")?
        .flatten()
        .ok_or_else(|| ApiError::invalid("/data/relationships/workspace", "Workspace must exist"))?
        .id
        .parse::<WorkspaceId>()?;
    let workspace = cx.workspace(&workspace_id, Permission::QueuePlans).await?;
    if workspace.execution_mode == ExecutionMode::Local {
        let detail = "The workspace runs locally: set its execution mode to remote to make runs";
        return Err(ApiError::invalid("/data/relationships/workspace", detail));
    }
    if workspace.execution_mode == ExecutionMode::Agent && workspace.agent_pool_id.is_none() {
        let detail = "The workspace runs on agents of a pool: select the pool to make runs";
        return Err(ApiError::invalid("/data/relationships/workspace", detail));
    }
    let wanted = doc.to_one("configuration-version")?.flatten();
    let configuration =
        configuration_of(&mut cx, &workspace, wanted.as_ref().map(|one| one.id.as_str())).await?;
    let is_cloud = is_cloud_integration(&headers);
    let applies = cx.may(Permission::ApplyRuns, &workspace.organization_id, Some(&workspace.id)).await?;
    let rights = RunRights { plans: true, applies };
    let mut checked = doc.attributes.check(&workspace, configuration.speculative, rights)?;
    if wanted.is_none() && !configuration.may_auto_apply {
        // Who only plans could otherwise wait until somebody starts a run of "the latest".
        checked.options.auto_apply = false;
    }
    let new = NewRun {
        workspace: &workspace,
        configuration_version_id: configuration.id,
        options: checked.options,
        message: checked.message.unwrap_or_else(|| default_message(is_cloud).to_owned()),
        source: if is_cloud { RunSource::Cloud } else { RunSource::Api },
        terraform_version: checked.terraform_version,
        structured_output: workspace.structured_run_output && reads_json_lines(&headers),
        variables: checked.variables,
        triggering_run_id: None,
        created_by: cx.user_id().cloned(),
    };
    let run = create_run(&mut cx.tx, &cx.app, new, cx.now).await?;
    let data = document(&mut cx, &run).await?;
    let app = Write(cx).commit().await?;
    app.jobs_waiting.notify_waiters();
    created(data)
}

fn default_message(is_cloud: bool) -> &'static str {
    if is_cloud { "Triggered via CLI" } else { "Triggered via API" }
}

/// The CLI draws JSON lines from 1.4 on and only in its `cloud` integration; the older `remote` backend prints logs as
/// they are. What sends neither header is no CLI and reads what the workspace says.
fn reads_json_lines(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(version) = text("terraform-version") else {
        return true;
    };
    let mut numbers = version.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    is_cloud_integration(headers) && version >= (1, 4)
}

async fn configuration_of(
    cx: &mut Context,
    workspace: &Workspace,
    wanted: Option<&str>,
) -> Result<ConfigurationVersion, ApiError> {
    let missing = || ApiError::invalid("/data/relationships/configuration-version", NO_CONFIGURATION);
    let id = match wanted {
        Some(id) => id.parse().map_err(|_| missing())?,
        None => cx.tx.latest_configuration(&workspace.id).await?.ok_or_else(missing)?,
    };
    let found = cx.tx.configuration_version(&id).await?.filter(|found| found.workspace_id == workspace.id);
    let found = found.ok_or_else(missing)?;
    let why = match found.status {
        ConfigurationStatus::Uploaded => return Ok(found),
        ConfigurationStatus::Pending => "was not uploaded yet".to_owned(),
        ConfigurationStatus::Errored => format!("was refused: {}", found.error_message.unwrap_or_default()),
        ConfigurationStatus::Archived => "was archived".to_owned(),
    };
    Err(ApiError::invalid(
        "/data/relationships/configuration-version",
        format!("{NO_CONFIGURATION}: {} {why}", found.id),
    ))
}

/// The run of this id and its workspace, if the caller may act on it; otherwise nothing is there.
pub(crate) async fn find(
    cx: &mut Context,
    id: &RunId,
    permission: Permission,
) -> Result<(Run, Workspace), ApiError> {
    let run = cx.tx.run(id).await?.ok_or(ApiError::NotFound)?;
    let workspace = cx.workspace(&run.workspace_id, permission).await?;
    Ok((run, workspace))
}

async fn show(Read(mut cx): Read, Id(id): Id<RunId>, params: Params) -> Reply {
    let (run, workspace) = find(&mut cx, &id, Permission::ReadRuns).await?;
    let included = included(&mut cx, &run, &workspace, &params).await?;
    ok_with(document(&mut cx, &run).await?, included)
}

async fn configuration_version(Read(mut cx): Read, Id(id): Id<RunId>) -> Reply {
    let (run, _) = find(&mut cx, &id, Permission::ReadRuns).await?;
    let version =
        cx.tx.configuration_version(&run.configuration_version_id).await?.ok_or(ApiError::NotFound)?;
    ok(super::configuration_versions::resource(&version, None))
}

async fn no_task_stages(Read(mut cx): Read, Id(id): Id<RunId>) -> Reply {
    find(&mut cx, &id, Permission::ReadRuns).await?;
    whole_list(&format!("/api/v2/runs/{id}/task-stages"), Vec::new())
}

async fn no_policy_checks(Read(mut cx): Read, Id(id): Id<RunId>) -> Reply {
    find(&mut cx, &id, Permission::ReadRuns).await?;
    whole_list(&format!("/api/v2/runs/{id}/policy-checks"), Vec::new())
}

async fn of_workspace(Read(mut cx): Read, Id(id): Id<WorkspaceId>, params: Params) -> Reply {
    cx.workspace(&id, Permission::ReadRuns).await?;
    let page = params.page()?;
    let found = match filter(&params, cx.now)? {
        Some(filter) => cx.tx.workspace_runs(&id, &filter, (page.offset(), page.size)).await?,
        None => RunList { runs: Vec::new(), total: 0 },
    };
    let path = format!("/api/v2/workspaces/{id}/runs");
    answer(cx, found, &path, &params).await
}

async fn of_organization(Read(mut cx): Read, Id(name): Id<OrgName>, params: Params) -> Reply {
    let organization = cx.organization(&name, Permission::ReadOrganization).await?;
    let page = params.page()?;
    let viewer = viewer(&mut cx, &organization.id).await?;
    let found = match filter(&params, cx.now)? {
        Some(filter) => {
            let wanted = (page.offset(), page.size);
            cx.tx.organization_runs(&organization.id, viewer.as_ref(), &filter, wanted).await?
        }
        None => RunList { runs: Vec::new(), total: 0 },
    };
    let path = format!("/api/v2/organizations/{name}/runs");
    answer(cx, found, &path, &params).await
}

async fn answer(mut cx: Context, found: RunList, path: &str, params: &Params) -> Reply {
    let data = documents(&mut cx, &found.runs).await?;
    let mut related: Vec<Resource> = Vec::new();
    for run in found.runs.iter().filter(|_| !params.include().is_empty()) {
        let workspace = cx.tx.workspace(&run.workspace_id).await?.ok_or(ApiError::NotFound)?;
        for resource in included(&mut cx, run, &workspace, params).await? {
            if !related.iter().any(|known| known.kind == resource.kind && known.id == resource.id) {
                related.push(resource);
            }
        }
    }
    list(path, data, related, params.page()?.of(found.total))
}

#[cfg(test)]
mod tests;
