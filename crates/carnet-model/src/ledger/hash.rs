//! What ties an entry to all before it.

use aws_lc_rs::digest::{Context, SHA256, digest};

use super::LedgerChain;

/// What stands before the name of a chain to make the hash before its first entry.
const GENESIS: &str = "carnet-ledger/1:";

/// SHA-256 over the hash before and the entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LedgerHash([u8; 32]);

/// A text that is not 64 hexadecimal digits in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a hash is 64 hexadecimal digits in lower case")]
pub struct LedgerHashError;

impl LedgerHash {
    /// The hash that stands before the first entry of a chain: SHA-256 of `carnet-ledger/1:` and the chain's name.
    pub fn genesis(chain: &LedgerChain) -> Self {
        Self::from_digest(digest(&SHA256, format!("{GENESIS}{chain}").as_bytes()).as_ref())
    }

    /// The hash of an entry in canonical form that follows this one: SHA-256 of the 32 bytes of this hash and the entry.
    pub fn after(&self, canonical: &str) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(&self.0);
        context.update(canonical.as_bytes());
        Self::from_digest(context.finish().as_ref())
    }

    fn from_digest(bytes: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(bytes);
        Self(hash)
    }
}

impl std::fmt::Display for LedgerHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::str::FromStr for LedgerHash {
    type Err = LedgerHashError;

    fn from_str(text: &str) -> Result<Self, LedgerHashError> {
        let is_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 64 || !text.as_bytes().iter().all(is_hex) {
            return Err(LedgerHashError);
        }
        let mut hash = [0; 32];
        for (place, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).map_err(|_| LedgerHashError)?;
        }
        Ok(Self(hash))
    }
}
