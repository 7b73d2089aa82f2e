//! What stops a phase before its own end: a person, the clock, a lost lease, the end of the agent.

use std::{sync::Arc, time::Duration};

use carnet_api::{
    client::{ClientError, JobClient},
    job::Heartbeat,
};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

/// More often than the protocol demands, so that a cancellation arrives within a second.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// A heartbeat without an answer by then is as good as lost; the next one has a new chance within the lease.
const HEARTBEAT_LIMIT: Duration = Duration::from_secs(5);

/// How a phase is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stop {
    /// Terraform is interrupted and may end by itself.
    Interrupt,
    /// Everything is killed.
    Kill,
}

/// Why a phase is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Somebody asked for it.
    Canceled,
    /// It ran for too long.
    Timeout,
    /// The server gave the job up.
    Lost,
    /// The agent ends.
    Shutdown,
}

/// Sees whether a phase is to stop.
#[derive(Debug, Clone)]
pub(crate) struct Control {
    state: watch::Receiver<Option<(Stop, Reason)>>,
}

/// Asks a phase to stop.
#[derive(Debug, Clone)]
pub(crate) struct Stopper {
    state: Arc<watch::Sender<Option<(Stop, Reason)>>>,
}

/// A pair of the two.
pub(crate) fn control() -> (Stopper, Control) {
    let (sender, state) = watch::channel(None);
    (Stopper { state: Arc::new(sender) }, Control { state })
}

impl Stopper {
    /// Stops the phase; a weaker request than the one before changes nothing, the first reason stays.
    pub(crate) fn stop(&self, stop: Stop, reason: Reason) {
        self.state.send_if_modified(|state| match state {
            Some((before, _)) if *before >= stop => false,
            Some((before, _)) => {
                *before = stop;
                true
            }
            None => {
                *state = Some((stop, reason));
                true
            }
        });
    }
}

impl Control {
    /// What was asked for.
    pub(crate) fn requested(&self) -> Option<(Stop, Reason)> {
        *self.state.borrow()
    }

    /// Waits for a request that is stronger than `known`.
    pub(crate) async fn stronger_than(&mut self, known: Option<Stop>) -> Stop {
        let is_stronger = |state: &Option<(Stop, Reason)>| state.map(|(stop, _)| stop) > known;
        match self.state.wait_for(is_stronger).await.map(|state| *state) {
            Ok(Some((stop, _))) => stop,
            // Nobody is left who could ask.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }
}

/// Keeps the lease alive and turns signals, the deadline and the end of the agent into requests to stop. Runs until it is
/// dropped.
pub(crate) async fn watch_over(
    client: JobClient,
    stopper: Stopper,
    deadline: Instant,
    shutdown: CancellationToken,
    version: watch::Receiver<Option<String>>,
) {
    let limits = async {
        tokio::select! {
            () = tokio::time::sleep_until(deadline) => stopper.stop(Stop::Interrupt, Reason::Timeout),
            () = shutdown.cancelled() => stopper.stop(Stop::Interrupt, Reason::Shutdown),
        }
        std::future::pending::<()>().await;
    };
    tokio::join!(limits, heartbeats(&client, &stopper, version));
}

async fn heartbeats(client: &JobClient, stopper: &Stopper, version: watch::Receiver<Option<String>>) {
    let mut ticks = tokio::time::interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let heartbeat = Heartbeat { terraform_version: version.borrow().clone() };
        let Ok(answer) = tokio::time::timeout(HEARTBEAT_LIMIT, client.heartbeat(&heartbeat)).await else {
            continue;
        };
        match answer.map(|reply| reply.signal) {
            Ok(signal) if signal == "interrupt" => stopper.stop(Stop::Interrupt, Reason::Canceled),
            Ok(signal) if signal == "kill" => stopper.stop(Stop::Kill, Reason::Canceled),
            Ok(_) => {}
            Err(ClientError::Gone | ClientError::Unauthorized) => {
                stopper.stop(Stop::Interrupt, Reason::Lost);
                return;
            }
            Err(error) => tracing::debug!(error = %error, "a heartbeat did not succeed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_only_grow_and_keep_their_first_reason() {
        let (stopper, control) = control();
        stopper.stop(Stop::Interrupt, Reason::Canceled);
        stopper.stop(Stop::Interrupt, Reason::Lost);
        assert_eq!(control.requested(), Some((Stop::Interrupt, Reason::Canceled)));
        stopper.stop(Stop::Kill, Reason::Timeout);
        stopper.stop(Stop::Interrupt, Reason::Timeout);
        assert_eq!(control.requested(), Some((Stop::Kill, Reason::Canceled)));
    }
}
