//! The log of a phase: redacted, kept in a file, and sent from there as it grows.
//!
//! The file holds exactly the bytes that the server has or will have, so a lost answer or a server that is away for
//! hours costs neither bytes nor memory.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use carnet_api::client::{ClientError, JobClient};
use secrecy::SecretString;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{redact::Redactor, retry::Backoff};

/// The first byte of every log; the server writes the last one, `0x03`, when the phase has ended.
const STX: u8 = 0x02;

/// Output is sent after this time, or when there is this much of it.
const FLUSH_AFTER: Duration = Duration::from_millis(200);
const FLUSH_AT: u64 = 32 * 1024;
const LARGEST_UPLOAD: u64 = 512 * 1024;

/// How much of what Terraform prints is kept at hand, from its end.
const TAIL: usize = 256 * 1024;

/// The log of one phase.
#[derive(Clone)]
pub(crate) struct Log {
    shared: Arc<Shared>,
}

struct Shared {
    inner: Mutex<Inner>,
    changed: Notify,
}

struct Inner {
    redactor: Redactor,
    file: File,
    length: u64,
    is_at_line_start: bool,
    is_closed: bool,
    /// The end of what Terraform has printed, as it came.
    tail: Vec<u8>,
}

impl Log {
    /// Starts a log that is kept at `path`.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path)?;
        let inner = Inner {
            redactor: Redactor::default(),
            file,
            length: 0,
            is_at_line_start: true,
            is_closed: false,
            tail: Vec::new(),
        };
        let log = Self { shared: Arc::new(Shared { inner: Mutex::new(inner), changed: Notify::new() }) };
        log.lock().append(&[STX]);
        Ok(log)
    }

    /// Hides these secrets in everything that is written from now on.
    pub(crate) fn hide<'a>(&self, secrets: impl IntoIterator<Item = &'a SecretString>) {
        self.lock().redactor.add(secrets);
    }

    /// A JSON document without the secrets that the log hides. One in which a secret stands as a bare number is left as it
    /// is: masked, it would be no JSON any more.
    pub(crate) fn mask_json(&self, document: Vec<u8>) -> Vec<u8> {
        let masked = self.lock().redactor.mask(&document);
        let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(&masked).is_ok();
        if is_json { masked } else { document }
    }

    /// Adds output of Terraform.
    pub(crate) fn write(&self, bytes: &[u8]) {
        self.lock().remember(bytes);
        self.add(bytes);
    }

    /// The end of what Terraform has printed, in whole lines and without the secrets that the log hides.
    pub(crate) fn tail(&self) -> String {
        let inner = self.lock();
        let start = inner.tail.len().saturating_sub(TAIL);
        let mut tail = &inner.tail[start..];
        if start > 0 {
            // Half a line may begin with half a secret.
            let end = tail.iter().position(|byte| *byte == b'\n');
            tail = end.map_or(&[], |end| &tail[end + 1..]);
        }
        String::from_utf8_lossy(&inner.redactor.mask(tail)).into_owned()
    }

    fn add(&self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let mut inner = self.lock();
        inner.is_at_line_start = bytes.ends_with(b"\n");
        let shown = inner.redactor.push(bytes);
        inner.append(&shown);
        drop(inner);
        self.shared.changed.notify_one();
    }

    /// Adds a line of ours.
    pub(crate) fn line(&self, text: &str) {
        let start = if self.lock().is_at_line_start { "" } else { "\n" };
        self.add(format!("{start}{text}\n").as_bytes());
    }

    /// Nothing is added any more.
    pub(crate) fn close(&self) {
        let mut inner = self.lock();
        let rest = inner.redactor.finish();
        inner.append(&rest);
        inner.is_closed = true;
        drop(inner);
        self.shared.changed.notify_one();
    }

    /// Sends the log as it grows, until it is closed and complete. Fails when the server refuses it.
    pub(crate) async fn upload(
        &self,
        client: &JobClient,
        give_up: &CancellationToken,
    ) -> Result<(), ClientError> {
        let (mut sent, mut backoff) = (0, Backoff::default());
        loop {
            let (length, is_closed) = self.position();
            if sent == length {
                if is_closed {
                    return Ok(());
                }
                self.shared.changed.notified().await;
                self.gather(sent).await;
                continue;
            }
            let content = self.read(sent, (length - sent).min(LARGEST_UPLOAD));
            let size = content.len() as u64;
            match client.append_log(sent, content).await {
                Ok(()) => {
                    sent += size;
                    backoff = Backoff::default();
                }
                // An answer was lost: the server has more, or less, than was known.
                Err(ClientError::LogPosition(end)) if end.length <= length && end.length != sent => {
                    sent = end.length;
                }
                Err(error) if error.is_retryable() => tokio::select! {
                    () = give_up.cancelled() => return Err(error),
                    () = tokio::time::sleep(backoff.next()) => {}
                },
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits a moment for more, unless there is enough or nothing more will come.
    async fn gather(&self, sent: u64) {
        let enough = async {
            loop {
                let (length, is_closed) = self.position();
                if is_closed || length - sent >= FLUSH_AT {
                    return;
                }
                self.shared.changed.notified().await;
            }
        };
        // Running out of time is the usual case.
        let _ = tokio::time::timeout(FLUSH_AFTER, enough).await;
    }

    fn position(&self) -> (u64, bool) {
        let inner = self.lock();
        (inner.length, inner.is_closed)
    }

    fn read(&self, from: u64, size: u64) -> Bytes {
        let mut content = vec![0; usize::try_from(size).unwrap_or(0)];
        if let Err(error) = self.lock().file.read_exact_at(&mut content, from) {
            tracing::error!(error = %error, "the log cannot be read back");
            content.fill(b'?');
        }
        content.into()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.shared.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn remember(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
        // Cut rarely, so that it costs little.
        if self.tail.len() > 2 * TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
    }

    fn append(&mut self, bytes: &[u8]) {
        match self.file.write_all(bytes) {
            Ok(()) => self.length += bytes.len() as u64,
            Err(error) => {
                tracing::error!(error = %error, "the log cannot be written");
                // What was written in part is written over by the next piece.
                let _ = io::Seek::seek(&mut self.file, io::SeekFrom::Start(self.length));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_stays_json() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::create(&folder.path().join("log")).unwrap();
        log.hide(&[SecretString::from("123456".to_owned())]);
        assert_eq!(log.mask_json(br#"{"a":"x123456"}"#.to_vec()), br#"{"a":"x[redacted]"}"#);
        assert_eq!(log.mask_json(br#"{"a":123456}"#.to_vec()), br#"{"a":123456}"#);
    }

    #[test]
    fn the_tail_is_terraforms_words_alone_without_secrets_and_without_half_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::create(&folder.path().join("log")).unwrap();
        log.write(b"Error: sword");
        log.line("ours");
        log.write(b"fish is refused\n");
        log.hide(&[SecretString::from("swordfish".to_owned())]);
        assert_eq!(log.tail(), "Error: [redacted] is refused\n");
        for _ in 0..40_000 {
            log.write(b"swordfish and more words\n");
        }
        let tail = log.tail();
        assert!(!tail.contains("sword"), "half a secret is shown");
        assert!(tail.len() > TAIL / 2 && tail.len() <= TAIL * 2, "{}", tail.len());
        assert!(tail.lines().all(|line| line == "[redacted] and more words"));
    }

    #[test]
    fn our_lines_start_on_a_line_of_their_own_and_secrets_are_hidden() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let log = Log::create(&path).unwrap();
        log.hide(&[SecretString::from("swordfish".to_owned())]);
        log.line("first");
        log.write(b"half sword");
        log.line("fish");
        log.write(b"swordf");
        log.close();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "\u{2}first\nhalf sword\nfish\n[redacted]");
    }
}
