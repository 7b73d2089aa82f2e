//! The life of one Vault token: when to renew it, and when it cannot be renewed any more. Pure.

use std::time::Duration;

use carnet_model::Timestamp;

use super::vault_wire::Auth;
use crate::{
    family::{FamilyName, Tag},
    notice::Notice,
};

/// The longest pause between two attempts to renew.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// A renewal that gains less has met a limit: leases are whole seconds, and answers take time.
const LEAST_GAIN: Duration = Duration::from_secs(2);

/// The life of one Vault token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lease {
    /// What the last grant promised.
    full: Duration,
    /// When the token ends unless it is renewed; a token without a lease does not end.
    ends_at: Option<Timestamp>,
    /// When to renew next.
    renew_at: Option<Timestamp>,
    failures: u32,
}

/// What a renewal gave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Renewed<'a> {
    pub(crate) span: Duration,
    pub(crate) renewable: bool,
    pub(crate) warnings: &'a [String],
}

/// What the token is kept alive for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Purpose<'a> {
    pub(crate) family: FamilyName,
    pub(crate) tag: Option<&'a Tag>,
    /// When the phase must end.
    pub(crate) limit: Timestamp,
}

impl Purpose<'_> {
    pub(crate) fn ends_early(&self, ends_at: Timestamp, advice: &'static str) -> Option<Notice> {
        let (family, tag, limit) = (self.family, self.tag.cloned(), self.limit);
        (ends_at < limit).then_some(Notice::EndsEarly { family, tag, ends_at, limit, advice })
    }
}

impl Lease {
    /// The lease of a token just granted, and what to say about it.
    pub(crate) fn start(auth: &Auth, now: Timestamp, purpose: Purpose<'_>) -> (Self, Option<Notice>) {
        let full = Duration::from_secs(auth.lease_duration);
        if full.is_zero() {
            return (Self { full, ends_at: None, renew_at: None, failures: 0 }, None);
        }
        let mut lease = Self { full, ends_at: Some(after(now, full)), renew_at: None, failures: 0 };
        if is_renewable(auth) {
            lease.renew_at = purpose.needs_renewal(after(now, full)).then(|| after(now, full / 2));
            return (lease, None);
        }
        let advice = if is_batch(auth) { BATCH } else { NOT_RENEWABLE };
        let notice = purpose.ends_early(after(now, full), advice);
        (lease, notice)
    }

    /// The lease of something that was read, and what to say about it.
    pub(crate) fn of_span(
        span: Duration,
        renewable: bool,
        now: Timestamp,
        purpose: Purpose<'_>,
        advice: &'static str,
    ) -> (Self, Option<Notice>) {
        if span.is_zero() {
            return (Self { full: span, ends_at: None, renew_at: None, failures: 0 }, None);
        }
        let ends_at = after(now, span);
        let renew_at = (renewable && purpose.needs_renewal(ends_at)).then(|| after(now, span / 2));
        let notice = if renewable { None } else { purpose.ends_early(ends_at, advice) };
        (Self { full: span, ends_at: Some(ends_at), renew_at, failures: 0 }, notice)
    }

    /// When the token ends unless it is renewed.
    pub(crate) fn ends_at(&self) -> Option<Timestamp> {
        self.ends_at
    }

    /// When to renew next.
    pub(crate) fn renew_at(&self) -> Option<Timestamp> {
        self.renew_at
    }

    /// Takes note of a renewal; one that gains no time, or was capped, means that the longest life is reached.
    pub(crate) fn renewed(
        &mut self,
        granted: Renewed<'_>,
        now: Timestamp,
        purpose: Purpose<'_>,
        advice: &'static str,
    ) -> Option<Notice> {
        let given = granted.span;
        let ends_at = after(now, given);
        let is_capped = granted.warnings.iter().any(|warning| warning.contains("max_ttl"));
        let gains_time = self.ends_at.is_none_or(|end| after(end, LEAST_GAIN) <= ends_at);
        self.failures = 0;
        self.full = given;
        self.ends_at = Some(ends_at);
        if granted.renewable && gains_time && !is_capped {
            self.renew_at = purpose.needs_renewal(ends_at).then(|| after(now, given / 2));
            return None;
        }
        self.renew_at = None;
        purpose.ends_early(ends_at, advice)
    }

    /// Takes note of a renewal that got no answer; tries again soon, and says so when time runs short.
    pub(crate) fn not_renewed(&mut self, now: Timestamp) -> bool {
        self.failures += 1;
        self.renew_at = Some(after(now, pause(self.failures)));
        let warn_from = self.ends_at.map(|end| before(end, self.full / 5));
        warn_from.is_some_and(|moment| moment <= now)
    }

    /// Takes note that the token is gone or will not be renewed.
    pub(crate) fn stop(&mut self) {
        self.renew_at = None;
    }
}

impl Purpose<'_> {
    // Every renewal of a token with limited uses costs one, so none is made that the phase does not need.
    fn needs_renewal(&self, ends_at: Timestamp) -> bool {
        ends_at < self.limit
    }
}

const BATCH: &str = "; the role issues batch tokens, which are never renewed: raise token_ttl or use token_type=service. \
     A new login will replace the token in its file; a process that has read it keeps the old one";
const NOT_RENEWABLE: &str = "; the role issues tokens that are not renewable: raise token_ttl. \
     A new login will replace the token in its file; a process that has read it keeps the old one";
/// What helps when a token cannot be renewed any more.
pub(super) const LONGEST_LIFE: &str = "; the longest life of the token is reached: raise token_max_ttl or set token_period on the role. \
     A new login will replace the token in its file; a process that has read it keeps the old one";

/// Whether the token is of the kind that can be neither renewed nor revoked.
pub(crate) fn is_batch(auth: &Auth) -> bool {
    auth.token_type == "batch"
}

fn is_renewable(auth: &Auth) -> bool {
    auth.renewable && !is_batch(auth)
}

/// The pause after so many failures: 1, 2, 4 ... 60 seconds.
pub(crate) fn pause(failures: u32) -> Duration {
    Duration::from_secs(2_u64.saturating_pow(failures.saturating_sub(1))).min(LONGEST_PAUSE)
}

/// A moment later; the end of time when there is no such moment.
pub(crate) fn after(moment: Timestamp, span: Duration) -> Timestamp {
    moment.saturating_add(span).unwrap_or(Timestamp::MAX)
}

fn before(moment: Timestamp, span: Duration) -> Timestamp {
    moment.saturating_sub(span).unwrap_or(Timestamp::MIN)
}
