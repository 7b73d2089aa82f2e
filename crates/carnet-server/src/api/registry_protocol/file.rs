//! Files of the registry and the addresses with which they are uploaded and downloaded.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use carnet_model::{RegistryModuleVersionId, RegistryPlatformId, RegistryProviderVersionId};
use secrecy::ExposeSecret as _;

use crate::error::ApiError;
use crate::extract::Context;

/// How long an address works. An installation asks for a new one; an upload is asked for when the file is there.
const VALID_FOR: Duration = Duration::from_secs(3600);

/// One file of the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::api) enum RegistryFile {
    /// The archive of a module's version.
    Module(RegistryModuleVersionId),
    /// The checksums of a provider's version.
    Checksums(RegistryProviderVersionId),
    /// The signature of these checksums.
    Signature(RegistryProviderVersionId),
    /// The archive of a provider for one platform.
    Platform(RegistryPlatformId),
}

impl fmt::Display for RegistryFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Module(id) => write!(f, "module {id}"),
            Self::Checksums(id) => write!(f, "checksums {id}"),
            Self::Signature(id) => write!(f, "signature {id}"),
            Self::Platform(id) => write!(f, "platform {id}"),
        }
    }
}

impl FromStr for RegistryFile {
    type Err = ApiError;

    fn from_str(text: &str) -> Result<Self, ApiError> {
        let (kind, id) = text.split_once(' ').ok_or(ApiError::NotFound)?;
        match kind {
            "module" => Ok(Self::Module(id.parse()?)),
            "checksums" => Ok(Self::Checksums(id.parse()?)),
            "signature" => Ok(Self::Signature(id.parse()?)),
            "platform" => Ok(Self::Platform(id.parse()?)),
            _ => Err(ApiError::NotFound),
        }
    }
}

/// The absolute address to which a file is uploaded.
pub(in crate::api) fn upload_url(cx: &Context, file: &RegistryFile) -> Result<String, ApiError> {
    let pass = pass(cx, "upload", file)?;
    Ok(cx.app.url(&format!("/_uploads/registry/{pass}")))
}

/// The path from which a file is downloaded; tools tell by the name what is in it.
pub(in crate::api) fn download_path(
    cx: &Context,
    file: &RegistryFile,
    filename: &str,
) -> Result<String, ApiError> {
    let pass = pass(cx, "download", file)?;
    Ok(format!("/_downloads/registry/{pass}/{filename}"))
}

fn pass(cx: &Context, direction: &str, file: &RegistryFile) -> Result<String, ApiError> {
    let until = cx.now.checked_add(VALID_FOR).map_err(ApiError::internal)?;
    let pass = cx.tx.registry_pass(&format!("{direction} {file}"), until)?;
    Ok(pass.expose_secret().to_owned())
}
