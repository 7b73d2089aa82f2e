//! Tags of workspaces, flat and as key/value bindings: one store, two views.

use carnet_api::jsonapi::{Identifier, Resource};
use carnet_model::{Permission, Tag, TagError, TagId, Workspace, WorkspaceId};
use carnet_store::NewTag;
use serde_json::{Value, json};

use super::organization_tags::resource;
use crate::app::entropy;
use crate::document::References;
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read, Write};
use crate::reply::{Reply, list, no_content, whole_list};
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

async fn index(Read(mut cx): Read, Id(id): Id<WorkspaceId>, params: Params) -> Reply {
    let workspace = cx.workspace(&id, Permission::ReadWorkspace).await?;
    let page = params.page()?;
    let (tags, total) = cx.tx.tags_of_workspace(&id, params.get("q"), (page.offset(), page.size)).await?;
    let data = tags.iter().map(|tag| resource(tag, &workspace.organization_name)).collect();
    list(&format!("/api/v2/workspaces/{id}/relationships/tags"), data, Vec::new(), page.of(total))
}

async fn add(Write(mut cx): Write, Id(id): Id<WorkspaceId>, References(given): References) -> Reply {
    let workspace = cx.workspace(&id, Permission::UpdateWorkspace).await?;
    for reference in given {
        let key = named(&mut cx, &workspace, &reference).await?;
        add_flat(&mut cx, &workspace, &key).await?;
    }
    cx.tx.commit().await?;
    no_content()
}

async fn remove(Write(mut cx): Write, Id(id): Id<WorkspaceId>, References(given): References) -> Reply {
    let workspace = cx.workspace(&id, Permission::UpdateWorkspace).await?;
    for reference in given {
        let key = named(&mut cx, &workspace, &reference).await?;
        cx.tx.unbind_tag(&id, &key).await?;
    }
    cx.tx.commit().await?;
    no_content()
}

/// Puts a flat tag on a workspace. Letter case does not tell flat tags apart, and a value that the key has stays.
async fn add_flat(cx: &mut Context, workspace: &Workspace, name: &str) -> Result<(), ApiError> {
    let known = cx.tx.tag_spelling(&workspace.organization_id, name).await?;
    let tag = Tag::new(known.as_deref().unwrap_or(name), "")?;
    if cx.tx.workspace_tags(&workspace.id).await?.iter().any(|(_, bound)| bound.key == tag.key) {
        return Ok(());
    }
    bind(cx, workspace, &tag).await
}

/// The name of a tag that a client gave by id or by name.
async fn named(cx: &mut Context, workspace: &Workspace, reference: &Identifier) -> Result<String, ApiError> {
    if let Some(name) = reference.attributes.as_ref().and_then(|attributes| attributes.get("name")?.as_str())
    {
        return Ok(name.to_owned());
    }
    let found = cx.tx.tag_name(&workspace.organization_id, &reference.id).await?;
    found.ok_or_else(|| {
        ApiError::invalid("/data", "a tag needs a name, or the id of a tag of this organization")
    })
}

async fn bindings_index(Read(mut cx): Read, Id(id): Id<WorkspaceId>) -> Reply {
    cx.workspace(&id, Permission::ReadWorkspace).await?;
    bindings(&mut cx, &id).await
}

async fn effective_index(Read(mut cx): Read, Id(id): Id<WorkspaceId>) -> Reply {
    cx.workspace(&id, Permission::ReadWorkspace).await?;
    let data = effective_bindings(&mut cx, &id).await?;
    whole_list(&format!("/api/v2/workspaces/{id}/effective-tag-bindings"), data)
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
    let reply = bindings(&mut cx, &id).await?;
    cx.tx.commit().await?;
    Ok(reply)
}

async fn bindings(cx: &mut Context, id: &WorkspaceId) -> Reply {
    let tags = cx.tx.workspace_tags(id).await?;
    let data = tags.iter().map(|(tag_id, tag)| binding("tag-bindings", id.suffix(), tag_id, tag)).collect();
    whole_list(&format!("/api/v2/workspaces/{id}/tag-bindings"), data)
}

/// The bindings that count for a workspace: its own and those of its project.
pub(crate) async fn effective_bindings(
    cx: &mut Context,
    id: &WorkspaceId,
) -> Result<Vec<Resource>, ApiError> {
    let effective = cx.tx.effective_tags(id).await?;
    let resources = effective.iter().map(|one| {
        let resource = binding("effective-tag-bindings", id.suffix(), &one.tag_id, &one.tag);
        match &one.inherited_from {
            Some(project) => resource.link("inherited-from", format!("/api/v2/projects/{project}")),
            None => resource,
        }
    });
    Ok(resources.collect())
}

/// A binding as clients read it; one tag is bound to one thing once, so both name it.
pub(super) fn binding(kind: &str, owner: &str, tag_id: &TagId, tag: &Tag) -> Resource {
    let id = format!("tb-{owner}{}", tag_id.suffix());
    Resource::new(kind, id, json!({ "key": tag.key, "value": tag.value }))
}

/// Reads key/value bindings from the resources of a request.
pub(crate) fn parse_bindings(given: &[Identifier]) -> Result<Vec<Tag>, ApiError> {
    let tags = given.iter().map(|one| {
        let attributes = one.attributes.as_ref().unwrap_or(&Value::Null);
        Ok(Tag::binding(text(attributes, "key")?, text(attributes, "value")?)?)
    });
    let tags = tags.collect::<Result<Vec<_>, ApiError>>()?;
    if tags.len() > Tag::BINDING_LIMIT {
        return Err(TagError::TooMany.into());
    }
    Ok(tags)
}

/// A text of a binding; a value may be left out, and every key is checked afterwards.
fn text<'a>(attributes: &'a Value, name: &str) -> Result<&'a str, ApiError> {
    match attributes.get(name) {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(ApiError::attribute(name, "must be a text")),
    }
}

/// Refuses too many bindings on one thing; flat tags do not count.
pub(super) fn check_limit(tags: &[(TagId, Tag)]) -> Result<(), ApiError> {
    match tags.iter().filter(|(_, tag)| !tag.value.is_empty()).count() > Tag::BINDING_LIMIT {
        true => Err(TagError::TooMany.into()),
        false => Ok(()),
    }
}

/// Binds a tag to a workspace, replacing the value of its key.
pub(crate) async fn bind(cx: &mut Context, workspace: &Workspace, tag: &Tag) -> Result<(), ApiError> {
    let fixed = cx.tx.fixed_tag_value(&workspace.id, &tag.key).await?;
    if fixed.is_some_and(|value| value != tag.value) {
        return Err(ApiError::Invalid {
            detail: format!("Key {} is reserved, and the project decides its value", tag.key),
            pointer: None,
        });
    }
    let new_id = TagId::from_entropy(entropy()?);
    let new = NewTag { organization_id: &workspace.organization_id, tag, new_id: &new_id, now: cx.now };
    cx.tx.bind_tag(&workspace.id, new).await?;
    check_limit(&cx.tx.workspace_tags(&workspace.id).await?)
}

#[cfg(test)]
mod tests;
