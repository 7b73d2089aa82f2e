//! When a request is tried again.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

use carnet_api::client::ClientError;
use tokio_util::sync::CancellationToken;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// Waiting times that double up to a limit, each spread at random so that agents do not return in step.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// How long to wait after one more failure.
    pub(crate) fn next(&mut self) -> Duration {
        let full = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures += 1;
        // The keys of a new hasher state are random.
        let random = RandomState::new().build_hasher().finish();
        full / 2 + full.mul_f64((random % 1000) as f64 / 2000.0)
    }
}

/// Repeats `attempt` while the server is away, until it answers or `give_up` is called.
pub(crate) async fn retry<T, F: Future<Output = Result<T, ClientError>>>(
    give_up: &CancellationToken,
    mut attempt: impl FnMut() -> F,
) -> Result<T, ClientError> {
    let mut backoff = Backoff::default();
    loop {
        let error = match attempt().await {
            Err(error) if error.is_retryable() => error,
            answer => return answer,
        };
        tokio::select! {
            () = give_up.cancelled() => return Err(error),
            () = tokio::time::sleep(backoff.next()) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_times_grow_up_to_the_limit() {
        let mut backoff = Backoff::default();
        assert!(backoff.next() <= FIRST);
        let later: Vec<Duration> = (0..20).map(|_| backoff.next()).collect();
        assert!(later.iter().all(|wait| *wait <= LONGEST));
        assert!(later[10] >= LONGEST / 2);
    }
}
