//! Verifies identity tokens as a relying party does: with keys that discovery leads to.

use anyhow::Context;
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, dangerous::insecure_decode_claims, decode, decode_header,
    errors::ErrorKind, get_current_timestamp, jwk::JwkSet,
};
use reqwest::{Certificate, Client};
use serde_json::{Map, Value};
use tokio::sync::Mutex;

/// The issuer that a service trusts.
#[derive(Debug, Clone)]
pub struct TrustedIssuer {
    /// Its URL.
    pub url: String,
    /// The authority behind the certificate of its server.
    pub ca_pem: String,
}

impl TrustedIssuer {
    /// The claims of a token that is one of the issuer's and meant for this audience, or why it is not.
    pub async fn verify(&self, token: &str, audience: &str) -> Result<Value, String> {
        let verifier = Verifier::new(self).map_err(|error| format!("{error:#}"))?;
        let verified = verifier.verify(token, &[audience]).await;
        verified.map(|Claims(claims)| Value::Object(claims)).map_err(|rejection| format!("{rejection:?}"))
    }
}

/// Why a token is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rejection {
    /// It is not a signed token at all, or a claim is missing or has a wrong type.
    Malformed(String),
    /// It comes from somebody else.
    Issuer,
    /// It is signed in a way that the service does not accept.
    Algorithm,
    /// It names no key, or none that the issuer publishes.
    UnknownKey,
    /// Its signature is not that of the named key.
    Signature,
    /// It was made for somebody else.
    Audience,
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// The issuer's documents cannot be had.
    Unreachable(String),
}

/// The claims of a token, checked or not.
#[derive(Debug, Clone, Default)]
pub(super) struct Claims(Map<String, Value>);

/// Verifies the tokens of one issuer.
#[derive(Debug)]
pub(super) struct Verifier {
    issuer: String,
    http: Client,
    keys: Mutex<Option<JwkSet>>,
}

impl Claims {
    /// The claims of a token that nobody has checked: for messages, and to find the rule that applies.
    pub(super) fn unchecked(token: &str) -> Self {
        Self(insecure_decode_claims(token).unwrap_or_default())
    }

    /// A claim that is text, empty when it is not there.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// A claim that is a time, zero when it is not there.
    pub(super) fn seconds(&self, name: &str) -> u64 {
        self.0.get(name).and_then(Value::as_u64).unwrap_or_default()
    }

    /// How long the token lives from its issue to its end, in seconds.
    pub(super) fn lifetime(&self) -> u64 {
        self.seconds("exp").saturating_sub(self.seconds("iat"))
    }
}

/// The `jti` of a token, checked or not.
pub(super) fn token_id(token: &str) -> Option<String> {
    let claims = Claims::unchecked(token);
    (!claims.text("jti").is_empty()).then(|| claims.text("jti").to_owned())
}

impl Verifier {
    pub(super) fn new(issuer: &TrustedIssuer) -> anyhow::Result<Self> {
        let certificates = Certificate::from_pem_bundle(issuer.ca_pem.as_bytes())?;
        let redirects = reqwest::redirect::Policy::none();
        let builder = Client::builder().no_proxy().http1_only().https_only(true).redirect(redirects);
        let http = builder.tls_certs_only(certificates).build().context("the HTTP client cannot be made")?;
        Ok(Self { issuer: issuer.url.clone(), http, keys: Mutex::default() })
    }

    /// The URL of the issuer that is trusted.
    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Accepts a token of the issuer that is meant for one of these audiences, and valid at this moment.
    pub(super) async fn verify(&self, token: &str, audiences: &[&str]) -> Result<Claims, Rejection> {
        let header = decode_header(token).map_err(|error| Rejection::Malformed(error.to_string()))?;
        if Claims::unchecked(token).text("iss") != self.issuer {
            return Err(Rejection::Issuer);
        }
        if header.alg != Algorithm::RS256 {
            return Err(Rejection::Algorithm);
        }
        let key = self.key(&header.kid.ok_or(Rejection::UnknownKey)?).await?;
        let claims = decode::<Map<String, Value>>(token, &key, &self.validation(audiences));
        let claims = Claims(claims.map_err(|error| rejection(error.kind()))?.claims);
        for name in ["sub", "jti"] {
            if claims.text(name).is_empty() {
                return Err(Rejection::Malformed(format!("{name} is missing")));
            }
        }
        match claims.seconds("iat") {
            0 => Err(Rejection::Malformed("iat is missing".to_owned())),
            issued if issued > get_current_timestamp() => Err(Rejection::NotYetValid),
            _ => Ok(claims),
        }
    }

    fn validation(&self, audiences: &[&str]) -> Validation {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(audiences);
        validation.validate_nbf = true;
        // Both sides run on this machine: there is no skew to be generous about.
        validation.leeway = 0;
        validation
    }

    /// A key of the issuer; one that is not known is looked for once more, as after a rotation.
    async fn key(&self, id: &str) -> Result<DecodingKey, Rejection> {
        let mut keys = self.keys.lock().await;
        if keys.as_ref().is_none_or(|keys| keys.find(id).is_none()) {
            let fetched = self.fetch().await;
            *keys = Some(fetched.map_err(|error| Rejection::Unreachable(format!("{error:#}")))?);
        }
        let key = keys.as_ref().and_then(|keys| keys.find(id)).ok_or(Rejection::UnknownKey)?;
        DecodingKey::from_jwk(key).map_err(|_| Rejection::UnknownKey)
    }

    async fn fetch(&self) -> anyhow::Result<JwkSet> {
        let discovery: Value = self.get(&format!("{}/.well-known/openid-configuration", self.issuer)).await?;
        let announced = discovery["issuer"].as_str();
        anyhow::ensure!(announced == Some(&self.issuer), "the discovery document is of {announced:?}");
        let algorithms = discovery["id_token_signing_alg_values_supported"].as_array();
        let has_rs256 = algorithms.is_some_and(|names| names.iter().any(|name| name == "RS256"));
        anyhow::ensure!(has_rs256, "the discovery document does not announce RS256");
        let address = discovery["jwks_uri"].as_str().context("the discovery document has no jwks_uri")?;
        Ok(serde_json::from_value(self.get(address).await?)?)
    }

    async fn get(&self, address: &str) -> anyhow::Result<Value> {
        let response = self.http.get(address).send().await?;
        anyhow::ensure!(response.status() == 200, "{address} answered {}", response.status());
        let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        anyhow::ensure!(kind == Some("application/json"), "{address} answered with the type {kind:?}");
        Ok(response.json().await?)
    }
}

fn rejection(kind: &ErrorKind) -> Rejection {
    match kind {
        ErrorKind::InvalidSignature => Rejection::Signature,
        ErrorKind::InvalidAlgorithm => Rejection::Algorithm,
        ErrorKind::InvalidIssuer => Rejection::Issuer,
        ErrorKind::InvalidAudience => Rejection::Audience,
        ErrorKind::ExpiredSignature => Rejection::Expired,
        ErrorKind::ImmatureSignature => Rejection::NotYetValid,
        other => Rejection::Malformed(format!("{other:?}")),
    }
}
