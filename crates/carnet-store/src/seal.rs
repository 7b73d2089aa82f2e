//! Sealing of secrets at rest: AES-256-GCM under keys that are derived from the master key (NIST SP 800-38D, RFC 5869).

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// Bytes of the master key.
pub const MASTER_KEY_LEN: usize = 32;

/// Why something could not be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The sealed text is damaged, belongs elsewhere, or was sealed under another master key.
    #[error("a stored secret cannot be opened with this master key")]
    Open,
    /// The operating system gave no randomness, or the library refused its key.
    #[error("sealing failed")]
    Seal,
}

/// The key under which everything at rest is sealed.
pub struct MasterKey(Zeroizing<[u8; MASTER_KEY_LEN]>);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey")
    }
}

impl MasterKey {
    /// Takes the bytes of a key.
    pub fn from_bytes(bytes: [u8; MASTER_KEY_LEN]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Makes a new key from the randomness of the operating system.
    pub fn generate() -> Result<Self, SealError> {
        let mut bytes = Zeroizing::new([0; MASTER_KEY_LEN]);
        rand::fill(bytes.as_mut()).map_err(|_| SealError::Seal)?;
        Ok(Self(bytes))
    }

    /// Reads a key from its text: 64 hex digits, or base64 in either alphabet, with or without padding.
    pub fn from_text(text: &str) -> Option<Self> {
        let text = text.trim();
        let bytes = Zeroizing::new(match text.len() {
            64 => (0..32)
                .map(|i| u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok())
                .collect::<Option<_>>()?,
            _ => {
                let text = text.trim_end_matches('=');
                URL_SAFE_NO_PAD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text)).ok()?
            }
        });
        <[u8; MASTER_KEY_LEN]>::try_from(bytes.as_slice()).ok().map(Self::from_bytes)
    }

    /// Writes the key as text, for its file.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0.as_ref()))
    }

    /// Derives the key for one purpose.
    pub(crate) fn derive(&self, salt: &[u8], purpose: &str) -> Result<LessSafeKey, SealError> {
        struct Length;
        impl KeyType for Length {
            fn len(&self) -> usize {
                MASTER_KEY_LEN
            }
        }
        let mut bytes = Zeroizing::new([0; MASTER_KEY_LEN]);
        let pseudo_random = Salt::new(HKDF_SHA256, salt).extract(self.0.as_ref());
        let info = [purpose.as_bytes()];
        let derived = pseudo_random.expand(&info, Length).map_err(|_| SealError::Seal)?;
        derived.fill(bytes.as_mut()).map_err(|_| SealError::Seal)?;
        let key = UnboundKey::new(&AES_256_GCM, bytes.as_ref()).map_err(|_| SealError::Seal)?;
        Ok(LessSafeKey::new(key))
    }
}

/// Seals the texts of columns.
pub struct Sealer {
    key: LessSafeKey,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

impl Sealer {
    /// Makes the sealer of columns.
    pub fn new(master: &MasterKey) -> Result<Self, SealError> {
        Ok(Self { key: master.derive(b"carnet", "columns v1")? })
    }

    /// Seals bytes; `place` names where they will stand, so that they open nowhere else.
    pub fn seal(&self, place: &str, plain: &[u8]) -> Result<String, SealError> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| SealError::Seal)?;
        let mut sealed = plain.to_vec();
        self.key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(place.as_bytes()),
                &mut sealed,
            )
            .map_err(|_| SealError::Seal)?;
        let mut whole = nonce.to_vec();
        whole.append(&mut sealed);
        Ok(URL_SAFE_NO_PAD.encode(whole))
    }

    /// Opens what [`Sealer::seal`] made for the same place.
    pub fn open(&self, place: &str, sealed: &str) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let whole = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| SealError::Open)?;
        let (nonce, body) = whole.split_at_checked(NONCE_LEN).ok_or(SealError::Open)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Open)?;
        let mut body = Zeroizing::new(body.to_vec());
        let length = self
            .key
            .open_in_place(nonce, Aad::from(place.as_bytes()), &mut body)
            .map_err(|_| SealError::Open)?
            .len();
        body.truncate(length);
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_text_opens_at_its_place_only() {
        let sealer = Sealer::new(&MasterKey::from_bytes([7; 32])).expect("a sealer");
        let sealed = sealer.seal("variable var-1", b"hunter2").expect("sealed");
        assert!(!sealed.contains("hunter2"));
        assert_eq!(sealer.open("variable var-1", &sealed).expect("opens").as_slice(), b"hunter2");
        assert_eq!(sealer.open("variable var-2", &sealed), Err(SealError::Open));
        let other = Sealer::new(&MasterKey::from_bytes([8; 32])).expect("a sealer");
        assert_eq!(other.open("variable var-1", &sealed), Err(SealError::Open));
    }

    #[test]
    fn a_master_key_survives_its_text() {
        let key = MasterKey::generate().expect("a key");
        let again = MasterKey::from_text(&format!("{}\n", key.to_text().as_str())).expect("a key");
        assert_eq!(key.0, again.0);
        assert!(MasterKey::from_text("short").is_none());
        assert!(MasterKey::from_text(&"0f".repeat(32)).is_some());
        assert!(MasterKey::from_text("/+8BAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4=").is_some());
    }
}
