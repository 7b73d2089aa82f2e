//! The state that an apply writes: kept on disk until the server has it.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use carnet_api::{
    client::{ClientError, StateDelivery},
    job::{JobDocument, WireSecret},
};
use serde::{Deserialize, Serialize};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::{guardian::hold_lock, retry::retry, workdir};

/// How often the file is looked at.
const POLL: Duration = Duration::from_secs(1);

/// The name of the state, as the backend is told.
pub(crate) const STATE_FILE: &str = "terraform.tfstate";

/// Where Terraform leaves a state that it could not write to the backend.
const ERRORED_STATE_FILE: &str = "errored.tfstate";

/// What is needed to deliver a state after a crash.
#[derive(Serialize, Deserialize)]
pub(crate) struct DeliveryNote {
    pub(crate) job_id: String,
    pub(crate) delivery_token: WireSecret,
    pub(crate) server_url: String,
}

/// The durable folder of one job.
#[derive(Debug, Clone)]
pub(crate) struct JobFolder {
    path: PathBuf,
}

impl JobFolder {
    /// Where the folders of all jobs are.
    pub(crate) fn all(data_dir: &Path) -> PathBuf {
        data_dir.join("jobs")
    }

    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where Terraform may write; nothing of ours is in it.
    pub(crate) fn state(&self) -> PathBuf {
        self.path.join("state")
    }

    /// The newest whole state. Terraform leaves one beside its usual place when it could not write there.
    pub(crate) fn newest(&self) -> Option<Bytes> {
        complete_state(&self.state().join(ERRORED_STATE_FILE))
            .or_else(|| complete_state(&self.state().join(STATE_FILE)))
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    pub(crate) fn note(&self) -> PathBuf {
        self.path.join("delivery.json")
    }

    /// Keeps a state that the server will not take, for people.
    pub(crate) fn set_aside(&self, data_dir: &Path) -> io::Result<PathBuf> {
        let place = data_dir.join("refused");
        fs::create_dir_all(&place)?;
        let aside = place.join(self.path.file_name().unwrap_or_default());
        workdir::remove_tree(&aside)?;
        fs::rename(&self.path, &aside)?;
        Ok(aside)
    }
}

/// Keeps the state of a running apply and delivers it.
#[derive(Debug)]
pub(crate) struct StateKeeper {
    folder: JobFolder,
    _lock: File,
}

/// What became of the state at the end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Delivered {
    /// The server has what Terraform wrote, or Terraform wrote nothing.
    Yes,
    /// It stays on disk and is delivered later.
    Later,
    /// The server will not take it; it is kept here.
    SetAside(PathBuf, String),
}

impl StateKeeper {
    /// Makes the durable folder, before Terraform can write anything.
    pub(crate) fn create(data_dir: &Path, document: &JobDocument, server_url: &str) -> io::Result<Self> {
        let jobs = JobFolder::all(data_dir);
        fs::create_dir_all(&jobs)?;
        let folder = JobFolder::at(jobs.join(&document.job_id));
        for path in [folder.path.clone(), folder.state()] {
            DirBuilder::new().mode(0o700).create(path)?;
        }
        let note = DeliveryNote {
            job_id: document.job_id.clone(),
            delivery_token: document.delivery_token.clone(),
            server_url: server_url.to_owned(),
        };
        workdir::write_private(&folder.note(), &serde_json::to_vec(&note)?)?;
        File::open(folder.note())?.sync_all()?;
        let lock = hold_lock(&folder.lock())?;
        Ok(Self { folder, _lock: lock })
    }

    pub(crate) fn folder(&self) -> &JobFolder {
        &self.folder
    }

    /// Brings a state to safety that Terraform left in its working directory.
    pub(crate) fn rescue(&self, root: &Path) -> io::Result<()> {
        match complete_state(&root.join(ERRORED_STATE_FILE)) {
            Some(state) => workdir::write_private(&self.folder.path.join(ERRORED_STATE_FILE), &state)
                .and_then(|()| {
                    let place = self.folder.state().join(ERRORED_STATE_FILE);
                    fs::rename(self.folder.path.join(ERRORED_STATE_FILE), place)
                }),
            None => Ok(()),
        }
    }

    /// Sends the state whenever it changes, until `done`; then what is left is sent, until the server has it.
    pub(crate) async fn keep_delivered(
        &self,
        delivery: &StateDelivery,
        initial: Option<Bytes>,
        done: CancellationToken,
        give_up: &CancellationToken,
    ) -> Result<(), ClientError> {
        let path = self.folder.state().join(STATE_FILE);
        let mut sent = initial.unwrap_or_default();
        let mut seen = None;
        let mut ticks = tokio::time::interval(POLL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = done.cancelled() => break,
                _ = ticks.tick() => {}
            }
            let now = stamp(&path);
            if now == seen {
                continue;
            }
            if let Some(state) = complete_state(&path).filter(|state| *state != sent) {
                match delivery.put_state(state.clone()).await {
                    Ok(()) => sent = state,
                    Err(error) => {
                        tracing::warn!(error = %error, "a state could not be stored yet");
                        continue;
                    }
                }
            }
            seen = now;
        }
        match self.folder.newest().filter(|state| *state != sent) {
            Some(state) => retry(give_up, || delivery.put_state(state.clone())).await,
            None => Ok(()),
        }
    }

    /// Deletes the folder once the server has the state, and keeps it otherwise.
    pub(crate) fn settle(self, result: Result<(), ClientError>, data_dir: &Path) -> io::Result<Delivered> {
        let is_written =
            fs::metadata(self.folder.state().join(STATE_FILE)).is_ok_and(|found| found.len() > 0);
        let unreadable = is_written && self.folder.newest().is_none();
        let reason = match result {
            Ok(()) if unreadable => "Terraform was killed while it wrote the state".to_owned(),
            Ok(()) => {
                workdir::remove_tree(self.folder.path())?;
                return Ok(Delivered::Yes);
            }
            Err(error) if error.is_retryable() => return Ok(Delivered::Later),
            Err(error) => error.to_string(),
        };
        self.folder.set_aside(data_dir).map(|place| Delivered::SetAside(place, reason))
    }
}

/// The state in the file, if it is a whole one: Terraform may be writing it right now.
pub(crate) fn complete_state(path: &Path) -> Option<Bytes> {
    #[derive(Deserialize)]
    struct State {
        #[serde(rename = "serial")]
        _serial: u64,
    }
    let content = workdir::read_plain(path).ok()?;
    serde_json::from_slice::<State>(&content).is_ok().then(|| content.into())
}

fn stamp(path: &Path) -> Option<(i64, i64, u64)> {
    fs::metadata(path).ok().map(|found| (found.mtime(), found.mtime_nsec(), found.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_state_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        for (content, is_whole) in [
            (r#"{"version":4,"serial":3}"#, true),
            (r#"{"version":4,"ser"#, false),
            ("", false),
            ("{}", false),
        ] {
            fs::write(&path, content).unwrap();
            assert_eq!(complete_state(&path).is_some(), is_whole, "{content}");
        }
        assert!(complete_state(&folder.path().join("absent")).is_none());
    }
}
