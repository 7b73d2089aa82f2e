//! Public keys as JSON Web Keys (RFC 7517) and their thumbprints (RFC 7638).

use aws_lc_rs::{
    digest::{SHA256, digest},
    rsa::PublicKeyComponents,
    signature::RSA_PKCS1_2048_8192_SHA256,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize};

/// The name of a key: the claim `kid`, for our own keys the RFC 7638 thumbprint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(String);

impl KeyId {
    /// The name as it stands in headers and key sets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for KeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A public RSA key for RS256 signatures, as it stands in a key set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublicJwk {
    kty: &'static str,
    #[serde(rename = "use")]
    key_use: &'static str,
    alg: &'static str,
    kid: KeyId,
    n: String,
    e: String,
}

/// Why a key of a key set is not one that can check RS256 signatures.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwkError {
    /// The key is of another type or for another purpose.
    #[error("the key is not an RSA key for RS256 signatures")]
    Kind,
    /// A number is not base64url without padding, or starts with a zero byte.
    #[error("member {member:?} of the key is not base64url without padding and leading zero bytes")]
    Number {
        /// The member of the key.
        member: &'static str,
    },
    /// The modulus is too short to be safe or too long to be checked.
    #[error("the modulus of the key has {bits} bits, not 2048 to 8192")]
    Size {
        /// The size of the modulus.
        bits: usize,
    },
}

impl PublicJwk {
    /// Makes the key with these numbers (big-endian) and names it by its thumbprint.
    ///
    /// Fails when a number is empty or the modulus is too short or too long.
    pub fn from_components(modulus: &[u8], exponent: &[u8]) -> Result<Self, JwkError> {
        let encode = |bytes: &[u8]| {
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            URL_SAFE_NO_PAD.encode(&bytes[zeros..])
        };
        let (n, e) = (encode(modulus), encode(exponent));
        let kid = thumbprint(&n, &e);
        Self::new(kid, n, e)
    }

    /// The name of the key in its key set.
    pub fn kid(&self) -> &KeyId {
        &self.kid
    }

    /// The RFC 7638 thumbprint: for our own keys the same as `kid`.
    pub fn thumbprint(&self) -> KeyId {
        thumbprint(&self.n, &self.e)
    }

    /// Whether this key signed the message with RS256.
    pub fn is_signature_of(&self, message: &[u8], signature: &[u8]) -> bool {
        let (Ok(n), Ok(e)) = (decode("n", &self.n), decode("e", &self.e)) else {
            return false;
        };
        PublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
    }

    fn new(kid: KeyId, n: String, e: String) -> Result<Self, JwkError> {
        let modulus = decode("n", &n)?;
        decode("e", &e)?;
        let bits = modulus.len() * 8 - modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
        if !(2048..=8192).contains(&bits) {
            return Err(JwkError::Size { bits });
        }
        Ok(Self { kty: "RSA", key_use: "sig", alg: "RS256", kid, n, e })
    }
}

/// The members that matter of a key of any kind.
#[derive(Deserialize)]
struct AnyJwk {
    kty: String,
    #[serde(rename = "use")]
    key_use: Option<String>,
    alg: Option<String>,
    kid: KeyId,
    n: Option<String>,
    e: Option<String>,
}

impl TryFrom<AnyJwk> for PublicJwk {
    type Error = JwkError;

    fn try_from(jwk: AnyJwk) -> Result<Self, JwkError> {
        let is_ours = jwk.kty == "RSA"
            && jwk.key_use.as_deref().unwrap_or("sig") == "sig"
            && jwk.alg.as_deref().unwrap_or("RS256") == "RS256";
        match (jwk.n, jwk.e) {
            (Some(n), Some(e)) if is_ours => Self::new(jwk.kid, n, e),
            _ => Err(JwkError::Kind),
        }
    }
}

// By hand: the derived implementation would want to borrow the constant members from the text.
impl<'de> Deserialize<'de> for PublicJwk {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        AnyJwk::deserialize(deserializer)?.try_into().map_err(serde::de::Error::custom)
    }
}

fn decode(member: &'static str, text: &str) -> Result<Vec<u8>, JwkError> {
    match URL_SAFE_NO_PAD.decode(text) {
        Ok(bytes) if bytes.first().is_some_and(|byte| *byte != 0) => Ok(bytes),
        _ => Err(JwkError::Number { member }),
    }
}

/// RFC 7638, section 3: the required members in alphabetical order, without any space.
fn thumbprint(n: &str, e: &str) -> KeyId {
    let canonical = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
    KeyId(URL_SAFE_NO_PAD.encode(digest(&SHA256, canonical.as_bytes())))
}

/// A JSON Web Key Set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwks {
    /// The keys; on reading, those that cannot check RS256 signatures are left out.
    #[serde(deserialize_with = "usable_keys")]
    pub keys: Vec<PublicJwk>,
}

impl Jwks {
    /// The key of this name.
    pub fn find(&self, kid: &str) -> Option<&PublicJwk> {
        self.keys.iter().find(|key| key.kid.as_str() == kid)
    }

    /// The document as it is served.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("lists of texts can always be written as JSON")
    }
}

/// RFC 7517, section 5: keys that are not understood are ignored.
fn usable_keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PublicJwk>, D::Error> {
    let keys = Vec::<serde_json::Value>::deserialize(deserializer)?;
    Ok(keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7638, section 3.1.
    const RFC_7638_KEY: &str = concat!(
        r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tS"#,
        "oc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQ",
        "MicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksIN",
        r#"HaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#,
    );

    #[test]
    fn the_thumbprint_is_that_of_rfc_7638() {
        let key: PublicJwk = serde_json::from_str(RFC_7638_KEY).expect("a key");
        assert_eq!(key.thumbprint().as_str(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        assert_eq!(key.kid().as_str(), "2011-04-29");
    }

    #[test]
    fn leading_zero_bytes_are_neither_written_nor_read() {
        let modulus = [0xab; 256];
        let plain = PublicJwk::from_components(&modulus, &[1, 0, 1]).expect("a key");
        let padded =
            PublicJwk::from_components(&[&[0, 0][..], &modulus].concat(), &[0, 1, 0, 1]).expect("a key");
        assert_eq!(plain, padded);
        assert_eq!(plain.e, "AQAB");

        let zero_first = URL_SAFE_NO_PAD.encode([&[0][..], &modulus].concat());
        let refused = PublicJwk::new(plain.kid().clone(), zero_first, "AQAB".to_owned());
        assert_eq!(refused, Err(JwkError::Number { member: "n" }));
    }

    #[test]
    fn a_short_modulus_is_refused() {
        assert_eq!(PublicJwk::from_components(&[0xff; 128], &[3]), Err(JwkError::Size { bits: 1024 }));
        assert_eq!(PublicJwk::from_components(&[0x7f; 256], &[3]), Err(JwkError::Size { bits: 2047 }));
        assert_eq!(PublicJwk::from_components(&[], &[3]), Err(JwkError::Number { member: "n" }));
    }

    #[test]
    fn keys_of_other_kinds_are_left_out_of_a_key_set() {
        let text = format!(
            r#"{{"keys":[{{"kty":"EC","crv":"P-256","kid":"a","x":"AQ","y":"AQ"}},{RFC_7638_KEY},{{"kty":"RSA"}}]}}"#
        );
        let jwks: Jwks = serde_json::from_str(&text).expect("a key set");
        assert_eq!(jwks.keys.len(), 1);
        assert!(jwks.find("2011-04-29").is_some());
        assert!(jwks.find("a").is_none());
    }
}
