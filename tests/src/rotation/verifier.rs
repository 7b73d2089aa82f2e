//! Relying parties: one that reads the key set for each token, and one that keeps it for as long as it may.

use anyhow::{Context, ensure};
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header, errors::ErrorKind, jwk::JwkSet,
};
use reqwest::{Certificate, Client, header::CACHE_CONTROL};
use serde_json::{Map, Value};
use std::time::Duration;
use tokio::{sync::Mutex, time::Instant};

/// Whom the tokens are for.
pub(super) const AUDIENCE: &str = "vault.workload.identity";

/// What became of a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The token is good; the key that signed it.
    Accepted(String),
    /// It is not, and why.
    Refused(String),
    /// Its time was over before it was looked at: the machine was too slow.
    Late,
}

/// Reads the key set for each token.
#[derive(Debug, Clone)]
pub(super) struct Verifier {
    http: Client,
    issuer: String,
    jwks_url: String,
}

/// A key set, when it was asked for, and for how long it may be kept.
#[derive(Debug)]
struct Kept {
    keys: JwkSet,
    asked_at: Instant,
    max_age: Duration,
}

/// Keeps the key set for its `max-age`, and never asks before that, not even for a key that it does not know.
#[derive(Debug)]
pub(super) struct Caching {
    verifier: Verifier,
    kept: Mutex<Option<Kept>>,
}

impl Verifier {
    pub(super) fn new(issuer: &str, server: &str, ca_pem: &str) -> anyhow::Result<Self> {
        let certificates = Certificate::from_pem_bundle(ca_pem.as_bytes())?;
        let http = Client::builder().no_proxy().http1_only().tls_certs_only(certificates).build()?;
        Ok(Self { http, issuer: issuer.to_owned(), jwks_url: format!("{server}/.well-known/jwks") })
    }

    /// Judges a token by the key set of now.
    pub(super) async fn verify(&self, token: &str) -> anyhow::Result<Verdict> {
        let kept = self.fetch().await?;
        self.judge(token, &kept.keys)
    }

    async fn fetch(&self) -> anyhow::Result<Kept> {
        // The age of an answer counts from when it was asked for (RFC 9111, section 4.2.3).
        let asked_at = Instant::now();
        let answer = self.http.get(&self.jwks_url).send().await?.error_for_status()?;
        let cache = answer.headers().get(CACHE_CONTROL).context("there is no Cache-Control")?.to_str()?;
        let seconds = cache.split(',').find_map(|part| part.trim().strip_prefix("max-age="));
        let max_age =
            Duration::from_secs(seconds.with_context(|| format!("no max-age in {cache:?}"))?.parse()?);
        let keys: JwkSet = answer.json().await?;
        ensure!(!keys.keys.is_empty(), "the key set is empty");
        Ok(Kept { keys, asked_at, max_age })
    }

    fn judge(&self, token: &str, keys: &JwkSet) -> anyhow::Result<Verdict> {
        let kid = decode_header(token)?.kid.context("the token names no key")?;
        let Some(key) = keys.find(&kid) else {
            return Ok(match self.is_over(token) {
                true => Verdict::Late,
                false => Verdict::Refused("the key is not in the key set".to_owned()),
            });
        };
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[&self.issuer]);
        validation.leeway = 0;
        Ok(match decode::<Map<String, Value>>(token, &DecodingKey::from_jwk(key)?, &validation) {
            Ok(_) => Verdict::Accepted(kid),
            Err(error) if matches!(error.kind(), ErrorKind::ExpiredSignature) => Verdict::Late,
            Err(error) => Verdict::Refused(error.to_string()),
        })
    }

    fn is_over(&self, token: &str) -> bool {
        let claims: Map<String, Value> =
            jsonwebtoken::dangerous::insecure_decode_claims(token).unwrap_or_default();
        let end = claims.get("exp").and_then(Value::as_u64).unwrap_or_default();
        end <= jsonwebtoken::get_current_timestamp()
    }
}

impl Caching {
    pub(super) fn new(verifier: Verifier) -> Self {
        Self { verifier, kept: Mutex::default() }
    }

    /// Judges a token by the key set that is kept, or by a new one when that has become too old.
    pub(super) async fn verify(&self, token: &str) -> anyhow::Result<Verdict> {
        let mut kept = self.kept.lock().await;
        if kept.as_ref().is_none_or(|kept| kept.asked_at.elapsed() >= kept.max_age) {
            *kept = Some(self.verifier.fetch().await?);
        }
        let kept = kept.as_ref().context("the key set was just read")?;
        self.verifier.judge(token, &kept.keys)
    }
}
