//! Uploads and downloads of files of the registry: whoever holds the address may, for an hour.

use std::io::Read as _;
use std::sync::Arc;

use aws_lc_rs::digest::{Context as Digest, SHA256};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use carnet_store::{BlobName, Tx};
use secrecy::SecretString;

use super::file::RegistryFile;
use crate::api::configuration_versions::checked;
use crate::api::registry_modules::{Segments, blob, new_blob_id};
use crate::app::App;
use crate::error::ApiError;
use crate::route::{Access, Routes};
use crate::upload::{blocking, delete_blob, receive, send};

/// The most bytes of checksums and of a signature.
const SMALL_LIMIT: u64 = 1024 * 1024;

/// The most bytes of a provider's archive.
const PROVIDER_LIMIT: u64 = 1024 * 1024 * 1024;

/// How many bytes are hashed at a time.
const PIECE: usize = 1024 * 1024;

pub(super) fn routes() -> Routes {
    Routes::default().put("/_uploads/registry/{pass}", Access::Capability, upload).get(
        "/_downloads/registry/{pass}/{filename}",
        Access::Capability,
        download,
    )
}

/// What the pass of a path stands for.
async fn opened(app: &App, segments: &Segments, direction: &str) -> Result<(Tx, RegistryFile), ApiError> {
    let tx = app.store.read().await?;
    let pass = SecretString::from(segments.text("pass"));
    let thing = tx.open_registry_pass(&pass, app.now()).ok_or(ApiError::NotFound)?;
    let (found, file) = thing.split_once(' ').ok_or(ApiError::NotFound)?;
    if found != direction {
        return Err(ApiError::NotFound);
    }
    Ok((tx, file.parse()?))
}

/// The stored file; outer `None` when nothing of the registry has such a file.
async fn stored(tx: &mut Tx, file: &RegistryFile) -> Result<Option<Option<String>>, ApiError> {
    Ok(match file {
        RegistryFile::Module(id) => tx.module_version_by_id(id).await?.map(|version| version.archive_id),
        RegistryFile::Checksums(id) => {
            tx.provider_version_by_id(id).await?.map(|version| version.checksums_id)
        }
        RegistryFile::Signature(id) => {
            tx.provider_version_by_id(id).await?.map(|version| version.signature_id)
        }
        RegistryFile::Platform(id) => {
            tx.registry_platform_by_id(id).await?.map(|platform| platform.archive_id)
        }
    })
}

async fn download(State(app): State<Arc<App>>, segments: Segments) -> Result<Response, ApiError> {
    let (mut tx, file) = opened(&app, &segments, "download").await?;
    let stored = stored(&mut tx, &file).await?.flatten().ok_or(ApiError::NotFound)?;
    drop(tx);
    let media_type = match file {
        RegistryFile::Module(_) => "application/gzip",
        RegistryFile::Checksums(_) => "text/plain",
        RegistryFile::Signature(_) => "application/octet-stream",
        RegistryFile::Platform(_) => "application/zip",
    };
    send(&app, &blob(&stored), media_type).await?.ok_or(ApiError::NotFound)
}

async fn upload(
    State(app): State<Arc<App>>,
    segments: Segments,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let (mut tx, file) = opened(&app, &segments, "upload").await?;
    if stored(&mut tx, &file).await?.ok_or(ApiError::NotFound)?.is_some() {
        return Err(already());
    }
    drop(tx);
    let limit = match file {
        RegistryFile::Module(_) => app.settings.upload_limit,
        RegistryFile::Checksums(_) | RegistryFile::Signature(_) => SMALL_LIMIT,
        RegistryFile::Platform(_) => PROVIDER_LIMIT,
    };
    // Every upload goes to a place of its own: of two at the same time one wins, and what was checked stays as it is.
    let id = new_blob_id()?;
    let name = blob(&id);
    let writer = receive(&app, &name, &headers, body, limit).await?;
    blocking(move || writer.finish()).await?.map_err(ApiError::blob)?;
    let kept = keep(&app, &file, &id).await;
    if kept.is_err() {
        delete_blob(&app, name).await;
    }
    kept.map(|()| StatusCode::OK.into_response())
}

fn already() -> ApiError {
    ApiError::Conflict("the file was uploaded before".to_owned())
}

/// Checks an uploaded file and makes it the one that is downloaded.
async fn keep(app: &App, file: &RegistryFile, id: &str) -> Result<(), ApiError> {
    let refusal = match file {
        RegistryFile::Module(_) => checked(app, &blob(id)).await?,
        RegistryFile::Checksums(_) | RegistryFile::Signature(_) => None,
        RegistryFile::Platform(platform) => {
            let platform = app.store.read().await?.registry_platform_by_id(platform).await?;
            let expected = platform.ok_or(ApiError::NotFound)?.checksum;
            let found = sha256(app, blob(id)).await?;
            (found != expected.as_str())
                .then(|| format!("the SHA-256 of the archive is {found}, not {expected}"))
        }
    };
    let mut tx = app.store.write().await?;
    let now = app.now();
    if let Some(detail) = refusal {
        if let RegistryFile::Module(version) = file {
            tx.refuse_module_archive(version, &detail, now).await?;
            tx.commit().await?;
        }
        return Err(ApiError::Invalid { detail, pointer: None });
    }
    let is_kept = match file {
        RegistryFile::Module(version) => tx.set_module_archive(version, id, now).await?,
        RegistryFile::Checksums(version) => tx.set_provider_checksums(version, id, now).await?,
        RegistryFile::Signature(version) => tx.set_provider_signature(version, id, now).await?,
        RegistryFile::Platform(platform) => tx.set_platform_archive(platform, id).await?,
    };
    if !is_kept {
        return Err(already());
    }
    Ok(tx.commit().await?)
}

async fn sha256(app: &App, name: BlobName) -> Result<String, ApiError> {
    let blobs = app.store.blobs();
    let hash = blocking(move || {
        let mut reader = blobs.reader(&name)?.ok_or(std::io::ErrorKind::NotFound)?;
        let mut digest = Digest::new(&SHA256);
        let mut piece = vec![0; PIECE];
        loop {
            match reader.read(&mut piece)? {
                0 => return Ok::<_, std::io::Error>(digest.finish()),
                length => digest.update(&piece[..length]),
            }
        }
    });
    let hash = hash.await?.map_err(ApiError::blob)?;
    Ok(hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}
