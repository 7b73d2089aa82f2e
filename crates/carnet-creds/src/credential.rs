//! What a grant led to: the secret that is delivered, and what is known about its life.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

/// What a grant led to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Credential {
    /// The identity token or the token of a login; empty when the credential has parts only.
    pub(crate) token: SecretString,
    /// The parts of a credential that was read: names and values.
    pub(crate) parts: BTreeMap<String, SecretString>,
    /// Whether the credential ends before the phase may, and is replaced by a new one in time.
    pub(crate) is_replaced: bool,
    /// When it ends, as RFC 3339 text; for consumers that ask.
    pub(crate) ends_at: Option<String>,
}

impl Credential {
    /// A credential that is one token.
    #[cfg(any(test, feature = "exchange"))]
    pub(crate) fn of_token(token: SecretString) -> Self {
        Self { token, ..Self::default() }
    }

    /// A part; an outline has empty ones.
    pub(crate) fn part(&self, name: &str) -> SecretString {
        self.parts.get(name).cloned().unwrap_or_default()
    }

    /// The first of these parts that is not empty: some servers rename what they answer.
    pub(crate) fn first_part(&self, names: &[&str]) -> Option<SecretString> {
        names.iter().find_map(|name| self.parts.get(*name).filter(|value| !is_empty(value)).cloned())
    }

    /// Everything that no log may show.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        std::iter::once(&self.token).chain(self.parts.values()).filter(|secret| !is_empty(secret))
    }
}

fn is_empty(secret: &SecretString) -> bool {
    secret.expose_secret().is_empty()
}
