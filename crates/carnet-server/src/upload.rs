//! Bodies that are too large to keep in memory, on their way to and from blobs.

use std::convert::Infallible;
use std::io::{Read as _, Write as _};
use std::str::FromStr;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use carnet_store::{BlobName, BlobReader, BlobWriter, TokenHash};
use futures_util::stream;
use http_body_util::BodyExt as _;
use secrecy::SecretString;

use crate::app::App;
use crate::error::ApiError;

/// How many bytes are written or read at a time.
const PIECE: usize = 1024 * 1024;

/// How long a client may send nothing in the middle of a body.
const PATIENCE: Duration = Duration::from_secs(60);

/// The secret in the path of an upload, with which nobody can do anything else.
#[derive(Debug)]
pub(crate) struct Capability(pub(crate) SecretString);

impl Capability {
    /// The form in which it is stored.
    pub(crate) fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }
}

impl FromStr for Capability {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(SecretString::from(text)))
    }
}

/// Runs what blocks where that does no harm.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(ApiError::internal)
}

/// Reads a body whole; one that is longer than the limit is refused as soon as that is known.
pub(crate) async fn collect(headers: &HeaderMap, mut body: Body, limit: u64) -> Result<Bytes, ApiError> {
    check_declared(headers, limit)?;
    let mut bytes = BytesMut::new();
    while let Some(piece) = next_piece(&mut body).await? {
        if (bytes.len() + piece.len()) as u64 > limit {
            return Err(ApiError::TooLarge { limit });
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

/// Writes a body to a blob without keeping it in memory. The blob is not there before the writer is finished, so that
/// the caller can decide whether it may be; a dropped writer leaves nothing behind.
pub(crate) async fn receive(
    app: &App,
    name: &BlobName,
    headers: &HeaderMap,
    mut body: Body,
    limit: u64,
) -> Result<BlobWriter, ApiError> {
    check_declared(headers, limit)?;
    let (blobs, name) = (app.store.blobs(), name.clone());
    let mut writer = blocking(move || blobs.create(&name)).await?.map_err(ApiError::blob)?;
    let mut total = 0;
    let mut waiting = BytesMut::new();
    while let Some(piece) = next_piece(&mut body).await? {
        total += piece.len() as u64;
        if total > limit {
            return Err(ApiError::TooLarge { limit });
        }
        waiting.extend_from_slice(&piece);
        if waiting.len() >= PIECE {
            writer = write(writer, waiting.split().freeze()).await?;
        }
    }
    write(writer, waiting.freeze()).await
}

/// Answers with a blob as it stands; `None` when there is none of this name.
pub(crate) async fn send(
    app: &App,
    name: &BlobName,
    media_type: &'static str,
) -> Result<Option<Response>, ApiError> {
    let (blobs, name) = (app.store.blobs(), name.clone());
    let Some(reader) = blocking(move || blobs.reader(&name)).await?.map_err(ApiError::blob)? else {
        return Ok(None);
    };
    // A blob that turns out to be damaged ends the body early, which clients notice.
    let pieces = stream::try_unfold(reader, |reader| async {
        let (reader, piece) = blocking(move || read(reader)).await?.map_err(ApiError::blob)?;
        Ok::<_, ApiError>((!piece.is_empty()).then_some((piece, reader)))
    });
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(media_type))];
    Ok(Some((headers, Body::from_stream(pieces)).into_response()))
}

/// Removes a blob that nothing refers to; what cannot be removed only takes space.
pub(crate) async fn delete_blob(app: &App, name: BlobName) {
    let blobs = app.store.blobs();
    if let Ok(Err(error)) = blocking(move || blobs.delete(&name)).await {
        tracing::warn!(%error, "a blob without use could not be removed");
    }
}

fn check_declared(headers: &HeaderMap, limit: u64) -> Result<(), ApiError> {
    let declared =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    match declared {
        Some(length) if length > limit => Err(ApiError::TooLarge { limit }),
        Some(_) | None => Ok(()),
    }
}

async fn next_piece(body: &mut Body) -> Result<Option<Bytes>, ApiError> {
    loop {
        let frame = tokio::time::timeout(PATIENCE, body.frame())
            .await
            .map_err(|_| ApiError::BadRequest("the body stopped coming".to_owned()))?;
        match frame {
            None => return Ok(None),
            Some(Err(error)) => return Err(ApiError::BadRequest(format!("the body ended early: {error}"))),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

async fn write(mut writer: BlobWriter, bytes: Bytes) -> Result<BlobWriter, ApiError> {
    blocking(move || writer.write_all(&bytes).map(|()| writer)).await?.map_err(ApiError::blob)
}

fn read(mut reader: BlobReader) -> std::io::Result<(BlobReader, Bytes)> {
    let mut piece = Vec::new();
    (&mut reader).take(PIECE as u64).read_to_end(&mut piece)?;
    Ok((reader, Bytes::from(piece)))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::testing::TestServer;

    const LIMIT: u64 = 8 * 1024 * 1024;

    fn body(pieces: Vec<io::Result<Bytes>>) -> Body {
        Body::from_stream(stream::iter(pieces))
    }

    fn broken() -> Body {
        body(vec![Ok(Bytes::from(vec![1; 2 * PIECE])), Err(io::ErrorKind::ConnectionReset.into())])
    }

    #[tokio::test]
    async fn what_was_received_is_sent_again() {
        let server = TestServer::new().await;
        let name = BlobName::new("configuration", "cv-1");
        let pieces: Vec<Bytes> = (0..50_u8).map(|number| Bytes::from(vec![number; 70_001])).collect();
        let whole = pieces.concat();
        let sent = body(pieces.into_iter().map(Ok).collect());
        let writer = receive(&server.app, &name, &HeaderMap::new(), sent, LIMIT).await.expect("received");
        assert!(send(&server.app, &name, "text/plain").await.expect("read").is_none());
        let size = blocking(move || writer.finish()).await.expect("no panic").expect("stored");
        assert_eq!(size, whole.len() as u64);
        let answer = send(&server.app, &name, "text/plain").await.expect("read").expect("a blob");
        let bytes = axum::body::to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
        assert!(bytes == whole);
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_the_callers_fault_and_leaves_nothing() {
        let server = TestServer::new().await;
        let name = BlobName::new("configuration", "cv-1");
        let received = receive(&server.app, &name, &HeaderMap::new(), broken(), LIMIT).await;
        assert!(matches!(received, Err(ApiError::BadRequest(_))), "{received:?}");
        // What was begun goes in the background.
        for _ in 0..1000 {
            if server.count_blobs("configuration").await == 0 {
                break;
            }
            tokio::task::yield_now().await;
        }
        assert_eq!(server.count_blobs("configuration").await, 0);
        let collected = collect(&HeaderMap::new(), broken(), LIMIT).await;
        assert!(matches!(collected, Err(ApiError::BadRequest(_))), "{collected:?}");
    }

    #[tokio::test]
    async fn a_body_without_a_declared_length_is_stopped_at_the_limit() {
        let pieces = || body((0..10).map(|_| Ok(Bytes::from_static(&[1; 1000]))).collect());
        let server = TestServer::new().await;
        let name = BlobName::new("configuration", "cv-1");
        let received = receive(&server.app, &name, &HeaderMap::new(), pieces(), 9_999).await;
        assert!(matches!(received, Err(ApiError::TooLarge { limit: 9_999 })), "{received:?}");
        assert!(collect(&HeaderMap::new(), pieces(), 9_999).await.is_err());
        assert_eq!(collect(&HeaderMap::new(), pieces(), 10_000).await.expect("within").len(), 10_000);
    }
}
