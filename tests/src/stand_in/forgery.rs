//! Tokens that the issuer has not made, for everybody who must notice.

use anyhow::Context;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use carnet_issuer::SigningKey;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

/// A way to make a token out of a good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgery {
    /// The organization in the claims is another one, the signature is kept.
    OtherClaims,
    /// The same claims under the same key id, signed by somebody else.
    OtherKey,
    /// A key that the issuer does not publish.
    UnknownKey,
    /// The same claims with `alg` `none` and no signature.
    NoSignature,
    /// Signed by HMAC with the public key as the secret.
    PublicKeyAsSecret,
    /// The last byte of the signature is missing.
    ShortSignature,
}

impl Forgery {
    /// Every way.
    pub const ALL: [Self; 6] = [
        Self::OtherClaims,
        Self::OtherKey,
        Self::UnknownKey,
        Self::NoSignature,
        Self::PublicKeyAsSecret,
        Self::ShortSignature,
    ];

    /// Makes a token out of a good one; `jwks` is the issuer's key set.
    pub fn forge(self, token: &str, jwks: &Value) -> anyhow::Result<String> {
        let parts: Vec<&str> = token.split('.').collect();
        let [header, claims, signature] = parts[..] else { anyhow::bail!("a token has three parts") };
        let kid = json_part(header)?["kid"].as_str().context("the token names no key")?.to_owned();
        let payload = json_part(claims)?;
        match self {
            Self::OtherClaims => {
                let mut payload = payload;
                payload["terraform_organization_name"] = json!("rival");
                payload["sub"] = json!(payload["sub"].as_str().unwrap_or_default().replace("acme", "rival"));
                Ok(format!("{header}.{}.{signature}", part(&payload)))
            }
            Self::OtherKey => signed(&payload, &kid),
            Self::UnknownKey => signed(&payload, "of-nobody"),
            Self::NoSignature => {
                Ok(format!("{}.{claims}.", part(&json!({"typ": "JWT", "alg": "none", "kid": kid}))))
            }
            Self::PublicKeyAsSecret => {
                let modulus = jwks["keys"][0]["n"].as_str().context("the key set has no modulus")?;
                let secret = BASE64_URL_SAFE_NO_PAD.decode(modulus)?;
                let header = Header { kid: Some(kid), ..Header::new(Algorithm::HS256) };
                Ok(encode(&header, &payload, &EncodingKey::from_secret(&secret))?)
            }
            Self::ShortSignature => {
                let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(signature)?;
                bytes.pop();
                Ok(format!("{header}.{claims}.{}", BASE64_URL_SAFE_NO_PAD.encode(bytes)))
            }
        }
    }
}

/// Signs claims with a new key that is given a name.
fn signed(payload: &Value, kid: &str) -> anyhow::Result<String> {
    let pkcs8 = SigningKey::generate()?.to_pkcs8()?;
    // Behind the version and the algorithm, which for RSA always take as many bytes, stands the key as PKCS#1 has it.
    let der = pkcs8.get(26..).context("the key is too short")?;
    let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::RS256) };
    Ok(encode(&header, payload, &EncodingKey::from_rsa_der(der))?)
}

fn json_part(part: &str) -> anyhow::Result<Value> {
    Ok(serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part)?)?)
}

fn part(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}
