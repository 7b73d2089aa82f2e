//! Processes of the counterparts: started apart from the test, ended with it.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::Child;

use crate::tool::in_path;

const POLL: Duration = Duration::from_millis(25);
const LOG_LINES_SHOWN: usize = 120;
const START_LIMIT: Duration = Duration::from_secs(60);

/// A server process with its log file.
#[derive(Debug)]
pub struct ChildProcess {
    name: &'static str,
    child: Child,
    log: PathBuf,
    ending: Ending,
    is_log_done: bool,
}

/// How a process is ended when its fixture is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// At once.
    Kill,
    /// With the chance to end its own children.
    Terminate,
}

/// What became of a process that was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// It answers.
    Ready,
    /// Somebody else took its port: start again on another.
    PortTaken,
}

impl ChildProcess {
    /// Starts `command` in a process group of its own, with its output going to the file `log`.
    pub(crate) fn spawn(
        name: &'static str,
        command: Command,
        log: &Path,
        ending: Ending,
    ) -> anyhow::Result<Self> {
        let output = File::options().create(true).append(true).open(log)?;
        let errors = output.try_clone()?;
        let mut command = tied_to_this_process(command, ending);
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let mut command = tokio::process::Command::from(command);
        let child = command.process_group(0).spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name, child, log: log.to_owned(), ending, is_log_done: false })
    }

    /// The process id, while the process runs.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Everything the process has printed.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// How the process ended, if it has.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Asks the process to end and waits until it has.
    pub async fn terminate(&mut self) -> anyhow::Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        let limit = Duration::from_secs(30);
        match tokio::time::timeout(limit, self.child.wait()).await {
            Ok(status) => Ok(status?),
            Err(_) => bail!("{} did not end within {limit:?}\n{}", self.name, self.log_end()),
        }
    }

    /// Ends the process and its group without warning, as a power cut would.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(pid) = self.pid() {
            kill_process_group(pid, Signal::KILL)?;
        }
        self.child.wait().await?;
        Ok(())
    }

    /// Waits until `probe` is satisfied; the end of the process ends the waiting.
    pub(crate) async fn until_ready(
        &mut self,
        mut probe: impl AsyncFnMut() -> bool,
    ) -> anyhow::Result<Start> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let answers = probe().await;
            if let Some(status) = self.child.try_wait()? {
                if self.log().to_lowercase().contains("address already in use") {
                    return Ok(Start::PortTaken);
                }
                bail!("{} ended while starting: {status}\n{}", self.name, self.log_end());
            }
            if answers {
                return Ok(Start::Ready);
            }
            if Instant::now() >= deadline {
                bail!("{} was not ready within {START_LIMIT:?}\n{}", self.name, self.log_end());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        if let Some(pid) = self.pid() {
            kill_process(pid, signal)?;
        }
        Ok(())
    }

    fn pid(&self) -> Option<Pid> {
        self.child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?))
    }

    fn log_end(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
    }

    fn end_now(&mut self) {
        let Some(pid) = self.pid() else { return };
        if self.ending == Ending::Terminate && self.signal(Signal::TERM).is_ok() {
            let deadline = Instant::now() + Duration::from_secs(5);
            while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
                std::thread::sleep(POLL);
            }
        }
        if self.pid().is_some() {
            // The process was not reaped yet, so the id is still its own; a failure means that it has just ended.
            let _ended_already = kill_process_group(pid, Signal::KILL);
            let deadline = Instant::now() + Duration::from_secs(5);
            while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

impl ChildProcess {
    /// Nobody needs the log any more: what it was for has succeeded.
    pub fn forget_log(&mut self) {
        self.is_log_done = true;
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        self.end_now();
        // The test runner shows this only when the test has failed, be it by a panic or by an error it returned.
        if !self.is_log_done {
            eprintln!("---- end of the log of {} ----\n{}\n----", self.name, self.log_end());
        }
    }
}

/// Waits until `attempt` yields something; `what` completes "gave up waiting for".
pub async fn wait_for<T>(
    what: &str,
    limit: Duration,
    mut attempt: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = attempt().await? {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            bail!("gave up waiting for {what} after {limit:?}");
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Lets the kernel end the process when this one dies without running its destructors.
fn tied_to_this_process(command: Command, ending: Ending) -> Command {
    let Some(setpriv) = in_path("setpriv") else { return command };
    let signal = match ending {
        Ending::Kill => "KILL",
        Ending::Terminate => "TERM",
    };
    let mut tied = Command::new(setpriv);
    // A command does not tell whether its environment was cleared; all of ours say everything that they need.
    tied.env_clear();
    tied.args(["--pdeathsig", signal]).arg(command.get_program()).args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        tied.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => tied.env(name, value),
            None => tied.env_remove(name),
        };
    }
    tied
}
