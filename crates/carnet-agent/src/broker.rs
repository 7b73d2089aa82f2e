//! Credentials of a job: obtained before Terraform starts, kept fresh while it runs, revoked at the end.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use carnet_api::{
    client::{ClientError, JobClient},
    job::IdentityTokenRequest,
};
use carnet_creds::{
    Credentials, Event, Exchange, ExchangeError, HttpSettings, IdentityToken, Injection, Resolution,
    RevocationHandle, RevocationOutcome, TokenError, TokenRequest, TokenSource,
};
use jiff::Timestamp;
use tokio::{sync::Mutex, task::JoinHandle};

use crate::{config::Clock, guardian::Guardian, log::Log, retry::Backoff, workdir::Home};

/// How often the server is asked for one token.
const ATTEMPTS: u32 = 4;

/// The clock of the machine may jump: a longer wait is cut into pieces.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// Holds the credentials of a job.
pub(crate) struct Broker {
    held: Arc<Mutex<Credentials>>,
    refresher: Option<JoinHandle<()>>,
    log: Log,
    guardian: Arc<Guardian>,
}

/// Where credentials go.
pub(crate) struct Surroundings {
    pub(crate) log: Log,
    pub(crate) guardian: Arc<Guardian>,
    pub(crate) home: Home,
    pub(crate) clock: Clock,
    pub(crate) http: HttpSettings,
}

impl Broker {
    /// Trades identity tokens for credentials. What was obtained before a failure is revoked again.
    pub(crate) async fn obtain(
        resolution: Resolution,
        client: JobClient,
        around: Surroundings,
    ) -> Result<(Self, Injection), ExchangeError> {
        let mut handles: Vec<RevocationHandle> = Vec::new();
        let mut on_event = |event: Event| {
            around.log.line(&event.to_string());
            if let Some(handle) = event.revocation {
                // Revoked in reverse order.
                handles.insert(0, handle);
                around.guardian.revocations(handles.clone());
            }
        };
        let exchange = Exchange { http: around.http.clone(), clock: around.clock.clone() };
        let tokens = Arc::new(ServerTokens { client });
        let credentials = Credentials::obtain(resolution, tokens, exchange, &mut on_event).await?;
        let injection = credentials.injection().clone();
        around.log.hide(&injection.secrets);
        around.guardian.revocations(credentials.revocation_handles());
        let held = Arc::new(Mutex::new(credentials));
        let (log, guardian) = (around.log.clone(), around.guardian.clone());
        let refresher = Some(tokio::spawn(keep_fresh(held.clone(), around)));
        Ok((Self { held, refresher, log, guardian }, injection))
    }

    /// Stops refreshing and revokes everything; returns what could not be revoked, in words.
    pub(crate) async fn revoke(mut self) -> Vec<String> {
        if let Some(refresher) = self.refresher.take() {
            // A refresh in the middle obtains nothing that would have to be revoked: it renews, or it replaces a token
            // that ends by itself.
            refresher.abort();
            let _ = refresher.await;
        }
        let mut held = self.held.lock().await;
        let mut failed = Vec::new();
        for revocation in held.revoke().await {
            self.log.line(&revocation.to_string());
            if matches!(revocation.outcome, RevocationOutcome::Failed(_)) {
                failed.push(revocation.to_string());
            }
        }
        self.guardian.revocations(held.revocation_handles());
        failed
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(refresher) = &self.refresher {
            refresher.abort();
        }
    }
}

async fn keep_fresh(held: Arc<Mutex<Credentials>>, around: Surroundings) {
    loop {
        let Some(due) = held.lock().await.next_refresh_at() else {
            return;
        };
        let wait = until(due, (around.clock)());
        if !wait.is_zero() {
            tokio::time::sleep(wait.min(LONGEST_SLEEP)).await;
            continue;
        }
        let mut credentials = held.lock().await;
        let refreshed = credentials.refresh().await;
        around.log.hide(&refreshed.secrets);
        for file in &refreshed.files {
            if let Err(error) = write_file(&around.home, file) {
                around.log.line(&format!("Warning: {} cannot be replaced: {error}", file.name));
            }
        }
        for notice in &refreshed.notices {
            around.log.line(&format!("Warning: {notice}"));
        }
        around.guardian.revocations(credentials.revocation_handles());
        let is_due_again = credentials.next_refresh_at().is_some_and(|next| next <= (around.clock)());
        drop(credentials);
        if is_due_again {
            // A refresh that asks for another one at once gets it, but not in a tight loop.
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

/// Writes an injected file.
pub(crate) fn write_file(home: &Home, file: &carnet_creds::InjectedFile) -> std::io::Result<()> {
    use secrecy::ExposeSecret;
    home.write(&file.name, file.content.expose_secret().as_bytes())
}

fn until(due: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(due.duration_since(now)).unwrap_or(Duration::ZERO)
}

/// Has identity tokens made by the server, on the authority of the job.
struct ServerTokens {
    client: JobClient,
}

#[async_trait]
impl TokenSource for ServerTokens {
    async fn identity_token(&self, request: &TokenRequest) -> Result<IdentityToken, TokenError> {
        let wanted = IdentityTokenRequest {
            family: request.family.to_string(),
            tag: request.tag.as_ref().map(ToString::to_string),
            audience: request.audience.clone(),
            lifetime_seconds: request.lifetime.as_secs(),
        };
        let mut backoff = Backoff::default();
        let mut attempt = 1;
        loop {
            match self.client.identity_token(&wanted).await {
                Ok(reply) => {
                    return Ok(IdentityToken {
                        token: reply.token.0,
                        jti: reply.jti,
                        issued_at: reply.issued_at,
                        expires_at: reply.expires_at,
                    });
                }
                Err(error) if error.is_retryable() && attempt < ATTEMPTS => {
                    attempt += 1;
                    tokio::time::sleep(backoff.next()).await;
                }
                Err(error @ ClientError::Unavailable { .. }) => {
                    return Err(TokenError::Unavailable(error.to_string()));
                }
                Err(error) => return Err(TokenError::Refused(error.to_string())),
            }
        }
    }
}
