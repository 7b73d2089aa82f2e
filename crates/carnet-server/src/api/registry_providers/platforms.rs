//! Builds of a provider's version for platforms.

use carnet_model::{Organization, Permission, RegistryPlatform, RegistryPlatformId};
use serde::Deserialize;

use super::delete_files;
use super::document::{path, platform_resource};
use super::versions::find_version;
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
    let all = format!("{provider}/versions/{{version}}/platforms");
    let one = format!("{all}/{{os}}/{{arch}}");
    Routes::default()
        .get(&all, read, index)
        .post(&all, manage, create)
        .get(&one, read, show)
        .delete(&one, manage, delete)
}

async fn index(Read(mut cx): Read, segments: Segments, params: Params) -> Reply {
    let (organization, provider, version) =
        find_version(&mut cx, &segments, Permission::ReadRegistry).await?;
    let (platforms, pagination) = page_of(cx.tx.registry_platforms(&version.id).await?, params.page()?);
    let mut resources = Vec::with_capacity(platforms.len());
    for platform in &platforms {
        resources.push(platform_resource(&mut cx, &organization, platform).await?);
    }
    let list_path = format!("{}/versions/{}/platforms", path(&organization, &provider), version.version);
    list(&list_path, resources, Vec::new(), pagination)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Input {
    os: String,
    arch: String,
    filename: String,
    shasum: String,
}

async fn create(Write(mut cx): Write, segments: Segments, doc: Doc<Input>) -> Reply {
    let (organization, _, version) = find_version(&mut cx, &segments, Permission::ManageProviders).await?;
    let input = doc.attributes;
    let platform = RegistryPlatform {
        id: RegistryPlatformId::from_entropy(entropy()?),
        registry_provider_version_id: version.id,
        os: input.os.parse().map_err(|error| invalid("os", error))?,
        arch: input.arch.parse().map_err(|error| invalid("arch", error))?,
        filename: input.filename.parse().map_err(|error| invalid("filename", error))?,
        checksum: input.shasum.to_ascii_lowercase().parse().map_err(|error| invalid("shasum", error))?,
        archive_id: None,
    };
    cx.tx.insert_registry_platform(&platform).await.map_err(|error| taken("os", "Platform", error))?;
    let document = platform_resource(&mut cx, &organization, &platform).await?;
    cx.tx.commit().await?;
    created(document)
}

async fn find_platform(
    cx: &mut Context,
    segments: &Segments,
    permission: Permission,
) -> Result<(Organization, RegistryPlatform), ApiError> {
    let (organization, _, version) = find_version(cx, segments, permission).await?;
    let (os, arch) = (segments.get("os")?, segments.get("arch")?);
    let platform = cx.tx.registry_platform(&version.id, &os, &arch).await?.ok_or(ApiError::NotFound)?;
    Ok((organization, platform))
}

async fn show(Read(mut cx): Read, segments: Segments) -> Reply {
    let (organization, platform) = find_platform(&mut cx, &segments, Permission::ReadRegistry).await?;
    ok(platform_resource(&mut cx, &organization, &platform).await?)
}

async fn delete(Write(mut cx): Write, segments: Segments) -> Reply {
    let (_, platform) = find_platform(&mut cx, &segments, Permission::ManageProviders).await?;
    cx.tx.delete_registry_platform(&platform.id).await?;
    let app = Write(cx).commit().await?;
    delete_files(&app, &Vec::from_iter(platform.archive_id)).await;
    no_content()
}
