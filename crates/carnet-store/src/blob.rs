//! Blobs on disk, sealed: archives, plans and states hold secrets that Terraform wrote there.
//!
//! A blob is a salt and then frames of at most [`FRAME`] bytes, each sealed with a nonce that counts the frames and marks
//! the last one (the STREAM construction, <https://eprint.iacr.org/2015/189>), so that none can be left out or moved.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};
use aws_lc_rs::rand;

use crate::seal::{MasterKey, SealError};

const SALT_LEN: usize = 32;
const FRAME: usize = 256 * 1024;
const TAG_LEN: usize = 16;

/// The name of a blob: a kind and an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobName {
    kind: &'static str,
    id: String,
}

impl BlobName {
    /// Names a blob after the kind of thing and the id of the thing.
    pub fn new(kind: &'static str, id: impl std::fmt::Display) -> Self {
        Self { kind, id: id.to_string() }
    }

    fn path(&self, root: &Path) -> PathBuf {
        root.join(self.kind).join(&self.id)
    }

    fn purpose(&self) -> String {
        format!("blob v1 {} {}", self.kind, self.id)
    }
}

/// The folder of blobs. All its methods block.
#[derive(Debug)]
pub struct Blobs {
    root: PathBuf,
    master: MasterKey,
}

impl Blobs {
    /// Opens the folder, making it when it is not there.
    pub fn open(root: PathBuf, master: MasterKey) -> io::Result<Self> {
        fs::create_dir_all(&root)?;
        Ok(Self { root, master })
    }

    /// Begins a blob; it appears under its name only when [`BlobWriter::finish`] was called.
    pub fn create(&self, name: &BlobName) -> io::Result<BlobWriter> {
        let path = name.path(&self.root);
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder)?;
        let mut salt = [0; SALT_LEN];
        rand::fill(&mut salt).map_err(|_| seal_failed(SealError::Seal))?;
        let suffix: String = salt[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        let partial = folder.join(format!(".{}.{suffix}", name.id));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
        file.write_all(&salt)?;
        let key = self.master.derive(&salt, &name.purpose()).map_err(seal_failed)?;
        Ok(BlobWriter {
            file: Some(file),
            partial,
            path,
            frames: Frames { key, count: 0 },
            frame: Vec::new(),
            size: 0,
        })
    }

    /// Stores bytes whole.
    pub fn put(&self, name: &BlobName, bytes: &[u8]) -> io::Result<()> {
        let mut writer = self.create(name)?;
        writer.write_all(bytes)?;
        writer.finish().map(drop)
    }

    /// Opens a blob; `None` when there is none of this name.
    pub fn reader(&self, name: &BlobName) -> io::Result<Option<BlobReader>> {
        let mut file = match File::open(name.path(&self.root)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut salt = [0; SALT_LEN];
        file.read_exact(&mut salt)?;
        let key = self.master.derive(&salt, &name.purpose()).map_err(seal_failed)?;
        Ok(Some(BlobReader {
            file,
            frames: Frames { key, count: 0 },
            frame: Vec::new(),
            position: 0,
            is_done: false,
        }))
    }

    /// Reads a blob whole; `None` when there is none of this name.
    pub fn get(&self, name: &BlobName) -> io::Result<Option<Vec<u8>>> {
        let Some(mut reader) = self.reader(name)? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Removes a blob; nothing happens when there is none.
    pub fn delete(&self, name: &BlobName) -> io::Result<()> {
        match fs::remove_file(name.path(&self.root)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}

fn seal_failed(error: SealError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

struct Frames {
    key: LessSafeKey,
    count: u64,
}

impl std::fmt::Debug for Frames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frames").field("count", &self.count).finish_non_exhaustive()
    }
}

impl Frames {
    fn next_nonce(&mut self, is_last: bool) -> Nonce {
        let mut nonce = [0; NONCE_LEN];
        nonce[..8].copy_from_slice(&self.count.to_be_bytes());
        nonce[NONCE_LEN - 1] = u8::from(is_last);
        self.count += 1;
        Nonce::assume_unique_for_key(nonce)
    }
}

/// Writes a blob. Dropped without [`BlobWriter::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct BlobWriter {
    file: Option<File>,
    partial: PathBuf,
    path: PathBuf,
    frames: Frames,
    frame: Vec<u8>,
    size: u64,
}

impl BlobWriter {
    fn seal_frame(&mut self, is_last: bool) -> io::Result<()> {
        let nonce = self.frames.next_nonce(is_last);
        self.frames
            .key
            .seal_in_place_append_tag(nonce, Aad::empty(), &mut self.frame)
            .map_err(|_| seal_failed(SealError::Seal))?;
        if let Some(file) = &mut self.file {
            file.write_all(&self.frame)?;
        }
        self.frame.clear();
        Ok(())
    }

    /// Seals the rest, makes the blob durable and visible, and returns its size in bytes.
    pub fn finish(mut self) -> io::Result<u64> {
        self.seal_frame(true)?;
        if let Some(file) = self.file.take() {
            file.sync_all()?;
        }
        fs::rename(&self.partial, &self.path)?;
        if let Some(folder) = self.path.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(self.size)
    }
}

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.frame.len() == FRAME {
            self.seal_frame(false)?;
        }
        let count = bytes.len().min(FRAME - self.frame.len());
        self.frame.extend_from_slice(&bytes[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        // After `finish` the partial file has its final name, so this finds nothing.
        let _ = fs::remove_file(&self.partial);
    }
}

/// Reads a blob.
#[derive(Debug)]
pub struct BlobReader {
    file: File,
    frames: Frames,
    frame: Vec<u8>,
    position: usize,
    is_done: bool,
}

impl BlobReader {
    fn open_frame(&mut self) -> io::Result<()> {
        self.frame.clear();
        self.position = 0;
        (&mut self.file).take((FRAME + TAG_LEN) as u64).read_to_end(&mut self.frame)?;
        // Only the last frame may be shorter than a full one; a full one may be the last, too.
        let mut copy = self.frame.clone();
        let is_short = self.frame.len() < FRAME + TAG_LEN;
        let length = match (is_short, self.frames.open(&mut copy, is_short)) {
            (_, Ok(length)) => {
                self.is_done = is_short;
                length
            }
            (true, Err(error)) => return Err(seal_failed(error)),
            (false, Err(_)) => {
                copy.clone_from(&self.frame);
                self.frames.count -= 1;
                self.is_done = true;
                self.frames.open(&mut copy, true).map_err(seal_failed)?
            }
        };
        copy.truncate(length);
        self.frame = copy;
        Ok(())
    }
}

impl Frames {
    fn open(&mut self, frame: &mut [u8], is_last: bool) -> Result<usize, SealError> {
        let nonce = self.next_nonce(is_last);
        self.key
            .open_in_place(nonce, Aad::empty(), frame)
            .map(|plain| plain.len())
            .map_err(|_| SealError::Open)
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.position == self.frame.len() {
            if self.is_done {
                return Ok(0);
            }
            self.open_frame()?;
        }
        let count = buffer.len().min(self.frame.len() - self.position);
        buffer[..count].copy_from_slice(&self.frame[self.position..self.position + count]);
        self.position += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blobs(folder: &tempfile::TempDir) -> Blobs {
        Blobs::open(folder.path().to_owned(), MasterKey::from_bytes([1; 32])).expect("a folder")
    }

    #[test]
    fn bytes_of_every_size_come_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let blobs = blobs(&folder);
        let name = BlobName::new("state", "sv-1");
        for size in [0, 1, FRAME - 1, FRAME, FRAME + 1, 3 * FRAME] {
            let bytes: Vec<u8> = (0..size).map(|i| u8::try_from(i % 251).expect("small")).collect();
            blobs.put(&name, &bytes).expect("stored");
            assert_eq!(blobs.get(&name).expect("read"), Some(bytes));
        }
    }

    #[test]
    fn a_cut_or_moved_blob_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let blobs = blobs(&folder);
        let name = BlobName::new("state", "sv-1");
        blobs.put(&name, &vec![9; 2 * FRAME + 5]).expect("stored");
        let path = name.path(folder.path());
        let whole = fs::read(&path).expect("the file");
        fs::copy(&path, folder.path().join("state/sv-2")).expect("copied");
        assert!(blobs.get(&BlobName::new("state", "sv-2")).is_err());
        fs::write(&path, &whole[..SALT_LEN + FRAME + TAG_LEN]).expect("cut");
        assert!(blobs.get(&name).is_err());
    }

    #[test]
    fn an_abandoned_writer_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let blobs = blobs(&folder);
        let name = BlobName::new("state", "sv-1");
        blobs.create(&name).expect("a writer").write_all(b"half").expect("written");
        assert_eq!(blobs.get(&name).expect("read"), None);
        assert_eq!(fs::read_dir(folder.path().join("state")).expect("a folder").count(), 0);
    }
}
