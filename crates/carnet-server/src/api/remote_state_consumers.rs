//! Workspaces that may read the state of another, named one by one.

use carnet_api::jsonapi::Identifier;
use carnet_model::{Permission, Workspace, WorkspaceId};
use carnet_store::WorkspaceFilter;

use super::workspace_document::document;
use super::workspaces::audience;
use crate::document::References;
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read, Write};
use crate::reply::{Reply, list, no_content};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    let path = "/api/v2/workspaces/{workspace}/relationships/remote-state-consumers";
    let manage = Access::Allowed(Permission::UpdateWorkspace);
    Routes::default()
        .get(path, Access::Allowed(Permission::ReadWorkspace), index)
        .post(path, manage, add)
        .patch(path, manage, replace)
        .delete(path, manage, remove)
}

async fn index(Read(mut cx): Read, Id(id): Id<WorkspaceId>, params: Params) -> Reply {
    let workspace = cx.workspace(&id, Permission::ReadWorkspace).await?;
    let page = params.page()?;
    let filter = WorkspaceFilter {
        audience: audience(&mut cx, &workspace.organization_id).await?,
        consumers_of: Some(id.clone()),
        ..WorkspaceFilter::default()
    };
    let range = (page.offset(), page.size);
    let (consumers, total) = cx.tx.workspace_page(&workspace.organization_id, &filter, range).await?;
    let mut data = Vec::with_capacity(consumers.len());
    for consumer in &consumers {
        data.push(document(&mut cx, consumer).await?);
    }
    let path = format!("/api/v2/workspaces/{id}/relationships/remote-state-consumers");
    list(&path, data, Vec::new(), page.of(total))
}

async fn add(Write(mut cx): Write, Id(id): Id<WorkspaceId>, References(given): References) -> Reply {
    let workspace = cx.workspace(&id, Permission::UpdateWorkspace).await?;
    add_all(&mut cx, &workspace, &given).await?;
    cx.tx.commit().await?;
    no_content()
}

async fn replace(Write(mut cx): Write, Id(id): Id<WorkspaceId>, References(given): References) -> Reply {
    let workspace = cx.workspace(&id, Permission::UpdateWorkspace).await?;
    cx.tx.clear_remote_state_consumers(&id).await?;
    add_all(&mut cx, &workspace, &given).await?;
    cx.tx.commit().await?;
    no_content()
}

async fn remove(Write(mut cx): Write, Id(id): Id<WorkspaceId>, References(given): References) -> Reply {
    cx.workspace(&id, Permission::UpdateWorkspace).await?;
    for reference in &given {
        let consumer = reference.id.parse().map_err(|_| unknown(reference))?;
        cx.tx.remove_remote_state_consumer(&id, &consumer).await?;
    }
    cx.tx.commit().await?;
    no_content()
}

async fn add_all(cx: &mut Context, workspace: &Workspace, given: &[Identifier]) -> Result<(), ApiError> {
    for reference in given {
        let id: WorkspaceId = reference.id.parse().map_err(|_| unknown(reference))?;
        match cx.workspace(&id, Permission::ReadWorkspace).await {
            Ok(consumer) if consumer.organization_id == workspace.organization_id => {
                cx.tx.add_remote_state_consumer(&workspace.id, &id).await?;
            }
            Ok(_) | Err(ApiError::NotFound | ApiError::Forbidden(_)) => return Err(unknown(reference)),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn unknown(reference: &Identifier) -> ApiError {
    ApiError::invalid("/data", format!("there is no workspace {:?} in this organization", reference.id))
}
