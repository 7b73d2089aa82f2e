//! What a remote run costs beside a local one, and how soon Terraform starts after a job was claimed.
//!
//! A real server with its embedded agent, the real Terraform, and one `terraform_data` resource. Local and remote take
//! turns; every pair gives a difference, and the median counts. The server's own times are read, so what a client
//! loses by polling is not in them; it is shown apart, with the real command.

use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use carnet_benches::report::{Figure, median, publish};
use carnet_model::Timestamp;
use carnet_tests::{ApiClient, BOOTSTRAP_TOKEN, CarnetServer, ServerOptions, TerraformCli};
use serde_json::Value;

const ROUNDS: usize = 9;
const CONFIGURATION: &str = "resource \"terraform_data\" \"one\" {\n  input = timestamp()\n}\n";

/// One remote run, in seconds and milliseconds as the server and its agent saw it.
struct RemoteRun {
    total: f64,
    preparations: Vec<f64>,
    steps: Vec<(String, f64)>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut server = CarnetServer::start(ServerOptions::default()).await?;
    let api = server.api()?;
    api.create_organization("bench").await?;
    let mut out = std::io::stdout();
    let (mut local, mut remote) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let alone = local_run(&server).await?;
        let run = remote_run(&api, round).await?;
        if round == 0 {
            // The first pair warms the caches.
            continue;
        }
        writeln!(
            out,
            "  local {alone:.2} s  remote {:.2} s  difference {:+.2} s",
            run.total,
            run.total - alone
        )?;
        local.push(alone);
        remote.push(run);
    }
    let cli = command_line_run(&server).await?;
    show_steps(&mut out, &remote)?;
    figures(&local, &remote)?;
    writeln!(out, "  with the command's own polling, init and apply by terraform: {cli:.2} s")?;
    server.forget_log();
    Ok(())
}

/// `terraform init` and `apply` in a fresh directory without any server.
async fn local_run(server: &CarnetServer) -> anyhow::Result<f64> {
    let cli = TerraformCli::new(server, BOOTSTRAP_TOKEN).await?;
    cli.write("main.tf", CONFIGURATION)?;
    let start = Instant::now();
    cli.succeed(&["init", "-input=false"]).await?;
    cli.succeed(&["apply", "-input=false", "-auto-approve"]).await?;
    Ok(start.elapsed().as_secs_f64())
}

/// `terraform init` and `apply` through the server.
async fn command_line_run(server: &CarnetServer) -> anyhow::Result<f64> {
    let cli = TerraformCli::new(server, BOOTSTRAP_TOKEN).await?;
    cli.write("main.tf", CONFIGURATION)?;
    cli.write_cloud_block(server, "bench", "by-command")?;
    let start = Instant::now();
    cli.succeed(&["init", "-input=false"]).await?;
    cli.succeed(&["apply", "-input=false", "-auto-approve"]).await?;
    Ok(start.elapsed().as_secs_f64())
}

/// A run by the API, from its creation to its end.
async fn remote_run(api: &ApiClient, round: usize) -> anyhow::Result<RemoteRun> {
    let workspace = api.create_workspace("bench", &format!("round-{round}")).await?;
    let run = api.run_to_end(&workspace, CONFIGURATION).await?;
    let attributes = &run["data"]["attributes"];
    ensure!(attributes["status"] == "applied", "the run ended as {}", attributes["status"]);
    let total = moment(&attributes["status-timestamps"]["applied-at"])?
        .duration_since(moment(&attributes["created-at"])?)
        .as_secs_f64();
    let id = run["data"]["id"].as_str().context("a run has an id")?;
    let jobs = api.get(&format!("/api/carnet/v1/runs/{id}/jobs")).await?;
    let (mut preparations, mut steps) = (Vec::new(), Vec::new());
    for job in jobs.as_array().context("a list of jobs")? {
        let phase = job["phase"].as_str().unwrap_or_default();
        preparations.push(job["preparation_ms"].as_f64().context("a job tells its preparation")?);
        let waited = moment(&job["claimed_at"])?.duration_since(moment(&job["created_at"])?);
        steps.push((format!("{phase}: waiting for an agent"), waited.as_secs_f64() * 1000.0));
        for step in job["steps"].as_array().into_iter().flatten() {
            let name = step["name"].as_str().unwrap_or_default();
            steps.push((format!("{phase}: {name}"), step["milliseconds"].as_f64().unwrap_or_default()));
        }
    }
    Ok(RemoteRun { total, preparations, steps })
}

fn moment(value: &Value) -> anyhow::Result<Timestamp> {
    value.as_str().with_context(|| format!("{value} is not a time"))?.parse().context("not a time")
}

/// Where the time goes: the median of each step.
fn show_steps(out: &mut impl std::io::Write, runs: &[RemoteRun]) -> anyhow::Result<()> {
    let Some(first) = runs.first() else { return Ok(()) };
    for (place, (name, _)) in first.steps.iter().enumerate() {
        let times: Vec<f64> =
            runs.iter().filter_map(|run| run.steps.get(place)).map(|(_, time)| *time).collect();
        writeln!(out, "  {name:<34} {:>8.0} ms", median(&times).unwrap_or_default())?;
    }
    Ok(())
}

fn figures(local: &[f64], remote: &[RemoteRun]) -> anyhow::Result<()> {
    let alone = median(local).context("no rounds")?;
    let differences: Vec<f64> = remote.iter().zip(local).map(|(run, alone)| run.total - alone).collect();
    let overhead = median(&differences).context("no rounds")?;
    let limit = Duration::from_secs(1).as_secs_f64();
    publish(&Figure {
        name: "run-overhead".to_owned(),
        value: overhead,
        unit: "s".to_owned(),
        reference: format!("limit {limit:.1} s beyond local init and apply ({alone:.2} s)"),
        ratio: overhead / limit,
    })?;
    let preparations: Vec<f64> = remote.iter().flat_map(|run| run.preparations.iter().copied()).collect();
    let preparation = median(&preparations).context("no rounds")?;
    publish(&Figure {
        name: "claim-to-terraform-start".to_owned(),
        value: preparation,
        unit: "ms".to_owned(),
        reference: "limit 50 ms at the median".to_owned(),
        ratio: preparation / 50.0,
    })
}

#[cfg(test)]
mod tests {
    use super::moment;
    use serde_json::json;

    #[test]
    fn a_time_is_read_from_a_text_only() {
        assert!(moment(&json!("2026-01-05T10:00:00Z")).is_ok());
        assert!(moment(&json!(7)).is_err());
    }
}
