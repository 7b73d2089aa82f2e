//! The OpenID Connect issuer as a library: keys, the key ring, minting, JWKS, discovery and verification.
//!
//! Nothing here reads a clock, draws randomness for a token id, touches a file or the network: the caller
//! passes the time and the id in, so the ledger entry of a token can be committed before it is signed.

mod audience;
mod claims;
mod discovery;
mod issuer_url;
mod jti;
mod jwk;
mod key;
mod mint;
mod ring;
mod verify;

#[cfg(test)]
mod fixture;

pub use audience::{Audience, AudienceError};
pub use claims::{Presentation, Workload};
pub use discovery::{DiscoveryDocument, etag};
pub use issuer_url::{DISCOVERY_PATH, IssuerUrl, IssuerUrlError, JWKS_PATH};
pub use jti::{Jti, JtiError};
pub use jwk::{JwkError, Jwks, KeyId, PublicJwk};
pub use key::{KeyError, SigningKey};
pub use mint::{Issuer, IssuerError, MAX_LIFETIME, MIN_LIFETIME, MintRequest, MintedToken, TokenDraft};
pub use ring::{KeyRing, RingError, RingKey};
pub use verify::{Expected, VerifiedToken, VerifyError, verify_token};
