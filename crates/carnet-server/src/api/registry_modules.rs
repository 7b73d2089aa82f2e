//! Modules of the private registry, which are published by uploads.

mod document;
mod path;
mod versions;

use axum::http::StatusCode;
use carnet_api::jsonapi::Document;
use carnet_model::{
    OrgName, Organization, Permission, RegistryModule, RegistryModuleId, RegistryModuleVersion,
};
use carnet_store::{BlobName, RegistryModuleFilter, StoreError};
use serde::Deserialize;

use self::document::resource;
use crate::app::{App, entropy};
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read, Write};
use crate::reply::{Reply, json, list, no_content, ok};
use crate::route::{Access, Routes};
use crate::upload::delete_blob;

pub(super) use self::path::Segments;

pub(crate) fn routes() -> Routes {
    let read = Access::Allowed(Permission::ReadRegistry);
    let manage = Access::Allowed(Permission::ManageModules);
    let of_organization = "/api/v2/organizations/{organization}/registry-modules";
    let named = format!("{of_organization}/{{registry}}/{{namespace}}/{{name}}");
    let one = format!("{named}/{{provider}}");
    let delete_named = "/api/v2/registry-modules/actions/delete/{organization}/{name}";
    Routes::default()
        .get(of_organization, read, index)
        .post(of_organization, manage, create)
        .delete(&named, manage, delete_named_modules)
        .get(&one, read, show)
        .patch(&one, manage, update)
        .delete(&one, manage, delete)
        .get("/api/v2/registry-modules/{organization}", read, show_by_id)
        .get("/api/v2/registry-modules/show/{organization}/{name}/{provider}", read, show)
        .post(delete_named, manage, delete_named_modules)
        .post(&format!("{delete_named}/{{provider}}"), manage, delete)
        .merge(versions::routes())
}

/// Where a file of the registry is.
pub(super) fn blob(id: &str) -> BlobName {
    BlobName::new("registry", id)
}

/// The name of a new file of the registry.
pub(super) fn new_blob_id() -> Result<String, ApiError> {
    Ok(entropy()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Input {
    name: String,
    provider: String,
    registry_name: Option<String>,
    namespace: Option<String>,
}

async fn index(Read(mut cx): Read, Id(name): Id<OrgName>, params: Params) -> Reply {
    let organization = cx.organization(&name, Permission::ReadRegistry).await?;
    let page = params.page()?;
    let path = format!("/api/v2/organizations/{name}/registry-modules");
    let has_other = |filter: &str, own: &str| params.get(filter).is_some_and(|wanted| wanted != own);
    if has_other("filter[registry_name]", "private") || has_other("filter[organization_name]", name.as_str())
    {
        return list(&path, Vec::new(), Vec::new(), page.of(0));
    }
    let filter = RegistryModuleFilter {
        text: params.get("q").map(str::to_owned),
        provider: params.get("filter[provider]").map(str::to_owned),
        installable: false,
    };
    let (modules, total) =
        cx.tx.registry_modules(&organization.id, &filter, page.offset(), page.size).await?;
    let mut resources = Vec::with_capacity(modules.len());
    for module in &modules {
        resources.push(resource(&mut cx, &organization, module).await?);
    }
    list(&path, resources, Vec::new(), page.of(total))
}

async fn create(Write(mut cx): Write, Id(name): Id<OrgName>, doc: Doc<Input>) -> Reply {
    let organization = cx.organization(&name, Permission::ManageModules).await?;
    let input = &doc.attributes;
    check_registry(input.registry_name.as_deref(), input.namespace.as_deref(), &organization)?;
    let module = RegistryModule {
        id: RegistryModuleId::from_entropy(entropy()?),
        organization_id: organization.id.clone(),
        name: input.name.parse().map_err(|error| invalid("name", error))?,
        provider: input.provider.parse().map_err(|error| invalid("provider", error))?,
        created_at: cx.now,
        updated_at: cx.now,
    };
    cx.tx.insert_registry_module(&module).await.map_err(|error| taken("name", "Name", error))?;
    let data = resource(&mut cx, &organization, &module).await?;
    cx.tx.commit().await?;
    Ok(json(StatusCode::CREATED, Document { data, included: Vec::new() }))
}

/// Refuses what belongs into another registry than the private one of the organization.
pub(super) fn check_registry(
    registry: Option<&str>,
    namespace: Option<&str>,
    organization: &Organization,
) -> Result<(), ApiError> {
    if registry.is_some_and(|registry| registry != "private") {
        return Err(ApiError::attribute("registry-name", "this server has a private registry only"));
    }
    if namespace.is_some_and(|namespace| !namespace.is_empty() && namespace != organization.name.as_str()) {
        return Err(ApiError::attribute(
            "namespace",
            "the namespace of the private registry is the organization",
        ));
    }
    Ok(())
}

pub(super) fn invalid(attribute: &str, error: carnet_model::RegistryNameError) -> ApiError {
    ApiError::attribute(attribute, error.to_string())
}

pub(super) fn taken(attribute: &str, what: &str, error: StoreError) -> ApiError {
    match error {
        StoreError::Conflict => ApiError::attribute(attribute, format!("{what} has already been taken")),
        other => other.into(),
    }
}

/// The module that a path names, and its organization, if the caller may do this with it.
pub(super) async fn find(
    cx: &mut Context,
    segments: &Segments,
    permission: Permission,
) -> Result<(Organization, RegistryModule), ApiError> {
    let organization = segments.organization(cx, permission).await?;
    let module = named(cx, segments, &organization).await?;
    Ok((organization, module))
}

/// The module of an organization that a path names.
pub(super) async fn named(
    cx: &mut Context,
    segments: &Segments,
    organization: &Organization,
) -> Result<RegistryModule, ApiError> {
    let (name, provider) = (segments.get("name")?, segments.get("provider")?);
    cx.tx.registry_module_named(&organization.id, &name, &provider).await?.ok_or(ApiError::NotFound)
}

async fn show(Read(mut cx): Read, segments: Segments) -> Reply {
    let (organization, module) = find(&mut cx, &segments, Permission::ReadRegistry).await?;
    ok(resource(&mut cx, &organization, &module).await?)
}

async fn show_by_id(Read(mut cx): Read, Id(id): Id<RegistryModuleId>) -> Reply {
    let module = cx.tx.registry_module(&id).await?.ok_or(ApiError::NotFound)?;
    let organization = cx.tx.organization_by_id(&module.organization_id).await?.ok_or(ApiError::NotFound)?;
    let organization = cx.organization(&organization.name, Permission::ReadRegistry).await?;
    ok(resource(&mut cx, &organization, &module).await?)
}

/// Nothing of a module that is published by uploads can be changed; clients get what is there.
async fn update(Write(mut cx): Write, segments: Segments, _: Doc<serde_json::Value>) -> Reply {
    let (organization, module) = find(&mut cx, &segments, Permission::ManageModules).await?;
    ok(resource(&mut cx, &organization, &module).await?)
}

async fn delete_named_modules(Write(mut cx): Write, segments: Segments) -> Reply {
    let organization = segments.organization(&mut cx, Permission::ManageModules).await?;
    let modules = cx.tx.registry_modules_named(&organization.id, &segments.get("name")?).await?;
    if modules.is_empty() {
        return Err(ApiError::NotFound);
    }
    remove(Write(cx), &modules).await
}

async fn delete(Write(mut cx): Write, segments: Segments) -> Reply {
    let (_, module) = find(&mut cx, &segments, Permission::ManageModules).await?;
    remove(Write(cx), &[module]).await
}

async fn remove(Write(mut cx): Write, modules: &[RegistryModule]) -> Reply {
    let mut versions = Vec::new();
    for module in modules {
        versions.extend(cx.tx.module_versions(&module.id).await?);
        cx.tx.delete_registry_module(&module.id).await?;
    }
    let app = Write(cx).commit().await?;
    delete_archives(&app, &versions).await;
    no_content()
}

async fn delete_archives(app: &App, versions: &[RegistryModuleVersion]) {
    for archive in versions.iter().filter_map(|version| version.archive_id.as_deref()) {
        delete_blob(app, blob(archive)).await;
    }
}

#[cfg(test)]
mod tests;
