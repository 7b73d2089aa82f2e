//! The clock that waits are counted on, and whether somebody set it.

use carnet_model::{ClockGuard, RotationPolicy, Timestamp};
use tokio::time::Instant;

/// Remembers a jump of the clock until every wait has begun again.
#[derive(Debug, Default)]
pub(super) struct WatchedClock {
    guard: Option<(ClockGuard, Instant)>,
    is_off: bool,
    /// The clock of tests is set all the time, and no time passes.
    #[cfg(test)]
    is_trusted: bool,
}

impl WatchedClock {
    /// A clock that is set without being noticed.
    #[cfg(test)]
    pub(super) fn trusted() -> Self {
        Self { is_trusted: true, ..Self::default() }
    }

    /// Tells whether the clock jumped since waits last began again.
    pub(super) fn has_jumped(&mut self, policy: &RotationPolicy, now: Timestamp) -> bool {
        let (guard, start) =
            self.guard.get_or_insert_with(|| (ClockGuard::new(policy.leeway), Instant::now()));
        self.is_off |= guard.has_jumped(now, start.elapsed());
        #[cfg(test)]
        if self.is_trusted {
            return false;
        }
        self.is_off
    }

    /// Notes that every wait has begun again.
    pub(super) fn settle(&mut self) {
        self.is_off = false;
    }
}
