//! Work that no request waits for: scheduling, leases.

use std::future::Future;
use std::sync::Arc;

use crate::app::App;

/// Runs the background work until `stop` completes.
pub async fn run_background(_app: Arc<App>, stop: impl Future<Output = ()>) {
    stop.await;
}
