//! Keeping what was read from Vault alive: renewals of leases, and new readings where renewing ends.

use std::time::Duration;

use super::{
    Event, ExchangeError, Refreshed,
    credentials::Credentials,
    held::{ReadLease, Rotation, State},
    lease::{Purpose, Renewed},
    refresh::{ended_text, failed, not_renewed},
    vault_read::{Reading, WITH_TOKEN},
};
use crate::credential::Credential;

impl Credentials {
    /// What an old token has read ends with it, so the new one reads again.
    pub(super) async fn read_all_again(
        &mut self,
        session: usize,
        on_event: &mut (dyn FnMut(Event) + Send),
        refreshed: &mut Refreshed,
    ) {
        for position in self.readers_of(session) {
            self.read_again(position, on_event, refreshed).await;
        }
    }

    pub(super) async fn read_again(
        &mut self,
        position: usize,
        on_event: &mut (dyn FnMut(Event) + Send),
        refreshed: &mut Refreshed,
    ) {
        let outcome = self.second_reading(position, on_event).await;
        let now = self.exchange.now();
        match outcome {
            Ok((credential, read)) => {
                let held = &mut self.held[position];
                // A consumer that was told to ask again must go on finding what it asks for.
                let is_replaced = held.credential.is_replaced || credential.is_replaced;
                held.credential = Credential { is_replaced, ..credential };
                held.state = State::Read(read);
                held.renewals += 1;
                self.redeliver(position, refreshed);
            }
            Err(error) => {
                let State::Read(read) = &mut self.held[position].state else { return };
                let ends = ended_text(read.lease.ends_at());
                let again = read.again.get_or_insert_with(|| Rotation::of_life(Duration::ZERO, now));
                let told = failed(again, !error.may_pass(), now);
                let text = format!("new credentials could not be read; the old ones end{ends}: {error}");
                self.note(position, told, text, refreshed);
            }
        }
    }

    async fn second_reading(
        &self,
        position: usize,
        on_event: &mut (dyn FnMut(Event) + Send),
    ) -> Result<(Credential, ReadLease), ExchangeError> {
        let configured = &self.resolution.configured[position];
        let no_session = || ExchangeError::NoSession { configuration: configured.title() };
        let read = configured.vault_read().ok_or_else(no_session)?;
        let at = self.session_of(read).ok_or_else(no_session)?;
        let State::Vault(session) = &self.held[at].state else { return Err(no_session()) };
        let login = self.login_of(at);
        Reading { configured, read, login, limit: self.limit }
            .perform(&self.exchange, at, session, on_event)
            .await
    }

    /// Renews the lease of what was read; where that ends, a consumer that asks again gets something new in time.
    pub(super) async fn renew_read(&mut self, position: usize, refreshed: &mut Refreshed) {
        let State::Read(read) = &self.held[position].state else { return };
        let State::Vault(session) = &self.held[read.session].state else { return };
        // Counted from before the request, so that nothing ends earlier than we think.
        let now = self.exchange.now();
        let answer = session.api.renew_lease(&session.token, &read.lease_id).await;
        let configured = &self.resolution.configured[position];
        let (family, tag) = (configured.family, configured.tag.as_ref());
        let advice = configured.vault_read().map(|read| read.advice).unwrap_or_default();
        let held = &mut self.held[position];
        let State::Read(read) = &mut held.state else { return };
        let notice = match answer {
            Ok(answer) => {
                held.renewals += 1;
                let given = Renewed {
                    span: Duration::from_secs(answer.lease_duration),
                    renewable: answer.renewable,
                    warnings: &answer.warnings,
                };
                let purpose = Purpose { family, tag, limit: self.limit };
                let notice = read.lease.renewed(given, now, purpose, advice);
                if notice.is_some() && held.credential.is_replaced {
                    read.again = Some(Rotation::of_life(given.span, now));
                }
                notice.filter(|_| !held.credential.is_replaced)
            }
            Err(failure) => {
                let notice = not_renewed(&mut read.lease, &failure, now, family, tag.cloned(), "the lease");
                if read.lease.renew_at().is_none() && held.credential.is_replaced {
                    read.again = Some(Rotation::of_life(Duration::ZERO, now));
                }
                notice
            }
        };
        refreshed.notices.extend(notice);
        self.tell_end(position, refreshed);
    }

    /// The token of a session has another end now: tells the consumers of what it has read, or a person.
    pub(super) fn token_end_changed(&mut self, session: usize, refreshed: &mut Refreshed) {
        for position in self.readers_of(session) {
            self.tell_end(position, refreshed);
            let held = &self.held[position];
            let (State::Read(read), State::Vault(session)) = (&held.state, &self.held[session].state) else {
                continue;
            };
            if session.again.is_some() && read.is_renewable() && !held.credential.is_replaced {
                let configured = &self.resolution.configured[position];
                let (family, tag) = (configured.family, configured.tag.as_ref());
                let purpose = Purpose { family, tag, limit: self.limit };
                let end = session.lease.ends_at();
                refreshed.notices.extend(end.and_then(|end| purpose.ends_early(end, WITH_TOKEN)));
            }
        }
    }

    /// A consumer that asks again is told until when what it has works.
    fn tell_end(&mut self, position: usize, refreshed: &mut Refreshed) {
        let held = &self.held[position];
        let State::Read(read) = &held.state else { return };
        let State::Vault(session) = &self.held[read.session].state else { return };
        let ends_at = read.known_end(session).map(|end| end.to_string());
        if held.credential.is_replaced && held.credential.ends_at != ends_at {
            self.held[position].credential.ends_at = ends_at;
            self.redeliver(position, refreshed);
        }
    }

    fn readers_of(&self, session: usize) -> Vec<usize> {
        let is_reader = |state: &State| matches!(state, State::Read(read) if read.session == session);
        (0..self.held.len()).filter(|position| is_reader(&self.held[*position].state)).collect()
    }
}
