//! Files that are replaced as a whole.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::PublishError;

/// Writes a file so that whoever reads it finds all of the old one or all of the new one, also after a power cut.
pub(super) async fn write(path: PathBuf, bytes: Vec<u8>) -> Result<(), PublishError> {
    let written = {
        let path = path.clone();
        tokio::task::spawn_blocking(move || replace(&path, &bytes)).await
    };
    let result = written.unwrap_or_else(|error| Err(io::Error::other(error)));
    result.map_err(|source| PublishError::File { path, source })
}

/// Reads a file; `None` when there is none.
pub(super) async fn read(path: PathBuf) -> Result<Option<Vec<u8>>, PublishError> {
    match tokio::fs::read(&path).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(PublishError::File { path, source }),
    }
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|before| before == bytes) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    // Servers that publish to one folder at once must not write to one file: the name has the process in it.
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = folder.join(name);
    let mut file = File::create(&new)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        // What cannot be removed either is in nobody's way.
        let _ = fs::remove_file(&new);
    }
    written?;
    File::open(folder)?.sync_all()
}
