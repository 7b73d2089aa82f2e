//! The home directory of a run: private, at the same path for plan and apply, gone at the end.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::{
    fs::{CWD, FlockOperation, Mode, OFlags, ResolveFlags, flock, openat2},
    io::Errno,
};

/// How the names of home directories start.
pub(crate) const PREFIX: &str = "carnet-run-";

/// The home directory of a run. Dropping it does not delete it.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    path: PathBuf,
    /// Tells other agents that the directory is in use; the kernel forgets it with the process.
    _lock: Arc<File>,
}

impl Home {
    /// Makes the directory; what an earlier phase of ours left there is deleted. A directory of somebody else is refused.
    pub(crate) fn create(work_root: &Path, run_id: &str) -> io::Result<Self> {
        let path = work_root.join(format!("carnet-{run_id}"));
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok(found) if found.is_dir() && found.uid() == rustix::process::geteuid().as_raw() => {
                remove_tree(&path)?;
            }
            Ok(_) => {
                let reason = format!("{} is there already and is not ours", path.display());
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, reason));
            }
        }
        // Fails when somebody else was faster.
        DirBuilder::new().mode(0o700).create(&path)?;
        let lock = Arc::new(hold(&path)?);
        let home = Self { path, _lock: lock };
        for folder in [home.config(), home.tmp()] {
            DirBuilder::new().mode(0o700).create(folder)?;
        }
        Ok(home)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the configuration is unpacked.
    pub(crate) fn config(&self) -> PathBuf {
        self.path.join("config")
    }

    /// The place for temporary files of the run.
    pub(crate) fn tmp(&self) -> PathBuf {
        self.path.join("tmp")
    }

    /// Leads to the folder with the state.
    pub(crate) fn state(&self) -> PathBuf {
        self.path.join("state")
    }

    /// The saved plan.
    pub(crate) fn plan(&self) -> PathBuf {
        self.path.join("plan.tfplan")
    }

    /// The configuration of the Terraform command.
    pub(crate) fn cli_config(&self) -> PathBuf {
        self.path.join("terraformrc")
    }

    /// Writes the certificate authorities that the run trusts; yields their place.
    pub(crate) fn write_certificates(&self, pem: &str) -> io::Result<PathBuf> {
        self.write("certificates.pem", pem.as_bytes())?;
        Ok(self.path.join("certificates.pem"))
    }

    /// Writes a private file in the directory, in one step.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let is_name = Path::new(name).file_name().is_some_and(|file| file == name);
        if !is_name {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{name:?} is not a file name")));
        }
        write_private(&self.path.join(name), content)
    }

    /// Deletes the directory and everything in it.
    pub(crate) fn delete(&self) -> io::Result<()> {
        remove_tree(&self.path)
    }
}

/// Tells others, for as long as the file lives, that the directory is in use.
pub(crate) fn hold(home: &Path) -> io::Result<File> {
    let folder = File::open(home)?;
    flock(&folder, FlockOperation::LockShared)?;
    Ok(folder)
}

/// Deletes the home directories of ours that nobody uses: agent and guardian were both killed, or the machine was.
pub(crate) fn delete_abandoned(work_root: &Path) -> io::Result<()> {
    for entry in fs::read_dir(work_root)? {
        let entry = entry?;
        let is_home = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let Ok(found) = entry.metadata() else { continue };
        if !is_home || !found.is_dir() || found.uid() != rustix::process::geteuid().as_raw() {
            continue;
        }
        let folder = File::open(entry.path())?;
        if flock(&folder, FlockOperation::NonBlockingLockExclusive).is_ok() {
            tracing::warn!(home = %entry.path().display(), "what an earlier run left behind is deleted");
            remove_tree(&entry.path())?;
        }
    }
    Ok(())
}

/// Opens a file where a configuration may have laid out something else: no link on the way there is followed, as the agent
/// may read more than the configuration, and nothing but a file is taken.
pub(crate) fn open_plain(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = match openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
        // Linux before 5.6, or a container that does not know the call; neither has the sandbox that this completes.
        Err(Errno::NOSYS | Errno::PERM) => rustix::fs::open(path, flags, Mode::empty()),
        opened => opened,
    };
    let file = File::from(opened?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{} is no file", path.display())));
    }
    Ok(file)
}

/// Reads such a file.
pub(crate) fn read_plain(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    open_plain(path)?.read_to_end(&mut content)?;
    Ok(content)
}

/// Writes a file of mode 0600 beside its place and moves it there.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = path.with_file_name(name);
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(content)?;
    fs::rename(beside, path)
}

/// Deletes a tree, also when it has folders that may not be written; it is fine when it is not there.
pub(crate) fn remove_tree(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            make_writable(path)?;
            fs::remove_dir_all(path)
        }
        result => result,
    }
}

fn make_writable(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            make_writable(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_are_replaced_and_links_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let home = Home::create(root.path(), "run-1").unwrap();
        home.write("secret", b"x").unwrap();
        assert_eq!(fs::metadata(home.path().join("secret")).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(home.path()).unwrap().permissions().mode() & 0o777, 0o700);
        let again = Home::create(root.path(), "run-1").unwrap();
        assert!(!again.path().join("secret").exists());

        std::os::unix::fs::symlink("/etc", root.path().join("carnet-run-2")).unwrap();
        assert!(Home::create(root.path(), "run-2").is_err());
    }

    #[test]
    fn only_homes_that_nobody_uses_are_deleted() {
        let root = tempfile::tempdir().unwrap();
        let used = Home::create(root.path(), "run-1").unwrap();
        let abandoned = Home::create(root.path(), "run-2").unwrap().path().to_owned();
        fs::create_dir(root.path().join("other")).unwrap();
        std::os::unix::fs::symlink(root.path().join("other"), root.path().join("carnet-run-3")).unwrap();
        delete_abandoned(root.path()).unwrap();
        assert!(used.path().exists() && !abandoned.exists());
        assert!(root.path().join("other").exists() && root.path().join("carnet-run-3").is_symlink());
    }

    #[test]
    fn links_and_other_things_are_not_read() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("folder")).unwrap();
        fs::write(root.join("folder/file"), "content").unwrap();
        std::os::unix::fs::symlink("folder/file", root.join("link")).unwrap();
        std::os::unix::fs::symlink("folder", root.join("way")).unwrap();
        assert_eq!(read_plain(&root.join("folder/file")).unwrap(), b"content");
        for path in ["link", "way/file", "folder", "absent"] {
            assert!(read_plain(&root.join(path)).is_err(), "{path}");
        }
    }

    #[test]
    fn a_name_that_is_a_path_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let home = Home::create(root.path(), "run-1").unwrap();
        assert!(home.write("../x", b"").is_err());
        assert!(home.write("config/x", b"").is_err());
    }

    #[test]
    fn a_read_only_tree_is_deleted() {
        let root = tempfile::tempdir().unwrap();
        let home = Home::create(root.path(), "run-1").unwrap();
        let folder = home.tmp().join("cache");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("f"), "").unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o500)).unwrap();
        home.delete().unwrap();
        assert!(!home.path().exists());
        home.delete().unwrap();
    }
}
