//! The long form of the soak: twelve minutes of an apply with tokens of a minute. `soak short` takes one minute.

use std::{io::Write as _, process::ExitCode};

use anyhow::bail;
use carnet_tests::{SoakOptions, soak};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let options = match std::env::args().nth(1).as_deref() {
        None => SoakOptions::long(),
        Some("short") => SoakOptions::short(),
        Some(other) => bail!("there is no form {other:?}: say short, or nothing"),
    };
    let mut out = std::io::stdout();
    let seconds = |life: std::time::Duration| life.as_secs();
    writeln!(
        out,
        "an apply of {} s, identity tokens of {} s, Vault tokens of {} s, access tokens of {} s, role sessions of {} s, an object \
         every {} s",
        seconds(options.apply),
        seconds(options.identity_token),
        seconds(options.vault_token),
        seconds(options.access_token),
        seconds(options.role_session),
        seconds(options.object_every),
    )?;
    let report = soak(&options, |progress| {
        // Who reads this may have gone: the run goes on, and the exit code tells how it went.
        let _unread = writeln!(std::io::stdout(), "{progress}");
    })
    .await?;
    if !report.is_success() {
        writeln!(out, "{}", report.log)?;
    }
    write!(out, "{report}")?;
    Ok(if report.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
