//! The private keys that sign tokens: held here, or in a place that they never leave.

use std::sync::Arc;

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    error::{KeyRejected, Unspecified},
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{Engine as _, encoded_len, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::{JwkError, KeyId, KeyReference, KeySource, KeySourceError, PublicJwk};

/// The longest modulus, and so the longest signature, of a signing key.
const MAX_MODULUS_BYTES: usize = 4096 / 8;

/// A private RSA key that signs tokens with RS256.
pub struct SigningKey {
    place: Place,
    public: PublicJwk,
    /// The header of every token this key signs: base64url, and the dot behind it.
    header: String,
}

/// Where the private half of a key is.
enum Place {
    /// In this process, parsed once.
    Here(RsaKeyPair),
    /// In a service or a module that signs when it is asked.
    Elsewhere { source: Arc<dyn KeySource>, reference: KeyReference },
}

/// Why a signing key could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The system could not make a key.
    #[error("a new signing key could not be made")]
    Generate(#[source] Unspecified),
    /// The bytes are not a private RSA key that can be used.
    #[error("the signing key was rejected")]
    Rejected(#[source] KeyRejected),
    /// The public half of the key cannot be published.
    #[error("the public half of the signing key cannot be published")]
    Public(#[source] JwkError),
    /// The modulus is larger than relying parties take.
    #[error("the signing key is larger than 4096 bits")]
    TooLarge,
    /// The key could not be written as bytes.
    #[error("the signing key could not be exported")]
    Export(#[source] Unspecified),
    /// Signing failed.
    #[error("signing failed")]
    Sign(#[source] Unspecified),
    /// The private half is elsewhere, and cannot be written as bytes.
    #[error("the private half of the signing key is in {reference} and never leaves it")]
    NotHere {
        /// Where the key is.
        reference: KeyReference,
    },
    /// The place that holds the key did not sign.
    #[error("the signing key in {reference} did not sign")]
    Elsewhere {
        /// Where the key is.
        reference: KeyReference,
        /// What the place said, and the way out.
        #[source]
        source: KeySourceError,
    },
    /// The place where new keys are made made none.
    #[error("no new signing key could be made in {scheme}")]
    NotMade {
        /// The kind of the place.
        scheme: &'static str,
        /// What the place said, and the way out.
        #[source]
        source: KeySourceError,
    },
    /// The place that holds the key signed with another one: nothing that verifies.
    #[error(
        "what {reference} signed does not verify with the key {kid} that is published; was the key replaced there?"
    )]
    OtherKey {
        /// Where the key is.
        reference: KeyReference,
        /// The name of the key that was expected.
        kid: KeyId,
    },
}

impl SigningKey {
    /// Makes a new RSA key of 2048 bits.
    ///
    /// This takes about a tenth of a second of processor time: call it on a thread that may block.
    /// Fails when the system's cryptography refuses, which it does not in ordinary operation.
    pub fn generate() -> Result<Self, KeyError> {
        RsaKeyPair::generate(KeySize::Rsa2048).map_err(KeyError::Generate).and_then(Self::new)
    }

    /// Reads a key from PKCS#8 DER.
    ///
    /// Fails when the bytes are not an RSA private key of 2048 to 4096 bits whose parts belong together.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        RsaKeyPair::from_pkcs8(der).map_err(KeyError::Rejected).and_then(Self::new)
    }

    /// Takes a key whose private half is elsewhere. Nothing is asked of that place before something is signed.
    pub fn elsewhere(source: Arc<dyn KeySource>, reference: KeyReference, public: PublicJwk) -> Self {
        Self { header: header(public.kid()), place: Place::Elsewhere { source, reference }, public }
    }

    /// Writes the key as PKCS#8 DER; the bytes are wiped when dropped.
    ///
    /// Fails when the key is elsewhere, or the system's cryptography cannot encode it.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        match &self.place {
            Place::Here(key_pair) => {
                let der: Pkcs8V1Der<'_> = key_pair.as_der().map_err(KeyError::Export)?;
                Ok(Zeroizing::new(der.as_ref().to_vec()))
            }
            Place::Elsewhere { reference, .. } => Err(KeyError::NotHere { reference: reference.clone() }),
        }
    }

    /// Where the private half is, when it is not here.
    pub fn reference(&self) -> Option<&KeyReference> {
        match &self.place {
            Place::Here(_) => None,
            Place::Elsewhere { reference, .. } => Some(reference),
        }
    }

    /// The name of the key: its RFC 7638 thumbprint.
    pub fn kid(&self) -> &KeyId {
        self.public.kid()
    }

    /// The public half.
    pub fn public(&self) -> &PublicJwk {
        &self.public
    }

    /// Signs something that is no token (RFC 7515, section 3.1: a JWS has no space in it), and checks the signature with the
    /// public half: whoever is to sign from now on should be able to.
    ///
    /// Fails when the key does not sign, or another one does.
    pub async fn try_to_sign(&self) -> Result<(), KeyError> {
        let message = format!("whether the key {} signs", self.kid());
        match &self.place {
            Place::Here(key_pair) => {
                sign_here(key_pair, message.as_bytes(), &mut [0; MAX_MODULUS_BYTES]).map(drop)
            }
            Place::Elsewhere { source, reference } => {
                self.sign_elsewhere(source.as_ref(), reference, message.as_bytes()).await.map(drop)
            }
        }
    }

    fn new(key_pair: RsaKeyPair) -> Result<Self, KeyError> {
        let numbers = key_pair.public_key();
        let public = PublicJwk::from_components(
            numbers.modulus().big_endian_without_leading_zero(),
            numbers.exponent().big_endian_without_leading_zero(),
        )
        .map_err(KeyError::Public)?;
        if key_pair.public_modulus_len() > MAX_MODULUS_BYTES {
            return Err(KeyError::TooLarge);
        }
        Ok(Self { place: Place::Here(key_pair), header: header(public.kid()), public })
    }

    /// Signs claims (JSON) into a token: header, claims and signature.
    pub(crate) async fn sign_token(&self, claims: &[u8]) -> Result<SecretString, KeyError> {
        self.sign_token_with(&self.header, claims).await
    }

    /// The same under a header of the caller's: base64url, and the dot behind it.
    pub(crate) async fn sign_token_with(
        &self,
        header: &str,
        claims: &[u8],
    ) -> Result<SecretString, KeyError> {
        // The text never grows beyond its first allocation, so no copy of the token is left in memory.
        let room = header.len() + base64_len(claims.len()) + 1 + base64_len(MAX_MODULUS_BYTES);
        let mut token = Zeroizing::new(String::with_capacity(room));
        token.push_str(header);
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let mut buffer = [0; MAX_MODULUS_BYTES];
        let signature = match &self.place {
            Place::Here(key_pair) => sign_here(key_pair, token.as_bytes(), &mut buffer)?,
            Place::Elsewhere { source, reference } => {
                &self.sign_elsewhere(source.as_ref(), reference, token.as_bytes()).await?
            }
        };
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(SecretString::from(std::mem::take(&mut *token)))
    }

    /// The signature of a key that is here, for places that the tests make.
    #[cfg(test)]
    pub(crate) fn signature_of(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let Place::Here(key_pair) = &self.place else { panic!("the key is elsewhere") };
        Ok(sign_here(key_pair, message, &mut [0; MAX_MODULUS_BYTES])?.to_vec())
    }

    async fn sign_elsewhere(
        &self,
        source: &dyn KeySource,
        reference: &KeyReference,
        message: &[u8],
    ) -> Result<Vec<u8>, KeyError> {
        let signature = source
            .sign(reference, message)
            .await
            .map_err(|source| KeyError::Elsewhere { reference: reference.clone(), source })?;
        // A token that no relying party accepts is found out here, not in the middle of a run.
        if !self.public.is_signature_of(message, &signature) {
            return Err(KeyError::OtherKey { reference: reference.clone(), kid: self.kid().clone() });
        }
        Ok(signature)
    }
}

fn header(kid: &KeyId) -> String {
    let header = format!(r#"{{"typ":"JWT","alg":"RS256","kid":"{kid}"}}"#);
    format!("{}.", URL_SAFE_NO_PAD.encode(header))
}

fn sign_here<'a>(
    key_pair: &RsaKeyPair,
    message: &[u8],
    buffer: &'a mut [u8; MAX_MODULUS_BYTES],
) -> Result<&'a [u8], KeyError> {
    let signature = &mut buffer[..key_pair.public_modulus_len()];
    key_pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, signature).map_err(KeyError::Sign)?;
    Ok(signature)
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("kid", self.kid()).finish_non_exhaustive()
    }
}

fn base64_len(bytes: usize) -> usize {
    encoded_len(bytes, false).expect("claims and signatures are far smaller than the address space")
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rsa::{KeyPairComponents, PublicKeyComponents};
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::fixture;

    fn decode(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).expect("base64url")
    }

    /// The key pair of RFC 7515, appendix A.2.1.
    fn rfc_7515_key() -> SigningKey {
        let key_pair = RsaKeyPair::from_components(&KeyPairComponents {
            public_key: PublicKeyComponents {
                n: decode(
                    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL\
                     -yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-K\
                     XBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9i\
                     aGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
                ),
                e: decode("AQAB"),
            },
            d: decode(
                "Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395\
                 IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_\
                 0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyG\
                 WSeWjnczT0QU91p1DhOVRuOopznQ",
            ),
            p: decode(
                "4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7o\
                 uZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc",
            ),
            q: decode(
                "uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t62wDm\
                 pe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc",
            ),
            dP: decode(
                "BwKfV3Akq5_MFZDFZCnW-wzl-CCo83WoZvnLQwCTeDv8uzluRSnm71I3QCLdhrqE2e9YkxvuxdBfpT_PI7Yz-FOKnu1R6HsJeDCjn12Sk\
                 3vmAktV2zb34MCdy7cpdTh_YVr7tss2u6vneTwrA86rZtu5Mbr1C1XsmvkxHQAdYo0",
            ),
            dQ: decode(
                "h_96-mK1R_7glhsum81dZxjTnYynPbZpHziZjeeHcXYsXaaMwkOlODsWa7I9xXDoRwbKgB719rrmI2oKr6N3Do9U0ajaHF-NKJnwgjMd2\
                 w9cjz3_-kyNlxAr2v4IKhGNpmM5iIgOS1VZnOZ68m6_pbLBSp3nssTdlqvd0tIiTHU",
            ),
            qInv: decode(
                "IYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd_QJQ3ydy5cY7YIBi87w93IKLEd\
                 fnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp_gh6A5603k2-ZQwVK0JKSHuLFkuQ3U",
            ),
        })
        .expect("a key pair");
        SigningKey::new(key_pair).expect("a signing key")
    }

    #[test]
    fn the_signature_is_that_of_rfc_7515() {
        const MESSAGE: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt\
                               cGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        const SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_\
                                 O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIA\
                                 RNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPq\
                                 vhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77\
                                 Rw";
        let key = rfc_7515_key();
        let Place::Here(key_pair) = &key.place else { panic!("the key is elsewhere") };
        let mut buffer = [0; MAX_MODULUS_BYTES];
        let signature = sign_here(key_pair, MESSAGE.as_bytes(), &mut buffer).expect("signed");
        assert_eq!(URL_SAFE_NO_PAD.encode(signature), SIGNATURE);
        assert!(key.public().is_signature_of(MESSAGE.as_bytes(), signature));
        assert!(!key.public().is_signature_of(b"another message", signature));
    }

    #[test]
    fn a_key_survives_export_and_import() {
        let key = fixture::key();
        let again = SigningKey::from_pkcs8(&key.to_pkcs8().expect("bytes")).expect("a key");
        assert_eq!(again.public(), key.public());
        let sign = |key: &SigningKey| {
            fixture::at_once(key.sign_token(b"{}")).expect("a token").expose_secret().to_owned()
        };
        assert_eq!(sign(&again), sign(&key));
    }

    #[test]
    fn the_name_is_the_thumbprint_and_stands_in_the_header() {
        let key = fixture::key();
        assert_eq!(key.kid(), &key.public().thumbprint());
        assert_eq!(key.kid().as_str().len(), 43);
        let token = fixture::at_once(key.sign_token(b"{}")).expect("a token");
        let header = token.expose_secret().split('.').next().expect("a header");
        assert_eq!(
            String::from_utf8(decode(header)).expect("text"),
            format!(r#"{{"typ":"JWT","alg":"RS256","kid":"{}"}}"#, key.kid())
        );
    }

    #[test]
    fn bytes_that_are_no_key_are_rejected() {
        for bytes in [&b""[..], b"-----BEGIN PRIVATE KEY-----", &[0x30, 0x82, 0x04]] {
            assert!(matches!(SigningKey::from_pkcs8(bytes), Err(KeyError::Rejected(_))));
        }
    }

    #[test]
    fn debug_shows_the_name_and_nothing_else() {
        let key = fixture::key();
        assert_eq!(format!("{key:?}"), format!("SigningKey {{ kid: KeyId({:?}), .. }}", key.kid().as_str()));
    }
}
