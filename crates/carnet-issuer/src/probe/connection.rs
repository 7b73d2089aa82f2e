//! A TLS connection that is made in any case, and what a relying party would think of it.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

/// What a verifier has seen of one handshake.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// The certificates that the server sent, its own first.
    pub(super) chain: Vec<CertificateDer<'static>>,
    /// Why a relying party with these authorities would end the handshake.
    pub(super) refusal: Option<rustls::Error>,
}

/// Notes what a relying party would say and lets the handshake go on: what is behind it is public, and is looked at, too.
#[derive(Debug)]
struct Onlooker {
    strict: Arc<WebPkiServerVerifier>,
    seen: Mutex<Seen>,
}

/// Which authorities are trusted.
#[derive(Debug, Clone)]
pub(super) struct Trust {
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

/// The settings of one connection.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) config: Arc<ClientConfig>,
    onlooker: Arc<Onlooker>,
}

impl Watched {
    pub(super) fn seen(&self) -> Seen {
        self.onlooker.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Trust {
    /// The system's authorities and these.
    pub(super) fn new(ca_pem: Option<&[u8]>) -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore::empty();
        // Those that cannot be read are not trusted.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let more = ca_pem.into_iter().flat_map(CertificateDer::pem_slice_iter).flatten();
        roots.add_parsable_certificates(more);
        if roots.is_empty() {
            return Err(rustls::Error::General("no certificate authority is known".to_owned()));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        Ok(Self { roots: Arc::new(roots), provider })
    }

    /// The settings for one connection. An onlooker is for one handshake.
    pub(super) fn watched(&self) -> Result<Watched, rustls::Error> {
        let strict =
            WebPkiServerVerifier::builder_with_provider(Arc::clone(&self.roots), Arc::clone(&self.provider))
                .build()
                .map_err(|error| rustls::Error::General(error.to_string()))?;
        let onlooker = Arc::new(Onlooker { strict, seen: Mutex::default() });
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&onlooker) as Arc<dyn ServerCertVerifier>)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Watched { config: Arc::new(config), onlooker })
    }
}

impl ServerCertVerifier for Onlooker {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict =
            self.strict.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let chain = std::iter::once(end_entity).chain(intermediates).map(|one| one.clone().into_owned());
        let seen = Seen { chain: chain.collect(), refusal: verdict.err() };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.strict.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.strict.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.strict.supported_verify_schemes()
    }
}
