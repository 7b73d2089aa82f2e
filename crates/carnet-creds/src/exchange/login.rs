//! One login to Vault with an identity token.

use std::time::Duration;

use carnet_model::Timestamp;
use secrecy::SecretString;

use super::{
    Event, Exchange, ExchangeError,
    claims::Claims,
    held::{Rotation, Session},
    lease::{Lease, Purpose, is_batch},
    revocation::{RevocationHandle, Target, VaultToken},
    vault_api::{VaultApi, VaultPlace},
    vault_wire::Granted,
};
use crate::{notice::Notice, provider::VaultLogin, refusal::Refusal, resolve::Configured};

/// One login to Vault.
pub(super) struct Login<'a> {
    pub(super) configured: &'a Configured,
    pub(super) login: &'a VaultLogin,
    pub(super) claims: &'a Claims,
    /// When the phase must end.
    pub(super) limit: Timestamp,
}

/// What a login led to.
pub(super) struct LoggedIn {
    pub(super) session: Session,
    pub(super) handle: RevocationHandle,
    pub(super) facts: Vec<String>,
}

impl Login<'_> {
    /// Logs in, and says what was granted.
    pub(super) async fn perform(
        &self,
        exchange: &Exchange,
        jwt: &SecretString,
        on_event: &mut (dyn FnMut(Event) + Send),
    ) -> Result<LoggedIn, ExchangeError> {
        let (configured, login) = (self.configured, self.login);
        let api = VaultApi::new(&exchange.http, VaultPlace::from(login))
            .map_err(|reason| refused(Refusal::of_certificate(configured, login, &reason)))?;
        // Counted from before the request, so that the token never ends earlier than we think.
        let now = exchange.now();
        let granted = api
            .login(&login.auth_path, &login.role, jwt)
            .await
            .map_err(|failure| refused(Refusal::of_login(configured, login, self.claims, &failure)))?;
        let (family, tag) = (configured.family, configured.tag.as_ref());
        let (lease, notice) = Lease::start(&granted.auth, now, Purpose { family, tag, limit: self.limit });
        let handle = self.handle(&granted, &lease);
        let event = Event { revocation: Some(handle.clone()), ..Event::progress(self.line(&granted)) };
        on_event(event);
        notice.into_iter().chain(self.remarks(&granted)).for_each(|notice| on_event(Event::warning(notice)));
        let ends_early = lease.renew_at().is_none() && lease.ends_at().is_some_and(|end| end < self.limit);
        let span = Duration::from_secs(granted.auth.lease_duration);
        let again = ends_early.then(|| Rotation::of_life(span, now));
        let facts = self.facts(&granted);
        let is_limited = granted.auth.num_uses > 0;
        let session = Session { api, token: granted.auth.client_token, lease, is_limited, again };
        Ok(LoggedIn { session, handle, facts })
    }

    fn handle(&self, granted: &Granted, lease: &Lease) -> RevocationHandle {
        RevocationHandle {
            family: self.configured.family,
            tag: self.configured.tag.clone(),
            ends_at: lease.ends_at(),
            target: Target::VaultToken(VaultToken {
                address: self.login.address.clone(),
                namespace: self.login.namespace.clone(),
                ca_pem: self.login.ca_pem.clone(),
                timeout_seconds: self.login.timeout.as_secs(),
                accessor: granted.auth.accessor.clone(),
                is_batch: is_batch(&granted.auth),
                token: granted.auth.client_token.clone(),
            }),
        }
    }

    fn line(&self, granted: &Granted) -> String {
        let auth = &granted.auth;
        format!(
            "{}: logged in at {} as role {}, policies [{}], token lives {}, {}, accessor {}",
            self.configured.title(),
            self.login.address,
            self.login.role,
            auth.policies.join(", "),
            human(Duration::from_secs(auth.lease_duration)),
            if auth.renewable { "renewable" } else { "not renewable" },
            if auth.accessor.is_empty() { "(none)" } else { &auth.accessor },
        )
    }

    fn remarks(&self, granted: &Granted) -> Vec<Notice> {
        let (family, tag) = (self.configured.family, &self.configured.tag);
        let warnings = granted.warnings.iter().map(|text| Notice::Provider {
            family,
            tag: tag.clone(),
            text: text.chars().filter(|character| !character.is_control()).collect(),
        });
        let limited = (granted.auth.num_uses > 0).then(|| Notice::LimitedUses {
            family,
            tag: tag.clone(),
            role: self.login.role.clone(),
            uses: granted.auth.num_uses,
        });
        limited.into_iter().chain(warnings).collect()
    }

    fn facts(&self, granted: &Granted) -> Vec<String> {
        let auth = &granted.auth;
        let facts = [
            ("address", self.login.address.clone()),
            ("namespace", self.login.namespace.clone().unwrap_or_default()),
            ("authentication path", format!("auth/{}", self.login.auth_path)),
            ("policies", auth.policies.join(", ")),
            ("entity", auth.entity_id.clone()),
            ("accessor", auth.accessor.clone()),
            ("token type", auth.token_type.clone()),
            ("token ttl", human(Duration::from_secs(auth.lease_duration))),
        ];
        let told = facts.into_iter().filter(|(_, fact)| !fact.is_empty());
        told.map(|(name, fact)| format!("{name}: {fact}")).collect()
    }
}

fn refused(refusal: Refusal) -> ExchangeError {
    ExchangeError::Vault(Box::new(refusal))
}

/// A span as people write it: `1h0m0s`, `20m0s`, `45s`.
pub(super) fn human(span: Duration) -> String {
    let seconds = span.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (hours, minutes, seconds) => format!("{hours}h{minutes}m{seconds}s"),
    }
}
