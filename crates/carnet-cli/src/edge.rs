//! The edge of the program: the only place that reads the clock and the environment.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

use anyhow::Context as _;
use carnet_model::Timestamp;
use secrecy::SecretString;

/// The hidden stage that this process was started for, if any.
pub(crate) fn stage() -> Option<String> {
    std::env::args().nth(1)
}

/// Keeps other processes of the same user from reading this one's memory and environment, and secrets out of core dumps.
pub(crate) fn hide_memory() -> std::io::Result<()> {
    Ok(rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?)
}

/// Does something whose new files are for their owner only. Nothing else may make files meanwhile.
pub(crate) async fn for_owner_only<T>(action: impl AsyncFnOnce() -> T) -> T {
    let before = rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let result = action().await;
    rustix::process::umask(before);
    result
}

#[expect(clippy::disallowed_methods, reason = "this is the edge that owns the clock")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

pub(crate) fn clock() -> Arc<dyn Fn() -> Timestamp + Send + Sync> {
    Arc::new(now)
}

/// A variable of the environment that holds a secret: never a flag, since everybody can read argument lists.
#[expect(clippy::disallowed_methods, reason = "this is the edge that owns the environment")]
pub(crate) fn secret(name: &str) -> Option<SecretString> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).map(SecretString::from)
}

/// The environment from which agents take what is on their allow list.
#[expect(clippy::disallowed_methods, reason = "this is the edge that owns the environment")]
pub(crate) fn environment() -> BTreeMap<String, String> {
    std::env::vars().collect()
}

pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime could not be started")
}

/// Writes to standard output; a reader that has gone away is no error.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().write_all(text.as_bytes()).and_then(|()| std::io::stdout().flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("standard output cannot be written"),
    }
}

/// Ends the process; what was printed has been written.
pub(crate) fn exit(code: i32) -> ! {
    std::process::exit(code)
}

/// Completes when the process is asked to end.
pub(crate) async fn stop_signal() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}
