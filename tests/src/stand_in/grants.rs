//! The short-lived credentials that a stand-in has given out.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// What is behind a credential.
#[derive(Debug, Clone)]
pub(super) struct Grant {
    /// Who has it, as the service names principals.
    pub(super) principal: String,
    /// The `jti` of the identity token that it was given for.
    pub(super) token_id: String,
    end: Instant,
}

/// The credentials of one service.
#[derive(Debug)]
pub(super) struct Grants {
    lifetime: Duration,
    known: Mutex<HashMap<String, Grant>>,
}

impl Grants {
    /// No credentials yet; each will live for this long.
    pub(super) fn new(lifetime: Duration) -> Self {
        Self { lifetime, known: Mutex::default() }
    }

    /// How long a credential lives, in seconds.
    pub(super) fn seconds(&self) -> u64 {
        self.lifetime.as_secs()
    }

    /// Gives out a credential that starts with `prefix`.
    pub(super) fn give(&self, prefix: &str, principal: &str, token_id: &str) -> String {
        let credential = format!("{prefix}{}", uuid::Uuid::new_v4().simple());
        let end = Instant::now() + self.lifetime;
        let grant = Grant { principal: principal.to_owned(), token_id: token_id.to_owned(), end };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(credential.clone(), grant);
        credential
    }

    /// What is behind a credential that is still valid.
    pub(super) fn find(&self, credential: &str) -> Option<Grant> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(credential).filter(|grant| Instant::now() < grant.end).cloned()
    }
}
