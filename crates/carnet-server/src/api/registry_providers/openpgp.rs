//! Reads the key id of a public key (RFC 4880 sections 4.2, 6.2 and 12.2). Terraform checks the signatures.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
const END: &str = "-----END PGP PUBLIC KEY BLOCK-----";

/// The tag of the packet with which a public key begins.
const PUBLIC_KEY: u8 = 6;

/// Why a text is not taken as a public key.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeyError {
    /// There is a private key in it.
    #[error("Ascii armor holds a private key; export the public key only")]
    Private,
    /// It is not armored.
    #[error("Ascii armor must be a public key between {BEGIN} and {END}")]
    Armor,
    /// What is in the armor is no key.
    #[error("Ascii armor does not hold an OpenPGP public key of version 4")]
    Packet,
}

/// The key id of an armored public key, in upper case hex.
pub(super) fn key_id(armored: &str) -> Result<String, KeyError> {
    if armored.contains("PRIVATE KEY BLOCK") {
        return Err(KeyError::Private);
    }
    let inside = armored.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END));
    let (inside, _) = inside.ok_or(KeyError::Armor)?;
    // Headers end at an empty line; the checksum begins with an equals sign.
    let lines = inside.lines().map(str::trim).skip(1).skip_while(|line| !line.is_empty());
    let text: String = lines.take_while(|line| !line.starts_with('=')).collect();
    let bytes = STANDARD.decode(text).map_err(|_| KeyError::Armor)?;
    let body = public_key(&bytes).ok_or(KeyError::Packet)?;
    let length = u16::try_from(body.len()).map_err(|_| KeyError::Packet)?;
    let mut hashed = vec![0x99];
    hashed.extend_from_slice(&length.to_be_bytes());
    hashed.extend_from_slice(body);
    let fingerprint = digest(&SHA1_FOR_LEGACY_USE_ONLY, &hashed);
    Ok(fingerprint.as_ref()[12..].iter().map(|byte| format!("{byte:02X}")).collect())
}

/// The body of the first packet, if it is a public key of version 4.
fn public_key(bytes: &[u8]) -> Option<&[u8]> {
    let (&head, rest) = bytes.split_first()?;
    if head & 0x80 == 0 {
        return None;
    }
    let (tag, (length, rest)) = match head & 0x40 {
        0 => ((head >> 2) & 0x0f, old_length(head & 0x03, rest)?),
        _ => (head & 0x3f, new_length(rest)?),
    };
    let body = rest.get(..length)?;
    (tag == PUBLIC_KEY && body.first() == Some(&4)).then_some(body)
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| (number << 8) | usize::from(*byte))
}

fn old_length(kind: u8, rest: &[u8]) -> Option<(usize, &[u8])> {
    let width = match kind {
        0 => 1,
        1 => 2,
        2 => 4,
        _ => return None,
    };
    let (length, rest) = rest.split_at_checked(width)?;
    Some((number(length), rest))
}

fn new_length(rest: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = rest.split_first()?;
    match first {
        0..=191 => Some((usize::from(first), rest)),
        192..=223 => {
            let (&second, rest) = rest.split_first()?;
            Some((((usize::from(first) - 192) << 8) + usize::from(second) + 192, rest))
        }
        255 => {
            let (length, rest) = rest.split_at_checked(4)?;
            Some((number(length), rest))
        }
        // A body in parts, which keys do not have.
        224..=254 => None,
    }
}
