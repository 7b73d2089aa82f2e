//! What other servers of the same database commit wakes the agents that wait here.

use std::time::Duration;

use crate::app::App;

/// How long after a failure the database is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// Wakes waiting agents whenever a job was queued by any server, for as long as it is polled.
pub(super) async fn wake_agents(app: &App) {
    let Some(mut wake_ups) = app.store.wake_ups() else {
        // Nobody else uses this database.
        return std::future::pending().await;
    };
    loop {
        match wake_ups.next().await {
            Ok(()) => app.jobs_waiting.notify_waiters(),
            Err(error) => {
                tracing::warn!(%error, "the other servers cannot be heard; jobs that they queue wait longer");
                // Whoever waits looks for itself meanwhile.
                app.jobs_waiting.notify_waiters();
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
