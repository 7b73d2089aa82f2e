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
use crate::{credential::Credential, provider::VaultRead, resolve::Configured};

/// One reading.
pub(super) struct Reading<'a> {
    pub(super) configured: &'a Configured,
    pub(super) read: &'a VaultRead,
    /// When the phase must end.
    pub(super) limit: Timestamp,
}

const NOT_REREAD: &str =
    "; its consumer reads it once: raise the TTL that the secrets engine gives, or shorten the phase";

impl Reading<'_> {
    /// Reads, and says what was granted; `at` is the position of the session.
    pub(super) async fn perform(
        &self,
        exchange: &Exchange,
        at: usize,
        session: &Session,
        on_event: &mut (dyn FnMut(Event) + Send),
    ) -> Result<(Credential, ReadLease), ExchangeError> {
        let now = exchange.now();
        let secret = self.fetch(session).await.map_err(|failure| self.failed(&failure))?;
        let absent: Vec<&str> =
            self.read.wanted.iter().copied().filter(|name| !secret.parts.contains_key(*name)).collect();
        if !absent.is_empty() {
            return Err(ExchangeError::Incomplete {
                configuration: self.configured.title(),
                path: self.read.path.clone(),
                absent: absent.join(", "),
            });
        }
        let span = secret.life(now);
        let purpose =
            Purpose { family: self.configured.family, tag: self.configured.tag.as_ref(), limit: self.limit };
        let renewable = secret.renewable && !secret.lease_id.is_empty();
        let (lease, notice) = Lease::of_span(span, renewable, now, purpose, NOT_REREAD);
        let ends_early = !renewable && lease.ends_at().is_some_and(|end| end < self.limit);
        let is_replaced = ends_early && self.read.is_reread;
        on_event(Event::progress(self.line(span)));
        notice.filter(|_| !is_replaced).into_iter().for_each(|notice| on_event(Event::warning(notice)));
        let credential = Credential {
            ends_at: lease.ends_at().map(|end| end.to_string()),
            is_replaced,
            parts: secret.parts,
            ..Credential::default()
        };
        let again = is_replaced.then(|| Rotation::of_life(span, now));
        Ok((credential, ReadLease { session: at, lease_id: secret.lease_id, lease, again }))
    }

    async fn fetch(&self, session: &Session) -> Result<Secret, VaultFailure> {
        let token = &session.token;
        let found = session.api.read(token, &self.read.path).await;
        match (&self.read.fallback_path, &found) {
            (Some(path), Err(failure)) if failure.failure.status() == Some(403) => {
                // The refusal of the first path is the one to report: its name is the documented one.
                match session.api.read(token, path).await {
                    Ok(secret) => Ok(secret),
                    Err(_) => found,
                }
            }
            _ => found,
        }
    }

    fn failed(&self, failure: &VaultFailure) -> ExchangeError {
        let hint = match failure.failure.status() {
            Some(403) => format!(
                "; the policies of the Vault role lack read on {}",
                self.read.path.split('?').next().unwrap_or_default()
            ),
            Some(404) => "; no such mount or role in Vault".to_owned(),
            _ => String::new(),
        };
        ExchangeError::VaultRead {
            family: self.configured.title(),
            path: self.read.path.clone(),
            reason: format!("{}{hint}", failure.failure),
            may_pass: failure.failure.is_transient(),
        }
    }

    fn line(&self, span: Duration) -> String {
        let life = if span.is_zero() { "no lease".to_owned() } else { format!("lives {}", human(span)) };
        format!("{}: read {} from Vault, {life}", self.configured.title(), self.read.path)
    }
}
