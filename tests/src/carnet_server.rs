//! The product itself: `carnet server` from the build under test.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::{
    api_client::ApiClient,
    json_client::JsonClient,
    port::free_ports,
    postgres::PostgresDatabase,
    process::{ChildProcess, Ending, Start},
    tool::{Tool, tool},
};

/// The API token of the site administrator of every server of the tests.
pub const BOOTSTRAP_TOKEN: &str =
    "bootstrap.atlasv1.0123456789abcdefghijABCDEFGHIJ0123456789abcdefghijABCDEFG";

const START_ATTEMPTS: usize = 5;

/// Whether the server executes runs itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EmbeddedAgent {
    /// It does.
    #[default]
    On,
    /// It leaves them to agents in other processes.
    Off,
}

/// How a server is started.
#[derive(Debug, Clone, Default)]
pub struct ServerOptions {
    /// Whether it executes runs itself.
    pub agent: EmbeddedAgent,
    /// A filesystem mirror of providers for the runs.
    pub plugin_dir: Option<PathBuf>,
    /// More certificate authorities, for the counterparts the agent calls.
    pub ca_file: Option<PathBuf>,
    /// The address of a Postgres database that other servers use, too; none for a database of its own.
    pub database: Option<String>,
    /// More arguments.
    pub arguments: Vec<String>,
    /// More environment variables.
    pub environment: Vec<(String, String)>,
}

/// A running `carnet server` with its data directory.
#[derive(Debug)]
pub struct CarnetServer {
    process: ChildProcess,
    options: ServerOptions,
    terraform: PathBuf,
    port: u16,
    ca_pem: String,
    folder: TempDir,
    /// The database of its own.
    _database: Option<PostgresDatabase>,
}

impl CarnetServer {
    /// Starts a server with an empty data directory.
    pub async fn start(mut options: ServerOptions) -> anyhow::Result<Self> {
        let terraform = tool(Tool::Terraform).await?;
        for _ in 0..START_ATTEMPTS {
            let folder = tempfile::Builder::new().prefix("carnet-").tempdir()?;
            std::fs::create_dir(folder.path().join("work"))?;
            let [port] = free_ports()?;
            let database = match options.database {
                Some(_) => None,
                None => PostgresDatabase::if_wanted().await?,
            };
            if let Some(database) = &database {
                options.database = Some(database.address());
            }
            let mut process = spawn(folder.path(), port, &terraform, &options)?;
            if let Some(ca_pem) = ready(&mut process, folder.path(), port).await? {
                return Ok(Self { process, options, terraform, port, ca_pem, folder, _database: database });
            }
            if database.is_some() {
                options.database = None;
            }
        }
        bail!("carnet server found no free port in {START_ATTEMPTS} attempts")
    }

    /// The host name and port, as a `cloud` block names the server.
    pub fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// The address, which is the issuer's URL too.
    pub fn url(&self) -> String {
        format!("https://{}", self.host())
    }

    /// The certificate of the authority behind the server's own.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The file with the certificate of the authority behind the server's own.
    pub fn ca_file(&self) -> PathBuf {
        self.data_dir().join("tls/ca.pem")
    }

    /// The data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Where the embedded agent works.
    pub fn work_root(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// Everything the server has printed since its first start.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Nobody needs the log any more: what the server was for has succeeded.
    pub fn forget_log(&mut self) {
        self.process.forget_log();
    }

    /// The server's process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// The API as the site administrator.
    pub fn api(&self) -> anyhow::Result<ApiClient> {
        self.api_as(BOOTSTRAP_TOKEN)
    }

    /// The API with another token.
    pub fn api_as(&self, token: &str) -> anyhow::Result<ApiClient> {
        Ok(ApiClient::new(JsonClient::new(&self.url(), Some(&self.ca_pem))?, token))
    }

    /// The server without a token: discovery, health and the issuer's documents.
    pub fn anonymous(&self) -> anyhow::Result<JsonClient> {
        JsonClient::new(&self.url(), Some(&self.ca_pem))
    }

    /// Runs another command of the same binary to its end.
    pub async fn command(&self, arguments: &[&str]) -> anyhow::Result<std::process::Output> {
        self.command_with(arguments, &[]).await
    }

    /// The same with more environment variables.
    pub async fn command_with(
        &self,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> anyhow::Result<std::process::Output> {
        let mut command = tokio::process::Command::new(carnet_binary()?);
        command.args(arguments).env("CARNET_TOKEN", BOOTSTRAP_TOKEN).env("CARNET_CA_FILE", self.ca_file());
        command.envs(self.options.database.iter().map(|address| ("CARNET_DATABASE", address)));
        command.envs(environment.iter().copied());
        Ok(command.output().await?)
    }

    /// Has a new agent token made.
    pub async fn agent_token(&self) -> anyhow::Result<String> {
        let data = self.data_dir().display().to_string();
        let made = self.command(&["admin", "agent-token", "--data", &data]).await?;
        let errors = String::from_utf8_lossy(&made.stderr);
        anyhow::ensure!(made.status.success(), "carnet admin agent-token failed: {errors}");
        Ok(String::from_utf8(made.stdout)?.trim().to_owned())
    }

    /// Ends the server as a service manager would.
    pub async fn terminate(&mut self) -> anyhow::Result<()> {
        self.process.terminate().await?;
        Ok(())
    }

    /// Ends the server and what it started without warning, as a power cut would.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill().await
    }

    /// Adds arguments for the next start.
    pub fn push_arguments(&mut self, more: &[&str]) {
        self.options.arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
    }

    /// Takes the last arguments away for the next start.
    pub fn pop_arguments(&mut self, count: usize) {
        let kept = self.options.arguments.len().saturating_sub(count);
        self.options.arguments.truncate(kept);
    }

    /// Starts the server again on the same data directory and port, after it has ended.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.process = spawn(self.folder.path(), self.port, &self.terraform, &self.options)?;
        let ready = ready(&mut self.process, self.folder.path(), self.port).await?;
        ready.map(drop).context("somebody else took the server's port while it was down")
    }
}

/// The binary under test, which the same build has put beside this executable or, for tests, one folder above it.
pub fn carnet_binary() -> anyhow::Result<PathBuf> {
    let executable = std::env::current_exe()?;
    let folders = executable.ancestors().skip(1).take(2);
    let mut candidates = folders.map(|folder| folder.join("carnet"));
    candidates.find(|binary| binary.is_file()).with_context(|| {
        format!("carnet is not built beside {}: run cargo build --bin carnet", executable.display())
    })
}

fn spawn(
    folder: &Path,
    port: u16,
    terraform: &Path,
    options: &ServerOptions,
) -> anyhow::Result<ChildProcess> {
    let mut command = Command::new(carnet_binary()?);
    command.arg("server").arg("--data").arg(folder.join("data"));
    command.args(["--listen", &format!("127.0.0.1:{port}"), "--url", &format!("https://localhost:{port}")]);
    command.args(["--tls", "auto"]);
    if options.agent == EmbeddedAgent::Off {
        command.arg("--no-agent");
    }
    command.arg("--work-root").arg(folder.join("work")).arg("--terraform").arg(terraform);
    if let Some(mirror) = &options.plugin_dir {
        command.arg("--terraform-plugin-dir").arg(mirror);
    }
    if let Some(file) = &options.ca_file {
        command.arg("--ca-file").arg(file);
    }
    command.args(&options.arguments);
    command.env_clear().env("HOME", folder).env("CARNET_BOOTSTRAP_TOKEN", BOOTSTRAP_TOKEN);
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
        .env("CARNET_LOG", "info,carnet_server=debug,carnet_agent=debug")
        .envs(options.database.iter().map(|address| ("CARNET_DATABASE", address)))
        .envs(options.environment.iter().cloned());
    ChildProcess::spawn("carnet server", command, &folder.join("carnet.log"), Ending::Terminate)
}

async fn ready(process: &mut ChildProcess, folder: &Path, port: u16) -> anyhow::Result<Option<String>> {
    let ca_file = folder.join("data/tls/ca.pem");
    let url = format!("https://localhost:{port}");
    let probe = async || {
        let Ok(pem) = std::fs::read_to_string(&ca_file) else { return false };
        let Ok(client) = JsonClient::new(&url, Some(&pem)) else { return false };
        client.request("GET", "/readyz", None).await.is_ok_and(|answer| answer.status == 200)
    };
    match process.until_ready(probe).await? {
        Start::Ready => Ok(Some(std::fs::read_to_string(&ca_file)?)),
        Start::PortTaken => Ok(None),
    }
}
