//! Versions of providers.

use carnet_model::{
    Organization, Permission, RegistryProvider, RegistryProviderVersion, RegistryProviderVersionId,
};
use serde::Deserialize;

use super::document::{path, version_resource};
use super::{delete_files, files_of, find};
use crate::api::registry_modules::{Segments, invalid, taken};
use crate::app::entropy;
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Params, Read, Write};
use crate::reply::{Reply, created, list, no_content, ok, page_of};
use crate::route::{Access, Routes};

pub(super) fn routes() -> Routes {
    let read = Access::Allowed(Permission::ReadRegistry);
    let manage = Access::Allowed(Permission::ManageProviders);
    let provider = "/api/v2/organizations/{organization}/registry-providers/{registry}/{namespace}/{name}";
    let all = format!("{provider}/versions");
    let one = format!("{all}/{{version}}");
    Routes::default()
        .get(&all, read, index)
        .post(&all, manage, create)
        .get(&one, read, show)
        .delete(&one, manage, delete)
}

async fn index(Read(mut cx): Read, segments: Segments, params: Params) -> Reply {
    let (organization, provider) = find(&mut cx, &segments, Permission::ReadRegistry).await?;
    let (versions, pagination) = page_of(cx.tx.provider_versions(&provider.id).await?, params.page()?);
    let mut resources = Vec::with_capacity(versions.len());
    for version in &versions {
        resources.push(version_resource(&mut cx, &organization, &provider, version).await?);
    }
    list(&format!("{}/versions", path(&organization, &provider)), resources, Vec::new(), pagination)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Input {
    version: String,
    key_id: String,
    protocols: Vec<String>,
}

async fn create(Write(mut cx): Write, segments: Segments, doc: Doc<Input>) -> Reply {
    let (organization, provider) = find(&mut cx, &segments, Permission::ManageProviders).await?;
    let input = doc.attributes;
    let key_id = input.key_id.to_ascii_uppercase();
    if cx.tx.gpg_key(&organization.id, &key_id).await?.is_none() {
        return Err(ApiError::attribute("key-id", "Key is not among the GPG keys of the organization"));
    }
    let is_protocol = |text: &String| {
        let numbers = text.split_once('.');
        numbers.is_some_and(|(major, minor)| major.parse::<u8>().is_ok() && minor.parse::<u8>().is_ok())
    };
    if input.protocols.is_empty() || !input.protocols.iter().all(is_protocol) {
        return Err(ApiError::attribute("protocols", "Protocols must be versions as in [\"5.0\"]"));
    }
    let version = RegistryProviderVersion {
        id: RegistryProviderVersionId::from_entropy(entropy()?),
        registry_provider_id: provider.id.clone(),
        version: input.version.parse().map_err(|error| invalid("version", error))?,
        key_id,
        protocols: input.protocols,
        checksums_id: None,
        signature_id: None,
        created_at: cx.now,
        updated_at: cx.now,
    };
    cx.tx.insert_provider_version(&version).await.map_err(|error| taken("version", "Version", error))?;
    let document = version_resource(&mut cx, &organization, &provider, &version).await?;
    cx.tx.commit().await?;
    created(document)
}

/// The version of a provider that a path names, if the caller may do this with it.
pub(super) async fn find_version(
    cx: &mut Context,
    segments: &Segments,
    permission: Permission,
) -> Result<(Organization, RegistryProvider, RegistryProviderVersion), ApiError> {
    let (organization, provider) = find(cx, segments, permission).await?;
    let wanted = segments.version()?;
    let version = cx.tx.provider_version(&provider.id, &wanted).await?.ok_or(ApiError::NotFound)?;
    Ok((organization, provider, version))
}

async fn show(Read(mut cx): Read, segments: Segments) -> Reply {
    let (organization, provider, version) =
        find_version(&mut cx, &segments, Permission::ReadRegistry).await?;
    ok(version_resource(&mut cx, &organization, &provider, &version).await?)
}

async fn delete(Write(mut cx): Write, segments: Segments) -> Reply {
    let (_, _, version) = find_version(&mut cx, &segments, Permission::ManageProviders).await?;
    let files = files_of(&mut cx, &version).await?;
    cx.tx.delete_provider_version(&version.id).await?;
    let app = Write(cx).commit().await?;
    delete_files(&app, &files).await;
    no_content()
}
