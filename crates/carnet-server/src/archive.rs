//! Checks uploaded archives, which may be hostile, before any agent unpacks them.
//!
//! Nothing is unpacked here, to memory or to disk: the archive is read once and what it would unpack to is counted. What
//! passes also passes the stricter order of an agent, which makes all links last.

mod meter;
mod readme;
mod tree;

use std::io::{self, Read};
use std::path::Path;

use flate2::read::GzDecoder;
use tar::Archive;

use self::meter::{Gauge, Meter, Source, Stop};
use self::readme::Readme;
use self::tree::Tree;

/// The most entries of an archive.
pub(crate) const MAX_ENTRIES: usize = 100_000;

/// What an archive may unpack to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The most bytes.
    pub(crate) bytes: u64,
    /// The most files, folders and links.
    pub(crate) entries: usize,
}

/// Why the check did not pass.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArchiveError {
    /// The archive is at fault; the text says how, for people.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The stored bytes could not be read, which is not the archive's fault.
    #[error("the stored archive cannot be read")]
    Unreadable(#[source] io::Error),
}

/// What is wrong with an archive.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// It does not begin as gzip does.
    #[error("the upload is not a gzip archive")]
    NotGzip,
    /// What is in the gzip is no tar.
    #[error("the upload is gzip, but there is no tar archive in it: {0}")]
    NotTar(String),
    /// It ends early or is damaged.
    #[error("the archive is cut off or damaged: {0}")]
    Damaged(String),
    /// It unpacks to too much.
    #[error("the archive unpacks to more than {0} bytes")]
    TooLarge(u64),
    /// It has too many entries.
    #[error("the archive has more than {0} entries")]
    TooManyEntries(usize),
    /// What describes an entry is longer than any name can be.
    #[error("the archive has an entry whose header is longer than {0} bytes")]
    LongHeader(u64),
    /// One entry is not allowed.
    #[error("the archive has an entry that is not allowed: {path}: {reason}")]
    Entry {
        /// Its path, quoted and, if long, cut.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// Reads an archive to its end and tells whether it may be unpacked. On the way it picks up the text that describes the
/// configuration in this folder, or else the one at the root.
pub(crate) fn check(
    source: impl Read,
    limits: Limits,
    folder: &Path,
) -> Result<Option<String>, ArchiveError> {
    let mut readme = Readme::new(folder);
    let gauge = Gauge::new(limits);
    let mut archive = Archive::new(Meter::new(GzDecoder::new(Source::new(source, &gauge)), &gauge));
    let read = read_entries(&mut archive, &gauge, limits, &mut readme).and_then(|()| {
        // Behind the last entry are padding and the checksum of gzip.
        gauge.enter_content();
        io::copy(&mut archive.into_inner(), &mut io::sink()).map(drop).map_err(Problem::Io)
    });
    match read {
        Ok(()) => Ok(readme.into_text()),
        Err(Problem::Refused(refusal)) => Err(refusal.into()),
        Err(Problem::Io(error)) => Err(explained(&gauge, limits, error)),
    }
}

enum Problem {
    Refused(Refusal),
    Io(io::Error),
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

fn read_entries<R: Read>(
    archive: &mut Archive<R>,
    gauge: &Gauge,
    limits: Limits,
    readme: &mut Readme,
) -> Result<(), Problem> {
    let mut tree = Tree::new(limits);
    gauge.enter_header();
    for entry in archive.entries()? {
        let mut entry = entry?;
        gauge.enter_content();
        tree.add(&entry)?;
        readme.look_at(&mut entry)?;
        io::copy(&mut entry, &mut io::sink())?;
        gauge.note_entry();
        gauge.enter_header();
    }
    Ok(tree.finish()?)
}

fn explained(gauge: &Gauge, limits: Limits, error: io::Error) -> ArchiveError {
    let refusal = match gauge.stop() {
        Some(Stop::Source) => return ArchiveError::Unreadable(error),
        Some(Stop::TooLarge) => Refusal::TooLarge(limits.bytes),
        Some(Stop::LongHeader) => Refusal::LongHeader(meter::MAX_HEADER),
        None if gauge.unpacked() == 0 => Refusal::NotGzip,
        None if gauge.entries() == 0 && error.kind() == io::ErrorKind::Other => {
            Refusal::NotTar(error.to_string())
        }
        None => Refusal::Damaged(error.to_string()),
    };
    refusal.into()
}

#[cfg(test)]
mod tests;
