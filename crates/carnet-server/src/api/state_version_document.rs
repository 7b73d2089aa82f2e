//! State versions as clients read them.

use std::collections::BTreeMap;

use carnet_api::jsonapi::Resource;
use carnet_model::{StateResource, StateStatus, StateVersion, StateVersionOutputId};
use serde_json::{Value, json};

use crate::app::App;

/// Where a client uploads the bytes of a new state version; each address carries a secret.
pub(super) struct UploadUrls {
    pub(super) raw: String,
    pub(super) json: String,
}

/// A state version as clients read it. Only the answer to its making has the addresses for the uploads.
pub(super) fn resource(
    app: &App,
    version: &StateVersion,
    outputs: &[StateVersionOutputId],
    uploads: Option<UploadUrls>,
) -> Resource {
    let path = format!("/api/v2/state-versions/{}", version.id);
    let is_there = version.status == StateStatus::Finalized;
    let (raw_upload, json_upload) = uploads.map(|urls| (urls.raw, urls.json)).unzip();
    let attributes = json!({
        "serial": version.serial,
        "lineage": version.lineage,
        "md5": version.md5,
        "size": version.size,
        "status": version.status.as_str(),
        "intermediate": version.intermediate,
        "state-version": 4,
        "terraform-version": version.terraform_version,
        "created-at": version.created_at,
        "hosted-state-download-url": is_there.then(|| app.url(&format!("{path}/download"))),
        "hosted-json-state-download-url":
            (is_there && version.has_json).then(|| app.url(&format!("{path}/json-download"))),
        "hosted-state-upload-url": raw_upload,
        "hosted-json-state-upload-url": json_upload,
        "resources-processed": is_there,
        "resources": version.resources.iter().map(one_resource).collect::<Vec<_>>(),
        "modules": counts(&version.resources, |resource| &resource.module),
        "providers": counts(&version.resources, |resource| &resource.provider),
        "billable-rum-count": version.billable_count(),
        "vcs-commit-sha": null,
        "vcs-commit-url": null,
    });
    Resource::new("state-versions", &version.id, attributes)
        .to_one("workspace", "workspaces", Some(&version.workspace_id))
        .to_one("run", "runs", version.run_id.as_ref())
        .to_one("created-by", "users", version.created_by.as_ref())
        .to_many("outputs", "state-version-outputs", outputs)
        .link("self", path)
}

fn one_resource(resource: &StateResource) -> Value {
    json!({
        "name": resource.name,
        "type": resource.kind,
        "count": resource.count,
        "module": resource.module,
        "provider": resource.provider,
    })
}

/// How many objects of each type there are, by module or by provider. Types are written with dashes here.
fn counts<'a>(
    resources: &'a [StateResource],
    key: impl Fn(&'a StateResource) -> &'a String,
) -> BTreeMap<&'a str, BTreeMap<String, u32>> {
    let mut counts: BTreeMap<&str, BTreeMap<String, u32>> = BTreeMap::new();
    for resource in resources {
        let count =
            counts.entry(key(resource)).or_default().entry(resource.kind.replace('_', "-")).or_default();
        *count = count.saturating_add(resource.count);
    }
    counts
}
