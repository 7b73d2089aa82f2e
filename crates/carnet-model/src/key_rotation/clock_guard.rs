//! Notices that a clock was set.

use std::time::Duration;

use crate::Timestamp;

/// Compares the clock, which can be set, with time that only passes.
///
/// A wait that is counted on a clock that was set forward ends too early: whoever sees a jump begins all waits again. Jumps
/// while no server runs are not seen.
#[derive(Debug, Clone)]
pub struct ClockGuard {
    tolerance: Duration,
    /// The clock, and the time that had passed, when they were last known to agree.
    anchor: Option<(Timestamp, Duration)>,
}

impl ClockGuard {
    /// Makes a guard for waits with this leeway, half of which a jump may use up unnoticed.
    pub fn new(leeway: Duration) -> Self {
        Self { tolerance: leeway / 2, anchor: None }
    }

    /// Tells whether the clock jumped since the last time it did. `passed` is the time since any fixed moment.
    pub fn has_jumped(&mut self, now: Timestamp, passed: Duration) -> bool {
        let Some((then, passed_then)) = self.anchor else {
            self.anchor = Some((now, passed));
            return false;
        };
        let by_clock = now.duration_since(then).as_millis();
        let in_truth = i128::try_from(passed.saturating_sub(passed_then).as_millis()).unwrap_or(i128::MAX);
        if by_clock.abs_diff(in_truth) <= self.tolerance.as_millis() {
            return false;
        }
        self.anchor = Some((now, passed));
        true
    }
}
