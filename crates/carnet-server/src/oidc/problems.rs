//! What is wrong with the keys of issuers, as this process found out: told once in the log, all the time by `/readyz` and the
//! admin API.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use carnet_model::{IssuerName, Timestamp};

use crate::error::{ApiError, chain};

/// What does not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Concern {
    /// Signing with the active key.
    Signing,
    /// Replacing the active key.
    Rotation,
    /// Writing discovery and keys to where the world reads them.
    Publication,
    /// Finding them there.
    Visibility,
}

impl Concern {
    const ALL: [Self; 4] = [Self::Signing, Self::Rotation, Self::Publication, Self::Visibility];

    /// As `/readyz` says it to everybody, without addresses.
    fn in_short(self) -> &'static str {
        match self {
            Self::Signing => "identity tokens cannot be signed",
            Self::Rotation => "signing keys cannot be replaced",
            Self::Publication => "discovery and keys could not be published",
            Self::Visibility => "discovery and keys are not seen where relying parties read them",
        }
    }

    fn in_the_log(self) -> &'static str {
        match self {
            Self::Signing => "the key of an issuer does not sign: runs get no identity tokens until it does",
            Self::Rotation => {
                "the keys of an issuer could not be changed: what signs goes on signing until they can"
            }
            Self::Publication => {
                "discovery and keys could not be published: a new key does not sign until they are"
            }
            Self::Visibility => {
                "discovery and keys are not seen where relying parties read them: a new key does not sign until they are"
            }
        }
    }
}

/// For how long a signature shows that a key signs.
const SIGNED_LATELY: Duration = Duration::from_secs(60);

/// What is known about each issuer: `None` for what was found to work.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    known: Mutex<BTreeMap<(IssuerName, Concern), Option<String>>>,
    signed_at: Mutex<BTreeMap<IssuerName, Timestamp>>,
}

impl Problems {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(IssuerName, Concern), Option<String>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the active key signed, or why it did not.
    pub(crate) fn note_signing(&self, issuer: &IssuerName, problem: Option<String>, now: Timestamp) {
        let mut signed_at = self.signed_at.lock().unwrap_or_else(PoisonError::into_inner);
        match problem {
            None => drop(signed_at.insert(issuer.clone(), now)),
            Some(_) => drop(signed_at.remove(issuer)),
        }
        drop(signed_at);
        self.note(issuer, Concern::Signing, problem);
    }

    /// Whether the active key signed lately.
    pub(crate) fn has_signed_lately(&self, issuer: &IssuerName, now: Timestamp) -> bool {
        let signed_at = self.signed_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_late = |at: &Timestamp| now.duration_since(*at).unsigned_abs() < SIGNED_LATELY;
        signed_at.get(issuer).is_some_and(is_late)
    }

    /// Notes what is wrong, or that nothing is; what is new is logged.
    pub(crate) fn note(&self, issuer: &IssuerName, concern: Concern, problem: Option<String>) {
        let before = self.lock().insert((issuer.clone(), concern), problem.clone()).flatten();
        match problem {
            Some(problem) if before.as_ref() != Some(&problem) => {
                tracing::error!(issuer.name = %issuer, problem, "{}", concern.in_the_log());
            }
            None if before.is_some() => {
                tracing::info!(issuer.name = %issuer, problem = before, "this problem of an issuer's keys is over");
            }
            Some(_) | None => {}
        }
    }

    /// Forgets what was found out about keys that were replaced meanwhile: nobody has looked at the new ones.
    pub(crate) fn forget(&self, issuer: &IssuerName, concern: Concern) {
        self.lock().remove(&(issuer.clone(), concern));
    }

    /// Whether somebody has looked at all.
    pub(crate) fn is_known(&self, issuer: &IssuerName, concern: Concern) -> bool {
        self.lock().contains_key(&(issuer.clone(), concern))
    }

    /// What is wrong.
    pub(crate) fn of(&self, issuer: &IssuerName, concern: Concern) -> Option<String> {
        self.lock().get(&(issuer.clone(), concern)).cloned().flatten()
    }

    /// What does not work for some issuer, in short; `None` when everything does.
    pub(crate) fn in_short(&self) -> Option<String> {
        let known = self.lock();
        let is_there =
            |concern: &Concern| known.iter().any(|((_, of), problem)| of == concern && problem.is_some());
        let all: Vec<&str> = Concern::ALL.into_iter().filter(is_there).map(Concern::in_short).collect();
        if all.is_empty() { None } else { Some(all.join("; ")) }
    }

    /// Forgets issuers that are no more.
    pub(crate) fn keep_only(&self, issuers: &[IssuerName]) {
        self.lock().retain(|(issuer, _), _| issuers.contains(issuer));
        let mut signed_at = self.signed_at.lock().unwrap_or_else(PoisonError::into_inner);
        signed_at.retain(|issuer, _| issuers.contains(issuer));
    }
}

/// Why something was not done, with every cause: for administrators of the site.
pub(crate) fn reason(error: &ApiError) -> String {
    match error {
        ApiError::Conflict(detail) | ApiError::Precondition(detail) => detail.clone(),
        ApiError::Unsigned { source, .. } => chain(source.as_ref() as &dyn Error),
        other => chain(other),
    }
}
