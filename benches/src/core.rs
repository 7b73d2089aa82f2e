//! One processor core: staying on it and counting the time spent there.

use std::{io, time::Duration};

use rustix::{
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
    time::{ClockId, clock_gettime},
};

/// Keeps this thread, and every process it starts from now on, on one core and returns the core's number.
///
/// The core is the first one this process may use. Fails when the system does not allow the change.
pub fn stay_on_one_core() -> io::Result<usize> {
    let allowed = sched_getaffinity(None)?;
    let first = (0..CpuSet::MAX_CPU).find(|core| allowed.is_set(*core));
    let core = first.ok_or_else(|| io::Error::other("this process may use no core"))?;
    let mut only = CpuSet::new();
    only.set(core);
    sched_setaffinity(None, &only)?;
    Ok(core)
}

/// How often a second of this thread's processor time the action can be done, over at least `least`.
///
/// Processor time, not time on the clock: the same as `openssl speed` counts, and what other programs do on
/// the machine weighs less.
pub fn rate_per_second<E>(least: Duration, mut action: impl FnMut() -> Result<(), E>) -> Result<f64, E> {
    let start = processor_time();
    let mut count = 0_u32;
    loop {
        for _ in 0..16 {
            action()?;
        }
        count += 16;
        let spent = processor_time() - start;
        if spent >= least {
            return Ok(f64::from(count) / spent.as_secs_f64());
        }
    }
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
