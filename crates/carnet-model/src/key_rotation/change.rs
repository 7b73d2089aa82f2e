//! What each step, and each request of a person, does to the keys of an issuer.

use std::time::Duration;

use super::{IssuerKeys, KeyRecord, KeyState, KeyStep, RotationPolicy, after, tokens_end};
use crate::Timestamp;

/// What became of the keys that sign no more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// The keys that were removed.
    pub removed: Vec<String>,
    /// When the first of those that are left can be removed.
    pub needed_until: Option<Timestamp>,
}

/// Why a key was not revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RevokeError {
    /// There is no key of this name.
    #[error("the issuer never had a key of this name")]
    Unknown,
    /// The key signs, and nothing would sign in its place.
    #[error("a key that signs is revoked together with a new key that takes its place")]
    NoReplacement,
}

impl IssuerKeys {
    /// Adds a key.
    pub fn add(&mut self, key: KeyRecord) {
        self.0.push(key);
    }

    /// Adds a key that is published at a time and signs after its announcement.
    pub fn prepare(&mut self, kid: String, announcement: Duration, publish_at: Timestamp, now: Timestamp) {
        self.0.push(KeyRecord { announcement, publish_at, ..KeyRecord::prepared(kid, now) });
    }

    /// Takes a step that needs no new key; [`KeyStep::Prepare`] is [`IssuerKeys::prepare`].
    pub fn take(&mut self, step: &KeyStep, now: Timestamp) {
        match step {
            KeyStep::Prepare { .. } => {}
            KeyStep::Publish { kid } => self.change(kid, |key| key.state = KeyState::Published),
            KeyStep::NotePublished { kid } => self.change(kid, |key| key.published_at = Some(now)),
            KeyStep::Activate { kid } => {
                self.retire_active(now);
                self.change(kid, |key| {
                    key.state = KeyState::Active;
                    key.activated_at = Some(now);
                });
            }
            KeyStep::Remove { kid } => self.change(kid, |key| end(key, KeyState::Removed, now)),
        }
    }

    /// Signs with a new key at once. Caches that do not know it refuse its tokens until they ask again.
    pub fn rotate_at_once(&mut self, kid: String, now: Timestamp) {
        self.retire_active(now);
        self.0.push(KeyRecord::active(kid, now));
    }

    /// Removes the retired keys none of whose tokens can be valid.
    pub fn trim(&mut self, policy: &RotationPolicy, now: Timestamp) -> Trimmed {
        let mut trimmed = Trimmed::default();
        for key in self.0.iter_mut().filter(|key| key.state == KeyState::Retired) {
            match tokens_end(key, policy) {
                Some(end) if end > now => {
                    trimmed.needed_until = Some(trimmed.needed_until.map_or(end, |other| other.min(end)));
                }
                Some(_) | None => {
                    end(key, KeyState::Removed, now);
                    trimmed.removed.push(key.kid.clone());
                }
            }
        }
        trimmed
    }

    /// Ends a key that must not be trusted any more. When it signs, the replacement does so from now on, and a key that was to
    /// come is dropped: it lay where the revoked one lay. A second time changes nothing.
    ///
    /// Fails when there is no such key, or when it signs and there is no replacement.
    pub fn revoke(
        &mut self,
        kid: &str,
        replacement: Option<String>,
        now: Timestamp,
    ) -> Result<(), RevokeError> {
        let state = self.find(kid).ok_or(RevokeError::Unknown)?.state;
        if state == KeyState::Active {
            let replacement = replacement.ok_or(RevokeError::NoReplacement)?;
            for key in &mut self.0 {
                if matches!(key.state, KeyState::Prepared | KeyState::Published) {
                    end(key, KeyState::Removed, now);
                }
            }
            self.0.push(KeyRecord::active(replacement, now));
        }
        if state != KeyState::Revoked {
            self.change(kid, |key| end(key, KeyState::Revoked, now));
        }
        Ok(())
    }

    /// Begins every wait again, because the clock jumped.
    pub fn restart_waits(&mut self, policy: &RotationPolicy, now: Timestamp) {
        let hold = Some(after(now, policy.longest_token_life.saturating_add(policy.leeway)));
        for key in &mut self.0 {
            match key.state {
                KeyState::Prepared => key.publish_at = key.publish_at.min(now),
                KeyState::Published => {
                    key.published_at = key.published_at.map(|_| now);
                    key.seen_outside_at = key.seen_outside_at.map(|_| now);
                }
                KeyState::Active => {
                    key.activated_at = key.activated_at.map(|at| at.min(now));
                    key.held_until = hold;
                }
                KeyState::Retired => {
                    key.retired_at = Some(now);
                    key.held_until = hold;
                }
                KeyState::Removed | KeyState::Revoked => {}
            }
        }
    }

    fn change(&mut self, kid: &str, change: impl FnOnce(&mut KeyRecord)) {
        if let Some(key) = self.0.iter_mut().find(|key| key.kid == kid) {
            change(key);
        }
    }

    fn retire_active(&mut self, now: Timestamp) {
        for key in self.0.iter_mut().filter(|key| key.state == KeyState::Active) {
            key.state = KeyState::Retired;
            key.retired_at = Some(now);
        }
    }
}

fn end(key: &mut KeyRecord, state: KeyState, now: Timestamp) {
    key.state = state;
    key.ended_at = Some(now);
}
