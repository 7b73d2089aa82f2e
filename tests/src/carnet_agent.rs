//! `carnet agent`: the agent in a process of its own.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{
    carnet_server::{CarnetServer, carnet_binary},
    process::{ChildProcess, Ending},
    tool::{Tool, tool},
};

/// A running `carnet agent` with its data directory.
#[derive(Debug)]
pub struct CarnetAgent {
    process: ChildProcess,
    server_url: String,
    server_ca: PathBuf,
    token: String,
    terraform: PathBuf,
    folder: TempDir,
}

impl CarnetAgent {
    /// Starts an agent of the site for a server.
    pub async fn start(server: &CarnetServer) -> anyhow::Result<Self> {
        Self::start_with(server, server.agent_token().await?).await
    }

    /// The same with another agent token, as that of a pool.
    pub async fn start_with(server: &CarnetServer, token: String) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("carnet-agent-").tempdir()?;
        std::fs::create_dir(folder.path().join("work"))?;
        let terraform = tool(Tool::Terraform).await?;
        let (server_url, server_ca) = (server.url(), server.ca_file());
        let process = spawn(folder.path(), &server_url, &server_ca, &token, &terraform)?;
        Ok(Self { process, server_url, server_ca, token, terraform, folder })
    }

    /// Where the homes of runs are made.
    pub fn work_root(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// Where states wait that the server has not taken yet.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The agent's process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Everything the agent has printed since its first start.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Ends the agent as a service manager would.
    pub async fn terminate(&mut self) -> anyhow::Result<()> {
        self.process.terminate().await?;
        Ok(())
    }

    /// Ends the agent without warning, as a power cut would; what it has started is left to itself.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill().await
    }

    /// Starts the agent again on the same data directory, after it has ended.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.process =
            spawn(self.folder.path(), &self.server_url, &self.server_ca, &self.token, &self.terraform)?;
        Ok(())
    }
}

fn spawn(
    folder: &Path,
    server_url: &str,
    server_ca: &Path,
    token: &str,
    terraform: &Path,
) -> anyhow::Result<ChildProcess> {
    let mut command = Command::new(carnet_binary()?);
    command.arg("agent").args(["--server", server_url]).arg("--ca-file").arg(server_ca);
    command.arg("--data").arg(folder.join("data")).arg("--work-root").arg(folder.join("work"));
    command.arg("--terraform").arg(terraform);
    command.env_clear().env("HOME", folder).env("CARNET_AGENT_TOKEN", token).env("CARNET_LOG", "debug");
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    ChildProcess::spawn("carnet agent", command, &folder.join("agent.log"), Ending::Terminate)
}
