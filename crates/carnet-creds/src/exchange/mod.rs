//! Trading identity tokens for credentials, keeping them fresh, and leaving nothing behind.

mod adapter_answer;
pub(crate) mod adapter_call;
mod adapter_trade;
pub(crate) mod claims;
mod credentials;
mod held;
mod http;
mod lease;
mod login;
pub(crate) mod reachable;
mod refresh;
mod refusals;
mod report;
mod reread;
mod revocation;
mod vault_accessor;
mod vault_api;
mod vault_read;
pub(crate) mod vault_wire;
mod who_am_i;

use std::sync::Arc;

use async_trait::async_trait;
use carnet_model::Timestamp;
use secrecy::SecretString;

use crate::{
    injection::{InjectedFile, ServedToken},
    notice::Notice,
    refusal::Refusal,
    resolve::TokenRequest,
};

pub use credentials::Credentials;
pub use http::HttpSettings;
pub use reachable::{AllowedHostError, AllowedHosts};
pub use report::{LeaseEntry, ReportEntry};
pub use revocation::{Revocation, RevocationHandle, RevocationOutcome};
pub use vault_accessor::VaultAccessor;
pub use who_am_i::Endpoints;

/// Where identity tokens come from.
#[async_trait]
pub trait TokenSource: Send + Sync {
    /// Has one identity token made.
    async fn identity_token(&self, request: &TokenRequest) -> Result<IdentityToken, TokenError>;
}

/// An identity token and what is known about it.
#[derive(Debug, Clone)]
pub struct IdentityToken {
    /// The signed token.
    pub token: SecretString,
    /// Its identifier, as the issuer's ledger knows it.
    pub jti: String,
    /// The claim `iat`.
    pub issued_at: Timestamp,
    /// The claim `exp`.
    pub expires_at: Timestamp,
}

/// Why no identity token was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The issuer will not make it, now or later.
    #[error("{0}")]
    Refused(String),
    /// The issuer says that this run may not have it.
    #[error("{cause}")]
    NotAllowed {
        /// What stands in the way.
        cause: String,
        /// What leads out, line by line.
        fix: Vec<String>,
    },
    /// The issuer could not be asked; trying again may help.
    #[error("{0}")]
    Unavailable(String),
}

/// What an exchange needs from the outside.
#[derive(Clone)]
pub struct Exchange {
    /// How providers are reached.
    pub http: HttpSettings,
    /// The clock.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Exchange {
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }
}

/// Something that happened, as a line for the run log.
#[derive(Debug, Clone)]
pub struct Event {
    /// The line; it never holds a secret.
    pub text: String,
    /// The warning that the line states, if it is one.
    pub notice: Option<Notice>,
    /// How to revoke what was just obtained, should this process not live to do it.
    pub revocation: Option<RevocationHandle>,
}

impl Event {
    pub(crate) fn progress(text: String) -> Self {
        Self { text, notice: None, revocation: None }
    }

    pub(crate) fn warning(notice: Notice) -> Self {
        Self { text: notice.to_string(), notice: Some(notice), revocation: None }
    }
}

impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// What a refresh changed.
#[derive(Debug, Default)]
pub struct Refreshed {
    /// Files to replace by rename.
    pub files: Vec<InjectedFile>,
    /// Tokens that the token source serves from now on, instead of those at the same paths.
    pub served: Vec<ServedToken>,
    /// New secrets that no log may show.
    pub secrets: Vec<SecretString>,
    /// What a person should know.
    pub notices: Vec<Notice>,
}

/// Why no credentials were obtained, and what was until then; all of that is revoked, or its entry says why not.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Refused {
    /// Why.
    pub error: ExchangeError,
    /// What was obtained until then, and last what was refused.
    pub report: Vec<ReportEntry>,
}

/// Why no credentials were obtained.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The issuer made no identity token.
    #[error("failed creating a workload identity token: {reason} ({configuration}, audience {audience})")]
    Token {
        /// The configuration it was for.
        configuration: String,
        /// The audience it was for.
        audience: String,
        /// Why.
        reason: TokenError,
    },
    /// The issuer says that this run may not have the identity token.
    #[error(transparent)]
    NotAllowed(Box<Refusal>),
    /// Credentials could not be read from Vault, or what was read cannot be used.
    #[error(transparent)]
    VaultRead(Box<Refusal>),
    /// The exchange that an adapter describes did not succeed.
    #[error(transparent)]
    Adapter(Box<Refusal>),
    /// There is no Vault token to read with.
    #[error("configuration for Vault authentication is required for {configuration} authentication")]
    NoSession {
        /// The configuration.
        configuration: String,
    },
    /// Vault did not let the run in.
    #[error(transparent)]
    Vault(Box<Refusal>),
}

impl ExchangeError {
    /// Whether the same may succeed a moment later.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Token { reason, .. } => matches!(reason, TokenError::Unavailable(_)),
            Self::Vault(refusal) | Self::VaultRead(refusal) | Self::Adapter(refusal) => refusal.may_pass(),
            Self::NoSession { .. } | Self::NotAllowed(_) => false,
        }
    }

    /// The stable identifier, for documentation and tests.
    pub fn id(&self) -> &'static str {
        match self {
            Self::Token { .. } => "E10",
            Self::Vault(_) => "E8",
            Self::VaultRead(_) => "E9",
            Self::NoSession { .. } => "E13",
            Self::Adapter(_) => "E22",
            Self::NotAllowed(_) => "E23",
        }
    }
}
