//! The real Terraform CLI, in a directory and with a home of its own.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
    task::JoinHandle,
};

use crate::{
    carnet_server::CarnetServer,
    process::wait_for,
    tool::{Tool, tool},
};

const COMMAND_LIMIT: Duration = Duration::from_secs(180);

/// A directory with a configuration, and the CLI signed in to a server.
#[derive(Debug)]
pub struct TerraformCli {
    program: PathBuf,
    ca_file: PathBuf,
    environment: Vec<(String, String)>,
    folder: TempDir,
}

/// What a command printed and how it ended, without colours.
#[derive(Debug, Clone)]
pub struct TerraformOutput {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// A command that is running.
#[derive(Debug)]
pub struct RunningTerraform {
    child: Child,
    stdout: Arc<Mutex<Vec<u8>>>,
    stderr: Arc<Mutex<Vec<u8>>>,
    readers: Vec<JoinHandle<()>>,
}

impl TerraformCli {
    /// Prepares an empty directory and the credentials for `server`.
    pub async fn new(server: &CarnetServer, token: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        for name in ["home", "configuration"] {
            std::fs::create_dir(folder.path().join(name))?;
        }
        let credentials = format!("credentials \"{}\" {{\n  token = \"{token}\"\n}}\n", server.host());
        std::fs::write(folder.path().join("terraform.rc"), credentials)?;
        let program = tool(Tool::Terraform).await?;
        Ok(Self { program, ca_file: server.ca_file(), environment: Vec::new(), folder })
    }

    /// Adds a variable to the environment of every command.
    #[must_use]
    pub fn with_environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The directory of the configuration.
    pub fn directory(&self) -> PathBuf {
        self.folder.path().join("configuration")
    }

    /// The home directory of every command.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Writes a file of the configuration.
    pub fn write(&self, name: &str, content: &str) -> anyhow::Result<()> {
        let file = self.directory().join(name);
        let folder = file.parent().context("a file of the configuration lies in its directory")?;
        std::fs::create_dir_all(folder)?;
        std::fs::write(&file, content).with_context(|| format!("cannot write {}", file.display()))
    }

    /// Writes a `cloud` block that names the workspace.
    pub fn write_cloud_block(
        &self,
        server: &CarnetServer,
        organization: &str,
        workspace: &str,
    ) -> anyhow::Result<()> {
        let host = server.host();
        let block = format!(
            "terraform {{\n  cloud {{\n    hostname     = \"{host}\"\n    organization = \"{organization}\"\n    \
             workspaces {{ name = \"{workspace}\" }}\n  }}\n}}\n"
        );
        self.write("cloud.tf", &block)
    }

    /// Runs a command to its end.
    pub async fn run(&self, arguments: &[&str]) -> anyhow::Result<TerraformOutput> {
        self.start(arguments)?.finish().await
    }

    /// Runs a command that must succeed.
    pub async fn succeed(&self, arguments: &[&str]) -> anyhow::Result<TerraformOutput> {
        let output = self.run(arguments).await?;
        if output.code != Some(0) {
            let TerraformOutput { code, stdout, stderr } = output;
            bail!("terraform {arguments:?} ended with {code:?}\n{stdout}\n{stderr}");
        }
        Ok(output)
    }

    /// Starts a command.
    pub fn start(&self, arguments: &[&str]) -> anyhow::Result<RunningTerraform> {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.directory()).env_clear().envs(self.base_environment());
        command.envs(self.environment.iter().cloned());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true).process_group(0);
        let mut child = command.spawn().context("cannot start terraform")?;
        let (stdout, stderr) = (Arc::default(), Arc::default());
        let readers = vec![
            collect(child.stdout.take().context("standard output is a pipe")?, &stdout),
            collect(child.stderr.take().context("standard error is a pipe")?, &stderr),
        ];
        Ok(RunningTerraform { child, stdout, stderr, readers })
    }

    fn base_environment(&self) -> Vec<(&'static str, std::ffi::OsString)> {
        let folder: &Path = self.folder.path();
        vec![
            ("PATH", std::env::var_os("PATH").unwrap_or_default()),
            ("HOME", folder.join("home").into()),
            ("TF_CLI_CONFIG_FILE", folder.join("terraform.rc").into()),
            ("SSL_CERT_FILE", self.ca_file.clone().into()),
            ("CHECKPOINT_DISABLE", "1".into()),
        ]
    }
}

impl RunningTerraform {
    /// Waits until the text appears on standard output.
    pub async fn wait_for_output(&self, text: &str) -> anyhow::Result<()> {
        let what = format!("terraform to print {text:?}");
        let shown = wait_for(&what, COMMAND_LIMIT, async || {
            let has_ended = self.readers.iter().all(JoinHandle::is_finished);
            let is_there = self.printed(&self.stdout).contains(text);
            Ok((is_there || has_ended).then_some(is_there))
        });
        if shown.await? {
            return Ok(());
        }
        bail!("terraform ended without printing {text:?}\n{}", self.printed(&self.stdout))
    }

    /// What standard output shows so far.
    pub fn shown(&self) -> String {
        self.printed(&self.stdout)
    }

    /// Answers a question on standard input.
    pub async fn answer(&mut self, line: &str) -> anyhow::Result<()> {
        let stdin = self.child.stdin.as_mut().context("standard input is a pipe")?;
        stdin.write_all(format!("{line}\n").as_bytes()).await?;
        Ok(stdin.flush().await?)
    }

    /// Presses Ctrl-C: terraform alone gets the signal.
    pub fn interrupt(&self) -> anyhow::Result<()> {
        let pid = self.pid().context("terraform has ended already")?;
        Ok(kill_process(pid, Signal::INT)?)
    }

    /// Waits for the end of the command.
    pub async fn finish(mut self) -> anyhow::Result<TerraformOutput> {
        drop(self.child.stdin.take());
        let status = match tokio::time::timeout(COMMAND_LIMIT, self.child.wait()).await {
            Ok(status) => status?,
            Err(_) => bail!("terraform did not end within {COMMAND_LIMIT:?}\n{}", self.printed(&self.stdout)),
        };
        for reader in std::mem::take(&mut self.readers) {
            reader.await?;
        }
        Ok(TerraformOutput {
            code: status.code(),
            stdout: self.printed(&self.stdout),
            stderr: self.printed(&self.stderr),
        })
    }

    fn printed(&self, stream: &Mutex<Vec<u8>>) -> String {
        let bytes = stream.lock().expect("no reader panics while it holds the lock");
        without_colour(&String::from_utf8_lossy(&bytes))
    }

    fn pid(&self) -> Option<Pid> {
        self.child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?))
    }
}

impl Drop for RunningTerraform {
    fn drop(&mut self) {
        if let Some(pid) = self.pid() {
            // The leader was not reaped, so the group's id is still its own.
            let _ended_already = kill_process_group(pid, Signal::KILL);
        }
    }
}

/// Removes escape sequences of colours and styles.
pub fn without_colour(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, escape)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = escape
            .split_once(|character: char| character.is_ascii_alphabetic())
            .map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    plain
}

fn collect(
    mut stream: impl AsyncRead + Unpin + Send + 'static,
    into: &Arc<Mutex<Vec<u8>>>,
) -> JoinHandle<()> {
    let into = Arc::clone(into);
    tokio::spawn(async move {
        let mut chunk = [0; 4096];
        // A broken pipe is the end of the output, too.
        while let Ok(length @ 1..) = stream.read(&mut chunk).await {
            into.lock()
                .expect("no reader panics while it holds the lock")
                .extend_from_slice(&chunk[..length]);
        }
    })
}
