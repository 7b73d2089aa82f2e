//! The master key: from the environment, from a file, or from a file that holds it wrapped by a key elsewhere.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use carnet_issuer::{KeyWrapper, WrappedKey};
use carnet_store::MasterKey;
use secrecy::ExposeSecret as _;

use crate::data_dir::DataDir;
use crate::edge;
use crate::key_places::wrapped_beside;

/// Where the master key is.
#[derive(Debug)]
pub(crate) struct MasterKeyPlace {
    /// The file of the key in the clear; the wrapped one lies beside it.
    file: PathBuf,
    wrapper: Option<Box<dyn KeyWrapper>>,
}

impl MasterKeyPlace {
    /// The place for a data directory; `file` is where the operator said that the key is.
    pub(crate) fn new(data: &DataDir, file: Option<&Path>, wrapper: Option<Box<dyn KeyWrapper>>) -> Self {
        let file = file.map_or_else(|| data.path().join("master.key"), Path::to_owned);
        Self { file, wrapper }
    }

    /// The file with the key in the clear.
    pub(crate) fn plain_file(&self) -> &Path {
        &self.file
    }

    /// The file with the wrapped key.
    pub(crate) fn wrapped_file(&self) -> PathBuf {
        wrapped_beside(&self.file)
    }

    /// The key that wraps it, if any.
    pub(crate) fn wrapper(&self) -> Option<&dyn KeyWrapper> {
        self.wrapper.as_deref()
    }

    /// The place, for people.
    pub(crate) fn name(&self) -> String {
        match &self.wrapper {
            _ if edge::secret("CARNET_MASTER_KEY").is_some() => "CARNET_MASTER_KEY".to_owned(),
            Some(wrapper) => format!("{} ({})", self.wrapped_file().display(), wrapper.reference()),
            None => self.file.display().to_string(),
        }
    }

    /// The key. It is made with the first start, unless there is data that is sealed already.
    pub(crate) async fn key(&self, is_in_use: bool) -> anyhow::Result<MasterKey> {
        if let Some(text) = edge::secret("CARNET_MASTER_KEY") {
            return MasterKey::from_text(text.expose_secret())
                .context("CARNET_MASTER_KEY must hold 32 bytes, as 64 hex digits or base64");
        }
        match &self.wrapper {
            Some(wrapper) => self.unwrapped_key(wrapper.as_ref(), is_in_use).await,
            None => self.plain_key(is_in_use),
        }
    }

    fn plain_key(&self, is_in_use: bool) -> anyhow::Result<MasterKey> {
        if let Some(key) = read_plain(&self.file)? {
            return Ok(key);
        }
        let wrapped = self.wrapped_file();
        if wrapped.exists() {
            bail!(
                "the master key is wrapped, in {}: name what wraps it with --master-key-wrapper (the file says it), or \
                 unwrap it with `carnet admin unwrap-master-key`",
                wrapped.display()
            );
        }
        self.refuse_lost(&self.file, is_in_use)?;
        let key = MasterKey::generate()?;
        write_new(&self.file, format!("{}\n", key.to_text().as_str()).as_bytes())?;
        Ok(key)
    }

    async fn unwrapped_key(&self, wrapper: &dyn KeyWrapper, is_in_use: bool) -> anyhow::Result<MasterKey> {
        let file = self.wrapped_file();
        if let Some(wrapped) = read_wrapped(&file)? {
            if self.file.exists() {
                tracing::warn!(file = %self.file.display(), "the master key lies in the clear beside the wrapped one: remove it");
            }
            return open(wrapper, &wrapped, &file).await;
        }
        if self.file.exists() {
            bail!(
                "the master key is in the clear in {}: wrap it first with `carnet admin wrap-master-key`",
                self.file.display()
            );
        }
        self.refuse_lost(&file, is_in_use)?;
        let key = MasterKey::generate()?;
        let wrapped = wrap(wrapper, &key).await?;
        write_new(&file, wrapped.to_text().as_bytes())?;
        Ok(key)
    }

    /// A key that is missing is not replaced: nothing that is sealed would open.
    fn refuse_lost(&self, file: &Path, is_in_use: bool) -> anyhow::Result<()> {
        if is_in_use {
            bail!(
                "the data is sealed with a master key already, and {} is missing; put it back, or give this server the \
                 same key with --master-key-file or as CARNET_MASTER_KEY",
                file.display()
            );
        }
        Ok(())
    }
}

/// Reads a key in the clear, if it is there.
pub(crate) fn read_plain(file: &Path) -> anyhow::Result<Option<MasterKey>> {
    let text = match fs::read_to_string(file) {
        Ok(text) => zeroize::Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", file.display())),
    };
    refuse_open_file(file)?;
    MasterKey::from_text(&text)
        .map(Some)
        .with_context(|| format!("{} must hold 32 bytes, as 64 hex digits or base64", file.display()))
}

/// Reads a wrapped key, if it is there.
pub(crate) fn read_wrapped(file: &Path) -> anyhow::Result<Option<WrappedKey>> {
    match fs::read_to_string(file) {
        Ok(text) => WrappedKey::from_text(&text).with_context(|| file.display().to_string()).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", file.display())),
    }
}

/// Has a key wrapped, and makes sure that it can be opened again.
pub(crate) async fn wrap(wrapper: &dyn KeyWrapper, key: &MasterKey) -> anyhow::Result<WrappedKey> {
    let place = wrapper.reference();
    let text = key.to_text();
    let ciphertext = wrapper
        .wrap(text.as_bytes())
        .await
        .with_context(|| format!("the master key cannot be wrapped by {place}"))?;
    let wrapped = WrappedKey { wrapped_by: place.to_string(), ciphertext };
    let again = open(wrapper, &wrapped, Path::new("what was just wrapped")).await?;
    if *again.to_text() != *text {
        bail!("{place} opened another key than the one that it wrapped; nothing was changed");
    }
    Ok(wrapped)
}

/// Opens a wrapped key.
pub(crate) async fn open(
    wrapper: &dyn KeyWrapper,
    wrapped: &WrappedKey,
    file: &Path,
) -> anyhow::Result<MasterKey> {
    let place = wrapper.reference().as_str();
    if wrapped.wrapped_by != place {
        bail!(
            "{} was wrapped by {}, and --master-key-wrapper says {place}; to change what wraps it, use \
             `carnet admin rewrap-master-key`",
            file.display(),
            wrapped.wrapped_by
        );
    }
    let text = wrapper
        .open(&wrapped.ciphertext)
        .await
        .with_context(|| format!("the master key in {} cannot be opened by {place}", file.display()))?;
    let key = std::str::from_utf8(&text).ok().and_then(MasterKey::from_text);
    key.with_context(|| format!("{place} opened {}, and it is no master key", file.display()))
}

/// Writes a file that is not there yet, for its owner only.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}

/// Replaces a file, for its owner only: whoever reads it finds all of the old one or all of the new one.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        Ok(()) | Err(_) => {}
    }
    write_new(&new, bytes)?;
    fs::rename(&new, path).with_context(|| format!("{} cannot be replaced", path.display()))
}

fn refuse_open_file(path: &Path) -> anyhow::Result<()> {
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!("{} can be read by others (mode {:03o}); run chmod 600 on it", path.display(), mode & 0o777);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
