//! The OpenID Connect issuer as a library: keys, the key ring, minting, JWKS, discovery and verification.
//!
//! Nothing here reads a clock or draws randomness for a token id: the caller passes the time and the id in, so the ledger
//! entry of a token can be committed before it is signed. Files and the network are touched by the features alone: keys that
//! never leave their place (`transit`, `pkcs11`), publishing (`publish`) and the look from outside (`probe`).

mod audience;
mod checkpoint;
mod claims;
mod discovery;
mod issuer_url;
mod jti;
mod jwk;
mod key;
mod mint;
mod ring;
mod source;
mod verify;
mod wrapper;

#[cfg(feature = "pkcs11")]
pub mod pkcs11;
#[cfg(feature = "probe")]
pub mod probe;
#[cfg(feature = "publish")]
pub mod publish;
#[cfg(feature = "transit")]
pub mod transit;

#[cfg(test)]
mod fixture;

pub use audience::{Audience, AudienceError};
pub use checkpoint::{
    CHECKPOINT_TYPE, CheckpointError, CheckpointLink, SignedCheckpoint, VerifiedCheckpoint, checkpoint_chain,
    checkpoint_digest, checkpoint_header, read_checkpoint,
};
pub use claims::{Presentation, Workload};
pub use discovery::{DiscoveryDocument, etag};
pub use issuer_url::{DISCOVERY_PATH, IssuerUrl, IssuerUrlError, JWKS_PATH};
pub use jti::{Jti, JtiError};
pub use jwk::{JwkError, Jwks, KeyId, PublicJwk};
pub use key::{KeyError, SigningKey};
pub use mint::{Issuer, IssuerError, MAX_LIFETIME, MIN_LIFETIME, MintRequest, MintedToken, TokenDraft};
pub use ring::{KeyRing, RingError, RingKey};
pub use source::{KeyReference, KeyReferenceError, KeySource, KeySourceError, KeySources};
pub use verify::{Expected, VerifiedToken, VerifyError, verify_token};
pub use wrapper::{KeyWrapper, WrappedKey, WrappedKeyError};
