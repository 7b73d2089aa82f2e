//! Tag bindings of projects.

use carnet_api::jsonapi::Resource;
use carnet_model::{Permission, Project, ProjectId, Tag, TagId};
use carnet_store::NewTag;

use super::project_document::bindings;
use super::workspace_tags::{check_limit, parse_bindings};
use crate::app::entropy;
use crate::document::References;
use crate::error::ApiError;
use crate::extract::{Context, Id, Read, Write};
use crate::reply::{Reply, whole_list};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    let (read, manage) =
        (Access::Allowed(Permission::ReadProject), Access::Allowed(Permission::UpdateProject));
    let all = "/api/v2/projects/{project}/tag-bindings";
    Routes::default().get(all, read, index).patch(all, manage, upsert).get(
        "/api/v2/projects/{project}/effective-tag-bindings",
        read,
        effective_index,
    )
}

async fn index(Read(mut cx): Read, Id(id): Id<ProjectId>) -> Reply {
    let project = cx.project(&id, Permission::ReadProject).await?;
    let data = resources(&mut cx, &project, "tag-bindings").await?;
    whole_list(&format!("/api/v2/projects/{id}/tag-bindings"), data)
}

/// Projects inherit from nobody.
async fn effective_index(Read(mut cx): Read, Id(id): Id<ProjectId>) -> Reply {
    let project = cx.project(&id, Permission::ReadProject).await?;
    let data = resources(&mut cx, &project, "effective-tag-bindings").await?;
    whole_list(&format!("/api/v2/projects/{id}/effective-tag-bindings"), data)
}

async fn upsert(Write(mut cx): Write, Id(id): Id<ProjectId>, References(given): References) -> Reply {
    let project = cx.project(&id, Permission::UpdateProject).await?;
    bind_all(&mut cx, &project, &parse_bindings(&given)?).await?;
    let data = resources(&mut cx, &project, "tag-bindings").await?;
    cx.tx.commit().await?;
    whole_list(&format!("/api/v2/projects/{id}/tag-bindings"), data)
}

async fn resources(cx: &mut Context, project: &Project, kind: &str) -> Result<Vec<Resource>, ApiError> {
    let tags = cx.tx.project_tags(&project.id).await?;
    Ok(bindings(project, &tags, kind))
}

/// Binds tags to a project, those of the same key anew.
pub(super) async fn bind_all(cx: &mut Context, project: &Project, tags: &[Tag]) -> Result<(), ApiError> {
    for tag in tags {
        let new_id = TagId::from_entropy(entropy()?);
        let new = NewTag { organization_id: &project.organization_id, tag, new_id: &new_id, now: cx.now };
        cx.tx.bind_project_tag(&project.id, new).await?;
    }
    check_limit(&cx.tx.project_tags(&project.id).await?)
}

#[cfg(test)]
mod tests;
