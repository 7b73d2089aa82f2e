//! The provider registry protocol.

use axum::Json;
use axum::response::IntoResponse;
use carnet_model::{
    Organization, Permission, RegistryPlatform, RegistryProvider, RegistryProviderVersion, RegistryVersion,
};
use serde_json::{Value, json};

use super::file::{RegistryFile, download_path};
use crate::api::registry_modules::Segments;
use crate::error::ApiError;
use crate::extract::{Context, Read};
use crate::reply::Reply;
use crate::route::{Access, Routes};

pub(super) fn routes() -> Routes {
    let read = Access::Allowed(Permission::ReadRegistry);
    let provider = "/api/registry/v1/providers/{namespace}/{name}";
    Routes::default().get(&format!("{provider}/versions"), read, versions).get(
        &format!("{provider}/{{version}}/download/{{os}}/{{arch}}"),
        read,
        download,
    )
}

async fn find(cx: &mut Context, segments: &Segments) -> Result<(Organization, RegistryProvider), ApiError> {
    let organization = segments.namespace(cx).await?;
    let provider = cx.tx.registry_provider(&organization.id, &segments.get("name")?).await?;
    Ok((organization, provider.ok_or(ApiError::NotFound)?))
}

/// Tells whether everything is there that Terraform checks.
fn is_signed(version: &RegistryProviderVersion) -> bool {
    version.checksums_id.is_some() && version.signature_id.is_some()
}

async fn versions(Read(mut cx): Read, segments: Segments) -> Reply {
    let (_, provider) = find(&mut cx, &segments).await?;
    let mut found = Vec::new();
    for version in cx.tx.provider_versions(&provider.id).await? {
        let mut platforms = cx.tx.registry_platforms(&version.id).await?;
        platforms.retain(|platform| platform.archive_id.is_some());
        if !is_signed(&version) || platforms.is_empty() {
            continue;
        }
        let platforms: Vec<Value> = platforms
            .iter()
            .map(|platform| json!({ "os": platform.os.as_str(), "arch": platform.arch.as_str() }))
            .collect();
        found.push(json!({
            "version": version.version.to_string(), "protocols": version.protocols, "platforms": platforms,
        }));
    }
    Ok(Json(json!({ "versions": found })).into_response())
}

/// The platform that a path names, with its version, if it can be installed.
async fn installable(
    cx: &mut Context,
    segments: &Segments,
    provider: &RegistryProvider,
) -> Result<(RegistryProviderVersion, RegistryPlatform), ApiError> {
    let wanted: RegistryVersion = segments.version()?;
    let version = cx.tx.provider_version(&provider.id, &wanted).await?;
    let version = version.filter(is_signed).ok_or(ApiError::NotFound)?;
    let (os, arch) = (segments.get("os")?, segments.get("arch")?);
    let platform = cx.tx.registry_platform(&version.id, &os, &arch).await?;
    let platform = platform.filter(|platform| platform.archive_id.is_some()).ok_or(ApiError::NotFound)?;
    Ok((version, platform))
}

async fn download(Read(mut cx): Read, segments: Segments) -> Reply {
    let (organization, provider) = find(&mut cx, &segments).await?;
    let (version, platform) = installable(&mut cx, &segments, &provider).await?;
    let key = cx.tx.gpg_key(&organization.id, &version.key_id).await?.ok_or(ApiError::NotFound)?;
    let sums = format!("terraform-provider-{}_{}_SHA256SUMS", provider.name, version.version);
    let archive = RegistryFile::Platform(platform.id.clone());
    let checksums = RegistryFile::Checksums(version.id.clone());
    let signature = RegistryFile::Signature(version.id.clone());
    let document = json!({
        "protocols": version.protocols,
        "os": platform.os.as_str(),
        "arch": platform.arch.as_str(),
        "filename": platform.filename.as_str(),
        "download_url": download_path(&cx, &archive, platform.filename.as_str())?,
        "shasums_url": download_path(&cx, &checksums, &sums)?,
        "shasums_signature_url": download_path(&cx, &signature, &format!("{sums}.sig"))?,
        "shasum": platform.checksum.as_str(),
        "signing_keys": { "gpg_public_keys": [{
            "key_id": key.key_id,
            "ascii_armor": key.armored,
            "trust_signature": "",
            "source": "",
            "source_url": null,
        }] },
    });
    Ok(Json(document).into_response())
}
