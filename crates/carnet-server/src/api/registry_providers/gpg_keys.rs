//! Keys that checksums of providers are signed with.

use carnet_api::jsonapi::Resource;
use carnet_model::{GpgKey, GpgKeyId, OrgName, Organization, Permission};
use serde::Deserialize;
use serde_json::json;

use super::openpgp::key_id;
use crate::api::registry_modules::{Segments, taken};
use crate::app::entropy;
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Params, Read, Write};
use crate::reply::{Reply, created, list, no_content, ok, page_of};
use crate::route::{Access, Routes};

const PATH: &str = "/api/registry/private/v2/gpg-keys";

/// The most bytes of an armored key.
const ARMOR_LIMIT: usize = 64 * 1024;

pub(super) fn routes() -> Routes {
    let read = Access::Allowed(Permission::ReadRegistry);
    let manage = Access::Allowed(Permission::ManageProviders);
    let one = format!("{PATH}/{{namespace}}/{{key}}");
    Routes::default()
        .get(PATH, read, index)
        .post(PATH, manage, create)
        .get(&one, read, show)
        .patch(&one, manage, update)
        .delete(&one, manage, delete)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Input {
    namespace: Option<String>,
    ascii_armor: Option<String>,
}

/// The organization of a namespace, if the caller may do this in it.
async fn organization(
    cx: &mut Context,
    namespace: &str,
    permission: Permission,
) -> Result<Organization, ApiError> {
    let name: OrgName = namespace.parse().map_err(|_| ApiError::NotFound)?;
    cx.organization(&name, permission).await
}

async fn index(Read(mut cx): Read, params: Params) -> Reply {
    let namespaces = params.list("filter[namespace]");
    if namespaces.is_empty() {
        return Err(ApiError::BadRequest("filter[namespace] must name an organization".to_owned()));
    }
    let mut resources = Vec::new();
    for namespace in &namespaces {
        let organization = organization(&mut cx, namespace, Permission::ReadRegistry).await?;
        let keys = cx.tx.gpg_keys(&organization.id).await?;
        resources.extend(keys.iter().map(|key| resource(key, &organization)));
    }
    let (resources, pagination) = page_of(resources, params.page()?);
    list(PATH, resources, Vec::new(), pagination)
}

async fn create(Write(mut cx): Write, doc: Doc<Input>) -> Reply {
    let namespace = doc.attributes.namespace.unwrap_or_default();
    let organization = organization(&mut cx, &namespace, Permission::ManageProviders).await?;
    let armored = doc.attributes.ascii_armor.unwrap_or_default();
    if armored.len() > ARMOR_LIMIT {
        return Err(ApiError::attribute("ascii-armor", format!("at most {ARMOR_LIMIT} bytes")));
    }
    let key_id = key_id(&armored).map_err(|error| ApiError::attribute("ascii-armor", error.to_string()))?;
    let key = GpgKey {
        id: GpgKeyId::from_entropy(entropy()?),
        organization_id: organization.id.clone(),
        key_id,
        armored,
        created_at: cx.now,
        updated_at: cx.now,
    };
    cx.tx.insert_gpg_key(&key).await.map_err(|error| taken("ascii-armor", "Key", error))?;
    cx.tx.commit().await?;
    created(resource(&key, &organization))
}

/// The key that a path names, and its organization, if the caller may do this with it.
async fn find(
    cx: &mut Context,
    segments: &Segments,
    permission: Permission,
) -> Result<(Organization, GpgKey), ApiError> {
    let organization = organization(cx, segments.text("namespace"), permission).await?;
    let key_id = segments.text("key").to_ascii_uppercase();
    let key = cx.tx.gpg_key(&organization.id, &key_id).await?.ok_or(ApiError::NotFound)?;
    Ok((organization, key))
}

async fn show(Read(mut cx): Read, segments: Segments) -> Reply {
    let (organization, key) = find(&mut cx, &segments, Permission::ReadRegistry).await?;
    ok(resource(&key, &organization))
}

/// Moves a key to the namespace of another organization.
async fn update(Write(mut cx): Write, segments: Segments, doc: Doc<Input>) -> Reply {
    let (old, mut key) = find(&mut cx, &segments, Permission::ManageProviders).await?;
    let namespace = doc.attributes.namespace.unwrap_or_else(|| old.name.to_string());
    let new = organization(&mut cx, &namespace, Permission::ManageProviders).await?;
    if new.id != old.id {
        check_unused(&mut cx, &key).await?;
        cx.tx.move_gpg_key(&key, &new.id, cx.now).await.map_err(|error| taken("namespace", "Key", error))?;
        key.updated_at = cx.now;
    }
    cx.tx.commit().await?;
    ok(resource(&key, &new))
}

async fn check_unused(cx: &mut Context, key: &GpgKey) -> Result<(), ApiError> {
    if cx.tx.is_gpg_key_in_use(key).await? {
        let detail = format!("Key {} signs versions of providers; delete these first", key.key_id);
        return Err(ApiError::Invalid { detail, pointer: None });
    }
    Ok(())
}

async fn delete(Write(mut cx): Write, segments: Segments) -> Reply {
    let (_, key) = find(&mut cx, &segments, Permission::ManageProviders).await?;
    check_unused(&mut cx, &key).await?;
    cx.tx.delete_gpg_key(&key).await?;
    cx.tx.commit().await?;
    no_content()
}

/// A key as clients read it.
fn resource(key: &GpgKey, organization: &Organization) -> Resource {
    let attributes = json!({
        "ascii-armor": key.armored,
        "key-id": key.key_id,
        "namespace": organization.name.as_str(),
        "source": "",
        "source-url": null,
        "trust-signature": "",
        "created-at": key.created_at,
        "updated-at": key.updated_at,
    });
    let path = format!("{PATH}/{}/{}", organization.name, key.key_id);
    Resource::new("gpg-keys", &key.id, attributes).link("self", path)
}
