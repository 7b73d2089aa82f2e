//! The claims that decide a login, read from a token without checking it.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use carnet_model::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::vault_wire::one_line;

/// The claims that a person may see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Claims {
    pub(crate) iss: Option<String>,
    pub(crate) sub: Option<String>,
    pub(crate) aud: Option<String>,
    pub(crate) exp: Option<String>,
    /// All of them, as they stand in the token.
    pub(crate) all: Value,
}

impl Claims {
    /// Reads the payload; what cannot be read is absent.
    pub(crate) fn of(token: &SecretString) -> Self {
        let payload = token.expose_secret().split('.').nth(1).unwrap_or_default();
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
        let claims: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let text = |name: &str| claims[name].as_str().map(str::to_owned);
        let exp = claims["exp"].as_i64().and_then(|second| Timestamp::from_second(second).ok());
        Self {
            iss: text("iss"),
            sub: text("sub"),
            aud: text("aud").or_else(|| audiences(&claims["aud"])),
            exp: exp.map(|moment| moment.to_string()),
            all: claims,
        }
    }

    /// Any claim, by its name or, as relying parties have it, by a JSON pointer.
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        let claim = if name.starts_with('/') { self.all.pointer(name) } else { self.all.get(name) };
        claim.map(|claim| one_line(&claim.as_str().map_or_else(|| claim.to_string(), str::to_owned)))
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The claims as a table, in the order in which relying parties check them.
    pub(crate) fn table(&self) -> [(&'static str, &str); 4] {
        [
            ("iss", self.iss.as_deref().unwrap_or(ABSENT)),
            ("sub", self.sub.as_deref().unwrap_or(ABSENT)),
            ("aud", self.aud.as_deref().unwrap_or(ABSENT)),
            ("exp", self.exp.as_deref().unwrap_or(ABSENT)),
        ]
    }
}

/// What stands for a claim that a token does not have.
pub(crate) const ABSENT: &str = "(absent)";

fn audiences(claim: &Value) -> Option<String> {
    let all: Vec<&str> = claim.as_array()?.iter().filter_map(Value::as_str).collect();
    Some(all.join(", "))
}
