//! An issuer without a server around it: any token can be minted, so that refusals can be provoked.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use carnet_issuer::{DISCOVERY_PATH, Issuer, JWKS_PATH, Jti, KeyRing, MintRequest, SigningKey};
use carnet_model::{Timestamp, WorkloadIdentity};
use http_body_util::Full;
use hyper::{Request, Response, body::Bytes, header::CONTENT_TYPE, service::service_fn};
use hyper_util::rt::TokioIo;
use secrecy::ExposeSecret;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

use crate::certificate_authority::CertificateAuthority;

/// The issuer library served over TLS on a free port.
#[derive(Debug)]
pub struct IssuerServer {
    issuer: Arc<Issuer>,
    /// One with the same key and another URL.
    other: Issuer,
    serving: JoinHandle<()>,
}

impl IssuerServer {
    /// The URL of the issuer for which [`Self::mint_as_other`] mints.
    pub const OTHER: &str = "https://other.example.com";

    /// Starts an issuer with a new key.
    pub async fn start(ca: &CertificateAuthority) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("https://localhost:{}", listener.local_addr()?.port()).parse()?;
        let key = tokio::task::spawn_blocking(SigningKey::generate).await??;
        let same = SigningKey::from_pkcs8(&key.to_pkcs8()?)?;
        let other = Issuer::new(Self::OTHER.parse()?, KeyRing::single(same));
        let issuer = Arc::new(Issuer::new(url, KeyRing::single(key)));
        let serving = tokio::spawn(serve(listener, acceptor(ca)?, Arc::clone(&issuer)));
        Ok(Self { issuer, other, serving })
    }

    /// The issuer's URL.
    pub fn url(&self) -> String {
        self.issuer.url().as_str().to_owned()
    }

    /// Where the key set is.
    pub fn jwks_url(&self) -> String {
        self.issuer.url().jwks_url()
    }

    /// The key set.
    pub fn jwks(&self) -> anyhow::Result<serde_json::Value> {
        Ok(serde_json::from_slice(&self.issuer.jwks().to_json())?)
    }

    /// Mints a token that is valid for ten minutes from `now`.
    pub fn mint(
        &self,
        identity: &WorkloadIdentity,
        audience: &str,
        now: Timestamp,
    ) -> anyhow::Result<String> {
        mint(&self.issuer, identity, audience, now)
    }

    /// Mints the same token with the same key, as another issuer.
    pub fn mint_as_other(
        &self,
        identity: &WorkloadIdentity,
        audience: &str,
        now: Timestamp,
    ) -> anyhow::Result<String> {
        mint(&self.other, identity, audience, now)
    }
}

fn mint(
    issuer: &Issuer,
    identity: &WorkloadIdentity,
    audience: &str,
    now: Timestamp,
) -> anyhow::Result<String> {
    let request = MintRequest {
        audience: audience.parse()?,
        lifetime: Duration::from_secs(600),
        jti: Jti::from_entropy(uuid::Uuid::new_v4().into_bytes()),
    };
    let minting = std::pin::pin!(issuer.mint(identity, request, now));
    // The key is here, so there is nothing to wait for.
    match minting.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(minted) => Ok(minted?.token.expose_secret().to_owned()),
        Poll::Pending => anyhow::bail!("a key that is here waits for something"),
    }
}

impl Drop for IssuerServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn acceptor(ca: &CertificateAuthority) -> anyhow::Result<TlsAcceptor> {
    let issued = ca.issue()?;
    let certificate = CertificateDer::from_pem_slice(issued.certificate_pem.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(issued.key_pem.as_bytes())?;
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, issuer: Arc<Issuer>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, issuer) = (acceptor.clone(), Arc::clone(&issuer));
        tokio::spawn(async move {
            // A client that goes away ends its own connection only.
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(|request: Request<_>| {
                let response = document(&issuer, request.uri().path());
                async move { Ok::<_, Infallible>(response) }
            });
            let connection = hyper::server::conn::http1::Builder::new();
            let _closed = connection.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn document(issuer: &Issuer, path: &str) -> Response<Full<Bytes>> {
    let (status, body) = match path {
        DISCOVERY_PATH => (200, issuer.discovery().to_json()),
        JWKS_PATH => (200, issuer.jwks().to_json()),
        _ => (404, Vec::new()),
    };
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))
        .expect("the status and the header are constants")
}
