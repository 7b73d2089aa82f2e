//! The claims that are judged.

use serde_json::{Map, Value};

/// The claims of a token, and the members of its header that relying parties look at.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Claims {
    claims: Map<String, Value>,
    algorithm: Option<String>,
    key: Option<String>,
}

impl Claims {
    /// Claims without a header.
    pub fn new(claims: Map<String, Value>) -> Self {
        Self { claims, algorithm: None, key: None }
    }

    /// With the algorithm that the header names (RFC 7515 section 4.1.1).
    pub fn signed_with(self, algorithm: Option<String>) -> Self {
        Self { algorithm, ..self }
    }

    /// With the name of the key that the header names (RFC 7515 section 4.1.4).
    pub fn with_key(self, key: Option<String>) -> Self {
        Self { key, ..self }
    }

    /// The name of the key that the header names, where a header was given.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// The algorithm that the header names, where a header was given.
    pub fn algorithm(&self) -> Option<&str> {
        self.algorithm.as_deref()
    }

    /// A claim.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.claims.get(name).filter(|value| !value.is_null())
    }

    /// A claim that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// The claim `sub`, or nothing.
    pub fn subject(&self) -> &str {
        self.text("sub").unwrap_or_default()
    }

    /// The claim `iss`, or nothing.
    pub fn issuer(&self) -> &str {
        self.text("iss").unwrap_or_default()
    }

    /// The issuer without `https://`, as AWS writes it.
    pub fn issuer_host(&self) -> &str {
        let issuer = self.issuer();
        issuer.strip_prefix("https://").unwrap_or(issuer)
    }

    /// The claim `aud`: one text or several (RFC 7519 section 4.1.3).
    pub fn audiences(&self) -> Vec<&str> {
        match self.get("aud") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
            Some(_) | None => Vec::new(),
        }
    }

    /// The first audience, or nothing.
    pub fn audience(&self) -> &str {
        self.audiences().first().copied().unwrap_or_default()
    }

    /// A claim that is a time, in seconds since 1970 (RFC 7519 section 2).
    pub fn time(&self, name: &str) -> Option<i64> {
        let value = self.get(name)?;
        // A time is a number that may have a fraction, which no relying party looks at.
        value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))
    }

    /// All claims.
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// The same claims with another subject.
    #[must_use]
    pub fn with_subject(&self, subject: &str) -> Self {
        self.with("sub", Value::String(subject.to_owned()))
    }

    /// The same claims with another value of one.
    #[must_use]
    pub fn with(&self, name: &str, value: Value) -> Self {
        let mut claims = self.clone();
        claims.claims.insert(name.to_owned(), value);
        claims
    }
}
