//! The credentials of one phase, from the first token to the last revocation.

use std::{sync::Arc, time::Duration};

use carnet_model::Timestamp;
use secrecy::SecretString;

use super::{
    Event, Exchange, ExchangeError, IdentityToken, Refused, TokenError, TokenSource,
    adapter_trade::Trade,
    claims::Claims,
    held::{Held, Identity, Revocable, Rotation, State},
    lease::after,
    login::{LoggedIn, Login},
    report::{LeaseEntry, ReportEntry},
    revocation::{Revocation, RevocationHandle},
    vault_read::Reading,
};
use crate::{
    credential::Credential,
    injection::{Injection, TokenSourceAddress, assemble},
    provider::{Grant, TokenLife, VaultLogin, VaultRead},
    refusal::{Asked, not_allowed},
    resolve::{Configured, Resolution, TokenRequest},
};

/// The credentials of one phase.
pub struct Credentials {
    pub(super) resolution: Resolution,
    pub(super) tokens: Arc<dyn TokenSource>,
    pub(super) exchange: Exchange,
    pub(super) source: Option<TokenSourceAddress>,
    /// When the phase must end.
    pub(super) limit: Timestamp,
    /// What was obtained, in the order of the configurations.
    pub(super) held: Vec<Held>,
    /// The identity token that was made last and is being traded.
    presented: Option<Identity>,
    pub(super) injection: Injection,
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
        source: Option<TokenSourceAddress>,
        on_event: &mut (dyn FnMut(Event) + Send),
    ) -> Result<Self, Box<Refused>> {
        let limit = after(exchange.now(), resolution.phase_limit);
        let (held, injection) = (Vec::new(), Injection::default());
        let mut credentials =
            Self { resolution, tokens, exchange, source, limit, held, presented: None, injection };
        for position in 0..credentials.resolution.configured.len() {
            match credentials.acquire(position, on_event).await {
                Ok(held) => credentials.held.push(held),
                Err(error) => {
                    for revocation in credentials.revoke().await {
                        on_event(Event::progress(revocation.to_string()));
                    }
                    let mut report = credentials.report();
                    report.push(credentials.refused_entry(position, &error));
                    return Err(Box::new(Refused { error, report }));
                }
            }
        }
        credentials.ask_who(on_event).await;
        let held: Vec<Credential> = credentials.held.iter().map(|held| held.credential.clone()).collect();
        let login_tokens = std::mem::take(&mut credentials.injection.secrets);
        credentials.injection = assemble(&credentials.resolution, &held, credentials.source.as_ref());
        credentials.injection.secrets.extend(login_tokens);
        Ok(credentials)
    }

    /// What Terraform gets to see.
    pub fn injection(&self) -> &Injection {
        &self.injection
    }

    /// How long what was obtained needs until it works everywhere; keep refreshing meanwhile.
    pub fn settle(&self) -> Duration {
        let reads = self.resolution.configured.iter().filter_map(Configured::vault_read);
        reads.map(|read| read.settle).max().unwrap_or_default()
    }

    /// What was obtained, as facts that anybody may see.
    pub fn report(&self) -> Vec<ReportEntry> {
        let entries = self.resolution.configured.iter().zip(&self.held);
        entries.map(|(configured, held)| self.entry(configured, held)).collect()
    }

    /// How to revoke what is held, for a process that outlives this one; in the order of revocation.
    pub fn revocation_handles(&self) -> Vec<RevocationHandle> {
        let held = self.held.iter().rev().flat_map(|held| held.revocables.iter().rev());
        held.filter(|one| !one.is_settled()).map(|one| one.handle.clone()).collect()
    }

    /// Revokes everything in reverse order; what is revoked already is left out, so this is safe to call twice.
    pub async fn revoke(&mut self) -> Vec<Revocation> {
        let mut revocations = Vec::new();
        for held in self.held.iter_mut().rev() {
            held.state.stop();
            for one in held.revocables.iter_mut().rev().filter(|one| !one.is_settled()) {
                let revocation = one.handle.revoke(&self.exchange.http).await;
                one.outcome = Some(revocation.outcome.clone());
                revocations.push(revocation);
            }
        }
        revocations
    }

    /// Has the identity token of a configuration made.
    pub(super) async fn mint(
        &self,
        position: usize,
        request: &TokenRequest,
    ) -> Result<IdentityToken, ExchangeError> {
        let configured = &self.resolution.configured[position];
        self.tokens.identity_token(request).await.map_err(|error| match error {
            TokenError::NotAllowed { cause, fix } => {
                let asked = Asked {
                    title: configured.title(),
                    subject: self.resolution.subject(),
                    audience: &request.audience,
                    role: configured.configuration.role(),
                };
                ExchangeError::NotAllowed(Box::new(not_allowed(&asked, cause, fix)))
            }
            TokenError::Refused(_) | TokenError::Unavailable(_) => ExchangeError::Token {
                configuration: configured.title(),
                audience: request.audience.clone(),
                reason: error,
            },
        })
    }

    async fn acquire(
        &mut self,
        position: usize,
        on_event: &mut (dyn FnMut(Event) + Send),
    ) -> Result<Held, ExchangeError> {
        self.presented = None;
        let configured = &self.resolution.configured[position];
        let Some(request) = &configured.request else {
            let Some(read) = configured.vault_read().cloned() else {
                return Err(ExchangeError::NoSession { configuration: configured.title() });
            };
            return self.read(position, &read, on_event).await;
        };
        let minted = self.mint(position, request).await?;
        let claims = Claims::of(&minted.token);
        on_event(Event::progress(minted_line(configured, request, &minted)));
        let identity = Some(Identity::of(&minted, &claims));
        self.presented.clone_from(&identity);
        let configured = &self.resolution.configured[position];
        match configured.configuration.grant() {
            Grant::VaultLogin(login) => {
                let login = Login { configured, login, claims: &claims, limit: self.limit };
                let LoggedIn { session, handle, facts } =
                    login.perform(&self.exchange, &minted.token, on_event).await?;
                // The login token is not injected, and must not show in a log either.
                self.hide(minted.token);
                Ok(Held {
                    identity,
                    credential: Credential::of_token(session.token.clone()),
                    state: State::Vault(Box::new(session)),
                    facts,
                    renewals: 0,
                    revocables: vec![Revocable::new(handle)],
                })
            }
            Grant::Exchange(adapter) => {
                let trade = Trade {
                    configured,
                    adapter,
                    resolution: &self.resolution,
                    source: self.source.as_ref(),
                    limit: self.limit,
                };
                let traded = trade.perform(&self.exchange, &minted.token, on_event).await?;
                self.hide(minted.token);
                Ok(Held { identity, ..traded })
            }
            Grant::HandOver | Grant::VaultRead(_) => {
                let rotates =
                    configured.configuration.token().is_some_and(|need| need.life == TokenLife::Rotated);
                let rotation = rotates.then(|| Rotation::of_token(&minted, self.exchange.now()));
                let credential = Credential::of_token(minted.token);
                Ok(Held { identity, ..Held::new(credential, State::HandedOver { rotation }) })
            }
        }
    }

    /// The position of the Vault configuration that reads for another one.
    pub(super) fn session_of(&self, read: &VaultRead) -> Option<usize> {
        self.resolution.configured.iter().position(|one| {
            matches!(one.configuration.grant(), Grant::VaultLogin(_)) && one.tag == read.vault
        })
    }

    /// How the configuration at a position logs in to Vault.
    pub(super) fn login_of(&self, position: usize) -> Option<&VaultLogin> {
        match self.resolution.configured[position].configuration.grant() {
            Grant::VaultLogin(login) => Some(login),
            Grant::HandOver | Grant::VaultRead(_) | Grant::Exchange(_) => None,
        }
    }

    async fn read(
        &self,
        position: usize,
        read: &VaultRead,
        on_event: &mut (dyn FnMut(Event) + Send),
    ) -> Result<Held, ExchangeError> {
        let configured = &self.resolution.configured[position];
        let session = self.session_of(read).and_then(|at| Some((at, self.held.get(at)?)));
        let Some((at, Held { state: State::Vault(session), .. })) = session else {
            return Err(ExchangeError::NoSession { configuration: configured.title() });
        };
        let reading = Reading { configured, read, login: self.login_of(at), limit: self.limit };
        let (credential, state) = reading.perform(&self.exchange, at, session, on_event).await?;
        Ok(Held::new(credential, State::Read(state)))
    }

    fn entry(&self, configured: &Configured, held: &Held) -> ReportEntry {
        // A token that was handed over ends by itself; so does what an adapter's exchange said nothing about.
        let expires_at = held.state.ends_at();
        let identity = held.identity.as_ref().or_else(|| self.identity_of_session(configured));
        let request = configured.request.as_ref();
        ReportEntry {
            family: configured.family,
            tag: configured.tag.clone(),
            audience: request.map(|request| request.audience.clone()).unwrap_or_default(),
            subject: identity
                .and_then(|identity| identity.subject.clone())
                .unwrap_or_else(|| self.resolution.subject.clone()),
            jti: identity.map(|identity| identity.jti.clone()),
            life: identity.map(|identity| identity.life).unwrap_or_default(),
            role: configured.configuration.role().map(str::to_owned),
            expires_at: expires_at.or_else(|| held.identity.as_ref().map(|identity| identity.expires_at)),
            renewals: held.renewals,
            identity: held.facts.clone(),
            refused: None,
            leases: held.revocables.iter().map(lease_entry).collect(),
        }
    }

    /// What was refused. It names the token that a provider was shown; where none was, there is none to name.
    fn refused_entry(&self, position: usize, error: &ExchangeError) -> ReportEntry {
        let configured = &self.resolution.configured[position];
        let identity = self.presented.as_ref().or_else(|| self.identity_of_session(configured));
        let text = error.to_string();
        ReportEntry {
            family: configured.family,
            tag: configured.tag.clone(),
            audience: configured.request.as_ref().map(|request| request.audience.clone()).unwrap_or_default(),
            subject: identity
                .and_then(|identity| identity.subject.clone())
                .unwrap_or_else(|| self.resolution.subject.clone()),
            jti: identity.map(|identity| identity.jti.clone()),
            life: identity.map(|identity| identity.life).unwrap_or_default(),
            role: configured.configuration.role().map(str::to_owned),
            expires_at: None,
            renewals: 0,
            identity: Vec::new(),
            refused: Some(text.lines().next().unwrap_or_default().to_owned()),
            leases: Vec::new(),
        }
    }

    fn identity_of_session(&self, configured: &Configured) -> Option<&Identity> {
        self.held.get(self.session_of(configured.vault_read()?)?)?.identity.as_ref()
    }

    /// A token that must not show in a log although it is not injected.
    pub(super) fn hide(&mut self, secret: SecretString) {
        self.injection.secrets.push(secret);
    }
}

fn lease_entry(one: &Revocable) -> LeaseEntry {
    LeaseEntry {
        address: one.handle.address().to_owned(),
        namespace: one.handle.namespace().map(str::to_owned),
        accessor: one.handle.accessor().to_owned(),
        ends_at: one.handle.ends_at,
        outcome: one.outcome.clone(),
    }
}

pub(super) fn minted_line(configured: &Configured, request: &TokenRequest, minted: &IdentityToken) -> String {
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
