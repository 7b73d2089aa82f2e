//! Checkpoints of the ledger: what the issuer says about the end of a chain, signed so that it can be proven anywhere.
//!
//! A checkpoint is a compact JWS (RFC 7515) with a type of its own (RFC 8725, section 3.11) and without a single registered claim
//! of a token: no audience, no subject, no time of any kind that a relying party of identity tokens would look at.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use carnet_model::{LedgerChain, LedgerCheckpoint, Timestamp};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Issuer, IssuerError, Jwks, KeyId, PublicJwk};

/// The header `typ` of checkpoints.
pub const CHECKPOINT_TYPE: &str = "carnet-ledger-checkpoint+jwt";

/// The checkpoint of a chain that stands before another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointLink {
    /// The last entry that it covers.
    pub sequence: u64,
    /// SHA-256 of the compact JWS, in hex.
    pub sha256: String,
}

/// SHA-256 of a checkpoint, by which the next one names it, in hex.
pub fn checkpoint_digest(jws: &str) -> String {
    digest(&SHA256, jws.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// How the checkpoints of a key begin: their header and the point behind it.
pub fn checkpoint_header(kid: &KeyId) -> String {
    let header = format!(r#"{{"typ":"{CHECKPOINT_TYPE}","alg":"RS256","kid":"{kid}"}}"#);
    format!("{}.", URL_SAFE_NO_PAD.encode(header))
}

/// A checkpoint and what is needed to check it.
#[derive(Debug, Clone)]
pub struct SignedCheckpoint {
    /// The compact JWS.
    pub jws: String,
    /// The public half of the key that signed it.
    pub key: PublicJwk,
}

/// A checkpoint whose signature was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedCheckpoint {
    /// The key that signed it.
    pub kid: KeyId,
    /// The issuer that it names.
    pub issuer: String,
    /// What it says.
    pub checkpoint: LedgerCheckpoint,
    /// The checkpoint before; `None` for the first one of a chain.
    pub previous: Option<CheckpointLink>,
}

/// Why a text is not a checkpoint that can be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The text is not a JWS of a checkpoint.
    #[error("the checkpoint is malformed: {part} cannot be read")]
    Malformed {
        /// What could not be read.
        part: &'static str,
    },
    /// The text is a JWS of another kind, as an identity token is.
    #[error("a JWS of the type {found:?} is no checkpoint")]
    Type {
        /// The header `typ`.
        found: String,
    },
    /// The key set does not have the key.
    #[error("the key set has no key {kid:?}")]
    UnknownKey {
        /// The key that the header names.
        kid: String,
    },
    /// The signature does not belong to the checkpoint and the key.
    #[error("the signature of the checkpoint is wrong")]
    Signature,
}

#[derive(Serialize, Deserialize)]
struct Statement {
    /// The version of this form.
    ledger: u64,
    chain: String,
    hash: String,
    issuer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<CheckpointLink>,
    sequence: u64,
    time: Timestamp,
}

#[derive(Deserialize)]
struct Header {
    typ: Option<String>,
    alg: String,
    kid: String,
    crit: Option<serde_json::Value>,
}

impl Issuer {
    /// Signs what is known about a chain with the current key, and which checkpoint of the chain is the one before.
    ///
    /// Fails when signing fails.
    pub async fn sign_checkpoint(
        &self,
        checkpoint: &LedgerCheckpoint,
        previous: Option<CheckpointLink>,
    ) -> Result<SignedCheckpoint, IssuerError> {
        let key = self.current()?;
        let statement = Statement {
            ledger: 1,
            chain: checkpoint.chain.to_string(),
            hash: checkpoint.hash.to_string(),
            issuer: self.url().as_str().to_owned(),
            previous,
            sequence: checkpoint.sequence,
            time: checkpoint.time,
        };
        let statement =
            serde_json::to_vec(&statement).expect("texts and numbers can always be written as JSON");
        let header = checkpoint_header(key.kid());
        let jws = key.sign_token_with(&header, &statement).await?;
        Ok(SignedCheckpoint { jws: jws.expose_secret().to_owned(), key: key.public().clone() })
    }
}

/// Checks the signature of a checkpoint against a key set and reads what it says. Keys that the issuer publishes no longer are as
/// good as others here: what they signed when they were current stays true.
pub fn read_checkpoint(jws: &str, keys: &Jwks) -> Result<VerifiedCheckpoint, CheckpointError> {
    let malformed = |part| CheckpointError::Malformed { part };
    let (message, signature) = jws.rsplit_once('.').ok_or(malformed("the signature"))?;
    let (header, statement) = message.split_once('.').ok_or(malformed("the header"))?;
    let header: Header = read_json(header).ok_or(malformed("the header"))?;
    let typ = header.typ.unwrap_or_default();
    if typ != CHECKPOINT_TYPE {
        return Err(CheckpointError::Type { found: typ });
    }
    if header.alg != "RS256" || header.crit.is_some() {
        return Err(malformed("the header"));
    }
    let Some(key) = keys.find(&header.kid) else {
        return Err(CheckpointError::UnknownKey { kid: header.kid });
    };
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| malformed("the signature"))?;
    if !key.is_signature_of(message.as_bytes(), &signature) {
        return Err(CheckpointError::Signature);
    }
    let said: Statement = read_json(statement).ok_or(malformed("the statement"))?;
    if said.ledger != 1 {
        return Err(malformed("the version"));
    }
    let checkpoint = LedgerCheckpoint {
        chain: said.chain.parse().map_err(|_| malformed("the chain"))?,
        sequence: said.sequence,
        hash: said.hash.parse().map_err(|_| malformed("the hash"))?,
        time: said.time,
    };
    Ok(VerifiedCheckpoint {
        kid: key.kid().clone(),
        issuer: said.issuer,
        checkpoint,
        previous: said.previous,
    })
}

/// The chain that a checkpoint speaks of, without looking at its signature.
pub fn checkpoint_chain(jws: &str) -> Option<LedgerChain> {
    let statement: Statement = read_json(jws.split('.').nth(1)?)?;
    statement.chain.parse().ok()
}

fn read_json<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use carnet_model::{LedgerHash, Phase};

    use super::*;
    use crate::{Expected, Jti, MintRequest, VerifyError, fixture, verify_token};

    fn checkpoint() -> LedgerCheckpoint {
        let hash = LedgerHash::genesis(&LedgerChain::Site);
        LedgerCheckpoint { chain: LedgerChain::Site, sequence: 7, hash, time: fixture::now() }
    }

    fn verify_as_token(jws: &str) -> Result<(), VerifyError> {
        let (issuer, audience) = (fixture::issuer(), fixture::audience());
        let expected = Expected { issuer: issuer.url(), audience: &audience };
        verify_token(jws, &issuer.jwks(), expected, fixture::now()).map(drop)
    }

    #[tokio::test]
    async fn a_checkpoint_says_what_was_signed() {
        let issuer = fixture::issuer();
        let signed = issuer.sign_checkpoint(&checkpoint(), None).await.expect("signed");
        let keys = Jwks { keys: vec![signed.key.clone()] };
        let read = read_checkpoint(&signed.jws, &keys).expect("verified");
        assert_eq!((read.checkpoint, read.issuer.as_str()), (checkpoint(), issuer.url().as_str()));
        assert_eq!(read.previous, None);
        let link = CheckpointLink { sequence: 7, sha256: checkpoint_digest(&signed.jws) };
        let next = issuer.sign_checkpoint(&checkpoint(), Some(link.clone())).await.expect("signed");
        assert_eq!(read_checkpoint(&next.jws, &keys).expect("verified").previous, Some(link));
        assert_eq!(
            read_checkpoint(&signed.jws, &Jwks { keys: Vec::new() }),
            Err(CheckpointError::UnknownKey { kid: signed.key.kid().to_string() })
        );
        for (place, _) in signed.jws.char_indices() {
            let flipped = if &signed.jws[place..=place] == "A" { "B" } else { "A" };
            let changed = format!("{}{flipped}{}", &signed.jws[..place], &signed.jws[place + 1..]);
            assert!(read_checkpoint(&changed, &keys).is_err(), "{place}");
        }
    }

    #[tokio::test]
    async fn a_checkpoint_is_no_token_and_a_token_is_no_checkpoint() {
        let issuer = fixture::issuer();
        let signed = issuer.sign_checkpoint(&checkpoint(), None).await.expect("signed");
        assert_eq!(
            verify_as_token(&signed.jws),
            Err(VerifyError::Type { found: CHECKPOINT_TYPE.to_owned() })
        );
        let request = MintRequest {
            audience: fixture::audience(),
            lifetime: Duration::from_secs(60),
            jti: Jti::from_entropy([7; 16]),
        };
        let minted =
            issuer.mint(&fixture::identity(Phase::Plan), request, fixture::now()).await.expect("a token");
        let token = minted.token.expose_secret();
        verify_as_token(token).expect("verified");
        assert_eq!(
            read_checkpoint(token, &issuer.jwks()),
            Err(CheckpointError::Type { found: "JWT".to_owned() })
        );
    }

    #[tokio::test]
    async fn the_statement_holds_no_registered_claim() {
        let signed = fixture::issuer().sign_checkpoint(&checkpoint(), None).await.expect("signed");
        let statement: serde_json::Map<String, serde_json::Value> =
            read_json(signed.jws.split('.').nth(1).expect("a statement")).expect("JSON");
        // RFC 7519, section 4.1.
        for claim in ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"] {
            assert!(!statement.contains_key(claim), "{claim}");
        }
    }
}
