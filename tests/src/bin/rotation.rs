//! The long form of the proof about rotation: a new key every two seconds for three minutes under the tokens of fifty runs.
//! `rotation short` takes a quarter of a minute, `rotation two` has two servers on one Postgres database.

use std::{io::Write as _, process::ExitCode};

use anyhow::bail;
use carnet_tests::{RotationOptions, rotation};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let options = match std::env::args().nth(1).as_deref() {
        None => RotationOptions::long(),
        Some("short") => RotationOptions::short(),
        Some("two") => RotationOptions { servers: 2, ..RotationOptions::long() },
        Some(other) => bail!("there is no form {other:?}: say short, two, or nothing"),
    };
    let mut out = std::io::stdout();
    writeln!(
        out,
        "a new key every {} s for {} s, {} runs, key sets kept for {} s",
        options.period.as_secs(),
        options.time.as_secs(),
        options.runs,
        options.max_age.as_secs(),
    )?;
    let report = rotation(&options).await?;
    write!(out, "{report}")?;
    Ok(if report.failures() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
