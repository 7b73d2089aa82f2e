//! Configuration versions: making them, uploading and downloading their archives.

use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use carnet_api::jsonapi::Resource;
use carnet_model::{
    ConfigurationStatus, ConfigurationVersion, ConfigurationVersionId, ExecutionMode, Permission, RunId,
    RunSource, Workspace, WorkspaceId,
};
use carnet_store::{BlobName, BlobWriter, TokenHash};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::run_document::document;
use super::workspaces::is_cloud_integration;
use crate::app::{App, entropy, new_secret};
use crate::archive::{self, ArchiveError, Limits, MAX_ENTRIES};
use crate::document::{ActionBody, Doc};
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read, Uploader, Write};
use crate::jobs::{NewRun, create_run};
use crate::reply::{Reply, accepted, created, list, ok};
use crate::route::{Access, Routes};
use crate::upload::{Capability, blocking, delete_blob, receive, send};

pub(crate) fn routes() -> Routes {
    let read = Access::Allowed(Permission::ReadRuns);
    let run = Access::Allowed(Permission::QueuePlans);
    let version = "/api/v2/configuration-versions/{configuration_version}";
    Routes::default()
        .get("/api/v2/workspaces/{workspace}/configuration-versions", read, index)
        .post("/api/v2/workspaces/{workspace}/configuration-versions", run, create)
        .get(version, read, show)
        .post(&format!("{version}/actions/archive"), run, archive)
        .get(&format!("{version}/download"), run, download)
        .get(&format!("{version}/ingress-attributes"), read, ingress_attributes)
        .get("/api/v2/runs/{run}/configuration-version/download", run, download_of_run)
        .put("/_uploads/configuration-versions/{key}", Access::Capability, upload)
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Input {
    auto_queue_runs: Option<bool>,
    speculative: Option<bool>,
    provisional: Option<bool>,
}

/// Where the archive of a configuration version is.
pub(crate) fn archive_blob(id: &ConfigurationVersionId) -> BlobName {
    BlobName::new("configuration", id)
}

/// Where the text is that describes the configuration.
pub(crate) fn readme_blob(id: &ConfigurationVersionId) -> BlobName {
    BlobName::new("readme", id)
}

async fn index(Read(mut cx): Read, Id(workspace): Id<WorkspaceId>, params: Params) -> Reply {
    cx.workspace(&workspace, Permission::ReadRuns).await?;
    let page = params.page()?;
    let versions = cx.tx.configuration_versions(&workspace, page.size, page.offset()).await?;
    let total = cx.tx.configuration_version_count(&workspace).await?;
    let path = format!("/api/v2/workspaces/{workspace}/configuration-versions");
    let related = related(&mut cx, &versions, &params).await?;
    let data = versions.iter().map(|version| resource(version, None)).collect();
    list(&path, data, related, page.of(total))
}

/// The newest run of each version, if `include` asks for runs. Nothing comes from version control, so there are no ingress
/// attributes.
async fn related(
    cx: &mut Context,
    versions: &[ConfigurationVersion],
    params: &Params,
) -> Result<Vec<Resource>, ApiError> {
    let mut found = Vec::new();
    if !params.include().contains("run") {
        return Ok(found);
    }
    for version in versions {
        if let Some(id) = cx.tx.configuration_run(&version.id).await?
            && let Some(run) = cx.tx.run(&id).await?
        {
            found.push(document(cx, &run).await?);
        }
    }
    Ok(found)
}

async fn create(
    Write(mut cx): Write,
    Id(workspace): Id<WorkspaceId>,
    headers: HeaderMap,
    doc: Doc<Input>,
) -> Reply {
    let owner = cx.workspace(&workspace, Permission::QueuePlans).await?.organization_id;
    let may_auto_apply = cx.may(Permission::ApplyRuns, &owner, Some(&workspace)).await?;
    let source = if is_cloud_integration(&headers) { "terraform+cloud" } else { "tfe-api" };
    let version = ConfigurationVersion {
        id: ConfigurationVersionId::from_entropy(entropy()?),
        workspace_id: workspace,
        status: ConfigurationStatus::Pending,
        auto_queue_runs: doc.attributes.auto_queue_runs.unwrap_or(true),
        speculative: doc.attributes.speculative.unwrap_or(false),
        provisional: doc.attributes.provisional.unwrap_or(false),
        may_auto_apply,
        source: source.to_owned(),
        error_message: None,
        created_at: cx.now,
        uploaded_at: None,
        archived_at: None,
    };
    let key = Capability(new_secret("")?);
    let token = cx.require_token()?;
    cx.tx.insert_configuration_version(&version, &key.hash(), Some(&token)).await?;
    cx.tx.commit().await?;
    let upload_url = cx.app.url(&format!("/_uploads/configuration-versions/{}", key.0.expose_secret()));
    created(resource(&version, Some(upload_url)))
}

async fn show(Read(mut cx): Read, Id(id): Id<ConfigurationVersionId>) -> Reply {
    let version = visible(&mut cx, &id, Permission::ReadRuns).await?;
    ok(resource(&version, None))
}

/// Removes the archive of a version that nothing will run any more; the record of it stays.
async fn archive(Write(mut cx): Write, Id(id): Id<ConfigurationVersionId>, _: ActionBody) -> Reply {
    let version = visible(&mut cx, &id, Permission::QueuePlans).await?;
    let refuse =
        |why: &str| ApiError::Transition(format!("configuration could not be archived because {why}"));
    if version.status != ConfigurationStatus::Uploaded {
        return Err(refuse(&format!("it is {}", version.status.as_str())));
    }
    let workspace = cx.tx.workspace(&version.workspace_id).await?.ok_or(ApiError::NotFound)?;
    let latest = cx.tx.latest_configuration(&version.workspace_id).await?;
    if latest.as_ref() == Some(&id) || workspace.current_configuration_version_id.as_ref() == Some(&id) {
        return Err(refuse("it is current"));
    }
    if cx.tx.configuration_has_open_runs(&id).await? {
        return Err(refuse("a run needs it that is not final"));
    }
    cx.tx.archive_configuration(&id, cx.now).await?;
    let app = Write(cx).commit().await?;
    delete_blob(&app, archive_blob(&id)).await;
    delete_blob(&app, readme_blob(&id)).await;
    accepted()
}

/// No configuration comes from version control.
async fn ingress_attributes(Read(mut cx): Read, Id(id): Id<ConfigurationVersionId>) -> Reply {
    visible(&mut cx, &id, Permission::ReadRuns).await?;
    Err(ApiError::NotFound)
}

async fn download(Read(mut cx): Read, Id(id): Id<ConfigurationVersionId>) -> Reply {
    visible(&mut cx, &id, Permission::QueuePlans).await?;
    send_archive(&cx.app, &id).await
}

async fn download_of_run(Read(mut cx): Read, Id(id): Id<RunId>) -> Reply {
    let run = cx.tx.run(&id).await?.ok_or(ApiError::NotFound)?;
    cx.workspace(&run.workspace_id, Permission::QueuePlans).await?;
    send_archive(&cx.app, &run.configuration_version_id).await
}

async fn visible(
    cx: &mut Context,
    id: &ConfigurationVersionId,
    permission: Permission,
) -> Result<ConfigurationVersion, ApiError> {
    let version = cx.tx.configuration_version(id).await?.ok_or(ApiError::NotFound)?;
    cx.workspace(&version.workspace_id, permission).await?;
    Ok(version)
}

/// Answers with the archive; nothing is there before it was uploaded.
pub(crate) async fn send_archive(app: &App, id: &ConfigurationVersionId) -> Reply {
    send(app, &archive_blob(id), "application/gzip").await?.ok_or(ApiError::NotFound)
}

async fn upload(
    State(app): State<Arc<App>>,
    Id(key): Id<Capability>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let hash = key.hash();
    let Waiting { version, uploader, folder } = waiting(&app, &hash).await?;
    let blob = archive_blob(&version.id);
    let writer = receive(&app, &blob, &headers, body, app.settings.upload_limit).await?;

    // Of two uploads at the same time one wins; the other must not replace an archive that was checked.
    let mut tx = app.store.write().await?;
    if !tx.take_configuration_upload(&hash).await? {
        return Err(ApiError::NotFound);
    }
    tx.commit().await?;
    let stored = store(&app, (&version, &uploader), folder, writer).await;
    if stored.is_err() {
        // The client is told to try again, so it must find the address that it knows.
        let mut tx = app.store.write().await?;
        tx.give_back_configuration_upload(&version.id, &hash).await?;
        tx.commit().await?;
    }
    stored.map(|()| StatusCode::OK.into_response())
}

async fn store(
    app: &Arc<App>,
    (version, uploader): (&ConfigurationVersion, &Uploader),
    folder: PathBuf,
    writer: BlobWriter,
) -> Result<(), ApiError> {
    let blob = archive_blob(&version.id);
    blocking(move || writer.finish()).await?.map_err(ApiError::blob)?;
    let refusal = match examined(app, &blob, folder).await? {
        Ok(readme) => {
            if let Some(text) = readme {
                let (blobs, name) = (app.store.blobs(), readme_blob(&version.id));
                blocking(move || blobs.put(&name, text.as_bytes())).await?.map_err(ApiError::blob)?;
            }
            None
        }
        Err(refusal) => {
            delete_blob(app, blob).await;
            Some(refusal)
        }
    };
    finish(app, version, uploader, refusal.as_deref()).await
}

/// What waits for an upload.
struct Waiting {
    version: ConfigurationVersion,
    uploader: Uploader,
    /// Where Terraform will run.
    folder: PathBuf,
}

/// The version that waits for this upload, if whoever asked for the address may still upload.
async fn waiting(app: &Arc<App>, hash: &TokenHash) -> Result<Waiting, ApiError> {
    let mut tx = app.store.read().await?;
    let found = tx.configuration_version_by_upload(hash).await?;
    let (version, token_id) = found.ok_or(ApiError::NotFound)?;
    let uploader = Uploader { token_id, asked_at: version.created_at };
    let (_, workspace) = uploader.admit(app, tx, &version.workspace_id, Permission::QueuePlans).await?;
    Ok(Waiting { version, uploader, folder: PathBuf::from(workspace.working_directory) })
}

/// Reads the stored archive and tells why it is refused, if it is.
pub(super) async fn checked(app: &App, blob: &BlobName) -> Result<Option<String>, ApiError> {
    Ok(examined(app, blob, PathBuf::new()).await?.err())
}

/// Reads the stored archive: the text that describes it, if it has one, or why it is refused.
async fn examined(
    app: &App,
    blob: &BlobName,
    folder: PathBuf,
) -> Result<Result<Option<String>, String>, ApiError> {
    let (blobs, name) = (app.store.blobs(), blob.clone());
    let limits = Limits { bytes: app.settings.unpacked_limit, entries: MAX_ENTRIES };
    let outcome = blocking(move || {
        let reader = blobs.reader(&name).map_err(ArchiveError::Unreadable)?;
        let missing = || ArchiveError::Unreadable(std::io::ErrorKind::NotFound.into());
        archive::check(reader.ok_or_else(missing)?, limits, &folder)
    });
    match outcome.await? {
        Ok(readme) => Ok(Ok(readme)),
        Err(ArchiveError::Refused(refusal)) => Ok(Err(refusal.to_string())),
        Err(ArchiveError::Unreadable(error)) => Err(ApiError::blob(error)),
    }
}

/// Takes the archive, in the name of whoever asked for the address: the bytes and their check took time, in which that right may
/// have ended.
async fn finish(
    app: &Arc<App>,
    version: &ConfigurationVersion,
    uploader: &Uploader,
    refusal: Option<&str>,
) -> Result<(), ApiError> {
    let tx = app.store.write().await?;
    let (mut cx, workspace) = uploader.admit(app, tx, &version.workspace_id, Permission::QueuePlans).await?;
    let applies = cx.may(Permission::ApplyRuns, &workspace.organization_id, Some(&workspace.id)).await?;
    let may_auto_apply = version.may_auto_apply && applies;
    cx.tx.finish_configuration_upload(&version.id, refusal, may_auto_apply, cx.now).await?;
    if refusal.is_none() && !version.speculative && !version.provisional {
        cx.tx.set_current_configuration(&version.workspace_id, &version.id).await?;
    }
    if refusal.is_none() && version.auto_queue_runs {
        queue_run(&mut cx, &workspace, version, may_auto_apply).await?;
    }
    cx.tx.commit().await?;
    app.jobs_waiting.notify_waiters();
    Ok(())
}

/// A finished upload makes a run by itself, unless the workspace only keeps state.
async fn queue_run(
    cx: &mut Context,
    workspace: &Workspace,
    version: &ConfigurationVersion,
    may_auto_apply: bool,
) -> Result<(), ApiError> {
    if workspace.execution_mode == ExecutionMode::Local {
        return Ok(());
    }
    let message = "Queued by the upload of a configuration".to_owned();
    let source = RunSource::ConfigurationVersion;
    let mut new = NewRun::by_server(workspace, version.id.clone(), source, message);
    new.options.plan_only = version.speculative;
    new.options.auto_apply = workspace.auto_apply && may_auto_apply && !version.speculative;
    new.created_by = cx.user_id().cloned();
    create_run(&mut cx.tx, &cx.app, new, cx.now).await.map(drop)
}

/// A configuration version as clients read it. Only the answer to its making has the address for the upload.
pub(crate) fn resource(version: &ConfigurationVersion, upload_url: Option<String>) -> Resource {
    let mut timestamps = json!({ "queued-at": version.created_at });
    if let Some(uploaded_at) = version.uploaded_at {
        timestamps["finished-at"] = json!(uploaded_at);
    }
    if let Some(archived_at) = version.archived_at {
        timestamps["archived-at"] = json!(archived_at);
    }
    let path = format!("/api/v2/configuration-versions/{}", version.id);
    let attributes = json!({
        "auto-queue-runs": version.auto_queue_runs,
        "speculative": version.speculative,
        "provisional": version.provisional,
        "status": version.status.as_str(),
        "source": version.source,
        "error": version.error_message.as_ref().map(|_| "invalid archive"),
        "error-message": version.error_message,
        "status-timestamps": timestamps,
        "upload-url": upload_url,
        "changed-files": Value::Array(Vec::new()),
    });
    Resource::new("configuration-versions", &version.id, attributes)
        .to_one("ingress-attributes", "ingress-attributes", None::<&str>)
        .link("self", path.clone())
        .link("download", format!("{path}/download"))
}
