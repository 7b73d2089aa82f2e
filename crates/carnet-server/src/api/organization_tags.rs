//! The tags of an organization.

use carnet_api::jsonapi::Resource;
use carnet_model::{OrgName, OrganizationTag, Permission, TagId, WorkspaceId};
use carnet_store::TagFilter;
use serde_json::json;

use super::run_filter::viewer;
use crate::document::References;
use crate::error::ApiError;
use crate::extract::{Id, Params, Read, Write};
use crate::reply::{Reply, list, no_content};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    let all = "/api/v2/organizations/{organization}/tags";
    Routes::default()
        .get(all, Access::Allowed(Permission::ReadOrganization), index)
        .delete(all, Access::Allowed(Permission::ManageTags), delete)
        .post(
            "/api/v2/tags/{tag}/relationships/workspaces",
            Access::Allowed(Permission::UpdateWorkspace),
            add_workspaces,
        )
}

async fn index(Read(mut cx): Read, Id(name): Id<OrgName>, params: Params) -> Reply {
    let organization = cx.organization(&name, Permission::ReadOrganization).await?;
    let filter = TagFilter {
        text: params.get("q").map(str::to_owned),
        not_on: params.get("filter[exclude][taggable][id]").map(str::to_owned),
    };
    let page = params.page()?;
    let viewer = viewer(&mut cx, &organization.id).await?;
    let wanted = (page.offset(), page.size);
    let (tags, total) = cx.tx.organization_tags(&organization.id, &filter, viewer.as_ref(), wanted).await?;
    let data = tags.iter().map(|tag| resource(tag, &name)).collect();
    list(&format!("/api/v2/organizations/{name}/tags"), data, Vec::new(), page.of(total))
}

async fn delete(Write(mut cx): Write, Id(name): Id<OrgName>, References(given): References) -> Reply {
    let organization = cx.organization(&name, Permission::ManageTags).await?;
    for reference in given {
        let id: TagId = reference.id.parse()?;
        if !cx.tx.delete_tag(&organization.id, &id).await? {
            return Err(ApiError::NotFound);
        }
    }
    cx.tx.commit().await?;
    no_content()
}

async fn add_workspaces(Write(mut cx): Write, Id(id): Id<TagId>, References(given): References) -> Reply {
    let tag = cx.tx.organization_tag(&id).await?.ok_or(ApiError::NotFound)?;
    if !cx.may(Permission::ReadOrganization, &tag.organization_id, None).await? {
        return Err(ApiError::NotFound);
    }
    for reference in given {
        let workspace_id: WorkspaceId = reference.id.parse()?;
        let workspace = cx.workspace(&workspace_id, Permission::UpdateWorkspace).await?;
        if workspace.organization_id != tag.organization_id {
            return Err(ApiError::invalid("/data", "the workspace belongs to another organization"));
        }
        cx.tx.add_tag(&workspace_id, &id).await?;
    }
    cx.tx.commit().await?;
    no_content()
}

/// A tag as clients read it.
pub(super) fn resource(tag: &OrganizationTag, organization: &OrgName) -> Resource {
    let attributes = json!({
        "name": tag.name,
        "instance-count": tag.instance_count,
        "created-at": tag.created_at,
    });
    Resource::new("tags", &tag.id, attributes).to_one("organization", "organizations", Some(organization))
}

#[cfg(test)]
mod tests;
