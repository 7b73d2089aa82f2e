//! Starts commands in process groups of their own, follows their output and stops them.
//!
//! Output goes to files and not through pipes: a grandchild that lives on cannot hold a reader back, and Terraform is not
//! killed by a broken pipe in the middle of an apply when the agent dies.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
    process::{Pid, Signal, kill_process_group},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::{process::Child, time::Instant};

use crate::{
    control::{Control, Stop},
    guardian::Guardian,
};

/// How often output is looked for.
const POLL: Duration = Duration::from_millis(40);

/// A line that does not end is shown after this time, or at this size.
const PARTIAL_AFTER: Duration = Duration::from_millis(250);
const PARTIAL_AT: usize = 1 << 20;

/// Starts the commands of one job, all in the same way.
pub(crate) struct Launcher {
    /// The program and the arguments that stand before each command's own.
    pub(crate) prefix: Vec<OsString>,
    /// The whole environment.
    pub(crate) env: BTreeMap<String, SecretString>,
    /// Where commands run.
    pub(crate) folder: PathBuf,
    /// Where output is collected, in files without a name: a configuration reaches none of them.
    pub(crate) output: PathBuf,
    /// Stops the commands should the agent die.
    pub(crate) guardian: Arc<Guardian>,
    /// How long a command may take to end after it was interrupted.
    pub(crate) grace: Duration,
    /// When the first command was started.
    pub(crate) first_start: OnceLock<std::time::Instant>,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Output,
    pub(crate) stderr: Output,
}

/// What a command has printed.
#[derive(Debug)]
pub(crate) struct Output {
    file: File,
}

/// Takes the output of a command as it comes.
pub(crate) type Sink<'a> = &'a mut (dyn FnMut(&[u8]) + Send);

impl Launcher {
    /// Runs a command to its end, or to its death when `control` asks for it.
    pub(crate) async fn run(
        &self,
        arguments: Vec<OsString>,
        control: &Control,
        mut sink: Option<Sink<'_>>,
    ) -> io::Result<Ended> {
        let (stdout, stderr) = (Output::create(&self.output)?, Output::create(&self.output)?);
        let (mut child, group) = self.start(&arguments, &stdout, &stderr)?;
        let mut tails = [Tail::of(&stdout)?, Tail::of(&stderr)?];
        let status = self.supervise(&mut child, group, control.clone(), &mut tails, &mut sink).await;
        // What the command left running in its group has nobody to work for.
        signal(group, Signal::KILL);
        self.guardian.group_ended(group);
        if let Some(sink) = &mut sink {
            for tail in &mut tails {
                tail.follow(&mut **sink, Ending::Whole)?;
            }
        }
        Ok(Ended { status: status?, stdout, stderr })
    }

    fn start(&self, arguments: &[OsString], stdout: &Output, stderr: &Output) -> io::Result<(Child, Pid)> {
        let (program, before) = self.prefix.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = tokio::process::Command::new(program);
        command
            .args(before)
            .args(arguments)
            .current_dir(&self.folder)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(stdout.file.try_clone()?)
            .stderr(stderr.file.try_clone()?)
            .process_group(0);
        for (name, value) in &self.env {
            command.env(name, value.expose_secret());
        }
        self.first_start.get_or_init(std::time::Instant::now);
        let child = command.spawn()?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let group = group.ok_or_else(|| io::Error::other("the command has no process id"))?;
        self.guardian.group_started(group);
        Ok((child, group))
    }

    async fn supervise(
        &self,
        child: &mut Child,
        group: Pid,
        mut control: Control,
        tails: &mut [Tail; 2],
        sink: &mut Option<Sink<'_>>,
    ) -> io::Result<ExitStatus> {
        let mut asked = None;
        let mut kill_at: Option<Instant> = None;
        let mut ticks = tokio::time::interval(POLL);
        loop {
            let patience = async {
                match kill_at {
                    Some(moment) => tokio::time::sleep_until(moment).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                status = child.wait() => return status,
                stop = control.stronger_than(asked) => {
                    asked = Some(stop);
                    if stop == Stop::Kill {
                        signal(group, Signal::KILL);
                    } else {
                        signal(group, Signal::INT);
                        kill_at = Some(Instant::now() + self.grace);
                    }
                }
                () = patience => {
                    asked = Some(Stop::Kill);
                    kill_at = None;
                    signal(group, Signal::KILL);
                }
                _ = ticks.tick() => if let Some(sink) = sink {
                    for tail in tails.iter_mut() {
                        tail.follow(&mut **sink, Ending::Lines)?;
                    }
                },
            }
        }
    }
}

/// Signals a process group; that it is gone already is fine.
pub(crate) fn signal(group: Pid, signal: Signal) {
    if let Err(error) = kill_process_group(group, signal)
        && error != rustix::io::Errno::SRCH
    {
        tracing::warn!(group = group.as_raw_nonzero(), error = %error, "a process group cannot be signalled");
    }
}

impl Output {
    fn create(folder: &Path) -> io::Result<Self> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::APPEND | OFlags::CLOEXEC;
        match rustix::fs::open(folder, flags, Mode::RUSR | Mode::WUSR) {
            Ok(file) => Ok(Self { file: file.into() }),
            // A file system that has no files without a name.
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT) => Self::create_and_remove(folder),
            Err(error) => Err(error.into()),
        }
    }

    fn create_and_remove(folder: &Path) -> io::Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("output-{}-{number}", std::process::id()));
        let file = OpenOptions::new().read(true).append(true).create_new(true).mode(0o600).open(&path)?;
        fs::remove_file(path)?;
        Ok(Self { file })
    }

    /// All of it.
    pub(crate) fn read(&self) -> io::Result<Vec<u8>> {
        let mut content = vec![0; usize::try_from(self.file.metadata()?.len()).unwrap_or(usize::MAX)];
        self.file.read_exact_at(&mut content, 0)?;
        Ok(content)
    }
}

/// Follows a file that grows.
struct Tail {
    file: File,
    offset: u64,
    line: Vec<u8>,
    line_since: std::time::Instant,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Lines,
    Whole,
}

impl Tail {
    fn of(output: &Output) -> io::Result<Self> {
        Ok(Self {
            file: output.file.try_clone()?,
            offset: 0,
            line: Vec::new(),
            line_since: std::time::Instant::now(),
        })
    }

    /// Hands over what is new, in whole lines as far as possible: the lines of two streams must not mix.
    fn follow(&mut self, sink: &mut (dyn FnMut(&[u8]) + Send), ending: Ending) -> io::Result<()> {
        let mut piece = vec![0; 64 * 1024];
        loop {
            let size = self.file.read_at(&mut piece, self.offset)?;
            if size == 0 {
                break;
            }
            self.offset += size as u64;
            if self.line.is_empty() {
                self.line_since = std::time::Instant::now();
            }
            self.line.extend_from_slice(&piece[..size]);
            if let Some(end) = self.line.iter().rposition(|byte| *byte == b'\n') {
                let rest = self.line.split_off(end + 1);
                sink(&self.line);
                self.line = rest;
                self.line_since = std::time::Instant::now();
            }
        }
        let is_due = self.line.len() >= PARTIAL_AT || self.line_since.elapsed() >= PARTIAL_AFTER;
        if !self.line.is_empty() && (ending == Ending::Whole || is_due) {
            sink(&self.line);
            self.line.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn whole_lines_are_handed_over_and_the_rest_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let output = Output::create(folder.path()).unwrap();
        let mut writer = output.file.try_clone().unwrap();
        let mut tail = Tail::of(&output).unwrap();
        let mut seen: Vec<String> = Vec::new();
        let mut sink = |bytes: &[u8]| seen.push(String::from_utf8_lossy(bytes).into_owned());
        writer.write_all(b"one\ntwo\nthr").unwrap();
        tail.follow(&mut sink, Ending::Lines).unwrap();
        writer.write_all(b"ee\nfour").unwrap();
        tail.follow(&mut sink, Ending::Lines).unwrap();
        tail.follow(&mut sink, Ending::Whole).unwrap();
        assert_eq!(seen, ["one\ntwo\n", "three\n", "four"]);
        assert_eq!(output.read().unwrap(), b"one\ntwo\nthree\nfour");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
