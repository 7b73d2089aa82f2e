//! Credentials of a job: obtained before Terraform starts, kept fresh while it runs, revoked at the end.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use carnet_api::{
    client::{ClientError, JobClient},
    job::{CredentialEntry, CredentialReport, IdentityTokenRequest},
};
use carnet_creds::{
    Credentials, Event, Exchange, HttpSettings, IdentityToken, Injection, Refusal, Resolution,
    RevocationHandle, RevocationOutcome, TokenError, TokenRequest,
};
use jiff::Timestamp;
use tokio::{sync::Mutex, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    config::Clock,
    credential_report::{ended, report_entry, report_line},
    guardian::Guardian,
    log::Log,
    retry::Backoff,
    steps::PhaseError,
    token_source::TokenSource,
    workdir::Home,
};

/// How often the server is asked for one token.
const ATTEMPTS: u32 = 4;

/// The clock of the machine may jump: a longer wait is cut into pieces.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// How long the report to the server may lag behind what happened.
const REPORT_PAUSE: Duration = Duration::from_secs(10);

/// The longest that one report may take.
const REPORT_LIMIT: Duration = Duration::from_secs(5);

/// Holds the credentials of a job.
pub(crate) struct Broker {
    held: Arc<Mutex<Credentials>>,
    refresher: Option<JoinHandle<()>>,
    stop: CancellationToken,
    log: Log,
    guardian: Arc<Guardian>,
    client: JobClient,
    settle: Duration,
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
    ) -> Result<(Self, Injection), PhaseError> {
        let source =
            match resolution.needs_token_source() {
                true => Some(TokenSource::start().await.map_err(|error| {
                    PhaseError::failed("the token source of the phase cannot listen", error)
                })?),
                false => None,
            };
        let address = source.as_ref().map(TokenSource::address);
        let mut watch = Watch::new(&around);
        let exchange = Exchange { http: around.http.clone(), clock: around.clock.clone() };
        let tokens = Arc::new(ServerTokens { client: client.clone() });
        let obtained =
            Credentials::obtain(resolution, tokens, exchange, address, &mut |event| watch.event(event)).await;
        let credentials = match obtained {
            Ok(credentials) => credentials,
            Err(refused) => {
                report(&client, refused.report.iter().map(report_entry).collect()).await;
                return Err(PhaseError::Failed(refused.error.to_string()));
            }
        };
        let injection = credentials.injection().clone();
        if let Some(source) = &source {
            source.replace(&injection.served);
        }
        around.log.hide(&injection.secrets);
        around.guardian.revocations(credentials.revocation_handles());
        report(&client, credentials.report().iter().map(report_entry).collect()).await;
        let (log, guardian, settle) = (around.log.clone(), around.guardian.clone(), credentials.settle());
        let held = Arc::new(Mutex::new(credentials));
        let stop = CancellationToken::new();
        let keeper =
            Keeper { held: held.clone(), around, source, client: client.clone(), stop: stop.clone() };
        let refresher = Some(tokio::spawn(keeper.keep_fresh()));
        Ok((Self { held, refresher, stop, log, guardian, client, settle }, injection))
    }

    /// Explains the refused exchanges that the output of Terraform tells of.
    pub(crate) async fn refusals(&self, output: &str) -> Vec<Refusal> {
        self.held.lock().await.refusals(output)
    }

    /// How long what was obtained needs until it works everywhere.
    pub(crate) fn settle(&self) -> Duration {
        self.settle
    }

    /// Stops refreshing and revokes everything; returns what could not be revoked, in words.
    pub(crate) async fn revoke(mut self) -> Vec<String> {
        self.stop.cancel();
        if let Some(refresher) = self.refresher.take() {
            // A refresh in the middle is let end: a new login obtains a token that must be revoked.
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
        let entries = ended(held.report());
        entries.iter().for_each(|entry| self.log.line(&report_line(entry)));
        report(&self.client, entries).await;
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

/// Tells the log and the guardian what is obtained, the moment it is.
struct Watch<'a> {
    log: &'a Log,
    guardian: &'a Guardian,
    handles: Vec<RevocationHandle>,
}

impl<'a> Watch<'a> {
    fn new(around: &'a Surroundings) -> Self {
        Self { log: &around.log, guardian: &around.guardian, handles: Vec::new() }
    }

    fn event(&mut self, event: Event) {
        let mark = if event.notice.is_some() { "Warning: " } else { "" };
        self.log.line(&format!("{mark}{event}"));
        if let Some(handle) = event.revocation {
            // Revoked in reverse order.
            self.handles.insert(0, handle);
            self.guardian.revocations(self.handles.clone());
        }
    }
}

/// Keeps everything fresh until it is stopped.
struct Keeper {
    held: Arc<Mutex<Credentials>>,
    around: Surroundings,
    source: Option<TokenSource>,
    client: JobClient,
    stop: CancellationToken,
}

impl Keeper {
    async fn keep_fresh(self) {
        let mut reported = (self.around.clock)();
        loop {
            let Some(due) = self.held.lock().await.next_refresh_at() else {
                // Nothing becomes due, but the source goes on serving.
                return self.stop.cancelled().await;
            };
            let wait = until(due, (self.around.clock)());
            if !wait.is_zero() {
                tokio::select! {
                    () = self.stop.cancelled() => return,
                    () = tokio::time::sleep(wait.min(LONGEST_SLEEP)) => continue,
                }
            }
            if self.stop.is_cancelled() {
                return;
            }
            let is_due_again = self.refresh().await;
            let now = (self.around.clock)();
            if until(now, reported) >= REPORT_PAUSE {
                let entries = self.held.lock().await.report();
                report(&self.client, entries.iter().map(report_entry).collect()).await;
                reported = now;
            }
            if is_due_again {
                // A refresh that asks for another one at once gets it, but not in a tight loop.
                tokio::select! {
                    () = self.stop.cancelled() => return,
                    () = tokio::time::sleep(Duration::from_secs(1)) => {}
                }
            }
        }
    }

    /// Refreshes what is due; tells whether something is due again at once.
    async fn refresh(&self) -> bool {
        let around = &self.around;
        let mut credentials = self.held.lock().await;
        let mut watch = Watch { handles: credentials.revocation_handles(), ..Watch::new(around) };
        let refreshed = credentials.refresh(&mut |event| watch.event(event)).await;
        around.log.hide(&refreshed.secrets);
        if let Some(source) = &self.source {
            source.replace(&refreshed.served);
        }
        for file in &refreshed.files {
            if let Err(error) = write_file(&around.home, file) {
                around.log.line(&format!("Warning: {} cannot be replaced: {error}", file.name));
            }
        }
        for notice in &refreshed.notices {
            around.log.line(&format!("Warning: {notice}"));
        }
        around.guardian.revocations(credentials.revocation_handles());
        credentials.next_refresh_at().is_some_and(|next| next <= (around.clock)())
    }
}

/// Tells the server what is held. It is a report: a phase does not fail because it did not arrive.
async fn report(client: &JobClient, entries: Vec<CredentialEntry>) {
    let sent = tokio::time::timeout(REPORT_LIMIT, client.credentials(&CredentialReport { entries })).await;
    match sent {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(error = %error, "the credentials report did not arrive"),
        Err(_) => tracing::warn!("the credentials report did not arrive in time"),
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
impl carnet_creds::TokenSource for ServerTokens {
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
                Err(ClientError::Refused { status: 403, detail }) => return Err(not_allowed(&detail)),
                Err(error) => return Err(TokenError::Refused(error.to_string())),
            }
        }
    }
}

/// The server says the cause on the first line, and what leads out on the others.
fn not_allowed(detail: &str) -> TokenError {
    let mut lines = detail.lines().map(str::to_owned);
    TokenError::NotAllowed { cause: lines.next().unwrap_or_default(), fix: lines.collect() }
}
