//! The data directory: one process at a time.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// A data directory.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    /// Held by the server: it alone schedules and serves.
    _lock: Option<File>,
}

impl DataDir {
    /// Opens or makes the directory and takes its lock.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        if path.is_file() {
            bail!("the data directory {} is a file", path.display());
        }
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(|| format!("the data directory {} cannot be made", path.display()))?;
        let path = path.canonicalize().with_context(|| format!("{} cannot be resolved", path.display()))?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("lock"))
            .with_context(|| format!("the data directory {} cannot be written", path.display()))?;
        if lock.try_lock().is_err() {
            bail!("another carnet uses the data directory {}; stop it first", path.display());
        }
        Ok(Self { path, _lock: Some(lock) })
    }

    /// Opens a directory that a server has made; the server may run meanwhile.
    pub(crate) fn beside_server(path: &Path) -> anyhow::Result<Self> {
        if !path.join("carnet.db").exists() {
            bail!(
                "{} is not the data directory of a server with SQLite; name that with --data, or give the address of the \
                 Postgres database with CARNET_DATABASE, --database-file or --database",
                path.display()
            );
        }
        Ok(Self { path: path.canonicalize()?, _lock: None })
    }

    /// Names a directory without looking at it: the data is in a database elsewhere, and only the master key may be here.
    pub(crate) fn beside_database(path: &Path) -> Self {
        Self { path: path.to_owned(), _lock: None }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Tells whether there is data in it that another master key would not open.
    pub(crate) fn is_in_use(&self) -> bool {
        self.path.join("carnet.db").exists()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("carnet-data-dir-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        path
    }

    #[test]
    fn an_administrator_needs_a_directory_that_is_there_already() {
        let path = folder("absent");
        assert!(DataDir::beside_server(&path).is_err());
        assert!(!path.exists());
    }

    #[test]
    fn a_second_process_is_turned_away() {
        let path = folder("second");
        let _first = DataDir::open(&path).expect("opened");
        assert!(DataDir::open(&path).is_err());
        fs::remove_dir_all(&path).expect("removed");
    }
}
