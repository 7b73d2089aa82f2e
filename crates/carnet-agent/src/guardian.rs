//! A process beside the agent that cleans up should the agent die.
//!
//! The agent tells it, over a pipe, what there is to clean up. When the pipe ends without a farewell, the guardian
//! stops Terraform, revokes what was obtained and deletes the home directory of the run. The state stays: the next
//! agent on this data directory delivers it. Secrets go over the pipe only.

use std::{
    collections::BTreeSet,
    fs::{File, OpenOptions},
    io::{self, BufRead, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use carnet_creds::{AllowedHosts, HttpSettings, RevocationHandle};
use rustix::{
    fs::{FlockOperation, flock},
    process::{Pid, Signal, setsid, test_kill_process_group},
};
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal as listen};

use crate::{config::AgentConfig, process, strays::end_strays, workdir};

/// The argument that stands for the guardian, as the command line knows it.
const COMMAND: &str = "guardian";

/// The longest that one revocation may take.
const REVOCATION_LIMIT: Duration = Duration::from_secs(30);

const POLL: Duration = Duration::from_millis(25);

/// What the agent tells.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Message {
    Start {
        home: PathBuf,
        lock: Option<PathBuf>,
        grace_ms: u64,
        extra_roots_pem: Option<String>,
        #[serde(default)]
        allowed_hosts: AllowedHosts,
    },
    GroupStarted(i32),
    GroupEnded(i32),
    Handles(Vec<RevocationHandle>),
    Done,
}

/// The agent's end of the pipe. Dropping it without [`Guardian::dismiss`] makes the guardian clean up.
pub(crate) struct Guardian {
    pipe: Mutex<Option<ChildStdin>>,
    child: Mutex<Option<Child>>,
}

impl Guardian {
    /// Starts the guardian of a job. `lock` is held for as long as it lives.
    pub(crate) fn start(config: &AgentConfig, home: &Path, lock: Option<&Path>) -> io::Result<Self> {
        let mut child = Command::new(config.stage_program())
            .arg(COMMAND)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let pipe = child.stdin.take();
        let guardian = Self { pipe: Mutex::new(pipe), child: Mutex::new(Some(child)) };
        let http = config.provider_http();
        guardian.tell(&Message::Start {
            home: home.to_owned(),
            lock: lock.map(Path::to_owned),
            grace_ms: u64::try_from(config.guardian_grace.as_millis()).unwrap_or(u64::MAX),
            extra_roots_pem: http.extra_roots_pem,
            allowed_hosts: http.allowed_hosts,
        });
        Ok(guardian)
    }

    pub(crate) fn group_started(&self, group: Pid) {
        self.tell(&Message::GroupStarted(group.as_raw_nonzero().get()));
    }

    pub(crate) fn group_ended(&self, group: Pid) {
        self.tell(&Message::GroupEnded(group.as_raw_nonzero().get()));
    }

    /// Everything that is to be revoked from now on.
    pub(crate) fn revocations(&self, handles: Vec<RevocationHandle>) {
        self.tell(&Message::Handles(handles));
    }

    /// There is nothing to clean up any more.
    pub(crate) async fn dismiss(&self) {
        self.tell(&Message::Done);
        drop(self.pipe.lock().unwrap_or_else(PoisonError::into_inner).take());
        let child = self.child.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut child) = child {
            // Only reaps the process; there is nothing to learn from it.
            let _ = tokio::task::spawn_blocking(move || child.wait()).await;
        }
    }

    fn tell(&self, message: &Message) {
        let mut pipe = self.pipe.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(pipe) = pipe.as_mut() else {
            return;
        };
        let sent = serde_json::to_vec(message).map_err(io::Error::other).and_then(|mut line| {
            line.push(b'\n');
            pipe.write_all(&line)
        });
        if let Err(error) = sent {
            tracing::warn!(error = %error, "the guardian of a job is gone");
        }
    }
}

/// A lock that is held by whoever still works on a job, and by nobody afterwards.
pub(crate) fn hold_lock(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
    flock(&file, FlockOperation::LockShared)?;
    Ok(file)
}

/// Takes the lock for oneself; `None` when somebody holds it.
pub(crate) fn try_lock(path: &Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The hidden command `guardian`.
pub fn guardian_main() {
    // A session of its own: what is sent to the agent's terminal or process group does not reach it.
    let _ = setsid();
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return;
    };
    let _entered = runtime.enter();
    // A signal that somebody listens to does not end the process.
    let _deaf: Vec<_> = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()]
        .into_iter()
        .map(listen)
        .collect();
    let mut charge = Charge::default();
    for line in io::stdin().lock().lines() {
        let Ok(message) = line.map_err(io::Error::other).and_then(|line| Ok(serde_json::from_str(&line)?))
        else {
            break;
        };
        if charge.learn(message) == Next::Leave {
            return;
        }
    }
    charge.stop_groups();
    if let Some(home) = &charge.home {
        end_strays(home);
    }
    runtime.block_on(charge.revoke());
    charge.delete_home();
}

/// What the guardian looks after.
#[derive(Default)]
struct Charge {
    home: Option<PathBuf>,
    /// Keeps other agents from deleting the home.
    in_use: Option<File>,
    lock: Option<File>,
    grace: Duration,
    groups: BTreeSet<i32>,
    handles: Vec<RevocationHandle>,
    http: HttpSettings,
}

#[derive(PartialEq, Eq)]
enum Next {
    Stay,
    Leave,
}

impl Charge {
    fn learn(&mut self, message: Message) -> Next {
        match message {
            Message::Start { home, lock, grace_ms, extra_roots_pem, allowed_hosts } => {
                self.http = HttpSettings { extra_roots_pem, allowed_hosts, ..HttpSettings::default() };
                self.in_use = workdir::hold(&home).ok();
                self.home = Some(home);
                self.lock = lock.and_then(|path| hold_lock(&path).ok());
                self.grace = Duration::from_millis(grace_ms);
            }
            Message::GroupStarted(group) => {
                self.groups.insert(group);
            }
            Message::GroupEnded(group) => {
                self.groups.remove(&group);
            }
            Message::Handles(handles) => self.handles = handles,
            Message::Done => return Next::Leave,
        }
        Next::Stay
    }

    fn stop_groups(&self) {
        let groups: Vec<Pid> = self.groups.iter().filter_map(|group| Pid::from_raw(*group)).collect();
        for (signal, patience) in [(Signal::INT, self.grace), (Signal::KILL, Duration::from_secs(5))] {
            for group in &groups {
                process::signal(*group, signal);
            }
            let give_up = Instant::now() + patience;
            while Instant::now() < give_up
                && groups.iter().any(|group| test_kill_process_group(*group).is_ok())
            {
                std::thread::sleep(POLL);
            }
        }
    }

    async fn revoke(&self) {
        for handle in &self.handles {
            // There is no log left to say how it went.
            let _ = tokio::time::timeout(REVOCATION_LIMIT, handle.revoke(&self.http)).await;
        }
    }

    fn delete_home(&self) {
        if let Some(home) = &self.home {
            let _ = workdir::remove_tree(home);
        }
    }
}
