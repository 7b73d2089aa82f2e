//! `carnet issuer verify`: looks at discovery and keys as relying parties do, from where this is run.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use carnet_issuer::probe::{Limits, Look, Report, look};
use clap::{Args, ValueEnum};

use crate::edge;
use crate::reach::authorities;

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

/// Which issuer, and what is known of it.
#[derive(Debug, Args)]
pub(crate) struct VerifyOptions {
    /// The issuer's URL, exactly as relying parties are told it.
    #[arg(value_name = "URL")]
    url: String,

    /// The name of the key that signs, or is to sign: it must be published.
    #[arg(long, value_name = "KID")]
    kid: Option<String>,

    /// Certificate authorities to trust beside the system's, PEM: clouds trust public ones only.
    #[arg(long, env = "CARNET_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,

    /// How the report is written.
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    format: ReportFormat,
}

/// Looks, and prints what was found. Fails when some relying party would refuse tokens.
pub(super) async fn run(options: &VerifyOptions) -> anyhow::Result<()> {
    let pem = options.ca_file.as_deref().map(authorities).transpose()?;
    let report = outside(&options.url, options.kid.as_deref(), pem.as_deref()).await;
    edge::print(&written(&report, options.format)?)?;
    refuse_failures(&report)
}

/// Fails when some relying party would refuse tokens.
pub(crate) fn refuse_failures(report: &Report) -> anyhow::Result<()> {
    if !report.is_accepted() {
        bail!("relying parties refuse tokens of {}: {}", report.issuer, report.failures());
    }
    Ok(())
}

/// Looks at an issuer from here.
pub(crate) async fn outside(url: &str, kid: Option<&str>, ca_pem: Option<&[u8]>) -> Report {
    look(url, &Look { kid, ca_pem, clock: &edge::now, limits: Limits::default() }).await
}

/// A report as text or as JSON.
pub(crate) fn written(report: &Report, format: ReportFormat) -> anyhow::Result<String> {
    Ok(match format {
        ReportFormat::Text => report.to_string(),
        ReportFormat::Json => {
            format!("{}\n", serde_json::to_string_pretty(report).context("the report cannot be written")?)
        }
    })
}
