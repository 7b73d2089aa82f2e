//! The module registry protocol, and what the registry tells about its modules besides.

use axum::Json;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::IntoResponse;
use carnet_model::{ModuleVersionStatus, Organization, Permission, RegistryModule, RegistryModuleVersion};
use carnet_store::RegistryModuleFilter;
use serde_json::{Value, json};

use super::file::{RegistryFile, download_path};
use crate::api::registry_modules::{Segments, named};
use crate::error::ApiError;
use crate::extract::{Context, Params, Read};
use crate::reply::Reply;
use crate::route::{Access, Routes};

/// Where the archive of a module is, relative to the address that answers with it.
const LOCATION: HeaderName = HeaderName::from_static("x-terraform-get");

/// The most modules of one answer.
const PAGE: u64 = 100;

pub(super) fn routes() -> Routes {
    let read = Access::Allowed(Permission::ReadRegistry);
    let of_namespace = "/api/registry/v1/modules/{namespace}";
    let module = format!("{of_namespace}/{{name}}/{{provider}}");
    Routes::default()
        .get(of_namespace, read, list)
        .get(&module, read, latest)
        .get(&format!("{module}/versions"), read, versions)
        .get(&format!("{module}/download"), read, download_latest)
        .get(&format!("{module}/{{version}}"), read, show)
        .get(&format!("{module}/{{version}}/download"), read, download)
}

/// The module of a path with the versions that can be installed, the newest first.
async fn installable(
    cx: &mut Context,
    segments: &Segments,
) -> Result<(Organization, RegistryModule, Vec<RegistryModuleVersion>), ApiError> {
    let organization = segments.namespace(cx).await?;
    let module = named(cx, segments, &organization).await?;
    let mut versions = cx.tx.module_versions(&module.id).await?;
    versions.retain(|version| version.status == ModuleVersionStatus::Ok);
    if versions.is_empty() {
        return Err(ApiError::NotFound);
    }
    Ok((organization, module, versions))
}

/// The newest release; if there is none, the newest version.
fn newest(versions: &[RegistryModuleVersion]) -> Result<&RegistryModuleVersion, ApiError> {
    let release = versions.iter().find(|version| !version.version.is_prerelease());
    release.or(versions.first()).ok_or(ApiError::NotFound)
}

async fn versions(Read(mut cx): Read, segments: Segments) -> Reply {
    let (organization, module, versions) = installable(&mut cx, &segments).await?;
    let versions: Vec<Value> =
        versions.iter().map(|version| json!({ "version": version.version.to_string() })).collect();
    let source = format!("{}/{}/{}", organization.name, module.name, module.provider);
    Ok(Json(json!({ "modules": [{ "source": source, "versions": versions }] })).into_response())
}

async fn download(Read(mut cx): Read, segments: Segments) -> Reply {
    let (_, module, versions) = installable(&mut cx, &segments).await?;
    let wanted = segments.version()?;
    let version = versions.iter().find(|version| version.version == wanted).ok_or(ApiError::NotFound)?;
    let filename = format!("{}-{}-{}.tar.gz", module.name, module.provider, version.version);
    let path = download_path(&cx, &RegistryFile::Module(version.id.clone()), &filename)?;
    Ok((StatusCode::NO_CONTENT, [(LOCATION, path)]).into_response())
}

async fn download_latest(Read(mut cx): Read, segments: Segments) -> Reply {
    let (organization, module, versions) = installable(&mut cx, &segments).await?;
    let newest = newest(&versions)?;
    let path = format!(
        "/api/registry/v1/modules/{}/{}/{}/{}/download",
        organization.name, module.name, module.provider, newest.version
    );
    Ok((StatusCode::FOUND, [(header::LOCATION, path)]).into_response())
}

async fn latest(Read(mut cx): Read, segments: Segments) -> Reply {
    let (organization, module, versions) = installable(&mut cx, &segments).await?;
    let version = newest(&versions)?;
    Ok(Json(detailed(&organization, &module, version, &versions)).into_response())
}

async fn show(Read(mut cx): Read, segments: Segments) -> Reply {
    let (organization, module, versions) = installable(&mut cx, &segments).await?;
    let wanted = segments.version()?;
    let version = versions.iter().find(|version| version.version == wanted).ok_or(ApiError::NotFound)?;
    Ok(Json(detailed(&organization, &module, version, &versions)).into_response())
}

fn summary(organization: &Organization, module: &RegistryModule, version: &RegistryModuleVersion) -> Value {
    let (namespace, name, provider) = (&organization.name, &module.name, &module.provider);
    json!({
        "id": format!("{namespace}/{name}/{provider}/{}", version.version),
        "owner": "",
        "namespace": namespace.as_str(),
        "name": name.as_str(),
        "version": version.version.to_string(),
        "provider": provider.as_str(),
        "description": "",
        "source": "",
        "tag": "",
        "published_at": version.created_at,
        "downloads": 0,
        "verified": false,
    })
}

/// What is in an archive is not looked into, so that the lists about its contents are empty.
fn detailed(
    organization: &Organization,
    module: &RegistryModule,
    version: &RegistryModuleVersion,
    versions: &[RegistryModuleVersion],
) -> Value {
    let mut document = summary(organization, module, version);
    let all: Vec<String> = versions.iter().map(|version| version.version.to_string()).collect();
    document["root"] = json!({
        "path": "", "name": module.name.as_str(), "readme": "", "empty": false, "inputs": [], "outputs": [],
        "dependencies": [], "provider_dependencies": [], "resources": [],
    });
    document["submodules"] = json!([]);
    document["examples"] = json!([]);
    document["providers"] = json!([module.provider.as_str()]);
    document["versions"] = json!(all);
    document
}

async fn list(Read(mut cx): Read, segments: Segments, params: Params) -> Reply {
    let organization = segments.namespace(&mut cx).await?;
    let number = |name: &str| params.get(name).and_then(|text| text.parse::<u64>().ok());
    let limit = number("limit").unwrap_or(20).clamp(1, PAGE);
    let offset = number("offset").unwrap_or(0);
    let filter = RegistryModuleFilter {
        text: params.get("q").map(str::to_owned),
        provider: params.get("provider").map(str::to_owned),
        installable: true,
    };
    let (modules, total) = cx.tx.registry_modules(&organization.id, &filter, offset, limit).await?;
    let mut found = Vec::with_capacity(modules.len());
    for module in &modules {
        let mut versions = cx.tx.module_versions(&module.id).await?;
        versions.retain(|version| version.status == ModuleVersionStatus::Ok);
        found.push(summary(&organization, module, newest(&versions)?));
    }
    let mut meta = json!({ "limit": limit, "current_offset": offset });
    if offset.saturating_add(limit) < total {
        meta["next_offset"] = json!(offset + limit);
    }
    Ok(Json(json!({ "meta": meta, "modules": found })).into_response())
}
