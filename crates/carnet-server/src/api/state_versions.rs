//! State versions: reading them. Writing is in `state_version_writes`.

use std::collections::BTreeSet;

use carnet_api::jsonapi::Resource;
use carnet_model::{
    OrgName, Permission, StateStatus, StateVersion, StateVersionId, WorkspaceId, WorkspaceName,
};

use super::state_version_document::resource;
use super::state_version_outputs::{self, Sensitive};
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read};
use crate::reply::{Reply, list, ok_with};
use crate::route::{Access, Routes};
use crate::state::snapshot::with_interval;
use crate::state::{json_blob, raw_blob};
use crate::upload::send;

pub(crate) fn routes() -> Routes {
    let read = Access::Allowed(Permission::ReadState);
    Routes::default()
        .get("/api/v2/state-versions", read, index)
        .get("/api/v2/state-versions/{state_version}", read, show)
        .get("/api/v2/state-versions/{state_version}/download", read, download)
        .get("/api/v2/state-versions/{state_version}/json-download", read, json_download)
        .get("/api/v2/workspaces/{workspace}/current-state-version", read, show_current)
}

async fn index(Read(mut cx): Read, params: Params) -> Reply {
    let workspace = filtered_workspace(&mut cx, &params).await?;
    let status = params
        .get("filter[status]")
        .map(str::parse::<StateStatus>)
        .transpose()
        .map_err(ApiError::BadRequest)?;
    let page = params.page()?;
    let versions = cx.tx.state_versions(&workspace, status, page.size, page.offset()).await?;
    let total = cx.tx.state_version_count(&workspace, status).await?;
    let mut data = Vec::new();
    let mut included = Vec::new();
    for version in &versions {
        data.push(document(&mut cx, version).await?);
        included.extend(related(&mut cx, version, &params).await?);
    }
    list("/api/v2/state-versions", data, without_twins(included), page.of(total))
}

/// The workspace that both filters name; without them the list would be that of everything.
async fn filtered_workspace(cx: &mut Context, params: &Params) -> Result<WorkspaceId, ApiError> {
    let filter = |name: &str| {
        let parameter = format!("filter[{name}][name]");
        let missing = || ApiError::Invalid { detail: format!("{parameter} is required"), pointer: None };
        params.get(&parameter).map(str::to_owned).ok_or_else(missing)
    };
    let (organization, workspace) = (filter("organization")?, filter("workspace")?);
    let organization = organization.parse::<OrgName>().map_err(|_| ApiError::NotFound)?;
    let workspace = workspace.parse::<WorkspaceName>().map_err(|_| ApiError::NotFound)?;
    let organization = cx.tx.organization(&organization).await?.ok_or(ApiError::NotFound)?;
    let found = cx.tx.workspace_by_name(&organization.id, &workspace).await?.ok_or(ApiError::NotFound)?;
    cx.workspace(&found.id, Permission::ReadState).await?;
    Ok(found.id)
}

async fn show(Read(mut cx): Read, Id(id): Id<StateVersionId>, params: Params) -> Reply {
    let version = find(&mut cx, &id, Permission::ReadState).await?;
    one(cx, &version, &params).await
}

async fn show_current(Read(cx): Read, Id(workspace): Id<WorkspaceId>, params: Params) -> Reply {
    with_interval(current(cx, &workspace, &params).await)
}

async fn current(mut cx: Context, workspace: &WorkspaceId, params: &Params) -> Reply {
    cx.workspace(workspace, Permission::ReadState).await?;
    let version = cx.tx.current_state_version(workspace).await?.ok_or(ApiError::NotFound)?;
    one(cx, &version, params).await
}

async fn one(mut cx: Context, version: &StateVersion, params: &Params) -> Reply {
    let data = document(&mut cx, version).await?;
    let included = related(&mut cx, version, params).await?;
    ok_with(data, included)
}

async fn document(cx: &mut Context, version: &StateVersion) -> Result<Resource, ApiError> {
    let outputs = cx.tx.state_output_ids(&version.id).await?;
    Ok(resource(&cx.app, version, &outputs, None))
}

async fn download(Read(mut cx): Read, Id(id): Id<StateVersionId>) -> Reply {
    let version = find(&mut cx, &id, Permission::ReadState).await?;
    if version.status != StateStatus::Finalized {
        return Err(ApiError::NotFound);
    }
    send(&cx.app, &raw_blob(&id), "application/json").await?.ok_or(ApiError::NotFound)
}

async fn json_download(Read(mut cx): Read, Id(id): Id<StateVersionId>) -> Reply {
    let version = find(&mut cx, &id, Permission::ReadState).await?;
    if version.status != StateStatus::Finalized || !version.has_json {
        return Err(ApiError::NotFound);
    }
    send(&cx.app, &json_blob(&id), "application/json").await?.ok_or(ApiError::NotFound)
}

/// The state version of this id, if the caller may do this with the state of its workspace.
pub(super) async fn find(
    cx: &mut Context,
    id: &StateVersionId,
    permission: Permission,
) -> Result<StateVersion, ApiError> {
    let version = cx.tx.state_version(id).await?.ok_or(ApiError::NotFound)?;
    cx.workspace(&version.workspace_id, permission).await?;
    Ok(version)
}

async fn related(
    cx: &mut Context,
    version: &StateVersion,
    params: &Params,
) -> Result<Vec<Resource>, ApiError> {
    let include = params.include();
    let mut included = Vec::new();
    let workspace = cx.tx.workspace(&version.workspace_id).await?.ok_or(ApiError::NotFound)?;
    let organization = &workspace.organization_id;
    if include.contains("outputs") {
        let outputs = cx.tx.state_outputs(&version.id).await?;
        let hidden = |output| state_version_outputs::resource(output, Sensitive::Hidden);
        included.extend(outputs.iter().map(hidden));
    }
    // A path into the run asks for the run itself, too.
    if include.iter().any(|path| path.split('.').next() == Some("run"))
        && cx.may(Permission::ReadRuns, organization, Some(&workspace.id)).await?
    {
        included.extend(related_run(cx, version, &include).await?);
    }
    if include.contains("created_by")
        && let Some(id) = &version.created_by
    {
        included.extend(super::account::related(cx, organization, id).await?);
    }
    Ok(without_twins(included))
}

async fn related_run(
    cx: &mut Context,
    version: &StateVersion,
    include: &BTreeSet<String>,
) -> Result<Vec<Resource>, ApiError> {
    let Some(id) = &version.run_id else {
        return Ok(Vec::new());
    };
    let Some(run) = cx.tx.run(id).await? else {
        return Ok(Vec::new());
    };
    let mut found = vec![super::run_document::document(cx, &run).await?];
    if include.contains("run.created_by")
        && let Some(id) = &run.created_by
    {
        found.extend(super::account::related(cx, &run.organization_id, id).await?);
    }
    if include.contains("run.configuration_version")
        && let Some(version) = cx.tx.configuration_version(&run.configuration_version_id).await?
    {
        found.push(super::configuration_versions::resource(&version, None));
    }
    Ok(found)
}

/// Related resources, each once.
fn without_twins(mut included: Vec<Resource>) -> Vec<Resource> {
    included.sort_by(|left, right| (&left.kind, &left.id).cmp(&(&right.kind, &right.id)));
    included.dedup_by(|left, right| left.kind == right.kind && left.id == right.id);
    included
}
