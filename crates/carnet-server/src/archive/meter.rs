//! Counts what is read from an archive and stops in time.

use std::cell::Cell;
use std::io::{self, Read};

use super::Limits;

/// The most bytes that may describe one entry: names and extended headers, which the tar library keeps in memory.
pub(super) const MAX_HEADER: u64 = 1024 * 1024;

/// Why reading stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The bytes below the gzip could not be read.
    Source,
    /// There is more than the limit.
    TooLarge,
    /// A header is too long.
    LongHeader,
}

/// What was counted, shared by the two readers and the check.
pub(super) struct Gauge {
    unpacked: Cell<u64>,
    header: Cell<Option<u64>>,
    entries: Cell<usize>,
    stop: Cell<Option<Stop>>,
    limit: u64,
}

impl Gauge {
    pub(super) fn new(limits: Limits) -> Self {
        // Each entry has a header and padding, and often a second header for what the first one cannot hold.
        let overhead = (limits.entries as u64).saturating_mul(2048);
        Self {
            unpacked: Cell::new(0),
            header: Cell::new(None),
            entries: Cell::new(0),
            stop: Cell::new(None),
            limit: limits.bytes.saturating_add(overhead),
        }
    }

    /// What is read from now on describes an entry.
    pub(super) fn enter_header(&self) {
        self.header.set(Some(0));
    }

    /// What is read from now on is skipped, not kept.
    pub(super) fn enter_content(&self) {
        self.header.set(None);
    }

    pub(super) fn note_entry(&self) {
        self.entries.set(self.entries.get() + 1);
    }

    pub(super) fn entries(&self) -> usize {
        self.entries.get()
    }

    pub(super) fn unpacked(&self) -> u64 {
        self.unpacked.get()
    }

    pub(super) fn stop(&self) -> Option<Stop> {
        self.stop.get()
    }

    fn stopped(&self, stop: Stop) -> io::Error {
        self.stop.set(Some(stop));
        io::Error::other("the archive is not read further")
    }

    fn count(&self, bytes: usize) -> io::Result<()> {
        let bytes = bytes as u64;
        self.unpacked.set(self.unpacked.get().saturating_add(bytes));
        if self.unpacked.get() > self.limit {
            return Err(self.stopped(Stop::TooLarge));
        }
        if let Some(header) = self.header.get() {
            self.header.set(Some(header + bytes));
            if header + bytes > MAX_HEADER {
                return Err(self.stopped(Stop::LongHeader));
            }
        }
        Ok(())
    }
}

/// The bytes below the gzip.
pub(super) struct Source<'a, R> {
    inner: R,
    gauge: &'a Gauge,
}

impl<'a, R> Source<'a, R> {
    pub(super) fn new(inner: R, gauge: &'a Gauge) -> Self {
        Self { inner, gauge }
    }
}

impl<R: Read> Read for Source<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                self.gauge.stop.set(Some(Stop::Source));
            }
        })
    }
}

/// The bytes that come out of the gzip.
pub(super) struct Meter<'a, R> {
    inner: R,
    gauge: &'a Gauge,
}

impl<'a, R> Meter<'a, R> {
    pub(super) fn new(inner: R, gauge: &'a Gauge) -> Self {
        Self { inner, gauge }
    }
}

impl<R: Read> Read for Meter<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.gauge.count(count)?;
        Ok(count)
    }
}
