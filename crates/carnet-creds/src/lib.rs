//! The exchange engine: from the variables of a run to credentials, and back to nothing.
//!
//! Without the feature `exchange` everything is pure: which settings exist, what a set of variables leads to, and
//! what is missing. With it, identity tokens are traded, kept fresh and revoked. Nothing here touches a file or
//! the environment of the process.

pub mod adapter;
mod adapter_name;
mod common;
mod configure;
mod conflicts;
mod credential;
mod credential_variable;
#[cfg(feature = "exchange")]
mod exchange;
mod family;
mod form;
mod injection;
mod lexicon;
mod misspelt;
mod notice;
mod problem;
mod provider;
#[cfg(feature = "exchange")]
mod provider_env;
mod providers;
#[cfg(feature = "exchange")]
mod refusal;
mod resolve;
mod setting;
mod shell;
mod switches;
#[cfg(test)]
mod vectors;

pub use adapter::{AdapterDefinition, AdapterError};
pub use adapter_name::{AdapterName, AdapterNameError};
pub use credential_variable::is_credential_variable;
#[cfg(feature = "exchange")]
pub use exchange::{
    AllowedHostError, AllowedHosts, Credentials, Endpoints, Event, Exchange, ExchangeError, HttpSettings,
    IdentityToken, LeaseEntry, Refreshed, Refused, ReportEntry, Revocation, RevocationHandle,
    RevocationOutcome, TokenError, TokenSource, VaultAccessor,
};
pub use family::{FamilyName, Tag, TagError};
pub use injection::{InjectedFile, Injection, ServedToken, TokenSourceAddress};
pub use notice::Notice;
pub use problem::{MissingValue, Problem};
#[cfg(feature = "exchange")]
pub use refusal::Refusal;
pub use resolve::{Resolution, ResolveContext, TokenGrant, TokenRequest, resolve, settings};
pub use setting::{Required, Setting, SettingKind};
pub use shell::shell_quoted;
