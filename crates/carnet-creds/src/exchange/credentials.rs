//! The credentials of one phase, from the first token to the last revocation.

use std::sync::Arc;

use carnet_model::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::{
    Event, Exchange, ExchangeError, IdentityToken, TokenSource,
    claims::Claims,
    lease::{Lease, after},
    login::Login,
    refresh::Rotation,
    report::ReportEntry,
    revocation::{Revocation, RevocationHandle, RevocationOutcome},
    vault_api::VaultApi,
};
use crate::{
    injection::{Injection, assemble},
    provider::{Grant, TokenLife},
    resolve::{Configured, Resolution, TokenRequest},
};

/// The credentials of one phase.
pub struct Credentials {
    pub(super) resolution: Resolution,
    pub(super) tokens: Arc<dyn TokenSource>,
    pub(super) exchange: Exchange,
    /// When the phase must end.
    pub(super) limit: Timestamp,
    /// What was obtained, in the order of the configurations.
    pub(super) held: Vec<Held>,
    pub(super) injection: Injection,
}

/// What was obtained for one configuration.
pub(super) struct Held {
    pub(super) identity: Identity,
    pub(super) state: State,
}

/// The facts of the identity token in use.
pub(super) struct Identity {
    pub(super) jti: String,
    pub(super) subject: Option<String>,
    pub(super) expires_at: Timestamp,
}

/// What the identity token became.
pub(super) enum State {
    /// The token itself is with Terraform.
    HandedOver { token: SecretString, rotation: Option<Rotation> },
    /// A Vault token.
    Vault(Box<Session>),
}

/// A Vault token and how to reach the server that knows it.
pub(super) struct Session {
    pub(super) api: VaultApi,
    pub(super) handle: RevocationHandle,
    pub(super) lease: Lease,
    pub(super) facts: Vec<String>,
    pub(super) is_settled: bool,
}

impl Credentials {
    /// Has every identity token made and trades those that must be traded.
    ///
    /// Fails with the first reason; everything obtained until then is revoked before this returns. Drive this to
    /// its end even when the run is cancelled, or revoke what the events name: dropping it revokes nothing.
    pub async fn obtain(
        resolution: Resolution,
        tokens: Arc<dyn TokenSource>,
        exchange: Exchange,
        on_event: &mut (dyn FnMut(Event) + Send),
    ) -> Result<Self, ExchangeError> {
        let limit = after(exchange.now(), resolution.phase_limit);
        let (held, injection) = (Vec::new(), Injection::default());
        let mut credentials = Self { resolution, tokens, exchange, limit, held, injection };
        for position in 0..credentials.resolution.configured.len() {
            match credentials.acquire(position, on_event).await {
                Ok(held) => credentials.held.push(held),
                Err(error) => {
                    for revocation in credentials.revoke().await {
                        on_event(Event::progress(revocation.to_string()));
                    }
                    return Err(error);
                }
            }
        }
        let secrets: Vec<SecretString> = credentials.held.iter().map(Held::secret).collect();
        let login_tokens = std::mem::take(&mut credentials.injection.secrets);
        credentials.injection = assemble(&credentials.resolution, &secrets);
        credentials.injection.secrets.extend(login_tokens);
        Ok(credentials)
    }

    /// What Terraform gets to see.
    pub fn injection(&self) -> &Injection {
        &self.injection
    }

    /// What was obtained, as facts that anybody may see.
    pub fn report(&self) -> Vec<ReportEntry> {
        let entries = self.resolution.configured.iter().zip(&self.resolution.requests).zip(&self.held);
        entries.map(|((configured, request), held)| self.entry(configured, request, held)).collect()
    }

    /// How to revoke what is held, for a process that outlives this one.
    pub fn revocation_handles(&self) -> Vec<RevocationHandle> {
        let sessions = self.held.iter().rev().filter_map(Held::session);
        sessions.filter(|session| !session.is_settled).map(|session| session.handle.clone()).collect()
    }

    /// Revokes everything in reverse order; what is revoked already is left out, so this is safe to call twice.
    pub async fn revoke(&mut self) -> Vec<Revocation> {
        let mut revocations = Vec::new();
        for held in self.held.iter_mut().rev() {
            match &mut held.state {
                State::HandedOver { rotation, .. } => *rotation = None,
                State::Vault(session) if session.is_settled => {}
                State::Vault(session) => {
                    let revocation = session.handle.revoke_with(&session.api).await;
                    session.is_settled = !matches!(revocation.outcome, RevocationOutcome::Failed(_));
                    session.lease.stop();
                    revocations.push(revocation);
                }
            }
        }
        revocations
    }

    async fn acquire(
        &mut self,
        position: usize,
        on_event: &mut (dyn FnMut(Event) + Send),
    ) -> Result<Held, ExchangeError> {
        let configured = &self.resolution.configured[position];
        let request = &self.resolution.requests[position];
        let minted = self.tokens.identity_token(request).await.map_err(|error| ExchangeError::Token {
            configuration: configured.title(),
            audience: request.audience.clone(),
            reason: error.to_string(),
        })?;
        let claims = Claims::of(&minted.token);
        on_event(Event::progress(minted_line(configured, request, &minted)));
        let identity =
            Identity { jti: minted.jti.clone(), subject: claims.sub.clone(), expires_at: minted.expires_at };
        let state = match configured.configuration.grant() {
            Grant::HandOver => {
                let rotates = configured.configuration.token_life() == TokenLife::Rotated;
                let rotation = rotates.then(|| Rotation::start(&minted, self.exchange.now()));
                State::HandedOver { token: minted.token, rotation }
            }
            Grant::VaultLogin(login) => {
                let login = Login { configured, login, claims: &claims, limit: self.limit };
                let session = login.perform(&self.exchange, &minted.token, on_event).await?;
                // The login token is not injected, and must not show in a log either.
                self.injection.secrets.push(minted.token);
                State::Vault(Box::new(session))
            }
        };
        Ok(Held { identity, state })
    }

    fn entry(&self, configured: &Configured, request: &TokenRequest, held: &Held) -> ReportEntry {
        let (expires_at, identity) = match &held.state {
            State::HandedOver { .. } => (Some(held.identity.expires_at), Vec::new()),
            State::Vault(session) => (session.lease.ends_at(), session.facts.clone()),
        };
        ReportEntry {
            family: configured.family,
            tag: configured.tag.clone(),
            audience: request.audience.clone(),
            subject: held.identity.subject.clone().unwrap_or_else(|| self.resolution.subject.clone()),
            jti: held.identity.jti.clone(),
            role: configured.configuration.role().map(str::to_owned),
            expires_at,
            identity,
        }
    }
}

impl Held {
    /// What is injected.
    fn secret(&self) -> SecretString {
        match &self.state {
            State::HandedOver { token, .. } => token.clone(),
            State::Vault(session) => session.handle.token.clone(),
        }
    }

    fn session(&self) -> Option<&Session> {
        match &self.state {
            State::HandedOver { .. } => None,
            State::Vault(session) => Some(session),
        }
    }
}

fn minted_line(configured: &Configured, request: &TokenRequest, minted: &IdentityToken) -> String {
    let role = configured.configuration.role().map(|role| format!(", role {role}")).unwrap_or_default();
    format!(
        "{}: identity token {} for audience {}{role}, ends at {}",
        configured.title(),
        minted.jti,
        request.audience,
        minted.expires_at
    )
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("report", &self.report()).finish_non_exhaustive()
    }
}

/// Whether two secrets are the same text.
pub(super) fn is_same(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret() == other.expose_secret()
}
