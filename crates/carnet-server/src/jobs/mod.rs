//! Work that no request waits for: scheduling, leases.

use std::future::Future;
use std::sync::Arc;

use crate::app::App;

/// Runs the background work until `stop` completes.
pub async fn run_background(_app: Arc<App>, stop: impl Future<Output = ()>) {
    stop.await;
}

/// Moves on whatever may go on in a workspace.
pub(crate) async fn schedule(
    _tx: &mut carnet_store::Tx,
    _app: &App,
    _workspace: &carnet_model::WorkspaceId,
    _now: carnet_model::Timestamp,
) -> Result<(), crate::error::ApiError> {
    Ok(())
}
