//! Reserved tag keys.

use carnet_api::jsonapi::Resource;
use carnet_model::{OrgName, Permission, ReservedTagKey, ReservedTagKeyId, TagKey, TagKeyError};
use carnet_store::StoreError;
use serde::Deserialize;
use serde_json::json;

use crate::app::entropy;
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read, Write};
use crate::reply::{Reply, created, list, no_content, ok};
use crate::route::{Access, Routes};

pub(crate) fn routes() -> Routes {
    let manage = Access::Allowed(Permission::ManageTags);
    let all = "/api/v2/organizations/{organization}/reserved-tag-keys";
    let routes = Routes::default()
        .get(all, Access::Allowed(Permission::ReadOrganization), index)
        .post(all, manage, create);
    // Clients use the first spelling, the documentation of HCP Terraform the second one.
    ["/api/v2/reserved-tag-keys/{reserved_tag_key}", "/api/v2/reserved-tags/{reserved_tag_key}"]
        .into_iter()
        .fold(routes, |routes, one| routes.patch(one, manage, update).delete(one, manage, delete))
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Input {
    key: Option<String>,
    disable_overrides: Option<bool>,
}

async fn index(Read(mut cx): Read, Id(name): Id<OrgName>, params: Params) -> Reply {
    let organization = cx.organization(&name, Permission::ReadOrganization).await?;
    let page = params.page()?;
    let (keys, total) = cx.tx.reserved_tag_keys(&organization.id, page.offset(), page.size).await?;
    let data = keys.iter().map(resource).collect();
    list(&format!("/api/v2/organizations/{name}/reserved-tag-keys"), data, Vec::new(), page.of(total))
}

async fn create(Write(mut cx): Write, Id(name): Id<OrgName>, doc: Doc<Input>) -> Reply {
    let organization = cx.organization(&name, Permission::ManageTags).await?;
    let key = ReservedTagKey {
        id: ReservedTagKeyId::from_entropy(entropy()?),
        organization_id: organization.id,
        key: parsed_key(doc.attributes.key.as_deref().unwrap_or_default())?,
        disable_overrides: doc.attributes.disable_overrides.unwrap_or_default(),
        created_at: cx.now,
        updated_at: cx.now,
    };
    cx.tx.insert_reserved_tag_key(&key).await.map_err(taken)?;
    cx.tx.commit().await?;
    created(resource(&key))
}

async fn update(Write(mut cx): Write, Id(id): Id<ReservedTagKeyId>, doc: Doc<Input>) -> Reply {
    let mut key = manageable(&mut cx, &id).await?;
    if let Some(text) = &doc.attributes.key {
        key.key = parsed_key(text)?;
    }
    key.disable_overrides = doc.attributes.disable_overrides.unwrap_or(key.disable_overrides);
    key.updated_at = cx.now;
    cx.tx.update_reserved_tag_key(&key).await.map_err(taken)?;
    cx.tx.commit().await?;
    ok(resource(&key))
}

async fn delete(Write(mut cx): Write, Id(id): Id<ReservedTagKeyId>) -> Reply {
    manageable(&mut cx, &id).await?;
    cx.tx.delete_reserved_tag_key(&id).await?;
    cx.tx.commit().await?;
    no_content()
}

async fn manageable(cx: &mut Context, id: &ReservedTagKeyId) -> Result<ReservedTagKey, ApiError> {
    let key = cx.tx.reserved_tag_key(id).await?.ok_or(ApiError::NotFound)?;
    let organization = cx.tx.organization_by_id(&key.organization_id).await?.ok_or(ApiError::NotFound)?;
    cx.organization(&organization.name, Permission::ManageTags).await?;
    Ok(key)
}

fn parsed_key(text: &str) -> Result<TagKey, ApiError> {
    text.parse().map_err(|error: TagKeyError| ApiError::attribute("key", error.to_string()))
}

fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Conflict => ApiError::attribute("key", "Key has already been taken"),
        other => other.into(),
    }
}

/// A reserved key as clients read it: with underscores in the names of its times.
fn resource(key: &ReservedTagKey) -> Resource {
    let attributes = json!({
        "key": key.key.as_str(),
        "disable-overrides": key.disable_overrides,
        "created_at": key.created_at,
        "updated_at": key.updated_at,
    });
    Resource::new("reserved-tag-keys", &key.id, attributes)
}

#[cfg(test)]
mod tests;
