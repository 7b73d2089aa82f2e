//! Providers of the private registry.

mod document;
mod gpg_keys;
mod openpgp;
mod platforms;
mod versions;

use axum::http::StatusCode;
use carnet_api::jsonapi::{Document, Resource};
use carnet_model::{
    OrgName, Organization, Permission, RegistryPlatform, RegistryProvider, RegistryProviderId,
    RegistryProviderVersion,
};
use serde::Deserialize;

use self::document::{resource, version_resource};
use super::registry_modules::{Segments, blob, check_registry, invalid, taken};
use crate::app::{App, entropy};
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read, Write};
use crate::reply::{Reply, json, list, no_content, ok, ok_with};
use crate::route::{Access, Routes};
use crate::upload::delete_blob;

pub(crate) fn routes() -> Routes {
    let read = Access::Allowed(Permission::ReadRegistry);
    let manage = Access::Allowed(Permission::ManageProviders);
    let of_organization = "/api/v2/organizations/{organization}/registry-providers";
    let one = format!("{of_organization}/{{registry}}/{{namespace}}/{{name}}");
    Routes::default()
        .get(of_organization, read, index)
        .post(of_organization, manage, create)
        .get(&one, read, show)
        .patch(&one, manage, update)
        .delete(&one, manage, delete)
        .merge(versions::routes())
        .merge(platforms::routes())
        .merge(gpg_keys::routes())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Input {
    name: String,
    namespace: Option<String>,
    registry_name: Option<String>,
}

async fn index(Read(mut cx): Read, Id(name): Id<OrgName>, params: Params) -> Reply {
    let organization = cx.organization(&name, Permission::ReadRegistry).await?;
    let page = params.page()?;
    let path = format!("/api/v2/organizations/{name}/registry-providers");
    let has_other = |filter: &str, own: &str| params.get(filter).is_some_and(|wanted| wanted != own);
    if has_other("filter[registry_name]", "private") || has_other("filter[organization_name]", name.as_str())
    {
        return list(&path, Vec::new(), Vec::new(), page.of(0));
    }
    let (providers, total) =
        cx.tx.registry_providers(&organization.id, params.get("q"), page.offset(), page.size).await?;
    let mut resources = Vec::with_capacity(providers.len());
    let mut related = Vec::new();
    for provider in &providers {
        resources.push(resource(&mut cx, &organization, provider).await?);
        related.extend(included(&mut cx, &organization, provider, &params).await?);
    }
    list(&path, resources, related, page.of(total))
}

/// The versions of a provider, if the request asks for them.
async fn included(
    cx: &mut Context,
    organization: &Organization,
    provider: &RegistryProvider,
    params: &Params,
) -> Result<Vec<Resource>, ApiError> {
    let mut resources = Vec::new();
    if params.include().contains("registry_provider_versions") {
        for version in cx.tx.provider_versions(&provider.id).await? {
            resources.push(version_resource(cx, organization, provider, &version).await?);
        }
    }
    Ok(resources)
}

async fn create(Write(mut cx): Write, Id(name): Id<OrgName>, doc: Doc<Input>) -> Reply {
    let organization = cx.organization(&name, Permission::ManageProviders).await?;
    let input = &doc.attributes;
    check_registry(input.registry_name.as_deref(), input.namespace.as_deref(), &organization)?;
    let provider = RegistryProvider {
        id: RegistryProviderId::from_entropy(entropy()?),
        organization_id: organization.id.clone(),
        name: input.name.parse().map_err(|error| invalid("name", error))?,
        created_at: cx.now,
        updated_at: cx.now,
    };
    cx.tx.insert_registry_provider(&provider).await.map_err(|error| taken("name", "Name", error))?;
    let data = resource(&mut cx, &organization, &provider).await?;
    cx.tx.commit().await?;
    Ok(json(StatusCode::CREATED, Document { data, included: Vec::new() }))
}

/// The provider that a path names, and its organization, if the caller may do this with it.
async fn find(
    cx: &mut Context,
    segments: &Segments,
    permission: Permission,
) -> Result<(Organization, RegistryProvider), ApiError> {
    let organization = segments.organization(cx, permission).await?;
    let provider = cx.tx.registry_provider(&organization.id, &segments.get("name")?).await?;
    Ok((organization, provider.ok_or(ApiError::NotFound)?))
}

async fn show(Read(mut cx): Read, segments: Segments, params: Params) -> Reply {
    let (organization, provider) = find(&mut cx, &segments, Permission::ReadRegistry).await?;
    let data = resource(&mut cx, &organization, &provider).await?;
    let related = included(&mut cx, &organization, &provider, &params).await?;
    ok_with(data, related)
}

/// Clients change the tags of providers only, which Carnet does not have; they get what is there.
async fn update(Write(mut cx): Write, segments: Segments, _: Doc<serde_json::Value>) -> Reply {
    let (organization, provider) = find(&mut cx, &segments, Permission::ManageProviders).await?;
    ok(resource(&mut cx, &organization, &provider).await?)
}

async fn delete(Write(mut cx): Write, segments: Segments) -> Reply {
    let (_, provider) = find(&mut cx, &segments, Permission::ManageProviders).await?;
    let mut files = Vec::new();
    for version in cx.tx.provider_versions(&provider.id).await? {
        files.extend(files_of(&mut cx, &version).await?);
    }
    cx.tx.delete_registry_provider(&provider.id).await?;
    let app = Write(cx).commit().await?;
    delete_files(&app, &files).await;
    no_content()
}

/// The files of a version and of its platforms.
async fn files_of(cx: &mut Context, version: &RegistryProviderVersion) -> Result<Vec<String>, ApiError> {
    let platforms: Vec<RegistryPlatform> = cx.tx.registry_platforms(&version.id).await?;
    let archives = platforms.into_iter().filter_map(|platform| platform.archive_id);
    Ok(archives.chain(version.checksums_id.clone()).chain(version.signature_id.clone()).collect())
}

async fn delete_files(app: &App, files: &[String]) {
    for file in files {
        delete_blob(app, blob(file)).await;
    }
}

#[cfg(test)]
mod tests;
