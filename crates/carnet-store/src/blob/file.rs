//! A blob in a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::frames::{FRAME, SALT_LEN, TAG_LEN};

/// Writes a file beside the place where it will stand. Dropped before its end, it is removed.
#[derive(Debug)]
pub(super) struct FileSink {
    file: File,
    partial: PathBuf,
    path: PathBuf,
}

impl FileSink {
    pub(super) fn create(path: &Path, salt: &[u8; SALT_LEN]) -> io::Result<Self> {
        let folder = path.parent().unwrap_or(path);
        fs::create_dir_all(folder)?;
        let suffix: String = salt[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let partial = folder.join(format!(".{name}.{suffix}"));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
        file.write_all(salt)?;
        Ok(Self { file, partial, path: path.to_owned() })
    }

    pub(super) fn write_frame(&mut self, frame: &[u8]) -> io::Result<()> {
        self.file.write_all(frame)
    }

    pub(super) fn finish(self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.partial, &self.path)?;
        match self.path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }
}

impl Drop for FileSink {
    fn drop(&mut self) {
        // After `finish` the partial file has its final name, so this finds nothing.
        let _ = fs::remove_file(&self.partial);
    }
}

#[derive(Debug)]
pub(super) struct FileSource(File);

impl FileSource {
    pub(super) fn open(path: &Path) -> io::Result<Option<(Self, [u8; SALT_LEN])>> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut salt = [0; SALT_LEN];
        file.read_exact(&mut salt)?;
        Ok(Some((Self(file), salt)))
    }

    /// Puts the next frame behind what is in `frame`; nothing when there is none.
    pub(super) fn read_frame(&mut self, frame: &mut Vec<u8>) -> io::Result<()> {
        (&mut self.0).take((FRAME + TAG_LEN) as u64).read_to_end(frame).map(drop)
    }
}

pub(super) fn delete(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
