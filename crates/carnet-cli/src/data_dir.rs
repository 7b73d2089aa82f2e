//! The data directory: one process at a time, and the master key.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use carnet_store::MasterKey;
use secrecy::ExposeSecret as _;

use crate::edge;

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

    /// Where the master key is found, for people.
    pub(crate) fn master_key_place(&self, file: Option<&Path>) -> String {
        if edge::secret("CARNET_MASTER_KEY").is_some() {
            return "CARNET_MASTER_KEY".to_owned();
        }
        self.master_key_file(file).display().to_string()
    }

    fn master_key_file(&self, file: Option<&Path>) -> PathBuf {
        file.map_or_else(|| self.path.join("master.key"), Path::to_owned)
    }

    /// The master key: from `CARNET_MASTER_KEY`, else from its file, which is made with the first start, unless data in a database
    /// elsewhere is sealed already.
    pub(crate) fn master_key(&self, file: Option<&Path>, is_in_use: bool) -> anyhow::Result<MasterKey> {
        if let Some(text) = edge::secret("CARNET_MASTER_KEY") {
            return MasterKey::from_text(text.expose_secret())
                .context("CARNET_MASTER_KEY must hold 32 bytes, as 64 hex digits or base64");
        }
        let path = self.master_key_file(file);
        match fs::read_to_string(&path) {
            Ok(text) => {
                refuse_open_file(&path)?;
                MasterKey::from_text(&text).with_context(|| {
                    format!("{} must hold 32 bytes, as 64 hex digits or base64", path.display())
                })
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.new_master_key(&path, is_in_use)
            }
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }

    fn new_master_key(&self, path: &Path, is_in_use: bool) -> anyhow::Result<MasterKey> {
        if is_in_use {
            bail!(
                "the database is sealed with a master key already, and {} is missing; give this server the same key, \
                 as that file, with --master-key-file or as CARNET_MASTER_KEY",
                path.display()
            );
        }
        if self.path.join("carnet.db").exists() {
            bail!(
                "the master key {} is missing, and the data in {} can only be read with it; put it back",
                path.display(),
                self.path.display()
            );
        }
        let key = MasterKey::generate()?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .with_context(|| format!("the master key {} cannot be written", path.display()))?;
        file.write_all(key.to_text().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        Ok(key)
    }
}

fn refuse_open_file(path: &Path) -> anyhow::Result<()> {
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!("{} can be read by others (mode {:03o}); run chmod 600 on it", path.display(), mode & 0o777);
    }
    Ok(())
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
    fn the_master_key_is_made_once_and_for_its_owner_only() {
        let path = folder("made");
        let data = DataDir::open(&path).expect("opened");
        let first = data.master_key(None, false).expect("made").to_text();
        assert_eq!(*data.master_key(None, false).expect("read").to_text(), *first);
        let mode = |file: &str| fs::metadata(path.join(file)).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode("master.key"), 0o600);
        assert_eq!(mode("."), 0o700);
        fs::set_permissions(path.join("master.key"), fs::Permissions::from_mode(0o644)).expect("changed");
        assert!(data.master_key(None, false).is_err(), "a key that others can read is refused");
        fs::remove_dir_all(&path).expect("removed");
    }

    #[test]
    fn a_lost_master_key_is_not_replaced() {
        let path = folder("lost");
        let data = DataDir::open(&path).expect("opened");
        fs::write(path.join("carnet.db"), b"").expect("written");
        let error = data.master_key(None, false).expect_err("refused");
        assert!(error.to_string().contains("put it back"), "{error}");
        fs::remove_file(path.join("carnet.db")).expect("removed");
        let error = data.master_key(None, true).expect_err("refused");
        assert!(error.to_string().contains("the same key"), "{error}");
        fs::remove_dir_all(&path).expect("removed");
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
