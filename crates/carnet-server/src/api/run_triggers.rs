//! Run triggers: an apply of one workspace queues a run of another.

use carnet_api::jsonapi::Resource;
use carnet_model::{
    MAX_RUN_TRIGGERS, Permission, RunTrigger, RunTriggerId, TriggerDirection, Workspace, WorkspaceId,
};
use serde::Deserialize;
use serde_json::json;

use super::run_filter::viewer;
use super::workspace_document;
use crate::app::entropy;
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read, Write};
use crate::reply::{Reply, created, list, no_content, ok_with};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    let read = Access::Allowed(Permission::ReadRuns);
    let update = Access::Allowed(Permission::UpdateWorkspace);
    Routes::default()
        .get("/api/v2/workspaces/{workspace}/run-triggers", read, index)
        .post("/api/v2/workspaces/{workspace}/run-triggers", update, create)
        .get("/api/v2/run-triggers/{trigger}", read, show)
        .delete("/api/v2/run-triggers/{trigger}", update, delete)
}

#[derive(Deserialize)]
struct Input {}

async fn index(Read(mut cx): Read, Id(id): Id<WorkspaceId>, params: Params) -> Reply {
    let workspace = cx.workspace(&id, Permission::ReadRuns).await?;
    let viewer = viewer(&mut cx, &workspace.organization_id).await?;
    let direction = direction(&params)?;
    let page = params.page()?;
    let triggers = cx.tx.run_triggers(&id, direction, viewer.as_ref(), (page.offset(), page.size)).await?;
    let total = cx.tx.run_trigger_count(&id, direction, viewer.as_ref()).await?;
    let included = included(&mut cx, &triggers, &params).await?;
    let path = format!("/api/v2/workspaces/{id}/run-triggers");
    list(&path, triggers.iter().map(resource).collect(), included, page.of(total))
}

fn direction(params: &Params) -> Result<TriggerDirection, ApiError> {
    match params.get("filter[run-trigger][type]") {
        Some("inbound") => Ok(TriggerDirection::Inbound),
        Some("outbound") => Ok(TriggerDirection::Outbound),
        Some(_) | None => {
            Err(ApiError::BadRequest("filter[run-trigger][type] must be inbound or outbound".to_owned()))
        }
    }
}

async fn create(Write(mut cx): Write, Id(id): Id<WorkspaceId>, doc: Doc<Input>) -> Reply {
    let workspace = cx.workspace(&id, Permission::UpdateWorkspace).await?;
    let refuse = |detail: String| ApiError::invalid("/data/relationships/sourceable", detail);
    let wanted = doc.to_one("sourceable")?.flatten();
    let wanted = wanted.ok_or_else(|| refuse("Sourceable must exist".to_owned()))?;
    let source_id = wanted.id.parse().map_err(|_| refuse("Sourceable must be a workspace".to_owned()))?;
    let source = cx.workspace(&source_id, Permission::ReadRuns).await?;
    check(&mut cx, &workspace, &source).await?;
    let trigger = RunTrigger {
        id: RunTriggerId::from_entropy(entropy()?),
        workspace_id: workspace.id,
        workspace_name: workspace.name,
        source_id: source.id,
        source_name: source.name,
        created_at: cx.now,
    };
    cx.tx.insert_run_trigger(&trigger).await?;
    Write(cx).commit().await?;
    created(resource(&trigger))
}

async fn check(cx: &mut Context, workspace: &Workspace, source: &Workspace) -> Result<(), ApiError> {
    let detail = if source.id == workspace.id {
        "Sourceable must be another workspace".to_owned()
    } else if source.organization_id != workspace.organization_id {
        "Sourceable must be a workspace of the same organization".to_owned()
    } else if cx.tx.has_run_trigger(&workspace.id, &source.id).await? {
        "Sourceable has already been taken".to_owned()
    } else if cx.tx.run_trigger_count(&workspace.id, TriggerDirection::Inbound, None).await?
        >= MAX_RUN_TRIGGERS
    {
        format!("A workspace can have at most {MAX_RUN_TRIGGERS} sources of run triggers")
    } else {
        return Ok(());
    };
    Err(ApiError::invalid("/data/relationships/sourceable", detail))
}

async fn find(cx: &mut Context, id: &RunTriggerId, permission: Permission) -> Result<RunTrigger, ApiError> {
    let trigger = cx.tx.run_trigger(id).await?.ok_or(ApiError::NotFound)?;
    cx.workspace(&trigger.workspace_id, permission).await?;
    // Who may change the workspace may remove what queues its runs.
    if permission == Permission::ReadRuns {
        cx.workspace(&trigger.source_id, Permission::ReadWorkspace).await?;
    }
    Ok(trigger)
}

async fn show(Read(mut cx): Read, Id(id): Id<RunTriggerId>, params: Params) -> Reply {
    let trigger = find(&mut cx, &id, Permission::ReadRuns).await?;
    let included = included(&mut cx, std::slice::from_ref(&trigger), &params).await?;
    ok_with(resource(&trigger), included)
}

async fn delete(Write(mut cx): Write, Id(id): Id<RunTriggerId>) -> Reply {
    find(&mut cx, &id, Permission::UpdateWorkspace).await?;
    cx.tx.delete_run_trigger(&id).await?;
    Write(cx).commit().await?;
    no_content()
}

/// The workspaces that `include` asks for, as far as the caller may see them.
async fn included(
    cx: &mut Context,
    triggers: &[RunTrigger],
    params: &Params,
) -> Result<Vec<Resource>, ApiError> {
    let wanted = params.include();
    let mut ids: Vec<&WorkspaceId> = Vec::new();
    for trigger in triggers {
        for (name, id) in [("workspace", &trigger.workspace_id), ("sourceable", &trigger.source_id)] {
            if wanted.contains(name) && !ids.contains(&id) {
                ids.push(id);
            }
        }
    }
    let mut found = Vec::new();
    for id in ids {
        let Some(workspace) = cx.tx.workspace(id).await? else {
            continue;
        };
        if cx.may(Permission::ReadWorkspace, &workspace.organization_id, Some(id)).await? {
            found.push(workspace_document::document(cx, &workspace).await?);
        }
    }
    Ok(found)
}

/// A run trigger as clients read it.
fn resource(trigger: &RunTrigger) -> Resource {
    let attributes = json!({
        "workspace-name": trigger.workspace_name.as_str(),
        "sourceable-name": trigger.source_name.as_str(),
        "created-at": trigger.created_at,
    });
    Resource::new("run-triggers", &trigger.id, attributes)
        .to_one("workspace", "workspaces", Some(&trigger.workspace_id))
        .to_one("sourceable", "workspaces", Some(&trigger.source_id))
        .link("self", format!("/api/v2/run-triggers/{}", trigger.id))
}

#[cfg(test)]
mod tests;
