//! Modules of the private registry as clients read them.

use carnet_api::jsonapi::Resource;
use carnet_model::{ModuleVersionStatus, Organization, Permission, RegistryModule, RegistryModuleVersion};
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::extract::Context;

/// Where the document of a module is.
pub(super) fn path(organization: &Organization, module: &RegistryModule) -> String {
    let organization = &organization.name;
    format!(
        "/api/v2/organizations/{organization}/registry-modules/private/{organization}/{}/{}",
        module.name, module.provider
    )
}

/// A module.
pub(super) async fn resource(
    cx: &mut Context,
    organization: &Organization,
    module: &RegistryModule,
) -> Result<Resource, ApiError> {
    let may_manage = cx.may(Permission::ManageModules, &organization.id, None).await?;
    let versions = cx.tx.module_versions(&module.id).await?;
    let is_complete = versions.iter().any(|version| version.status == ModuleVersionStatus::Ok);
    let statuses: Vec<Value> = versions
        .iter()
        .map(|version| {
            json!({
                "version": version.version.to_string(),
                "status": version.status.as_str(),
                "error": version.error.as_deref().unwrap_or_default(),
            })
        })
        .collect();
    let attributes = json!({
        "name": module.name.as_str(),
        "namespace": organization.name.as_str(),
        "provider": module.provider.as_str(),
        "registry-name": "private",
        "status": if is_complete { "setup_complete" } else { "pending" },
        "version-statuses": statuses,
        "no-code": false,
        "publishing-mechanism": null,
        // No `vcs-repo`: the Python client takes one that is null for a connection.
        "test-config": null,
        "created-at": module.created_at,
        "updated-at": module.updated_at,
        "permissions": { "can-delete": may_manage, "can-resync": false, "can-retry": false },
    });
    Ok(Resource::new("registry-modules", &module.id, attributes)
        .to_one("organization", "organizations", Some(&organization.name))
        .link("self", path(organization, module)))
}

/// A version of a module; the address of its upload is shown to those who may use it.
pub(super) fn version_resource(version: &RegistryModuleVersion, upload_url: Option<String>) -> Resource {
    let attributes = json!({
        "version": version.version.to_string(),
        "status": version.status.as_str(),
        "error": version.error,
        "source": "tfe-api",
        "commit-sha": version.commit_sha,
        "created-at": version.created_at,
        "updated-at": version.updated_at,
    });
    let document = Resource::new("registry-module-versions", &version.id, attributes).to_one(
        "registry-module",
        "registry-modules",
        Some(&version.registry_module_id),
    );
    match upload_url {
        Some(url) => document.link("upload", url),
        None => document,
    }
}
