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

/// A key that was to be new is known already: the place where keys are made gives the same one again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key {kid} is not new: it is {} already", .state.as_str())]
pub struct KnownKeyError {
    /// The name of the key.
    pub kid: String,
    /// Where it is in its life.
    pub state: KeyState,
}

/// Why a key was not revoked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RevokeError {
    /// There is no key of this name.
    #[error("the issuer never had a key of this name")]
    Unknown,
    /// What was to take its place is no new key. Without a replacement the key can be revoked all the same.
    #[error("nothing can take the place of the key")]
    Replacement(#[from] KnownKeyError),
}

impl IssuerKeys {
    /// Adds a key.
    ///
    /// Fails when the key is known already.
    pub fn add(&mut self, key: KeyRecord) -> Result<(), KnownKeyError> {
        self.check_new(&key.kid)?;
        self.0.push(key);
        Ok(())
    }

    /// Adds a key that is published at a time and signs after its announcement.
    ///
    /// Fails when the key is known already.
    pub fn prepare(
        &mut self,
        kid: String,
        announcement: Duration,
        publish_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), KnownKeyError> {
        self.add(KeyRecord { announcement, publish_at, ..KeyRecord::prepared(kid, now) })
    }

    /// Takes a step that needs no new key; [`KeyStep::Prepare`] is [`IssuerKeys::prepare`], and [`KeyStep::Replace`] is
    /// [`IssuerKeys::rotate_at_once`].
    pub fn take(&mut self, step: &KeyStep, now: Timestamp) {
        match step {
            KeyStep::Prepare { .. } | KeyStep::Replace => {}
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
    ///
    /// Fails when the key is known already; nothing is changed then.
    pub fn rotate_at_once(&mut self, kid: String, now: Timestamp) -> Result<(), KnownKeyError> {
        self.check_new(&kid)?;
        self.retire_active(now);
        self.0.push(KeyRecord::active(kid, now));
        Ok(())
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
    /// come is dropped: it lay where the revoked one lay. Without a replacement nothing signs until [`KeyStep::Replace`] was
    /// taken. A second time changes nothing.
    ///
    /// Fails when there is no such key, or when the replacement is known already; nothing is changed then.
    pub fn revoke(
        &mut self,
        kid: &str,
        replacement: Option<String>,
        now: Timestamp,
    ) -> Result<(), RevokeError> {
        let state = self.find(kid).ok_or(RevokeError::Unknown)?.state;
        if state == KeyState::Active {
            if let Some(replacement) = &replacement {
                self.check_new(replacement)?;
            }
            for key in &mut self.0 {
                if matches!(key.state, KeyState::Prepared | KeyState::Published) {
                    end(key, KeyState::Removed, now);
                }
            }
            self.0.extend(replacement.map(|kid| KeyRecord::active(kid, now)));
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

    fn check_new(&self, kid: &str) -> Result<(), KnownKeyError> {
        match self.find(kid) {
            None => Ok(()),
            Some(known) => Err(KnownKeyError { kid: kid.to_owned(), state: known.state }),
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
