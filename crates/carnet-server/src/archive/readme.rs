//! The text that describes a configuration, picked up while its archive is checked.

use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use tar::{Entry, EntryType};

/// The most bytes of the text; a longer one is left where it is.
const MOST: u64 = 512 * 1024;

/// What was found so far.
pub(super) struct Readme {
    folder: PathBuf,
    in_folder: Option<String>,
    at_root: Option<String>,
}

impl Readme {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), in_folder: None, at_root: None }
    }

    /// Keeps the entry if it is the text.
    pub(super) fn look_at<R: Read>(&mut self, entry: &mut Entry<'_, R>) -> io::Result<()> {
        if entry.header().entry_type() != EntryType::Regular || entry.size() > MOST {
            return Ok(());
        }
        let raw = entry.path_bytes().into_owned();
        let parts = Path::new(std::ffi::OsStr::from_bytes(&raw)).components();
        let path: PathBuf = parts.filter(|part| !matches!(part, Component::CurDir)).collect();
        let is_readme = path.file_name().is_some_and(|name| name.eq_ignore_ascii_case("readme.md"));
        let folder = path.parent().unwrap_or(Path::new(""));
        let is_root = folder.as_os_str().is_empty();
        if !is_readme || (!is_root && folder != self.folder) {
            return Ok(());
        }
        let mut bytes = Vec::new();
        entry.take(MOST).read_to_end(&mut bytes)?;
        let text = String::from_utf8(bytes).ok();
        if is_root {
            self.at_root = text;
        } else {
            self.in_folder = text;
        }
        Ok(())
    }

    /// The text of the folder, or else that of the root.
    pub(super) fn into_text(self) -> Option<String> {
        self.in_folder.or(self.at_root)
    }
}
