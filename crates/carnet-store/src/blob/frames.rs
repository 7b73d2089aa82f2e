//! The frames of a blob, each sealed for its place.

use std::io;

use aws_lc_rs::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};

use crate::seal::SealError;

pub(super) const SALT_LEN: usize = 32;
/// The most bytes of a frame before it is sealed.
pub(super) const FRAME: usize = 256 * 1024;
/// The bytes by which a sealed frame is longer.
pub(super) const TAG_LEN: usize = 16;

pub(super) fn seal_failed(error: SealError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Counts the frames of one blob.
pub(super) struct Frames {
    key: LessSafeKey,
    count: u64,
}

impl std::fmt::Debug for Frames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frames").field("count", &self.count).finish_non_exhaustive()
    }
}

impl Frames {
    pub(super) fn new(key: LessSafeKey) -> Self {
        Self { key, count: 0 }
    }

    /// Seals the next frame in place.
    pub(super) fn seal(&mut self, frame: &mut Vec<u8>, is_last: bool) -> io::Result<()> {
        let nonce = self.next_nonce(is_last);
        self.key
            .seal_in_place_append_tag(nonce, Aad::empty(), frame)
            .map_err(|_| seal_failed(SealError::Seal))
    }

    /// Opens the next frame in place.
    pub(super) fn open(&mut self, frame: &mut Vec<u8>, is_last: bool) -> io::Result<()> {
        let nonce = self.next_nonce(is_last);
        let opened = self.key.open_in_place(nonce, Aad::empty(), frame);
        let length = opened.map_err(|_| seal_failed(SealError::Open))?.len();
        frame.truncate(length);
        Ok(())
    }

    /// The frame that was opened last is tried again.
    pub(super) fn back(&mut self) {
        self.count -= 1;
    }

    fn next_nonce(&mut self, is_last: bool) -> Nonce {
        let mut nonce = [0; NONCE_LEN];
        nonce[..8].copy_from_slice(&self.count.to_be_bytes());
        nonce[NONCE_LEN - 1] = u8::from(is_last);
        self.count += 1;
        Nonce::assume_unique_for_key(nonce)
    }
}
