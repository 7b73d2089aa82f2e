//! Keeping credentials fresh: new identity tokens in time, renewals, and new logins where renewing ends.

use std::time::Duration;

use carnet_model::Timestamp;
use secrecy::SecretString;

use super::{
    Event, ExchangeError, Refreshed, TokenError,
    adapter_trade::Trade,
    claims::Claims,
    credentials::{Credentials, minted_line},
    held::{Held, Identity, Revocable, Rotation, Session, State, is_same},
    lease::{LONGEST_LIFE, Lease, Purpose, Renewed},
    login::{LoggedIn, Login},
    vault_wire::VaultFailure,
};
use crate::{
    credential::Credential,
    family::{FamilyName, Tag},
    injection::{deliver, served},
    notice::Notice,
    provider::Grant,
};

impl Credentials {
    /// When `refresh` has something to do next.
    pub fn next_refresh_at(&self) -> Option<Timestamp> {
        self.held.iter().filter_map(|held| held.state.due_at()).min()
    }

    /// Does what is due: replaces identity tokens and renews leases; what fails is tried again later.
    ///
    /// Drive this to its end, or revoke what the events name: a new login obtains something that must be revoked.
    pub async fn refresh(&mut self, on_event: &mut (dyn FnMut(Event) + Send)) -> Refreshed {
        let mut refreshed = Refreshed::default();
        let now = self.exchange.now();
        for position in 0..self.held.len() {
            if self.held[position].state.due_at().is_none_or(|due| due > now) {
                continue;
            }
            match &self.held[position].state {
                State::HandedOver { .. } => self.replace(position, &mut refreshed).await,
                State::Vault(session) if is_due(session.again.as_ref(), now) => {
                    self.log_in_again(position, on_event, &mut refreshed).await;
                }
                State::Vault(_) => self.renew(position, &mut refreshed).await,
                State::Read(read) if is_due(read.again.as_ref(), now) => {
                    self.read_again(position, on_event, &mut refreshed).await;
                }
                State::Read(_) => self.renew_read(position, &mut refreshed).await,
                State::Exchanged { .. } => self.trade_again(position, on_event, &mut refreshed).await,
            }
        }
        refreshed
    }

    /// A new identity token for a consumer that asks again.
    async fn replace(&mut self, position: usize, refreshed: &mut Refreshed) {
        let Some(request) = &self.resolution.configured[position].request else { return };
        let minted = self.tokens.identity_token(request).await;
        let now = self.exchange.now();
        match minted {
            Ok(minted) => {
                let held = &mut self.held[position];
                held.identity = Some(Identity::of(&minted, &Claims::of(&minted.token)));
                held.state = State::HandedOver { rotation: Some(Rotation::of_token(&minted, now)) };
                held.renewals += 1;
                held.credential = Credential::of_token(minted.token);
                self.redeliver(position, refreshed);
            }
            Err(error) => {
                let held = &mut self.held[position];
                let State::HandedOver { rotation: Some(rotation) } = &mut held.state else { return };
                let ends = held.identity.as_ref().map(|identity| identity.expires_at);
                let ends = ended_text(ends);
                let text = format!("the identity token could not be replaced and ends{ends}: {error}");
                let is_final = matches!(error, TokenError::Refused(_) | TokenError::NotAllowed { .. });
                let is_told = failed(rotation, is_final, now);
                self.note(position, is_told, text, refreshed);
            }
        }
    }

    /// Delivers what is held now; keeps the files that changed, for the caller to write.
    pub(super) fn redeliver(&mut self, position: usize, refreshed: &mut Refreshed) {
        let credential = &self.held[position].credential;
        let configured = &self.resolution.configured[position];
        let delivery = deliver(&self.resolution, configured, credential, self.source.as_ref());
        for new in served(&delivery, credential) {
            self.injection.served.retain(|old| old.path != new.path);
            self.injection.served.push(new.clone());
            refreshed.served.push(new);
        }
        let secrets: Vec<SecretString> = credential.secrets().cloned().collect();
        for file in delivery.files {
            let current = self.injection.files.iter_mut().find(|current| current.name == file.name);
            match current {
                Some(current) if !is_same(&current.content, &file.content) => {
                    current.content = file.content.clone();
                    refreshed.files.push(file);
                }
                Some(_) => {}
                None => {
                    self.injection.files.push(file.clone());
                    refreshed.files.push(file);
                }
            }
        }
        self.injection.secrets.extend(secrets.iter().cloned());
        refreshed.secrets.extend(secrets);
    }

    async fn renew(&mut self, position: usize, refreshed: &mut Refreshed) {
        let configured = &self.resolution.configured[position];
        let purpose = Purpose { family: configured.family, tag: configured.tag.as_ref(), limit: self.limit };
        let now = self.exchange.now();
        let held = &mut self.held[position];
        let State::Vault(session) = &mut held.state else { return };
        let (notice, is_renewed) = renewed(session, now, purpose).await;
        held.renewals += u32::from(is_renewed);
        let ends_at = session.lease.ends_at();
        if let Some(current) = held.revocables.last_mut() {
            current.handle.ends_at = ends_at;
        }
        refreshed.notices.extend(notice);
        if is_renewed {
            self.token_end_changed(position, refreshed);
        }
    }

    /// A new login where the token cannot be renewed for long enough. The old token is revoked at the end of the phase
    /// only: processes that have read it go on using it.
    async fn log_in_again(
        &mut self,
        position: usize,
        on_event: &mut (dyn FnMut(Event) + Send),
        refreshed: &mut Refreshed,
    ) {
        let outcome = self.second_login(position, on_event).await;
        let now = self.exchange.now();
        match outcome {
            Ok((LoggedIn { session, handle, facts }, identity, jwt)) => {
                self.hide(jwt.clone());
                refreshed.secrets.push(jwt);
                let held = &mut self.held[position];
                held.credential = Credential::of_token(session.token.clone());
                (held.identity, held.facts) = (Some(identity), facts);
                held.renewals += 1;
                held.state = State::Vault(Box::new(session));
                held.revocables.push(Revocable::new(handle));
                self.redeliver(position, refreshed);
                self.read_all_again(position, on_event, refreshed).await;
            }
            Err(error) => {
                let State::Vault(session) = &mut self.held[position].state else { return };
                let ends = ended_text(session.lease.ends_at());
                let Some(again) = &mut session.again else { return };
                let told = failed(again, !error.may_pass(), now);
                self.note(
                    position,
                    told,
                    format!("a new login failed; the token ends{ends}: {error}"),
                    refreshed,
                );
            }
        }
    }

    async fn second_login(
        &self,
        position: usize,
        on_event: &mut (dyn FnMut(Event) + Send),
    ) -> Result<(LoggedIn, Identity, SecretString), ExchangeError> {
        let configured = &self.resolution.configured[position];
        let (Grant::VaultLogin(login), Some(request)) =
            (configured.configuration.grant(), &configured.request)
        else {
            return Err(ExchangeError::NoSession { configuration: configured.title() });
        };
        let minted = self.mint(position, request).await?;
        on_event(Event::progress(minted_line(configured, request, &minted)));
        let claims = Claims::of(&minted.token);
        let login = Login { configured, login, claims: &claims, limit: self.limit };
        let logged_in = login.perform(&self.exchange, &minted.token, on_event).await?;
        Ok((logged_in, Identity::of(&minted, &claims), minted.token))
    }

    /// A new exchange for a consumer that reads its files again.
    async fn trade_again(
        &mut self,
        position: usize,
        on_event: &mut (dyn FnMut(Event) + Send),
        refreshed: &mut Refreshed,
    ) {
        let outcome = self.second_trade(position, on_event).await;
        let now = self.exchange.now();
        let held = &mut self.held[position];
        match outcome {
            Ok((traded, jwt)) => {
                let (renewals, mut revocables) = (held.renewals + 1, std::mem::take(&mut held.revocables));
                revocables.extend(traded.revocables);
                *held = Held { renewals, revocables, ..traded };
                self.hide(jwt.clone());
                refreshed.secrets.push(jwt);
                self.redeliver(position, refreshed);
            }
            Err(error) => {
                let State::Exchanged { ends_at, again: Some(again) } = &mut held.state else { return };
                let ends = ended_text(*ends_at);
                let told = failed(again, !error.may_pass(), now);
                let text = format!("a new credential could not be obtained; the old one ends{ends}: {error}");
                self.note(position, told, text, refreshed);
            }
        }
    }

    async fn second_trade(
        &self,
        position: usize,
        on_event: &mut (dyn FnMut(Event) + Send),
    ) -> Result<(Held, SecretString), ExchangeError> {
        let configured = &self.resolution.configured[position];
        let (Grant::Exchange(adapter), Some(request)) =
            (configured.configuration.grant(), &configured.request)
        else {
            return Err(ExchangeError::NoSession { configuration: configured.title() });
        };
        let minted = self.mint(position, request).await?;
        let trade = Trade {
            configured,
            adapter,
            resolution: &self.resolution,
            source: self.source.as_ref(),
            limit: self.limit,
        };
        let traded = trade.perform(&self.exchange, &minted.token, on_event).await?;
        let identity = Some(Identity::of(&minted, &Claims::of(&minted.token)));
        Ok((Held { identity, ..traded }, minted.token))
    }

    pub(super) fn note(&self, position: usize, is_told: bool, text: String, refreshed: &mut Refreshed) {
        if is_told {
            let configured = &self.resolution.configured[position];
            let (family, tag) = (configured.family, configured.tag.clone());
            refreshed.notices.push(Notice::Provider { family, tag, text });
        }
    }
}

/// Takes note of a failure; says whether a person should know about it now.
pub(super) fn failed(rotation: &mut Rotation, is_final: bool, now: Timestamp) -> bool {
    if is_final {
        rotation.stop();
        return true;
    }
    rotation.failed(now)
}

fn is_due(rotation: Option<&Rotation>, now: Timestamp) -> bool {
    rotation.is_some_and(|rotation| rotation.is_due(now))
}

/// Renews a token; says what a person should know, and whether it was renewed.
async fn renewed(session: &mut Session, now: Timestamp, purpose: Purpose<'_>) -> (Option<Notice>, bool) {
    let (family, tag) = (purpose.family, purpose.tag.cloned());
    match session.api.renew(&session.token).await {
        Ok(granted) => {
            let given = Renewed {
                span: Duration::from_secs(granted.auth.lease_duration),
                renewable: granted.auth.renewable,
                warnings: &granted.warnings,
            };
            let notice = session.lease.renewed(given, now, purpose, LONGEST_LIFE);
            if notice.is_some() {
                session.again = Some(Rotation::of_life(given.span, now));
            }
            (notice, true)
        }
        Err(failure) => {
            let notice = not_renewed(&mut session.lease, &failure, now, family, tag, "the token");
            if session.lease.renew_at().is_none() {
                session.again = Some(Rotation::of_life(Duration::ZERO, now));
            }
            (notice, false)
        }
    }
}

pub(super) fn not_renewed(
    lease: &mut Lease,
    failure: &VaultFailure,
    now: Timestamp,
    family: FamilyName,
    tag: Option<Tag>,
    what: &str,
) -> Option<Notice> {
    let text = if matches!(failure.failure.status(), Some(400 | 403 | 404)) {
        lease.stop();
        format!("{what} will not be renewed and ends{}: {failure}", ended_text(lease.ends_at()))
    } else if lease.not_renewed(now) {
        format!("{what} could not be renewed yet and ends{}: {failure}", ended_text(lease.ends_at()))
    } else {
        return None;
    };
    Some(Notice::Provider { family, tag, text })
}

pub(super) fn ended_text(ends_at: Option<Timestamp>) -> String {
    ends_at.map(|end| format!(" at {end}")).unwrap_or_default()
}
