//! Versions of modules.

use carnet_model::{ModuleVersionStatus, Permission, RegistryModuleVersion, RegistryModuleVersionId};
use serde::Deserialize;

use super::document::version_resource;
use super::{Segments, delete_archives, find, invalid, taken};
use crate::api::registry_protocol::{RegistryFile, upload_url};
use crate::app::entropy;
use crate::document::Doc;
use crate::error::ApiError;
use crate::extract::{Context, Params, Read, Write};
use crate::reply::{Reply, created, no_content, ok, whole_list};
use crate::route::{Access, Routes};

/// The most characters of a commit.
const COMMIT_LIMIT: usize = 128;

pub(super) fn routes() -> Routes {
    let read = Access::Allowed(Permission::ReadRegistry);
    let manage = Access::Allowed(Permission::ManageModules);
    let module =
        "/api/v2/organizations/{organization}/registry-modules/{registry}/{namespace}/{name}/{provider}";
    let one = format!("{module}/{{version}}");
    let delete_one = "/api/v2/registry-modules/actions/delete/{organization}/{name}/{provider}/{version}";
    Routes::default()
        .get(&format!("{module}/versions"), read, index)
        .post(&format!("{module}/versions"), manage, create)
        .get(&format!("{module}/version"), read, show_asked)
        .get(&one, read, show)
        .delete(&one, manage, delete)
        .post("/api/v2/registry-modules/{organization}/{name}/{provider}/versions", manage, create)
        .post(delete_one, manage, delete)
}

async fn index(Read(mut cx): Read, segments: Segments) -> Reply {
    let (organization, module) = find(&mut cx, &segments, Permission::ReadRegistry).await?;
    let versions = cx.tx.module_versions(&module.id).await?;
    let path = format!("{}/versions", super::document::path(&organization, &module));
    whole_list(&path, versions.iter().map(|version| version_resource(version, None)).collect())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Input {
    version: String,
    commit_sha: Option<String>,
}

async fn create(Write(mut cx): Write, segments: Segments, doc: Doc<Input>) -> Reply {
    let (_, module) = find(&mut cx, &segments, Permission::ManageModules).await?;
    let commit_sha = doc.attributes.commit_sha.filter(|commit| !commit.is_empty());
    if commit_sha.as_ref().is_some_and(|commit| commit.len() > COMMIT_LIMIT) {
        return Err(ApiError::attribute("commit-sha", format!("at most {COMMIT_LIMIT} characters")));
    }
    let version = RegistryModuleVersion {
        id: RegistryModuleVersionId::from_entropy(entropy()?),
        registry_module_id: module.id,
        version: doc.attributes.version.parse().map_err(|error| invalid("version", error))?,
        status: ModuleVersionStatus::Pending,
        commit_sha,
        archive_id: None,
        error: None,
        created_at: cx.now,
        updated_at: cx.now,
    };
    cx.tx.insert_module_version(&version).await.map_err(|error| taken("version", "Version", error))?;
    let url = upload_url(&cx, &RegistryFile::Module(version.id.clone()))?;
    cx.tx.commit().await?;
    created(version_resource(&version, Some(url)))
}

async fn show(Read(mut cx): Read, segments: Segments) -> Reply {
    let version = segments.version()?;
    show_version(&mut cx, &segments, &version).await
}

async fn show_asked(Read(mut cx): Read, segments: Segments, params: Params) -> Reply {
    let wanted = params.get("module_version").unwrap_or_default();
    let version = wanted.parse().map_err(|_| ApiError::NotFound)?;
    show_version(&mut cx, &segments, &version).await
}

async fn show_version(
    cx: &mut Context,
    segments: &Segments,
    wanted: &carnet_model::RegistryVersion,
) -> Reply {
    let (organization, module) = find(cx, segments, Permission::ReadRegistry).await?;
    let version = cx.tx.module_version(&module.id, wanted).await?.ok_or(ApiError::NotFound)?;
    let may_upload =
        version.archive_id.is_none() && cx.may(Permission::ManageModules, &organization.id, None).await?;
    let url = match may_upload {
        true => Some(upload_url(cx, &RegistryFile::Module(version.id.clone()))?),
        false => None,
    };
    ok(version_resource(&version, url))
}

/// Removes a version; a module without any goes with its last one.
async fn delete(Write(mut cx): Write, segments: Segments) -> Reply {
    let (_, module) = find(&mut cx, &segments, Permission::ManageModules).await?;
    let wanted = segments.version()?;
    let version = cx.tx.module_version(&module.id, &wanted).await?.ok_or(ApiError::NotFound)?;
    cx.tx.delete_module_version(&version.id).await?;
    if cx.tx.module_versions(&module.id).await?.is_empty() {
        cx.tx.delete_registry_module(&module.id).await?;
    }
    let app = Write(cx).commit().await?;
    delete_archives(&app, &[version]).await;
    no_content()
}
