//! An agent in a world of its own.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use carnet_agent::{AgentConfig, AgentError, EngineSource, SandboxMode, run};
use carnet_api::job::{CredentialRules, JobDocument, JobIdentity, JobVariable, RunDocument, WireSecret};
use flate2::{Compression, write::GzEncoder};
use tokio::signal::unix::SignalKind;
use tokio::{sync::oneshot, task::JoinHandle};

use crate::{
    server::{AGENT_TOKEN, CONTROL_TOKEN, DELIVERY_TOKEN, RUN_TOKEN, Server},
    terraform,
};

pub(crate) const RUN: &str = "run-1";

/// A server, an agent and the folders they use.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) config: AgentConfig,
    pub(crate) folder: tempfile::TempDir,
    agent: Option<Running>,
}

struct Running {
    stop: oneshot::Sender<()>,
    agent: JoinHandle<Result<(), AgentError>>,
}

/// A process that a shell put into the background ignores interrupts, and so would everything that it starts: the
/// interrupts of these tests would reach nobody. What somebody listens to is not ignored any more.
fn hear_interrupts() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap().trim();
    let interrupt = 1 << (SignalKind::interrupt().as_raw_value() - 1);
    if u64::from_str_radix(ignored, 16).unwrap() & interrupt != 0 {
        drop(tokio::signal::unix::signal(SignalKind::interrupt()).unwrap());
    }
}

/// The program with the hidden commands, which is built beside the tests.
pub(crate) fn stages() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let program = tests.parent().and_then(Path::parent).unwrap().join("examples/stages");
    assert!(
        program.exists(),
        "cargo test builds the example `stages`, unless it is told to build one test only"
    );
    program
}

impl World {
    pub(crate) async fn new() -> Self {
        hear_interrupts();
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        std::fs::create_dir(base.join("work")).unwrap();
        terraform::install(&base.join("terraform"));
        let server = Server::start().await;
        server.state().configuration = archive(&[("main.tf", "# main\n"), ("sub/main.tf", "# sub\n")]);
        let mut config = AgentConfig::new(&server.url, AGENT_TOKEN.to_owned().into(), base.join("data"));
        config.work_root = base.join("work");
        config.engine = EngineSource::Path(base.join("terraform"));
        config.program = Some(stages());
        config.sandbox = SandboxMode::Off;
        config.poll_wait = Duration::from_secs(1);
        config.guardian_grace = Duration::from_millis(200);
        Self { server, config, folder, agent: None }
    }

    /// Starts the agent.
    pub(crate) fn start(&mut self) {
        let (stop, stopped) = oneshot::channel();
        let agent = tokio::spawn(run(self.config.clone(), clock(), async {
            let _ = stopped.await;
        }));
        self.agent = Some(Running { stop, agent });
    }

    /// Asks the agent to end, and waits.
    pub(crate) async fn stop(&mut self) {
        let Running { stop, agent } = self.agent.take().unwrap();
        let _ = stop.send(());
        agent.await.unwrap().unwrap();
    }

    /// Gives the agent a job.
    pub(crate) fn queue(&self, document: JobDocument) {
        self.server.state().jobs.push_back(document);
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.config.work_root.join(format!("carnet-{RUN}"))
    }

    pub(crate) fn data(&self, path: &str) -> PathBuf {
        self.config.data_dir.join(path)
    }
}

pub(crate) fn clock() -> carnet_agent::Clock {
    Arc::new(|| jiff::Timestamp::UNIX_EPOCH)
}

pub(crate) fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

pub(crate) fn variable(key: &str, value: &str, category: &str) -> JobVariable {
    JobVariable {
        key: key.to_owned(),
        value: WireSecret(value.to_owned().into()),
        category: category.to_owned(),
        hcl: false,
        sensitive: false,
        origin: "workspace \"net\"".to_owned(),
    }
}

/// A job whose Terraform does `act`.
pub(crate) fn job(phase: &str, act: &str) -> JobDocument {
    let text = str::to_owned;
    let secret = |value: &str| WireSecret(value.to_owned().into());
    JobDocument {
        job_id: format!("job-{phase}"),
        phase: text(phase),
        control_token: secret(CONTROL_TOKEN),
        delivery_token: secret(DELIVERY_TOKEN),
        run_token: secret(RUN_TOKEN),
        server_url: text("https://carnet.example.com"),
        identity: JobIdentity {
            organization_id: text("org-1"),
            organization_name: text("acme"),
            project_id: text("prj-1"),
            project_name: text("Default Project"),
            workspace_id: text("ws-1"),
            workspace_name: text("net"),
            run_id: text(RUN),
            subject: format!("organization:acme:project:Default Project:workspace:net:run_phase:{phase}"),
        },
        run: RunDocument {
            terraform_version: text("1.11.4"),
            working_directory: String::new(),
            structured_output: false,
            plan_only: false,
            is_destroy: false,
            refresh: true,
            refresh_only: false,
            allow_config_generation: false,
            target_addrs: Vec::new(),
            replace_addrs: Vec::new(),
        },
        variables: vec![variable("FAKE", act, "env")],
        deadline_at: jiff::Timestamp::from_second(3600).unwrap(),
        issuer_url: text("https://carnet.example.com"),
        credentials: CredentialRules { identity_token_ttl_seconds: 600, tolerates_static_credentials: false },
        adapters: Vec::new(),
        notices: Vec::new(),
        claimed_at: jiff::Timestamp::UNIX_EPOCH,
    }
}
