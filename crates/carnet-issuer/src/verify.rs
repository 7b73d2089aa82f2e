//! Checking a token as a strict relying party would.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use carnet_model::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{Audience, IssuerUrl, Jwks, KeyId};

/// What a token must say to be accepted.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The issuer that is trusted.
    pub issuer: &'a IssuerUrl,
    /// The audience that the relying party stands for.
    pub audience: &'a Audience,
}

/// A token that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedToken {
    /// The key that signed it.
    pub kid: KeyId,
    /// The id of the token.
    pub jti: String,
    /// Whom it stands for.
    pub subject: String,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it stops being valid.
    pub expires_at: Timestamp,
    /// All claims.
    pub claims: Map<String, Value>,
}

/// Why a token was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The text is not a token of this kind.
    #[error("the token is malformed: {part} cannot be read")]
    Malformed {
        /// What could not be read.
        part: &'static str,
    },
    /// The text is signed by the issuer, but something else than a token (RFC 8725, section 3.11).
    #[error("a JWS of the type {found:?} is no token")]
    Type {
        /// The header `typ`.
        found: String,
    },
    /// The token is not signed with RS256.
    #[error("the token is signed with {algorithm:?}, not with RS256")]
    Algorithm {
        /// The algorithm that the header names.
        algorithm: String,
    },
    /// The key set does not have the key.
    #[error("the key set has no key {kid:?}")]
    UnknownKey {
        /// The key that the header names.
        kid: String,
    },
    /// The signature does not belong to the token and the key.
    #[error("the signature is wrong")]
    Signature,
    /// Another issuer issued the token.
    #[error("the token is of issuer {found:?}, not of {expected:?}")]
    Issuer {
        /// The issuer that is trusted.
        expected: String,
        /// The token's issuer.
        found: String,
    },
    /// The token is for someone else.
    #[error("the token is for audience {found:?}, not for {expected:?}")]
    Audience {
        /// The audience of the relying party.
        expected: String,
        /// The token's audience.
        found: String,
    },
    /// The token is not valid yet.
    #[error("the token is not valid before {not_before}")]
    NotYetValid {
        /// The claim `nbf`.
        not_before: Timestamp,
    },
    /// The token is not valid any more.
    #[error("the token has expired at {expired_at}")]
    Expired {
        /// The claim `exp`.
        expired_at: Timestamp,
    },
}

/// Checks a token's signature against a key set, and its issuer, audience and times, without any leeway.
///
/// Fails with the first thing that is wrong.
pub fn verify_token(
    token: &str,
    jwks: &Jwks,
    expected: Expected<'_>,
    now: Timestamp,
) -> Result<VerifiedToken, VerifyError> {
    let malformed = |part| VerifyError::Malformed { part };
    let (message, signature) = token.rsplit_once('.').ok_or(malformed("the signature"))?;
    let (header, claims) = message.split_once('.').ok_or(malformed("the header"))?;
    let header: Header = read_json(header).ok_or(malformed("the header"))?;
    if let Some(found) = header.typ.filter(|typ| !typ.eq_ignore_ascii_case("JWT")) {
        return Err(VerifyError::Type { found });
    }
    if header.alg != "RS256" {
        return Err(VerifyError::Algorithm { algorithm: header.alg });
    }
    // RFC 7515, section 4.1.11: extensions that must be understood and are not make the token invalid.
    if header.crit.is_some() {
        return Err(malformed("a critical extension"));
    }
    let Some(key) = jwks.find(&header.kid) else {
        return Err(VerifyError::UnknownKey { kid: header.kid });
    };
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| malformed("the signature"))?;
    if !key.is_signature_of(message.as_bytes(), &signature) {
        return Err(VerifyError::Signature);
    }
    let registered: RegisteredClaims = read_json(claims).ok_or(malformed("the claims"))?;
    let (issued_at, expires_at) = check_claims(&registered, expected, now)?;
    Ok(VerifiedToken {
        kid: key.kid().clone(),
        jti: registered.jti,
        subject: registered.sub,
        issued_at,
        expires_at,
        claims: read_json(claims).ok_or(malformed("the claims"))?,
    })
}

#[derive(Deserialize)]
struct Header {
    typ: Option<String>,
    alg: String,
    kid: String,
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct RegisteredClaims {
    jti: String,
    iss: String,
    aud: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    sub: String,
}

fn read_json<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

fn check_claims(
    claims: &RegisteredClaims,
    expected: Expected<'_>,
    now: Timestamp,
) -> Result<(Timestamp, Timestamp), VerifyError> {
    if claims.iss != expected.issuer.as_str() {
        return Err(VerifyError::Issuer { expected: expected.issuer.to_string(), found: claims.iss.clone() });
    }
    if claims.aud != expected.audience.as_str() {
        return Err(VerifyError::Audience {
            expected: expected.audience.to_string(),
            found: claims.aud.clone(),
        });
    }
    let time = |seconds, part| Timestamp::from_second(seconds).map_err(|_| VerifyError::Malformed { part });
    let issued_at = time(claims.iat, "the time of issue")?;
    let not_before = time(claims.nbf, "the start of validity")?;
    let expires_at = time(claims.exp, "the end of validity")?;
    if now < not_before {
        return Err(VerifyError::NotYetValid { not_before });
    }
    if now >= expires_at {
        return Err(VerifyError::Expired { expired_at: expires_at });
    }
    Ok((issued_at, expires_at))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::fixture;

    fn verify(token: &str, now: Timestamp) -> Result<VerifiedToken, VerifyError> {
        let (url, audience) = (fixture::issuer_url(), fixture::audience());
        verify_token(token, &fixture::issuer().jwks(), Expected { issuer: &url, audience: &audience }, now)
    }

    /// Signs any header and claims with the fixture's key, as an attacker never could.
    fn signed(header: &str, claims: &str) -> String {
        let header = format!("{}.", URL_SAFE_NO_PAD.encode(header));
        let token =
            fixture::at_once(fixture::key().sign_token_with(&header, claims.as_bytes())).expect("a token");
        token.expose_secret().to_owned()
    }

    #[test]
    fn a_token_with_any_part_changed_is_refused() {
        let token = fixture::token();
        assert!(verify(&token, fixture::now()).is_ok());
        let parts: Vec<&str> = token.split('.').collect();
        let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(parts[1]).expect("base64url")).expect("text");
        let apply = URL_SAFE_NO_PAD.encode(claims.replace("plan", "apply"));
        let forged = format!("{}.{apply}.{}", parts[0], parts[2]);
        assert_eq!(verify(&forged, fixture::now()), Err(VerifyError::Signature));

        let mut signature = URL_SAFE_NO_PAD.decode(parts[2]).expect("base64url");
        signature[100] ^= 1;
        let forged = format!("{}.{}.{}", parts[0], parts[1], URL_SAFE_NO_PAD.encode(signature));
        assert_eq!(verify(&forged, fixture::now()), Err(VerifyError::Signature));

        let unsigned = format!("{}.{}.", parts[0], parts[1]);
        assert_eq!(verify(&unsigned, fixture::now()), Err(VerifyError::Signature));
    }

    #[test]
    fn another_algorithm_is_refused_before_any_key_is_looked_at() {
        let claims = fixture::token();
        let claims = claims.split('.').nth(1).expect("claims");
        for algorithm in ["none", "HS256", "ES256", "rs256"] {
            let header = format!(r#"{{"alg":"{algorithm}","kid":"{}"}}"#, fixture::key().kid());
            let token = format!("{}.{claims}.", URL_SAFE_NO_PAD.encode(header));
            let refused = VerifyError::Algorithm { algorithm: algorithm.to_owned() };
            assert_eq!(verify(&token, fixture::now()), Err(refused));
        }
    }

    #[test]
    fn a_token_of_someone_else_or_for_someone_else_is_refused() {
        let token = fixture::token();
        let (url, audience) = (fixture::issuer_url(), fixture::audience());
        let other_url = "https://other.example.com".parse().expect("a URL");
        let other_audience = "other".parse().expect("an audience");
        let jwks = fixture::issuer().jwks();
        let check = |expected| verify_token(&token, &jwks, expected, fixture::now()).expect_err("refused");
        assert_eq!(
            check(Expected { issuer: &other_url, audience: &audience }).to_string(),
            r#"the token is of issuer "https://carnet.example.com", not of "https://other.example.com""#
        );
        assert_eq!(
            check(Expected { issuer: &url, audience: &other_audience }).to_string(),
            r#"the token is for audience "aws.workload.identity", not for "other""#
        );
    }

    #[test]
    fn a_token_is_valid_from_thirty_seconds_before_its_issue_until_its_end() {
        let token = fixture::token();
        let issued_at = Timestamp::from_second(fixture::now().as_second()).expect("a time");
        let second = Duration::from_secs(1);
        assert_eq!(
            verify(&token, issued_at - 31 * second),
            Err(VerifyError::NotYetValid { not_before: issued_at - 30 * second })
        );
        assert!(verify(&token, issued_at - 30 * second).is_ok());
        assert!(verify(&token, issued_at + 599 * second).is_ok());
        assert_eq!(
            verify(&token, issued_at + 600 * second),
            Err(VerifyError::Expired { expired_at: issued_at + 600 * second })
        );
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let kid = fixture::key().kid().to_string();
        let header = format!(r#"{{"alg":"RS256","kid":"{kid}"}}"#);
        let critical = format!(r#"{{"alg":"RS256","kid":"{kid}","crit":["exp"]}}"#);
        for (token, part) in [
            (String::new(), "the signature"),
            ("a.b".to_owned(), "the header"),
            ("a.b.c".to_owned(), "the header"),
            (signed(&header, "{}"), "the claims"),
            (signed(&header, "[]"), "the claims"),
            (signed(&critical, "{}"), "a critical extension"),
        ] {
            assert_eq!(verify(&token, fixture::now()), Err(VerifyError::Malformed { part }), "{token}");
        }
    }
}
