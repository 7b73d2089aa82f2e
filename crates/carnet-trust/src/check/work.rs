//! How much work one judgement may be.
//!
//! Policies are written by others. Their expressions nest and repeat, their patterns make a matcher go back: what is judged gets a
//! stack of its own and a number of steps, counted and not timed, so that the same question always has the same answer.

use std::{cell::Cell, thread};

/// Steps of one judgement: about a second of work.
const STEPS: u64 = 20_000_000;
/// What a judgement may recurse in, for the longest chain of operators that an expression can be; only what is used of it is ever taken.
const STACK: usize = 128 << 20;

thread_local! {
    /// The steps that are left to the judgement that runs in this thread, if one does.
    static LEFT: Cell<Option<u64>> = const { Cell::new(None) };
}

/// A judgement that would have been too much work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMuch;

impl TooMuch {
    pub(crate) const SAYS: &'static str = "judging this takes more work than any service puts into a token: shorten the expressions, patterns and lists";
}

/// Runs a judgement where neither its depth nor its length can do harm.
pub(crate) fn bounded<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, TooMuch> {
    let counted = || {
        LEFT.set(Some(STEPS));
        let outcome = work();
        if LEFT.get() == Some(0) { Err(TooMuch) } else { Ok(outcome) }
    };
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("trust".to_owned()).stack_size(STACK);
        builder.spawn_scoped(scope, counted).ok()?.join().ok()
    })
    .unwrap_or(Err(TooMuch))
}

/// Takes steps from what is left; false once there are none, and whoever asked must stop then.
pub(crate) fn spend(steps: u64) -> bool {
    match LEFT.get() {
        None => true,
        Some(left) => {
            LEFT.set(Some(left.saturating_sub(steps)));
            left > steps
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_judgement_ends_when_its_steps_are_used_up() {
        assert_eq!(bounded(|| spend(STEPS - 1)), Ok(true));
        assert_eq!(bounded(|| spend(STEPS)), Err(TooMuch));
        assert!(spend(u64::MAX), "nothing is counted outside of a judgement");
    }
}
