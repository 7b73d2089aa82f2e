//! Unpacks archives from outside, which may be hostile.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Read},
    os::unix::fs::{OpenOptionsExt, symlink},
    path::{Component, Path, PathBuf},
};

use flate2::read::GzDecoder;
use tar::{Archive, Entry, EntryType};

use crate::config::UnpackLimits;

/// Why an archive was not unpacked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnpackError {
    /// The archive cannot be read or a file cannot be written.
    #[error("the archive cannot be unpacked")]
    Io(#[from] io::Error),
    /// An entry leads out of the tree, or is not a file, a folder or a link.
    #[error("the archive has an entry that is not allowed: {path}: {reason}")]
    Entry {
        /// The entry.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The archive is too large.
    #[error("the archive holds more than {what}")]
    TooLarge {
        /// Which limit.
        what: String,
    },
}

/// Unpacks a gzip tar into a folder that is empty. Entries in `.terraform` folders are left out: what they say about
/// backends and providers belongs to the machine that made the archive.
pub(crate) fn unpack(archive: &[u8], root: &Path, limits: UnpackLimits) -> Result<(), UnpackError> {
    // The limit also ends a decompression bomb made of something else than files.
    let bound = limits.bytes + limits.entries as u64 * 2048;
    let mut archive = Archive::new(GzDecoder::new(archive).take(bound));
    let mut tree =
        Tree { root, links: Vec::new(), folders: BTreeSet::new(), bytes_left: limits.bytes, limits };
    for (count, entry) in archive.entries()?.enumerate() {
        if count >= limits.entries {
            return Err(UnpackError::TooLarge { what: format!("{} entries", limits.entries) });
        }
        tree.add(entry?)?;
    }
    tree.add_links()
}

struct Tree<'a> {
    root: &'a Path,
    links: Vec<(PathBuf, PathBuf)>,
    folders: BTreeSet<PathBuf>,
    bytes_left: u64,
    limits: UnpackLimits,
}

impl Tree<'_> {
    fn add<R: Read>(&mut self, mut entry: Entry<'_, R>) -> Result<(), UnpackError> {
        let kind = entry.header().entry_type();
        if matches!(kind, EntryType::XGlobalHeader) {
            return Ok(());
        }
        let path = inside(&entry.path()?)?;
        if path.as_os_str().is_empty() || path.components().any(|part| part.as_os_str() == ".terraform") {
            return Ok(());
        }
        match kind {
            EntryType::Directory => self.make_folder(&path),
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                self.make_folder(path.parent().unwrap_or(Path::new("")))?;
                self.write(&path, &mut entry)
            }
            EntryType::Symlink => {
                let target = entry.link_name()?.unwrap_or_default().into_owned();
                check_link(&path, &target)?;
                self.links.push((path, target));
                Ok(())
            }
            _ => Err(refused(&path, "only files, folders and symbolic links are taken")),
        }
    }

    fn make_folder(&mut self, path: &Path) -> Result<(), UnpackError> {
        if path.as_os_str().is_empty() || self.folders.contains(path) {
            return Ok(());
        }
        // No link is made before the last entry was read, so nothing here leads elsewhere.
        fs::create_dir_all(self.root.join(path))?;
        self.folders.insert(path.to_owned());
        Ok(())
    }

    fn write<R: Read>(&mut self, path: &Path, entry: &mut Entry<'_, R>) -> Result<(), UnpackError> {
        let mode = 0o600 | (entry.header().mode().unwrap_or(0o644) & 0o777);
        let place = self.root.join(path);
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(place)?;
        let written = io::copy(&mut entry.take(self.bytes_left + 1), &mut file)?;
        if written > self.bytes_left {
            return Err(UnpackError::TooLarge { what: format!("{} bytes", self.limits.bytes) });
        }
        self.bytes_left -= written;
        Ok(())
    }

    fn add_links(mut self) -> Result<(), UnpackError> {
        for (path, target) in std::mem::take(&mut self.links) {
            // A folder of the way that is itself a link would move the starting point of the target.
            let parent = path.parent().unwrap_or(Path::new("")).to_owned();
            self.make_folder(&parent).map_err(|_| refused(&path, "its folder is not a folder"))?;
            let real = fs::canonicalize(self.root)?.join(&parent);
            if fs::canonicalize(self.root.join(&parent))? != real {
                return Err(refused(&path, "it lies behind another link"));
            }
            symlink(&target, self.root.join(&path))?;
        }
        Ok(())
    }
}

fn refused(path: &Path, reason: &'static str) -> UnpackError {
    UnpackError::Entry { path: path.display().to_string(), reason }
}

/// The path with only names in it.
fn inside(path: &Path) -> Result<PathBuf, UnpackError> {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => clean.push(name),
            Component::CurDir => {}
            Component::ParentDir => return Err(refused(path, "it contains ..")),
            Component::RootDir | Component::Prefix(_) => return Err(refused(path, "it is absolute")),
        }
    }
    Ok(clean)
}

/// A target may go up only at its start and only inside the tree: then it cannot leave, whatever other links there are.
fn check_link(path: &Path, target: &Path) -> Result<(), UnpackError> {
    let mut depth = path.components().count() - 1;
    let mut may_go_up = true;
    for part in target.components() {
        match part {
            Component::Normal(_) => may_go_up = false,
            Component::CurDir => {}
            Component::ParentDir if may_go_up && depth > 0 => depth -= 1,
            Component::ParentDir => return Err(refused(path, "it links out of the tree")),
            Component::RootDir | Component::Prefix(_) => {
                return Err(refused(path, "it links to an absolute path"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    enum Item<'a> {
        File(&'a str, &'a [u8], u32),
        Link(&'a str, &'a str),
        Hard(&'a str, &'a str),
    }

    fn archive(items: &[Item<'_>]) -> Vec<u8> {
        let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for item in items {
            let mut header = tar::Header::new_gnu();
            let (path, content, link, kind) = match item {
                Item::File(path, content, mode) => {
                    header.set_mode(*mode);
                    (*path, *content, "", EntryType::Regular)
                }
                Item::Link(path, target) => (*path, &b""[..], *target, EntryType::Symlink),
                Item::Hard(path, target) => (*path, &b""[..], *target, EntryType::Link),
            };
            header.set_entry_type(kind);
            header.set_size(content.len() as u64);
            header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
            header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
            header.set_cksum();
            builder.append(&header, content).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn unpacked(items: &[Item<'_>]) -> (tempfile::TempDir, Result<(), UnpackError>) {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("root");
        fs::create_dir(&root).unwrap();
        let limits = UnpackLimits { entries: 10, bytes: 1000 };
        let result = unpack(&archive(items), &root, limits);
        (outer, result)
    }

    #[test]
    fn files_links_and_modes_are_kept() {
        let (outer, result) = unpacked(&[
            Item::File("./main.tf", b"a", 0o644),
            Item::File("m/run.sh", b"b", 0o755),
            Item::Link("m/link.tf", "../main.tf"),
            Item::File(".terraform/terraform.tfstate", b"c", 0o644),
            Item::File(".terraform.lock.hcl", b"d", 0o644),
        ]);
        result.unwrap();
        let root = outer.path().join("root");
        assert_eq!(fs::read(root.join("m/link.tf")).unwrap(), b"a");
        assert_eq!(fs::metadata(root.join("m/run.sh")).unwrap().permissions().mode() & 0o100, 0o100);
        assert!(!root.join(".terraform").exists());
        assert!(root.join(".terraform.lock.hcl").exists());
    }

    #[test]
    fn whatever_leads_out_is_refused() {
        let hostile: [&[Item<'_>]; 8] = [
            &[Item::File("../x", b"a", 0o644)],
            &[Item::File("/x", b"a", 0o644)],
            &[Item::File("a/../../x", b"a", 0o644)],
            &[Item::Link("x", "/etc")],
            &[Item::Link("x", "..")],
            &[Item::Link("d/l", "../d2"), Item::Link("x", "d/l/..")],
            &[Item::Link("a", "d"), Item::File("d/f", b"", 0o644), Item::Link("a/b", "..")],
            &[Item::Hard("x", "/etc/passwd")],
        ];
        for items in hostile {
            let (outer, result) = unpacked(items);
            assert!(result.is_err());
            assert!(!outer.path().join("x").exists());
        }
    }

    #[test]
    fn nothing_is_written_through_a_link() {
        let (outer, result) = unpacked(&[Item::Link("a", "b"), Item::File("a/x", b"1", 0o644)]);
        assert!(result.is_err());
        assert!(!outer.path().join("root/b").exists());
    }

    #[test]
    fn limits_hold() {
        let (_outer, result) = unpacked(&[Item::File("big", &[0; 1001], 0o644)]);
        assert!(matches!(result, Err(UnpackError::TooLarge { .. })));
        let names: Vec<String> = (0..11).map(|number| format!("f{number}")).collect();
        let many: Vec<Item<'_>> = names.iter().map(|name| Item::File(name, b"", 0o644)).collect();
        assert!(matches!(unpacked(&many).1, Err(UnpackError::TooLarge { .. })));
    }
}
