//! What every handler can reach.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carnet_issuer::MAX_LIFETIME;
use carnet_model::{Confirmation, RotationPolicy, Timestamp};
use carnet_store::Store;
use secrecy::SecretString;
use tokio::sync::Notify;

use crate::adapters::ServerAdapter;
use crate::error::ApiError;
use crate::jobs::{LedgerWatch, Publication};
use crate::notifications::Destinations;
use crate::oidc::LiveIssuer;

/// Tells the time; tests give a fixed one.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What the operator decided.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The application's address as clients reach it, without a slash at its end.
    pub url: String,
    /// The most bytes of an uploaded archive or state.
    pub upload_limit: u64,
    /// The most bytes an archive may unpack to.
    pub unpacked_limit: u64,
    /// How long a plan may take.
    pub plan_timeout: Duration,
    /// How long an apply may take.
    pub apply_timeout: Duration,
    /// How long after a cancel a run may be stopped by force.
    pub force_cancel_after: Duration,
    /// When signing keys are replaced, and how long relying parties may keep the key set.
    pub key_rotation: RotationPolicy,
    /// The most seconds an identity token may live.
    pub token_lifetime_limit: Duration,
    /// Declarative adapters of every organization.
    pub adapters: Vec<ServerAdapter>,
    /// How many requests a second a token may make; zero is without a limit.
    pub rate_limit: u32,
    /// Whether the last address of `X-Forwarded-For` is that of the client: behind a proxy that sets it.
    pub trusts_forwarded_for: bool,
    /// How long entries of the ledger wait for a signed checkpoint.
    pub checkpoint_after: Duration,
    /// Where notifications may go.
    pub destinations: Destinations,
    /// Where discovery and keys are published, beside being served here.
    pub publication: Option<Publication>,
    /// The certificate authority of this server's own making, PEM, where its certificate comes from one.
    pub authority: Option<String>,
    /// Certificate authorities to trust beside the system's when looking at issuers from outside, PEM.
    pub outside_ca_pem: Option<Vec<u8>>,
}

impl Settings {
    /// The defaults for an address.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.trim_end_matches('/').to_owned(),
            upload_limit: 256 * 1024 * 1024,
            unpacked_limit: 2 * 1024 * 1024 * 1024,
            plan_timeout: Duration::from_secs(2 * 3600),
            apply_timeout: Duration::from_secs(24 * 3600),
            force_cancel_after: Duration::from_secs(10),
            key_rotation: default_rotation(),
            token_lifetime_limit: Duration::from_secs(24 * 3600),
            adapters: Vec::new(),
            rate_limit: 0,
            trusts_forwarded_for: false,
            checkpoint_after: Duration::from_secs(300),
            destinations: Destinations::default(),
            publication: None,
            authority: None,
            outside_ca_pem: None,
        }
    }
}

/// Keys sign for thirty days and are published a day ahead. Relying parties ask again after five minutes; those that meet a key
/// they do not know ask at once.
fn default_rotation() -> RotationPolicy {
    RotationPolicy {
        period: Some(Duration::from_secs(30 * 24 * 3600)),
        announcement: Duration::from_secs(24 * 3600),
        published_lifetime: Duration::from_secs(300),
        leeway: Duration::from_secs(60),
        longest_token_life: MAX_LIFETIME,
        confirmation: Confirmation::NotNeeded,
    }
}

impl Settings {
    /// The host, and the port if any, as clients name this server.
    pub fn host(&self) -> &str {
        self.url.split_once("://").map_or(self.url.as_str(), |(_, host)| host)
    }
}

/// The state of the server.
pub struct App {
    /// The data.
    pub store: Store,
    /// What the operator decided.
    pub settings: Settings,
    /// The issuer of identity tokens.
    pub issuer: LiveIssuer,
    /// The clock.
    pub clock: Clock,
    /// Wakes agents that wait for a job.
    pub jobs_waiting: Notify,
    /// Whether the ledger is what was signed.
    pub ledger: LedgerWatch,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl App {
    /// The present moment in whole milliseconds, as it is stored.
    pub fn now(&self) -> Timestamp {
        let now = (self.clock)();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    /// An absolute address of the application.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.settings.url)
    }
}

/// Randomness for an identifier.
pub(crate) fn entropy() -> Result<[u8; 16], ApiError> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).map_err(|_| ApiError::internal("the operating system gives no randomness"))?;
    Ok(bytes)
}

/// A new secret of 256 bits; the prefix tells people and scanners what it is.
pub(crate) fn new_secret(prefix: &str) -> Result<SecretString, ApiError> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| ApiError::internal("the operating system gives no randomness"))?;
    Ok(SecretString::from(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))))
}
