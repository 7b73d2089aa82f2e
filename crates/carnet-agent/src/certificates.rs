//! The certificate authorities that a run trusts: those of the system, and those that the operator gave the agent. Without
//! the latter, a configuration could not read the state or the modules of the very server that runs it when its authority is
//! private.

use pem::{EncodeConfig, LineEnding, Pem};

/// The system's authorities and more, as one file of PEM: programs that are told of a file read no other.
pub(crate) fn beside_the_systems(more: &[u8]) -> String {
    let found = rustls_native_certs::load_native_certs();
    if let Some(error) = found.errors.first() {
        tracing::warn!(%error, "some certificate authorities of the system cannot be read");
    }
    let blocks: Vec<Pem> =
        found.certs.iter().map(|certificate| Pem::new("CERTIFICATE", certificate.to_vec())).collect();
    let mut text = pem::encode_many_config(&blocks, EncodeConfig::new().set_line_ending(LineEnding::LF));
    text.push('\n');
    text.push_str(&String::from_utf8_lossy(more));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authorities_of_the_operator_stand_beside_those_of_the_system() {
        let more = Pem::new("CERTIFICATE", b"of the operator".to_vec());
        let together = pem::parse_many(beside_the_systems(more.to_string().as_bytes())).expect("PEM");
        let system = rustls_native_certs::load_native_certs().certs;
        assert_eq!(together.len(), system.len() + 1);
        assert_eq!(together.last(), Some(&more));
    }
}
