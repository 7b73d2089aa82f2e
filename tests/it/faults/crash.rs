//! Processes that die without warning: what was obtained is given back, what was written is kept, and the run says so.

use std::{path::Path, time::Duration};

use anyhow::Context;
use carnet_tests::{CarnetAgent, EmbeddedAgent, ServerOptions, carnet_binary, wait_for};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::{
    process_table::{Process, processes},
    site::{Site, script, status, wait_until_empty},
};

/// An apply that has made one resource and waits while it makes another.
struct Apply {
    workspace: String,
    run: String,
    /// The Vault token of the apply.
    accessor: String,
    configuration: String,
}

impl Apply {
    async fn start(site: &Site) -> anyhow::Result<Self> {
        let workspace = site.trusted("net").await?;
        let second = script("second", &site.witness.wait_at("second"));
        let second = second.replacen("{\n", "{\n  depends_on = [terraform_data.first]\n", 1);
        let configuration = format!("{}{second}", script("first", "true"));
        let run = site.api.start_run(&workspace, &configuration, json!({"auto-apply": true})).await?;
        site.witness.wait_for_arrivals("second", 1).await?;
        let accessor = site.bao.logins()?.pop().map(|login| login.accessor).unwrap_or_default();
        assert!(site.bao.is_live(&accessor).await?);
        Ok(Self { workspace, run, accessor, configuration })
    }

    /// Waits until the run's home and its processes are gone and its token is revoked, with nobody there to report it.
    async fn wait_until_cleaned_up(&self, site: &Site, work_root: &Path) -> anyhow::Result<()> {
        wait_until_empty(work_root).await?;
        assert!(!site.bao.is_live(&self.accessor).await?, "the Vault token of the apply still works");
        wait_for("the processes of the run to end", Duration::from_secs(10), async || {
            let is_left =
                processes().iter().any(|process| process.belongs_to(work_root) && !is_product(process));
            Ok((!is_left).then_some(()))
        })
        .await
    }

    /// Waits until the server has the state that Terraform wrote while it was being stopped.
    async fn wait_for_last_state(&self, site: &Site) -> anyhow::Result<()> {
        wait_for("the last state to be delivered", Duration::from_secs(60), async || {
            let Ok(state) = site.api.current_state(&self.workspace).await else { return Ok(None) };
            let status = |name: &str| instance(&state, name).map(|found| found["status"].clone());
            let is_last = status("first") == Some(Value::Null) && status("second") == Some(json!("tainted"));
            Ok(is_last.then_some(()))
        })
        .await
    }

    /// The run has ended as what it is, and the workspace goes on with the next one.
    async fn ends_honestly(&self, site: &Site) -> anyhow::Result<()> {
        let run = site.api.wait_for_status(&self.run, &["errored"]).await?;
        assert_eq!(status(&run), "errored");
        let log = site.api.phase_log(&self.run, "apply").await?;
        assert!(log.contains("the agent stopped answering"), "{log}");
        assert!(log.ends_with('\u{3}'), "the log has an end");
        self.wait_for_last_state(site).await?;
        let workspace = site.api.get(&format!("workspaces/{}", self.workspace)).await?;
        assert_eq!(workspace["data"]["attributes"]["locked"], json!(false));

        site.witness.open("second");
        let next = site.api.run_to_end(&self.workspace, &self.configuration).await?;
        assert_eq!(status(&next), "applied");
        let state = site.api.current_state(&self.workspace).await?;
        assert_eq!(instance(&state, "second").map(|found| found["status"].clone()), Some(Value::Null));
        Ok(())
    }
}

/// The agent itself names its folders in its arguments.
pub(super) fn is_product(process: &Process) -> bool {
    let arguments = process.arguments();
    let mut words = arguments.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    words.next().is_some_and(|program| program.ends_with("/carnet"))
        && words.next().is_some_and(|command| matches!(&*command, "server" | "agent"))
}

pub(super) fn send(signal: Signal, processes: &[Process]) -> anyhow::Result<()> {
    for process in processes {
        let pid = i32::try_from(process.id).ok().and_then(Pid::from_raw).context("a process has an id")?;
        match kill_process(pid, signal) {
            // What belonged to one that was killed before may be gone.
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The instance of a resource in a state.
fn instance<'a>(state: &'a Value, name: &str) -> Option<&'a Value> {
    let resources = state["resources"].as_array()?;
    resources.iter().find(|resource| resource["name"] == name).map(|resource| &resource["instances"][0])
}

/// The three go on side by side: most of their time is the lease of an agent that does not come back.
#[tokio::test]
async fn whoever_dies_leaves_nothing_behind_but_the_state() -> anyhow::Result<()> {
    let server =
        async { a_killed_server_takes_its_agent_along_and_leaves_nothing_behind().await.context("server") };
    let agent = async { a_killed_agent_leaves_nothing_behind_but_the_state().await.context("agent") };
    let machine = async { a_power_cut_loses_no_state_and_leaves_no_home().await.context("machine") };
    tokio::try_join!(server, agent, machine)?;
    Ok(())
}

async fn a_killed_server_takes_its_agent_along_and_leaves_nothing_behind() -> anyhow::Result<()> {
    let mut site = Site::start().await?;
    let apply = Apply::start(&site).await?;
    site.server.kill().await?;
    apply.wait_until_cleaned_up(&site, &site.server.work_root()).await?;
    site.server.restart().await?;
    apply.ends_honestly(&site).await
}

async fn a_killed_agent_leaves_nothing_behind_but_the_state() -> anyhow::Result<()> {
    let options = ServerOptions { agent: EmbeddedAgent::Off, ..Default::default() };
    let site = Site::start_with(options).await?;
    let mut agent = CarnetAgent::start(&site.server).await?;
    let apply = Apply::start(&site).await?;
    agent.kill().await?;
    apply.wait_until_cleaned_up(&site, &agent.work_root()).await?;
    agent.restart()?;
    apply.ends_honestly(&site).await
}

/// Nobody is left who could clean up, and nothing but the disk remembers.
async fn a_power_cut_loses_no_state_and_leaves_no_home() -> anyhow::Result<()> {
    let mut site = Site::start().await?;
    let apply = Apply::start(&site).await?;
    let server = site.server.id().context("the server runs")?;
    let binary = carnet_binary()?.canonicalize()?;
    let work_root = site.server.work_root();
    let is_guardian = |process: &Process| process.executes(&binary) && process.parent() == Some(server);
    let is_of_run = |process: &Process| process.belongs_to(&work_root) && !is_product(process);
    let (guardians, others): (Vec<_>, Vec<_>) =
        processes().into_iter().filter(|one| is_guardian(one) || is_of_run(one)).partition(is_guardian);
    assert!(!guardians.is_empty() && !others.is_empty());
    // Whoever is still there would clean up after those who are not: the guardians are kept from it.
    send(Signal::STOP, &guardians)?;
    site.server.kill().await?;
    send(Signal::KILL, &guardians)?;
    send(Signal::KILL, &others)?;
    assert!(std::fs::read_dir(&work_root)?.next().is_some(), "nobody has deleted the home");

    site.server.restart().await?;
    wait_until_empty(&work_root).await?;
    site.api.wait_for_status(&apply.run, &["errored"]).await?;
    let state = site.api.current_state(&apply.workspace).await?;
    assert!(instance(&state, "first").is_some(), "{state}");
    let workspace = site.api.get(&format!("workspaces/{}", apply.workspace)).await?;
    assert_eq!(workspace["data"]["attributes"]["locked"], json!(false));
    Ok(())
}

#[tokio::test]
async fn an_apply_outlives_an_absence_of_the_server() -> anyhow::Result<()> {
    let options = ServerOptions { agent: EmbeddedAgent::Off, ..Default::default() };
    let mut site = Site::start_with(options).await?;
    let agent = CarnetAgent::start(&site.server).await?;
    let apply = Apply::start(&site).await?;
    site.server.kill().await?;
    site.witness.open("second");
    // Terraform ends, and its token is given back, while nobody can be told.
    wait_for("the token to be revoked", Duration::from_secs(30), async || {
        Ok((!site.bao.is_live(&apply.accessor).await?).then_some(()))
    })
    .await?;
    site.server.restart().await?;

    let run = site.api.wait_for_status(&apply.run, &["applied"]).await?;
    assert_eq!(status(&run), "applied");
    let state = site.api.current_state(&apply.workspace).await?;
    assert_eq!(instance(&state, "second").map(|found| found["status"].clone()), Some(Value::Null), "{state}");
    let log = site.api.phase_log(&apply.run, "apply").await?;
    assert!(log.contains("terraform_data.second: Creation complete"), "{log}");
    wait_until_empty(&agent.work_root()).await
}
