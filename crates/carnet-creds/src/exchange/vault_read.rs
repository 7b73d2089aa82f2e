//! Reading credentials of other providers from Vault, with the token of a login.

use std::time::Duration;

use carnet_model::Timestamp;

use super::{
    Event, Exchange, ExchangeError,
    held::{ReadLease, Rotation, Session},
    lease::{Lease, Purpose},
    login::human,
    vault_wire::{Secret, VaultFailure},
};
use crate::{
    credential::Credential,
    provider::{VaultLogin, VaultRead},
    refusal::Refusal,
    resolve::Configured,
};

/// One reading.
pub(super) struct Reading<'a> {
    pub(super) configured: &'a Configured,
    pub(super) read: &'a VaultRead,
    /// The login whose token reads.
    pub(super) login: Option<&'a VaultLogin>,
    /// When the phase must end.
    pub(super) limit: Timestamp,
}

/// What helps when credentials end with the token that read them.
pub(super) const WITH_TOKEN: &str = "; they end with the Vault token that read them: raise token_max_ttl or set token_period on its role. New ones \
     will replace them in their files; a process that has read the old ones keeps them";

impl Reading<'_> {
    /// Reads, and says what was granted; `at` is the position of the session.
    pub(super) async fn perform(
        &self,
        exchange: &Exchange,
        at: usize,
        session: &Session,
        on_event: &mut (dyn FnMut(Event) + Send),
    ) -> Result<(Credential, ReadLease), ExchangeError> {
        // Counted from before the request, so that nothing ends earlier than we think.
        let now = exchange.now();
        let (path, secret) = self.fetch(session).await.map_err(|failure| self.failed(&failure))?;
        let span = secret.life(now);
        let is_renewable = secret.renewable && !secret.lease_id.is_empty();
        let purpose = self.purpose();
        let (lease, notice) = Lease::of_span(span, is_renewable, now, purpose, self.read.advice);
        let is_leased = !secret.lease_id.is_empty();
        let lease_id = if is_renewable { secret.lease_id.clone() } else { String::new() };
        let mut state = ReadLease { session: at, lease_id, is_leased, lease, again: None };
        let mut credential = self.credential(secret, path)?;
        credential.is_replaced = self.read.is_reread && state.ends_before(self.limit, session);
        credential.ends_at = state.known_end(session).map(|end| end.to_string());
        on_event(Event::progress(self.line(path, span)));
        if credential.is_replaced {
            // What is renewed need not be read again; a new login reads anew.
            let ends_early = !is_renewable && state.lease.ends_at().is_some_and(|end| end < self.limit);
            state.again = ends_early.then(|| Rotation::of_life(span, now));
        } else {
            let ends_with_token = is_renewable && session.again.is_some();
            let token_end = session.lease.ends_at().filter(|_| ends_with_token);
            let token_notice = token_end.and_then(|end| purpose.ends_early(end, WITH_TOKEN));
            notice.or(token_notice).into_iter().for_each(|notice| on_event(Event::warning(notice)));
        }
        Ok((credential, state))
    }

    /// What the credentials are kept alive for.
    pub(super) fn purpose(&self) -> Purpose<'_> {
        Purpose { family: self.configured.family, tag: self.configured.tag.as_ref(), limit: self.limit }
    }

    /// What is used of an answer; all else may be words that a log should go on showing.
    fn credential(&self, secret: Secret, path: &str) -> Result<Credential, ExchangeError> {
        let unusable = |reason: String| {
            let refusal = Refusal::of_unusable_read(self.configured, path, self.login, &reason);
            ExchangeError::VaultRead(Box::new(refusal))
        };
        let absent: Vec<&str> =
            self.read.wanted.iter().copied().filter(|name| !secret.parts.contains_key(*name)).collect();
        if !absent.is_empty() {
            return Err(unusable(format!("the answer lacks {}", absent.join(", "))));
        }
        let is_used = |name: &str| self.read.wanted.contains(&name) || self.read.optional.contains(&name);
        let parts = secret.parts.into_iter().filter(|(name, _)| is_used(name)).collect();
        let mut credential = Credential { parts, ..Credential::default() };
        self.configured.configuration.complete(&mut credential).map_err(unusable)?;
        Ok(credential)
    }

    async fn fetch(&self, session: &Session) -> Result<(&str, Secret), VaultFailure> {
        let path = self.read.path.as_str();
        let refusal = match session.api.read(&session.token, path).await {
            Ok(secret) => return Ok((path, secret)),
            Err(failure) => failure,
        };
        match self.read.fallback_path.as_deref() {
            Some(path) if refusal.failure.status() == Some(403) => {
                // The refusal of the first path is the one to report: its name is the documented one.
                let second = session.api.read(&session.token, path).await;
                second.map(|secret| (path, secret)).map_err(|_| refusal)
            }
            Some(_) | None => Err(refusal),
        }
    }

    fn failed(&self, failure: &VaultFailure) -> ExchangeError {
        let refusal = Refusal::of_read(self.configured, self.read, self.login, failure);
        ExchangeError::VaultRead(Box::new(refusal))
    }

    fn line(&self, path: &str, span: Duration) -> String {
        let life = if span.is_zero() { "no lease".to_owned() } else { format!("lives {}", human(span)) };
        format!("{}: read {path} from Vault, {life}", self.configured.title())
    }
}
