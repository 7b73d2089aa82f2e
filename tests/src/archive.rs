//! Archives as the CLI uploads them, and such as nobody should.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use tar::{Builder, EntryType, Header};

/// A gzip archive that is being written.
pub struct Archive {
    tar: Builder<Vec<u8>>,
}

impl Archive {
    /// Starts an empty archive.
    #[must_use]
    pub fn new() -> Self {
        Self { tar: Builder::new(Vec::new()) }
    }

    /// Adds a file.
    pub fn file(self, path: &str, content: &str) -> anyhow::Result<Self> {
        self.add(path, 0o644, content)
    }

    /// Adds a program.
    pub fn program(self, path: &str, content: &str) -> anyhow::Result<Self> {
        self.add(path, 0o755, content)
    }

    /// Adds a symbolic link, wherever it leads.
    pub fn link(mut self, path: &str, target: &str) -> anyhow::Result<Self> {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Symlink);
        header.set_size(0);
        header.set_mode(0o777);
        self.tar.append_link(&mut header, path, target)?;
        Ok(self)
    }

    /// Adds a file whose path is written as it is, be it harmless or not.
    pub fn unchecked_file(mut self, path: &str, content: &str) -> anyhow::Result<Self> {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(content.len().try_into()?);
        header.set_mode(0o644);
        header.set_cksum();
        self.tar.append(&header, content.as_bytes())?;
        Ok(self)
    }

    /// Adds a file that claims to be of a size, and ends the archive before its content.
    pub fn claim(mut self, path: &str, size: u64) -> anyhow::Result<Vec<u8>> {
        let mut header = Header::new_gnu();
        header.set_path(path)?;
        header.set_size(size);
        header.set_mode(0o644);
        header.set_cksum();
        self.tar.get_mut().write_all(header.as_bytes())?;
        let mut bytes = std::mem::take(self.tar.get_mut());
        bytes.resize(bytes.len() + 1024 * 1024, 0);
        compressed(&bytes)
    }

    /// The archive.
    pub fn finish(self) -> anyhow::Result<Vec<u8>> {
        compressed(&self.tar.into_inner()?)
    }

    fn add(mut self, path: &str, mode: u32, content: &str) -> anyhow::Result<Self> {
        let mut header = Header::new_gnu();
        header.set_size(content.len().try_into()?);
        header.set_mode(mode);
        self.tar.append_data(&mut header, path, content.as_bytes())?;
        Ok(self)
    }
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive").finish_non_exhaustive()
    }
}

impl Default for Archive {
    fn default() -> Self {
        Self::new()
    }
}

fn compressed(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}
