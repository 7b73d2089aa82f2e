//! When a signing key is made, published, used, retired and removed: a pure function of what is stored and the time.
//!
//! A relying party may keep the key set for as long as its `max-age` says, so a key signs only after it has been published for
//! that long. A token is worth nothing without the key that signed it, so a key stays published until the last of its tokens has
//! ended. Both waits are counted on the server's clock: what a jump of that clock does to them is in [`ClockGuard`].

mod change;
mod clock_guard;
#[cfg(test)]
mod model_test;
mod record;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::Timestamp;

pub use self::change::{KnownKeyError, RevokeError, Trimmed};
pub use self::clock_guard::ClockGuard;
pub use self::record::{IssuerKeys, IssuerName, IssuerNameError, KeyRecord, KeyState, KeyStateError};

/// How long before it is published a key is made, so that making it delays nothing.
const PREPARATION: Duration = Duration::from_secs(60);

/// What has to be known of a published key before it may sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    /// Nothing: the server itself serves the key set.
    NotNeeded,
    /// Somebody outside has seen it: the key set is copied to another place.
    SeenOutside,
}

/// What an operator decided about rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotationPolicy {
    /// How long a key signs; `None` when keys are replaced on request only.
    pub period: Option<Duration>,
    /// How long a key is published at least before it signs.
    pub announcement: Duration,
    /// How long relying parties may keep the key set: its `max-age` (RFC 9111, section 5.2.2.1).
    pub published_lifetime: Duration,
    /// How far clocks may differ.
    pub leeway: Duration,
    /// The longest life of a token.
    pub longest_token_life: Duration,
    /// What has to be known of a key before it may sign.
    pub confirmation: Confirmation,
}

impl RotationPolicy {
    /// How long every cache that was filled before a change may still be in use.
    pub fn cache_wait(&self) -> Duration {
        self.published_lifetime.saturating_add(self.leeway)
    }

    /// How long a key is published before it signs.
    pub fn wait_of(&self, announcement: Duration) -> Duration {
        announcement.max(self.cache_wait())
    }
}

/// Something to do to the keys of an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyStep {
    /// Make a key and sign with it at once, since no key signs: the last one was revoked, and nothing could take its place.
    Replace,
    /// Make a key.
    Prepare {
        /// When it is to be published.
        publish_at: Timestamp,
    },
    /// Put a key into the key set.
    Publish {
        /// The key.
        kid: String,
    },
    /// Note that a key is in the key set for everybody: what was committed before this step begins is.
    NotePublished {
        /// The key.
        kid: String,
    },
    /// Sign with a key from now on; the one before retires.
    Activate {
        /// The key.
        kid: String,
    },
    /// Take a retired key out of the key set.
    Remove {
        /// The key.
        kid: String,
    },
}

/// When a step may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// From this time on.
    At(Timestamp),
    /// When the key has been seen outside, and caches of before are over.
    WhenSeenOutside,
}

impl Due {
    fn has_come(self, now: Timestamp) -> bool {
        matches!(self, Self::At(at) if at <= now)
    }
}

/// A step that lies ahead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOutlook {
    /// The step.
    pub step: KeyStep,
    /// When it may be taken.
    pub due: Due,
}

/// The step to take now, if there is one.
pub fn next_key_step(keys: &IssuerKeys, policy: &RotationPolicy, now: Timestamp) -> Option<KeyStep> {
    due_key_steps(keys, policy, now).into_iter().next()
}

/// Every step that may be taken now, each without the others: one that cannot be taken must not hold them back.
pub fn due_key_steps(keys: &IssuerKeys, policy: &RotationPolicy, now: Timestamp) -> Vec<KeyStep> {
    let due = outlook(keys, policy).into_iter().filter(|ahead| ahead.due.has_come(now));
    due.map(|ahead| ahead.step).collect()
}

/// Every step that can be foreseen: that of the next key first, then those of retired keys.
pub fn outlook(keys: &IssuerKeys, policy: &RotationPolicy) -> Vec<KeyOutlook> {
    let next = match (keys.active(), keys.upcoming()) {
        (None, _) => Some(KeyOutlook { step: KeyStep::Replace, due: Due::At(Timestamp::MIN) }),
        (Some(_), Some(key)) => Some(of_upcoming(key, policy)),
        (Some(active), None) => policy.period.and_then(|period| of_schedule(active, policy, period)),
    };
    let retired = keys.iter().filter(|key| key.state == KeyState::Retired).map(|key| KeyOutlook {
        step: KeyStep::Remove { kid: key.kid.clone() },
        due: Due::At(removable_at(key, policy)),
    });
    next.into_iter().chain(retired).collect()
}

/// When none of a key's tokens can be valid any more.
pub fn tokens_end(key: &KeyRecord, policy: &RotationPolicy) -> Option<Timestamp> {
    let last = key.last_expiry?;
    let bound = key.retired_at.map_or(Timestamp::MAX, |at| after(at, policy.longest_token_life));
    let end = after(last.min(bound), policy.leeway);
    Some(key.held_until.map_or(end, |held| end.max(held)))
}

fn of_schedule(active: &KeyRecord, policy: &RotationPolicy, period: Duration) -> Option<KeyOutlook> {
    let signs_since = active.activated_at?;
    let publish_at = after(signs_since, period.saturating_sub(policy.wait_of(policy.announcement)));
    Some(KeyOutlook {
        step: KeyStep::Prepare { publish_at },
        due: Due::At(publish_at.checked_sub(PREPARATION).unwrap_or(Timestamp::MIN)),
    })
}

fn of_upcoming(key: &KeyRecord, policy: &RotationPolicy) -> KeyOutlook {
    let kid = key.kid.clone();
    match (key.state, key.published_at) {
        (KeyState::Published, Some(at)) => {
            KeyOutlook { due: activation_of(key, at, policy), step: KeyStep::Activate { kid } }
        }
        (KeyState::Published, None) => {
            KeyOutlook { due: Due::At(key.publish_at), step: KeyStep::NotePublished { kid } }
        }
        _ => KeyOutlook { due: Due::At(key.publish_at), step: KeyStep::Publish { kid } },
    }
}

fn activation_of(key: &KeyRecord, published_at: Timestamp, policy: &RotationPolicy) -> Due {
    let announced = after(published_at, policy.wait_of(key.announcement));
    match (policy.confirmation, key.seen_outside_at) {
        (Confirmation::NotNeeded, _) => Due::At(announced),
        (Confirmation::SeenOutside, None) => Due::WhenSeenOutside,
        // A cache that was filled outside just before the key was seen there does not know it.
        (Confirmation::SeenOutside, Some(seen)) => Due::At(announced.max(after(seen, policy.cache_wait()))),
    }
}

fn removable_at(key: &KeyRecord, policy: &RotationPolicy) -> Timestamp {
    // A token whose ledger entry was committed just before the key retired is out before this.
    let settled = key.retired_at.map_or(Timestamp::MIN, |at| after(at, policy.cache_wait()));
    let settled = key.held_until.map_or(settled, |held| settled.max(held));
    tokens_end(key, policy).map_or(settled, |end| end.max(settled))
}

fn after(time: Timestamp, wait: Duration) -> Timestamp {
    time.checked_add(wait).unwrap_or(Timestamp::MAX)
}
