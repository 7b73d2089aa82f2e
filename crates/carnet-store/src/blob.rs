//! Blobs, sealed: archives, plans and states hold secrets that Terraform wrote there.
//!
//! A blob is a salt and then frames of at most [`FRAME`] bytes, each sealed with a nonce that counts the frames and marks
//! the last one (the STREAM construction, <https://eprint.iacr.org/2015/189>), so that none can be left out or moved. The
//! frames stand in a file, or, with Postgres, in rows of the database, so that every server reaches them.

mod file;
mod frames;
mod rows;

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;
use sqlx::PgPool;

use self::file::{FileSink, FileSource};
use self::frames::{FRAME, Frames, SALT_LEN, TAG_LEN, seal_failed};
use self::rows::{RowSink, RowSource, Rows};
use crate::seal::{MasterKey, SealError};

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

#[derive(Debug)]
enum Place {
    Folder(PathBuf),
    Rows(Rows),
}

/// All blobs. The methods block, also those of the readers and writers: call them where that does no harm, and never on a
/// thread that drives asynchronous tasks.
#[derive(Debug)]
pub struct Blobs {
    place: Place,
    master: MasterKey,
}

impl Blobs {
    /// Opens a folder, making it when it is not there.
    pub fn open(root: PathBuf, master: MasterKey) -> io::Result<Self> {
        std::fs::create_dir_all(&root)?;
        Ok(Self { place: Place::Folder(root), master })
    }

    /// Keeps blobs in the tables of a database; must be called on a runtime.
    pub(crate) fn in_rows(pool: PgPool, master: MasterKey) -> Self {
        Self { place: Place::Rows(Rows::new(pool)), master }
    }

    /// Begins a blob; it appears under its name only when [`BlobWriter::finish`] was called.
    pub fn create(&self, name: &BlobName) -> io::Result<BlobWriter> {
        let mut salt = [0; SALT_LEN];
        rand::fill(&mut salt).map_err(|_| seal_failed(SealError::Seal))?;
        let sink = match &self.place {
            Place::Folder(root) => Sink::File(FileSink::create(&name.path(root), &salt)?),
            Place::Rows(rows) => Sink::Rows(RowSink::create(rows, name, &salt)?),
        };
        let key = self.master.derive(&salt, &name.purpose()).map_err(seal_failed)?;
        Ok(BlobWriter { sink, frames: Frames::new(key), frame: Vec::new(), size: 0 })
    }

    /// Stores bytes whole.
    pub fn put(&self, name: &BlobName, bytes: &[u8]) -> io::Result<()> {
        let mut writer = self.create(name)?;
        writer.write_all(bytes)?;
        writer.finish().map(drop)
    }

    /// Opens a blob; `None` when there is none of this name.
    pub fn reader(&self, name: &BlobName) -> io::Result<Option<BlobReader>> {
        let found = match &self.place {
            Place::Folder(root) => {
                FileSource::open(&name.path(root))?.map(|(source, salt)| (Source::File(source), salt))
            }
            Place::Rows(rows) => {
                RowSource::open(rows, name)?.map(|(source, salt)| (Source::Rows(source), salt))
            }
        };
        let Some((source, salt)) = found else {
            return Ok(None);
        };
        let key = self.master.derive(&salt, &name.purpose()).map_err(seal_failed)?;
        Ok(Some(BlobReader {
            source,
            frames: Frames::new(key),
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
        match &self.place {
            Place::Folder(root) => file::delete(&name.path(root)),
            Place::Rows(rows) => rows.delete(name),
        }
    }
}

#[derive(Debug)]
enum Sink {
    File(FileSink),
    Rows(RowSink),
}

/// Writes a blob. Dropped without [`BlobWriter::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct BlobWriter {
    sink: Sink,
    frames: Frames,
    frame: Vec<u8>,
    size: u64,
}

impl BlobWriter {
    fn seal_frame(&mut self, is_last: bool) -> io::Result<()> {
        self.frames.seal(&mut self.frame, is_last)?;
        match &mut self.sink {
            Sink::File(sink) => sink.write_frame(&self.frame)?,
            Sink::Rows(sink) => sink.write_frame(&self.frame)?,
        }
        self.frame.clear();
        Ok(())
    }

    /// Seals the rest, makes the blob durable and visible, and returns its size in bytes.
    pub fn finish(mut self) -> io::Result<u64> {
        self.seal_frame(true)?;
        match self.sink {
            Sink::File(sink) => sink.finish()?,
            Sink::Rows(sink) => sink.finish()?,
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

#[derive(Debug)]
enum Source {
    File(FileSource),
    Rows(RowSource),
}

/// Reads a blob.
#[derive(Debug)]
pub struct BlobReader {
    source: Source,
    frames: Frames,
    frame: Vec<u8>,
    position: usize,
    is_done: bool,
}

impl BlobReader {
    fn open_frame(&mut self) -> io::Result<()> {
        self.frame.clear();
        self.position = 0;
        match &mut self.source {
            Source::File(source) => source.read_frame(&mut self.frame)?,
            Source::Rows(source) => source.read_frame(&mut self.frame)?,
        }
        // Only the last frame may be shorter than a full one; a full one may be the last, too.
        if self.frame.len() < FRAME + TAG_LEN {
            self.is_done = true;
            return self.frames.open(&mut self.frame, true);
        }
        let mut copy = self.frame.clone();
        match self.frames.open(&mut copy, false) {
            Ok(()) => self.frame = copy,
            Err(_) => {
                self.frames.back();
                self.is_done = true;
                self.frames.open(&mut self.frame, true)?;
            }
        }
        Ok(())
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
mod tests;
