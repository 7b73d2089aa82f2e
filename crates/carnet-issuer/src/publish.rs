//! Discovery and keys as static files: in a folder that a web server serves, or in a bucket.
//!
//! The keys go first: a relying party that reads the new discovery document finds the keys that it names. Nobody reads half a
//! file: a folder's files are replaced by rename, a bucket's objects as a whole.

mod folder;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, ObjectStore, ObjectStoreExt as _, PutOptions, PutPayload, parse_url_opts,
};

use crate::{DISCOVERY_PATH, DiscoveryDocument, JWKS_PATH, Jwks};

/// What both documents are.
const CONTENT_TYPE: &str = "application/json";

/// The longest that reading one object may take: it is done often, and again soon.
const READ_PATIENCE: Duration = Duration::from_secs(10);

/// The longest that a bucket may take for one object, repetitions included.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where discovery and keys are published.
#[derive(Debug, Clone)]
pub struct Destination {
    /// As the operator wrote it.
    text: String,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    Folder(PathBuf),
    Bucket { store: Arc<dyn ObjectStore>, prefix: Path },
}

/// A text does not name a place that can be published to.
#[derive(Debug, thiserror::Error)]
pub enum DestinationError {
    /// The scheme is none that is known.
    #[error("{text:?} is not a folder, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX")]
    Scheme {
        /// What was given.
        text: String,
    },
    /// The bucket cannot be used as the environment describes it.
    #[error(
        "{text} cannot be used; its credentials come from the environment of its cloud (AWS_*, GOOGLE_*, AZURE_*)"
    )]
    Bucket {
        /// What was given.
        text: String,
        /// What is wrong.
        #[source]
        source: object_store::Error,
    },
}

/// Why something was not published. What was written before stays: the keys of before are in it, too.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// A file could not be written.
    #[error("{} cannot be written", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What happened.
        #[source]
        source: std::io::Error,
    },
    /// An object could not be written.
    #[error("{path} cannot be written to {destination}; is it there, and do the credentials allow writing?")]
    Object {
        /// The place.
        destination: String,
        /// The object.
        path: String,
        /// What happened.
        #[source]
        source: object_store::Error,
    },
    /// An object could not be read.
    #[error("{path} cannot be read from {destination}")]
    Read {
        /// The place.
        destination: String,
        /// The object.
        path: String,
        /// What happened.
        #[source]
        source: object_store::Error,
    },
    /// The bucket took too long.
    #[error("{destination} did not answer in time for {path}")]
    Late {
        /// The place.
        destination: String,
        /// The object.
        path: String,
    },
}

/// What is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Documents {
    /// The discovery document, as JSON.
    pub discovery: Vec<u8>,
    /// The key set, as JSON.
    pub jwks: Vec<u8>,
    /// How long caches may keep both (RFC 9111, section 5.2.2.1).
    pub max_age: Duration,
}

impl Documents {
    /// The documents of an issuer.
    pub fn new(discovery: &DiscoveryDocument, jwks: &Jwks, max_age: Duration) -> Self {
        Self { discovery: discovery.to_json(), jwks: jwks.to_json(), max_age }
    }
}

impl Destination {
    /// Reads the name of a place. `environment` holds the credentials of buckets: what AWS, Google Cloud and Azure document.
    ///
    /// Fails when the text names no place, or the environment does not suffice for the bucket.
    pub fn new(text: &str, environment: &BTreeMap<String, String>) -> Result<Self, DestinationError> {
        let place = match text.split_once("://").map(|(scheme, _)| scheme) {
            None if !text.trim().is_empty() => Place::Folder(PathBuf::from(text)),
            Some("s3") => bucket(text, text, "AWS_", environment)?,
            Some("gs") => bucket(text, text, "GOOGLE_", environment)?,
            Some("az") => bucket(text, text, "AZURE_", environment)?,
            None | Some(_) => return Err(DestinationError::Scheme { text: text.to_owned() }),
        };
        Ok(Self { text: text.trim_end_matches('/').to_owned(), place })
    }

    /// The place below this one: what the path of an issuer's URL adds to that of the place.
    #[must_use]
    pub fn below(&self, path: &str) -> Self {
        let path = path.trim_matches('/');
        let place = match &self.place {
            Place::Folder(folder) => Place::Folder(folder.join(path)),
            Place::Bucket { store, prefix } => {
                let prefix = path.split('/').filter(|part| !part.is_empty()).fold(prefix.clone(), Path::join);
                Place::Bucket { store: Arc::clone(store), prefix }
            }
        };
        Self { text: format!("{}/{path}", self.text).trim_end_matches('/').to_owned(), place }
    }

    /// Writes both documents, the keys first.
    pub async fn publish(&self, documents: &Documents) -> Result<(), PublishError> {
        for (path, bytes) in [(JWKS_PATH, &documents.jwks), (DISCOVERY_PATH, &documents.discovery)] {
            match &self.place {
                Place::Folder(folder) => folder::write(folder.join(&path[1..]), bytes.clone()).await?,
                Place::Bucket { store, prefix } => {
                    self.put(store.as_ref(), &object_at(prefix, path), bytes, documents.max_age).await?;
                }
            }
        }
        Ok(())
    }

    /// Whether both documents are there, byte for byte.
    ///
    /// Fails when that cannot be read, which a credential may not be allowed.
    pub async fn holds(&self, documents: &Documents) -> Result<bool, PublishError> {
        for (path, bytes) in [(JWKS_PATH, &documents.jwks), (DISCOVERY_PATH, &documents.discovery)] {
            let found = match &self.place {
                Place::Folder(folder) => folder::read(folder.join(&path[1..])).await?,
                Place::Bucket { store, prefix } => self.get(store.as_ref(), &object_at(prefix, path)).await?,
            };
            if found.as_ref() != Some(bytes) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn get(&self, store: &dyn ObjectStore, object: &Path) -> Result<Option<Vec<u8>>, PublishError> {
        let (destination, path) = (self.text.clone(), object.to_string());
        let read = async { store.get(object).await?.bytes().await };
        match tokio::time::timeout(READ_PATIENCE, read).await {
            Ok(Ok(bytes)) => Ok(Some(bytes.to_vec())),
            Ok(Err(object_store::Error::NotFound { .. })) => Ok(None),
            Ok(Err(source)) => Err(PublishError::Read { destination, path, source }),
            Err(_) => Err(PublishError::Late { destination, path }),
        }
    }

    async fn put(
        &self,
        store: &dyn ObjectStore,
        object: &Path,
        bytes: &[u8],
        max_age: Duration,
    ) -> Result<(), PublishError> {
        let cache = format!("public, max-age={}", max_age.as_secs());
        let attributes = Attributes::from_iter([
            (Attribute::ContentType, CONTENT_TYPE.to_owned()),
            (Attribute::CacheControl, cache),
        ]);
        let options = PutOptions { attributes, ..PutOptions::default() };
        let payload = PutPayload::from(Bytes::copy_from_slice(bytes));
        let (destination, path) = (self.text.clone(), object.to_string());
        match tokio::time::timeout(PATIENCE, store.put_opts(object, payload, options)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(source)) => Err(PublishError::Object { destination, path, source }),
            Err(_) => Err(PublishError::Late { destination, path }),
        }
    }
}

impl std::fmt::Display for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

fn object_at(prefix: &Path, path: &str) -> Path {
    path.split('/').filter(|part| !part.is_empty()).fold(prefix.clone(), Path::join)
}

fn bucket(
    text: &str,
    address: &str,
    prefix: &str,
    environment: &BTreeMap<String, String>,
) -> Result<Place, DestinationError> {
    let unusable = |source| DestinationError::Bucket { text: text.to_owned(), source };
    let url = url::Url::parse(address).map_err(|_| DestinationError::Scheme { text: text.to_owned() })?;
    let options = environment
        .iter()
        .filter(|(name, _)| name.starts_with(prefix))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
    let (store, prefix) = parse_url_opts(&url, options).map_err(unusable)?;
    Ok(Place::Bucket { store: store.into(), prefix })
}

#[cfg(test)]
mod tests;
