//! Keeping credentials fresh: new identity tokens in time, and renewals.

use std::time::Duration;

use carnet_model::Timestamp;
use secrecy::SecretString;

use super::{
    IdentityToken, Refreshed, TokenError,
    claims::Claims,
    credentials::{Credentials, Session, State, is_same},
    lease::{Purpose, after, pause},
};
use crate::{
    family::{FamilyName, Tag},
    injection::{InjectedFile, deliver},
    notice::Notice,
};

/// When to replace an identity token that its consumer reads again and again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rotation {
    replace_at: Option<Timestamp>,
    warn_at: Timestamp,
    failures: u32,
    has_warned: bool,
}

impl Rotation {
    /// Half the life is left for retries; spans count from arrival, so that clocks need not agree.
    pub(super) fn start(minted: &IdentityToken, now: Timestamp) -> Self {
        let life = Duration::try_from(minted.expires_at.duration_since(minted.issued_at)).unwrap_or_default();
        let (replace_at, warn_at) = (Some(after(now, life / 2)), after(now, life * 4 / 5));
        Self { replace_at, warn_at, failures: 0, has_warned: false }
    }

    /// Takes note of a failure; says whether a person should know about it now.
    fn failed(&mut self, error: &TokenError, now: Timestamp) -> bool {
        self.failures += 1;
        match error {
            TokenError::Refused(_) => {
                self.replace_at = None;
                true
            }
            TokenError::Unavailable(_) => {
                self.replace_at = Some(after(now, pause(self.failures)));
                let warns = now >= self.warn_at && !self.has_warned;
                self.has_warned |= warns;
                warns
            }
        }
    }
}

impl Credentials {
    /// When `refresh` has something to do next.
    pub fn next_refresh_at(&self) -> Option<Timestamp> {
        self.held.iter().filter_map(|held| held.state.due_at()).min()
    }

    /// Does what is due: replaces identity tokens and renews leases; what fails is tried again later.
    pub async fn refresh(&mut self) -> Refreshed {
        let mut refreshed = Refreshed::default();
        let now = self.exchange.now();
        for position in 0..self.held.len() {
            if self.held[position].state.due_at().is_none_or(|due| due > now) {
                continue;
            }
            match &self.held[position].state {
                State::HandedOver { .. } => self.replace(position, &mut refreshed).await,
                State::Vault(_) => self.renew(position, &mut refreshed).await,
            }
        }
        refreshed
    }

    async fn replace(&mut self, position: usize, refreshed: &mut Refreshed) {
        let minted = self.tokens.identity_token(&self.resolution.requests[position]).await;
        let now = self.exchange.now();
        let configured = &self.resolution.configured[position];
        let held = &mut self.held[position];
        let State::HandedOver { token, rotation: Some(rotation) } = &mut held.state else { return };
        match minted {
            Ok(minted) => {
                *rotation = Rotation::start(&minted, now);
                held.identity.subject = Claims::of(&minted.token).sub;
                held.identity.jti = minted.jti;
                held.identity.expires_at = minted.expires_at;
                *token = minted.token.clone();
                let files = deliver(&self.resolution, configured, &minted.token).files;
                self.take_over(files, minted.token, refreshed);
            }
            Err(error) if rotation.failed(&error, now) => {
                let ends = held.identity.expires_at;
                let text = format!("the identity token could not be replaced and ends at {ends}: {error}");
                let (family, tag) = (configured.family, configured.tag.clone());
                refreshed.notices.push(Notice::Provider { family, tag, text });
            }
            Err(_) => {}
        }
    }

    /// Keeps the files that changed, for the caller to write.
    fn take_over(&mut self, files: Vec<InjectedFile>, secret: SecretString, refreshed: &mut Refreshed) {
        for file in files {
            let current = self.injection.files.iter_mut().find(|current| current.name == file.name);
            match current {
                Some(current) if !is_same(&current.content, &file.content) => {
                    current.content = file.content.clone();
                    refreshed.files.push(file);
                }
                Some(_) | None => {}
            }
        }
        self.injection.secrets.push(secret.clone());
        refreshed.secrets.push(secret);
    }

    async fn renew(&mut self, position: usize, refreshed: &mut Refreshed) {
        let configured = &self.resolution.configured[position];
        let (family, tag) = (configured.family, configured.tag.as_ref());
        let purpose = Purpose { family, tag, limit: self.limit };
        let now = self.exchange.now();
        let State::Vault(session) = &mut self.held[position].state else { return };
        refreshed.notices.extend(renewed(session, now, purpose).await);
    }
}

async fn renewed(session: &mut Session, now: Timestamp, purpose: Purpose<'_>) -> Option<Notice> {
    let (family, tag) = (purpose.family, purpose.tag.cloned());
    match session.api.renew(&session.handle.token).await {
        Ok(granted) => {
            let notice = session.lease.renewed(&granted, now, purpose);
            session.handle.ends_at = session.lease.ends_at();
            notice
        }
        Err(failure) if matches!(failure.failure.status(), Some(400 | 403 | 404)) => {
            session.lease.stop();
            let ends = ended_text(session.lease.ends_at());
            Some(said(family, tag, format!("the token will not be renewed and ends{ends}: {failure}")))
        }
        Err(failure) => session.lease.not_renewed(now).then(|| {
            let ends = ended_text(session.lease.ends_at());
            said(family, tag, format!("the token could not be renewed yet and ends{ends}: {failure}"))
        }),
    }
}

fn said(family: FamilyName, tag: Option<Tag>, text: String) -> Notice {
    Notice::Provider { family, tag, text }
}

fn ended_text(ends_at: Option<Timestamp>) -> String {
    ends_at.map(|end| format!(" at {end}")).unwrap_or_default()
}

impl State {
    /// When something must be done.
    fn due_at(&self) -> Option<Timestamp> {
        match self {
            Self::HandedOver { rotation, .. } => rotation.as_ref()?.replace_at,
            Self::Vault(session) => session.lease.renew_at(),
        }
    }
}
