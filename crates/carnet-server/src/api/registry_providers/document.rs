//! Providers of the private registry, their versions and platforms as clients read them.

use carnet_api::jsonapi::Resource;
use carnet_model::{Organization, Permission, RegistryPlatform, RegistryProvider, RegistryProviderVersion};
use serde_json::json;

use crate::api::registry_protocol::{RegistryFile, download_path, upload_url};
use crate::error::ApiError;
use crate::extract::Context;

/// Where the document of a provider is.
pub(super) fn path(organization: &Organization, provider: &RegistryProvider) -> String {
    let organization = &organization.name;
    format!(
        "/api/v2/organizations/{organization}/registry-providers/private/{organization}/{}",
        provider.name
    )
}

/// A provider.
pub(super) async fn resource(
    cx: &mut Context,
    organization: &Organization,
    provider: &RegistryProvider,
) -> Result<Resource, ApiError> {
    let may_manage = cx.may(Permission::ManageProviders, &organization.id, None).await?;
    let versions = cx.tx.provider_versions(&provider.id).await?;
    let attributes = json!({
        "name": provider.name.as_str(),
        "namespace": organization.name.as_str(),
        "registry-name": "private",
        "created-at": provider.created_at,
        "updated-at": provider.updated_at,
        "permissions": { "can-delete": may_manage, "can-upload-asset": may_manage },
    });
    Ok(Resource::new("registry-providers", &provider.id, attributes)
        .to_one("organization", "organizations", Some(&organization.name))
        .to_many(
            "registry-provider-versions",
            "registry-provider-versions",
            versions.iter().map(|version| &version.id),
        )
        .link("self", path(organization, provider)))
}

/// A version of a provider with the addresses of its files, as far as the caller may use them.
pub(super) async fn version_resource(
    cx: &mut Context,
    organization: &Organization,
    provider: &RegistryProvider,
    version: &RegistryProviderVersion,
) -> Result<Resource, ApiError> {
    let may_manage = cx.may(Permission::ManageProviders, &organization.id, None).await?;
    let platforms = cx.tx.registry_platforms(&version.id).await?;
    let attributes = json!({
        "version": version.version.to_string(),
        "key-id": version.key_id,
        "protocols": version.protocols,
        "shasums-uploaded": version.checksums_id.is_some(),
        "shasums-sig-uploaded": version.signature_id.is_some(),
        "created-at": version.created_at,
        "updated-at": version.updated_at,
        "permissions": { "can-delete": may_manage, "can-upload-asset": may_manage },
    });
    let document = Resource::new("registry-provider-versions", &version.id, attributes)
        .to_one("registry-provider", "registry-providers", Some(&provider.id))
        .to_many("platforms", "registry-provider-platforms", platforms.iter().map(|platform| &platform.id))
        .link("self", format!("{}/versions/{}", path(organization, provider), version.version));
    let sums = format!("terraform-provider-{}_{}_SHA256SUMS", provider.name, version.version);
    let checksums = RegistryFile::Checksums(version.id.clone());
    let is_there = version.checksums_id.is_some();
    let document = with_file(cx, document, ("shasums", &checksums, &sums), is_there, may_manage)?;
    let signature = RegistryFile::Signature(version.id.clone());
    let signature_name = format!("{sums}.sig");
    let is_there = version.signature_id.is_some();
    with_file(cx, document, ("shasums-sig", &signature, &signature_name), is_there, may_manage)
}

/// A platform of a version with the address of its archive, as far as the caller may use it.
pub(super) async fn platform_resource(
    cx: &mut Context,
    organization: &Organization,
    platform: &RegistryPlatform,
) -> Result<Resource, ApiError> {
    let may_manage = cx.may(Permission::ManageProviders, &organization.id, None).await?;
    let attributes = json!({
        "os": platform.os.as_str(),
        "arch": platform.arch.as_str(),
        "filename": platform.filename.as_str(),
        "shasum": platform.checksum.as_str(),
        "provider-binary-uploaded": platform.archive_id.is_some(),
        "permissions": { "can-delete": may_manage, "can-upload-asset": may_manage },
    });
    let document = Resource::new("registry-provider-platforms", &platform.id, attributes).to_one(
        "registry-provider-version",
        "registry-provider-versions",
        Some(&platform.registry_provider_version_id),
    );
    let archive = RegistryFile::Platform(platform.id.clone());
    let file = ("provider-binary", &archive, platform.filename.as_str());
    with_file(cx, document, file, platform.archive_id.is_some(), may_manage)
}

/// Adds the address from which a file is downloaded, or to which it is uploaded.
fn with_file(
    cx: &Context,
    document: Resource,
    (link, file, filename): (&str, &RegistryFile, &str),
    is_there: bool,
    may_upload: bool,
) -> Result<Resource, ApiError> {
    if is_there {
        let url = cx.app.url(&download_path(cx, file, filename)?);
        return Ok(document.link(&format!("{link}-download"), url));
    }
    Ok(match may_upload {
        true => document.link(&format!("{link}-upload"), upload_url(cx, file)?),
        false => document,
    })
}
