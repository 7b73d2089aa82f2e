//! Tags of workspaces, flat and as key/value bindings: one store, two views.

use carnet_api::jsonapi::{Identifier, Resource};
use carnet_model::{Permission, Tag, TagId, Workspace, WorkspaceId};
use serde_json::json;

use crate::app::entropy;
use crate::document::References;
use crate::error::ApiError;
use crate::extract::{Context, Id, Read, Write};
use crate::reply::{Reply, no_content, whole_list};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    let (read, manage) =
        (Access::Allowed(Permission::ReadWorkspace), Access::Allowed(Permission::UpdateWorkspace));
    let flat = "/api/v2/workspaces/{workspace}/relationships/tags";
    let bindings = "/api/v2/workspaces/{workspace}/tag-bindings";
    Routes::default()
        .get(flat, read, index)
        .post(flat, manage, add)
        .delete(flat, manage, remove)
        .get(bindings, read, bindings_index)
        .patch(bindings, manage, upsert_bindings)
        .get("/api/v2/workspaces/{workspace}/effective-tag-bindings", read, effective_index)
}

async fn index(Read(mut cx): Read, Id(id): Id<WorkspaceId>) -> Reply {
    let workspace = cx.workspace(&id, Permission::ReadWorkspace).await?;
    let tags = cx.tx.workspace_tags(&id).await?;
    let data = tags
        .iter()
        .map(|(tag_id, tag)| {
            Resource::new("tags", tag_id, json!({ "name": tag.key, "instance-count": 1 })).to_one(
                "organization",
                "organizations",
                Some(&workspace.organization_name),
            )
        })
        .collect();
    whole_list(&format!("/api/v2/workspaces/{id}/relationships/tags"), data)
}

async fn add(Write(mut cx): Write, Id(id): Id<WorkspaceId>, References(tags): References) -> Reply {
    let workspace = cx.workspace(&id, Permission::UpdateWorkspace).await?;
    for reference in tags {
        let key = named(&mut cx, &workspace, &reference).await?;
        bind(&mut cx, &workspace, &Tag::new(&key, "")?).await?;
    }
    cx.tx.commit().await?;
    no_content()
}

async fn remove(Write(mut cx): Write, Id(id): Id<WorkspaceId>, References(tags): References) -> Reply {
    let workspace = cx.workspace(&id, Permission::UpdateWorkspace).await?;
    for reference in tags {
        let key = named(&mut cx, &workspace, &reference).await?;
        cx.tx.unbind_tag(&id, &key).await?;
    }
    cx.tx.commit().await?;
    no_content()
}

/// The name of a tag that a client gave by id or by name.
async fn named(cx: &mut Context, workspace: &Workspace, reference: &Identifier) -> Result<String, ApiError> {
    let name = reference.attributes.as_ref().and_then(|attributes| attributes.get("name")?.as_str());
    if let Some(name) = name {
        return Ok(name.to_owned());
    }
    let found = cx.tx.tag_name(&workspace.organization_id, &reference.id).await?;
    found.ok_or_else(|| {
        ApiError::invalid("/data", "a tag needs a name, or the id of a tag of this organization")
    })
}

async fn bindings_index(Read(mut cx): Read, Id(id): Id<WorkspaceId>) -> Reply {
    let workspace = cx.workspace(&id, Permission::ReadWorkspace).await?;
    bindings(&workspace, "tag-bindings")
}

async fn effective_index(Read(mut cx): Read, Id(id): Id<WorkspaceId>) -> Reply {
    let workspace = cx.workspace(&id, Permission::ReadWorkspace).await?;
    bindings(&workspace, "effective-tag-bindings")
}

async fn upsert_bindings(
    Write(mut cx): Write,
    Id(id): Id<WorkspaceId>,
    References(given): References,
) -> Reply {
    let workspace = cx.workspace(&id, Permission::UpdateWorkspace).await?;
    for tag in parse_bindings(&given)? {
        bind(&mut cx, &workspace, &tag).await?;
    }
    let workspace = cx.tx.workspace(&id).await?.ok_or(ApiError::NotFound)?;
    cx.tx.commit().await?;
    bindings(&workspace, "tag-bindings")
}

fn bindings(workspace: &Workspace, kind: &str) -> Reply {
    let data = workspace
        .tags
        .iter()
        .enumerate()
        .map(|(place, tag)| {
            let id = format!("tb-{}{place}", workspace.id.suffix());
            Resource::new(kind, id, json!({ "key": tag.key, "value": tag.value }))
        })
        .collect();
    whole_list(&format!("/api/v2/workspaces/{}/{kind}", workspace.id), data)
}

/// Reads key/value bindings from the resources of a request.
pub(crate) fn parse_bindings(given: &[Identifier]) -> Result<Vec<Tag>, ApiError> {
    let text = |one: &Identifier, name: &str| {
        one.attributes
            .as_ref()
            .and_then(|attributes| attributes.get(name)?.as_str())
            .unwrap_or_default()
            .to_owned()
    };
    given.iter().map(|one| Ok(Tag::new(&text(one, "key"), &text(one, "value"))?)).collect()
}

/// Binds a tag to a workspace.
pub(crate) async fn bind(cx: &mut Context, workspace: &Workspace, tag: &Tag) -> Result<(), ApiError> {
    let new_id = TagId::from_entropy(entropy()?);
    Ok(cx.tx.bind_tag(&workspace.organization_id, &workspace.id, tag, &new_id).await?)
}
