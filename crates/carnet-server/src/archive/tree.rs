//! What an archive would unpack to, and what of it is not allowed.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use tar::{Entry, EntryType};

use super::{Limits, Refusal};

/// The longest path and the longest name of one folder or file, in bytes, that every agent can make.
const MAX_PATH: usize = 1024;
const MAX_NAME: usize = 255;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    Link,
}

/// The files, folders and links seen so far.
pub(super) struct Tree {
    kinds: BTreeMap<PathBuf, Kind>,
    limits: Limits,
    entries: usize,
    bytes_left: u64,
}

impl Tree {
    pub(super) fn new(limits: Limits) -> Self {
        Self { kinds: BTreeMap::new(), limits, entries: 0, bytes_left: limits.bytes }
    }

    pub(super) fn add<R: Read>(&mut self, entry: &Entry<'_, R>) -> Result<(), Refusal> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(Refusal::TooManyEntries(self.limits.entries));
        }
        // The size that the entry claims: a sparse file unpacks to more than is in the archive.
        self.bytes_left =
            self.bytes_left.checked_sub(entry.size()).ok_or(Refusal::TooLarge(self.limits.bytes))?;
        let kind = entry.header().entry_type();
        if kind == EntryType::XGlobalHeader {
            return Ok(());
        }
        let raw = entry.path_bytes();
        let path = inside(&raw)?;
        // Agents leave these folders out, whatever is in them.
        if path.as_os_str().is_empty() || path.components().any(|part| part.as_os_str() == ".terraform") {
            return Ok(());
        }
        match kind {
            EntryType::Directory => self.note(path, Kind::Folder),
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => self.note(path, Kind::File),
            EntryType::Symlink => {
                let target = entry.link_name_bytes().unwrap_or_default();
                check_link(&path, &target)?;
                self.note(path, Kind::Link)
            }
            EntryType::Link => Err(refused(&raw, "it is a hard link; pack the file itself")),
            _ => Err(refused(&raw, "only files, folders and symbolic links are taken")),
        }
    }

    fn note(&mut self, path: PathBuf, kind: Kind) -> Result<(), Refusal> {
        match self.kinds.get(&path) {
            None => {}
            Some(Kind::Link) if kind == Kind::Link => {
                return Err(refused_path(&path, "it is there twice as a link"));
            }
            Some(known) if *known == kind => return Ok(()),
            Some(_) => return Err(refused_path(&path, "it is there twice, as different kinds of things")),
        }
        self.kinds.insert(path, kind);
        Ok(())
    }

    /// Checks what can only be known at the end: nothing may lie below a file or behind a link.
    pub(super) fn finish(self) -> Result<(), Refusal> {
        for path in self.kinds.keys() {
            for above in path.ancestors().skip(1) {
                match self.kinds.get(above) {
                    None | Some(Kind::Folder) => {}
                    Some(Kind::File) => return Err(refused_path(path, "it lies below a file")),
                    Some(Kind::Link) => return Err(refused_path(path, "it lies behind a link")),
                }
            }
        }
        Ok(())
    }
}

/// The path with only names in it.
fn inside(raw: &[u8]) -> Result<PathBuf, Refusal> {
    if raw.len() > MAX_PATH {
        return Err(refused(raw, "its path is too long"));
    }
    if raw.contains(&0) {
        return Err(refused(raw, "its path has a zero byte"));
    }
    let mut clean = PathBuf::new();
    for part in Path::new(std::ffi::OsStr::from_bytes(raw)).components() {
        match part {
            Component::Normal(name) if name.len() > MAX_NAME => {
                return Err(refused(raw, "its name is too long"));
            }
            Component::Normal(name) => clean.push(name),
            Component::CurDir => {}
            Component::ParentDir => return Err(refused(raw, "its path has ..")),
            Component::RootDir | Component::Prefix(_) => return Err(refused(raw, "its path is absolute")),
        }
    }
    Ok(clean)
}

/// A target may go up only at its start and only inside the tree: then it cannot leave, whatever other links there are.
/// Behind a name, `..` could start from anywhere, because the name may be a link itself.
fn check_link(path: &Path, raw: &[u8]) -> Result<(), Refusal> {
    let problem = |reason| Err(refused_path(path, reason));
    if raw.is_empty() {
        return problem("it is a link to nothing");
    }
    if raw.len() > MAX_PATH || raw.contains(&0) {
        return problem("its target is not a path");
    }
    let mut depth = path.components().count() - 1;
    let mut may_go_up = true;
    for part in Path::new(std::ffi::OsStr::from_bytes(raw)).components() {
        match part {
            Component::Normal(_) => may_go_up = false,
            Component::CurDir => {}
            Component::ParentDir if !may_go_up => return problem("its target has .. behind a name"),
            Component::ParentDir if depth == 0 => return problem("it links out of the tree"),
            Component::ParentDir => depth -= 1,
            Component::RootDir | Component::Prefix(_) => return problem("it links to an absolute path"),
        }
    }
    Ok(())
}

fn refused_path(path: &Path, reason: &'static str) -> Refusal {
    refused(path.as_os_str().as_bytes(), reason)
}

fn refused(raw: &[u8], reason: &'static str) -> Refusal {
    let text = String::from_utf8_lossy(raw);
    let mut short: String = text.chars().take(120).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    Refusal::Entry { path: format!("{short:?}"), reason }
}
