//! A long apply with short tokens: AWS, Vault, Azure and Google, used throughout without one expiry error.
//!
//! One run of a real server and a real Terraform. A chain of waits keeps the apply alive; between the waits the same
//! process of the AWS provider writes objects to SeaweedFS, and beside them clients of Vault, Azure and Google use their
//! services every second. The tokens of every kind end many times before the apply does.
//!
//! What is left out: `WorkloadIdentityCredential` of Azure's library. It keeps what it has read from the token file for ten
//! minutes, so that identity tokens of a minute would be stale for it, however soon they are replaced.

mod configuration;
mod evidence;
mod options;
mod recorder;
mod report;
mod site;

use std::{
    fmt,
    time::{Duration, Instant},
};

use anyhow::bail;
use serde_json::json;

use self::{
    configuration::Clients,
    evidence::{Evidence, VaultUse, seen},
    site::Site,
};

pub use self::{
    options::SoakOptions,
    report::{SoakReport, SoakRow},
};

const POLL: Duration = Duration::from_secs(1);
const PROGRESS_EVERY: Duration = Duration::from_secs(30);

/// What everything beside the apply may take.
const PREPARATION_LIMIT: Duration = Duration::from_secs(150);

/// Run states that nothing follows.
const FINAL: [&str; 6] =
    ["applied", "planned_and_finished", "discarded", "errored", "canceled", "force_canceled"];

/// Where a soak is.
#[derive(Debug, Clone)]
pub struct SoakProgress {
    /// Since the approval of the apply.
    pub elapsed: Duration,
    /// The run's status.
    pub status: String,
    /// Role sessions, reads of the secret, renewals of Vault tokens, access tokens of Azure and of Google, refusals.
    counts: [(&'static str, usize); 6],
}

/// Runs a soak to its end; `on_progress` hears of it every half minute.
pub async fn soak(
    options: &SoakOptions,
    on_progress: impl FnMut(&SoakProgress),
) -> anyhow::Result<SoakReport> {
    let clients = Clients::find().await?;
    let mut site = Site::start(options, &clients.aws).await?;
    let archive = clients.archive(options, &site.addresses())?;
    let (version, answer) = site.api.upload_archive(&site.workspace, archive).await?;
    answer.success()?;
    let run = site.api.start_run_of(&site.workspace, &version, json!({"auto-apply": false})).await?;
    site.api.wait_for_status(&run, &["planned"]).await?;
    // The plan is not what this is about, and the schemas of a large provider keep a slow machine busy in it.
    site.shorten_tokens(options.identity_token).await?;
    site.api.act(&run, "apply").await?;
    wait_for_end(&site, &run, options.apply + PREPARATION_LIMIT, on_progress).await?;
    let report = SoakReport::of(options, Evidence::collect(&site, &run, options).await?);
    if report.is_success() {
        site.forget_logs();
    }
    Ok(report)
}

async fn wait_for_end(
    site: &Site,
    run: &str,
    limit: Duration,
    mut on_progress: impl FnMut(&SoakProgress),
) -> anyhow::Result<()> {
    let start = Instant::now();
    let mut next = PROGRESS_EVERY;
    loop {
        let document = site.api.get(&format!("runs/{run}")).await?;
        let status = document["data"]["attributes"]["status"].as_str().unwrap_or_default();
        let elapsed = start.elapsed();
        let is_over = FINAL.contains(&status);
        if is_over || elapsed >= next {
            on_progress(&SoakProgress { elapsed, status: status.to_owned(), counts: counts(site) });
            next += PROGRESS_EVERY;
        }
        if is_over {
            return Ok(());
        }
        if elapsed >= limit {
            let log = site.api.run_log(run).await.unwrap_or_default();
            bail!("the run is still {status} after {limit:?}\n{log}");
        }
        tokio::time::sleep(POLL).await;
    }
}

fn counts(site: &Site) -> [(&'static str, usize); 6] {
    let seen = seen(site);
    // The last line of the audit log may be half written: what it says is there the next time.
    let vault = VaultUse::read(&site.bao).unwrap_or_default();
    let exchanges = |family| seen[family].iter().filter(|seen| seen.is_exchange).count();
    let refused = seen.values().flatten().filter(|seen| seen.refusal.is_some()).count();
    [
        ("role sessions", exchanges("aws")),
        ("Vault reads", vault.reads),
        ("Vault renewals", vault.renewals.len()),
        ("Azure tokens", exchanges("azure")),
        ("Google tokens", exchanges("gcp")),
        ("refused", refused + vault.refusals.len()),
    ]
}

impl fmt::Display for SoakProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>5} s  {:<10}", self.elapsed.as_secs(), self.status)?;
        for (name, count) in self.counts {
            write!(f, "  {name} {count}")?;
        }
        Ok(())
    }
}
