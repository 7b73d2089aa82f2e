//! The exchange that an adapter describes, once.

use std::collections::BTreeMap;

use carnet_model::Timestamp;
use secrecy::SecretString;

use super::{
    Event, Exchange, ExchangeError,
    adapter_call::{Traded, trade},
    claims::Claims,
    held::{Held, Revocable, Rotation, State},
    lease::{Purpose, after},
    revocation::{RevocationHandle, Target},
};
use crate::{
    adapter::{AdapterExchange, Secrets, TokenUse},
    credential::Credential,
    injection::TokenSourceAddress,
    providers::AdapterConfiguration,
    refusal::{Presented, Refusal},
    resolve::{Configured, Resolution},
};

/// The exchange of one configuration.
pub(super) struct Trade<'a> {
    pub(super) configured: &'a Configured,
    pub(super) adapter: &'a AdapterConfiguration,
    pub(super) resolution: &'a Resolution,
    pub(super) source: Option<&'a TokenSourceAddress>,
    /// When the phase must end.
    pub(super) limit: Timestamp,
}

/// What was traded and can be delivered.
struct Accepted {
    handle: Option<RevocationHandle>,
    ends_at: Option<Timestamp>,
    credential: Credential,
}

const NOT_REREAD: &str = "; its consumer reads it once, as the adapter says";

impl Trade<'_> {
    /// Trades an identity token, and says what came of it.
    pub(super) async fn perform(
        &self,
        exchange: &Exchange,
        token: &SecretString,
        on_event: &mut (dyn FnMut(Event) + Send),
    ) -> Result<Held, ExchangeError> {
        let definition = self.adapter.definition();
        let Some(described) = definition.exchange() else {
            return Err(self.unusable(token, "the adapter describes no exchange"));
        };
        let now = exchange.now();
        let nothing = BTreeMap::new();
        let call = definition.exchange_call(&self.values(token, &nothing));
        let call = call.map_err(|error| self.unusable(token, &error.to_string()))?;
        let call = call.ok_or_else(|| self.unusable(token, "the adapter describes no request"))?;
        let traded = trade(&exchange.http, &call, described, token, now).await.map_err(|failure| {
            ExchangeError::Adapter(Box::new(Refusal::of_adapter(&self.presented(token), &failure)))
        })?;
        let Accepted { handle, ends_at, credential } =
            self.accept(exchange, described, token, traded, on_event).await?;
        let ends_early = ends_at.is_some_and(|end| end < self.limit);
        let is_reread = definition.token_use() == TokenUse::Rotated;
        let life = ends_at.and_then(|end| end.duration_since(now).try_into().ok()).unwrap_or_default();
        let again = (ends_early && is_reread).then(|| Rotation::of_life(life, now));
        if ends_early && !is_reread {
            let (family, tag) = (self.configured.family, self.configured.tag.as_ref());
            let purpose = Purpose { family, tag, limit: self.limit };
            let notice = purpose.ends_early(after(now, life), NOT_REREAD);
            notice.into_iter().for_each(|notice| on_event(Event::warning(notice)));
        }
        let revocables = handle.into_iter().map(Revocable::new).collect();
        Ok(Held { revocables, ..Held::new(credential, State::Exchanged { ends_at, again }) })
    }

    /// Checks that what was obtained can be delivered; what cannot be is revoked at once.
    async fn accept(
        &self,
        exchange: &Exchange,
        described: &AdapterExchange,
        token: &SecretString,
        traded: Traded,
        on_event: &mut (dyn FnMut(Event) + Send),
    ) -> Result<Accepted, ExchangeError> {
        let revocation = self.adapter.definition().revocation_call(&self.values(token, &traded.parts));
        let ends_at = traded.ends_at;
        let handle = revocation.ok().flatten().map(|call| RevocationHandle {
            family: self.configured.family,
            tag: self.configured.tag.clone(),
            ends_at,
            target: Target::Call(call),
        });
        let ends = ends_at.map(|end| format!(", ends at {end}")).unwrap_or_default();
        let text = format!("{}: traded the identity token{ends}", self.configured.title());
        on_event(Event { revocation: handle.clone(), ..Event::progress(text) });
        if handle.is_none() && described.revocation().is_some() {
            return Err(self.unusable(token, "the answer lacks what its revocation needs"));
        }
        let credential = Credential { token: token.clone(), parts: traded.parts, ..Credential::default() };
        let place = self.resolution.place(self.configured.tag.as_ref(), self.source);
        if let Err(error) = self.adapter.render(&credential, &place) {
            if let Some(handle) = &handle {
                on_event(Event::progress(handle.revoke(&exchange.http).await.to_string()));
            }
            return Err(self.unusable(token, &error.to_string()));
        }
        Ok(Accepted { handle, ends_at, credential })
    }

    fn values<'a>(
        &'a self,
        token: &'a SecretString,
        answers: &'a BTreeMap<String, SecretString>,
    ) -> crate::adapter::Values<'a> {
        let place = self.resolution.place(self.configured.tag.as_ref(), None);
        self.adapter.values(Secrets::Held { token, answers, source: None }, &place)
    }

    fn unusable(&self, token: &SecretString, reason: &str) -> ExchangeError {
        ExchangeError::Adapter(Box::new(Refusal::of_unusable_adapter(&self.presented(token), reason)))
    }

    fn presented(&self, token: &SecretString) -> Presented {
        Presented::new(self.configured, Claims::of(token), &self.resolution.provider_env)
    }
}
