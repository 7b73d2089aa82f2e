//! What is held for one configuration, and when something must be done about it.

use std::time::Duration;

use carnet_model::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::{
    IdentityToken,
    claims::Claims,
    lease::{Lease, after, pause},
    revocation::{RevocationHandle, RevocationOutcome},
    vault_api::VaultApi,
};
use crate::credential::Credential;

/// What was obtained for one configuration.
pub(super) struct Held {
    /// The identity token in use; nothing when the session of another configuration is used.
    pub(super) identity: Option<Identity>,
    pub(super) credential: Credential,
    pub(super) state: State,
    /// Who the run is to the provider, line by line.
    pub(super) facts: Vec<String>,
    /// How often the credential was replaced or renewed.
    pub(super) renewals: u32,
    /// What must be revoked, in the order in which it was obtained. What was replaced stays: processes may still use it.
    pub(super) revocables: Vec<Revocable>,
}

impl Held {
    /// Something that was just obtained.
    pub(super) fn new(credential: Credential, state: State) -> Self {
        Self { identity: None, credential, state, facts: Vec::new(), renewals: 0, revocables: Vec::new() }
    }
}

/// Something that must be revoked.
pub(super) struct Revocable {
    pub(super) handle: RevocationHandle,
    /// How the revocation ended, once it was tried.
    pub(super) outcome: Option<RevocationOutcome>,
}

impl Revocable {
    pub(super) fn new(handle: RevocationHandle) -> Self {
        Self { handle, outcome: None }
    }

    /// Whether nothing is left to revoke.
    pub(super) fn is_settled(&self) -> bool {
        self.outcome.as_ref().is_some_and(|outcome| !matches!(outcome, RevocationOutcome::Failed(_)))
    }
}

/// The facts of an identity token.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) jti: String,
    pub(super) subject: Option<String>,
    pub(super) life: Duration,
    pub(super) expires_at: Timestamp,
}

impl Identity {
    pub(super) fn of(minted: &IdentityToken, claims: &Claims) -> Self {
        Self {
            jti: minted.jti.clone(),
            subject: claims.sub.clone(),
            life: life(minted),
            expires_at: minted.expires_at,
        }
    }
}

/// What the identity token became.
pub(super) enum State {
    /// The token itself is with Terraform.
    HandedOver { rotation: Option<Rotation> },
    /// A Vault token.
    Vault(Box<Session>),
    /// Credentials that were read with a Vault token.
    Read(ReadLease),
    /// What the exchange of an adapter led to.
    Exchanged { ends_at: Option<Timestamp>, again: Option<Rotation> },
}

/// A Vault token and how to reach the server that knows it.
pub(super) struct Session {
    pub(super) api: VaultApi,
    pub(super) token: SecretString,
    pub(super) lease: Lease,
    /// Whether the token can be used a few times only.
    pub(super) is_limited: bool,
    /// When to log in again because the token cannot be renewed for long enough.
    pub(super) again: Option<Rotation>,
}

/// Credentials that were read with a Vault token: they end with it, and maybe before.
pub(super) struct ReadLease {
    /// The position of the configuration whose token read them.
    pub(super) session: usize,
    /// The name under which Vault renews them; empty when it does not.
    pub(super) lease_id: String,
    /// Whether Vault keeps a lease of them at all.
    pub(super) is_leased: bool,
    pub(super) lease: Lease,
    /// When to read new ones, where the consumer asks again.
    pub(super) again: Option<Rotation>,
}

impl ReadLease {
    /// When the credentials end unless something is renewed; what Vault renews ends with the token at the latest.
    pub(super) fn known_end(&self, session: &Session) -> Option<Timestamp> {
        let ends_with_token = self.is_renewable() || (self.is_leased && session.again.is_some());
        let token_end = session.lease.ends_at().filter(|_| ends_with_token);
        [self.lease.ends_at(), token_end].into_iter().flatten().min()
    }

    /// Whether it is clear by now that the credentials end before a moment, or that their lease must be renewed.
    pub(super) fn ends_before(&self, limit: Timestamp, session: &Session) -> bool {
        let is_token_lasting = session.again.is_none();
        let end = if is_token_lasting { self.lease.ends_at() } else { self.known_end(session) };
        end.is_some_and(|end| end < limit)
    }

    /// Whether Vault renews them.
    pub(super) fn is_renewable(&self) -> bool {
        !self.lease_id.is_empty()
    }
}

impl State {
    /// Nothing becomes due any more.
    pub(super) fn stop(&mut self) {
        match self {
            Self::HandedOver { rotation } => *rotation = None,
            Self::Vault(session) => {
                session.lease.stop();
                session.again = None;
            }
            Self::Read(read) => {
                read.lease.stop();
                read.again = None;
            }
            Self::Exchanged { again, .. } => *again = None,
        }
    }

    /// When the credential ends, where the other side has said so.
    pub(super) fn ends_at(&self) -> Option<Timestamp> {
        match self {
            Self::HandedOver { .. } => None,
            Self::Vault(session) => session.lease.ends_at(),
            Self::Read(read) => read.lease.ends_at(),
            Self::Exchanged { ends_at, .. } => *ends_at,
        }
    }

    /// When something must be done.
    pub(super) fn due_at(&self) -> Option<Timestamp> {
        match self {
            Self::HandedOver { rotation } => rotation.as_ref()?.replace_at,
            Self::Vault(session) => earlier(session.lease.renew_at(), session.again.as_ref()),
            Self::Read(read) => earlier(read.lease.renew_at(), read.again.as_ref()),
            Self::Exchanged { again, .. } => again.as_ref()?.replace_at,
        }
    }
}

fn earlier(renew_at: Option<Timestamp>, again: Option<&Rotation>) -> Option<Timestamp> {
    [renew_at, again.and_then(|again| again.replace_at)].into_iter().flatten().min()
}

/// When to replace something by a new one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rotation {
    pub(super) replace_at: Option<Timestamp>,
    warn_at: Timestamp,
    failures: u32,
    has_warned: bool,
}

impl Rotation {
    /// Half the life is left for retries; spans count from arrival, so that clocks need not agree.
    pub(super) fn of_life(life: Duration, now: Timestamp) -> Self {
        let (replace_at, warn_at) = (Some(after(now, life / 2)), after(now, life * 4 / 5));
        Self { replace_at, warn_at, failures: 0, has_warned: false }
    }

    /// The rotation of a token that just arrived.
    pub(super) fn of_token(minted: &IdentityToken, now: Timestamp) -> Self {
        Self::of_life(life(minted), now)
    }

    /// Whether it is time.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.replace_at.is_some_and(|due| due <= now)
    }

    /// Takes note of a failure that will not pass.
    pub(super) fn stop(&mut self) {
        self.replace_at = None;
    }

    /// Takes note of a failure that may pass; says whether a person should know about it now.
    pub(super) fn failed(&mut self, now: Timestamp) -> bool {
        self.failures += 1;
        self.replace_at = Some(after(now, pause(self.failures)));
        let warns = now >= self.warn_at && !self.has_warned;
        self.has_warned |= warns;
        warns
    }
}

fn life(minted: &IdentityToken) -> Duration {
    Duration::try_from(minted.expires_at.duration_since(minted.issued_at)).unwrap_or_default()
}

/// Whether two secrets are the same text.
pub(super) fn is_same(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret() == other.expose_secret()
}
