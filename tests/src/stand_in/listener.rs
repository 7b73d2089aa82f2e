//! HTTP over TLS for one stand-in, with a record of what was asked and answered.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
};

use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Method, Response,
    body::{Bytes, Incoming},
    header::{AUTHORIZATION, CONTENT_TYPE},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

use super::verifier::token_id;
use crate::certificate_authority::CertificateAuthority;

/// A request that a stand-in has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The method and the path.
    pub request: String,
    /// The `jti` of the identity token behind the request, if there was one that could be read.
    pub token_id: Option<String>,
    /// The status of the answer.
    pub status: u16,
    /// `accepted`, or the service's code for the refusal.
    pub verdict: String,
}

/// What a service is asked.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: BTreeMap<String, String>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// What a service answers.
#[derive(Debug)]
pub(super) struct Reply {
    status: u16,
    body: Body,
    verdict: String,
    token_id: Option<String>,
    headers: Vec<(&'static str, String)>,
}

#[derive(Debug)]
enum Body {
    Json(Value),
    Xml(String),
    Bytes { media: String, bytes: Bytes },
}

/// The rules of one service.
pub(super) trait Service: Send + Sync + 'static {
    /// Answers a request.
    fn answer(&self, request: Request) -> impl Future<Output = Reply> + Send;
}

/// A running server.
#[derive(Debug)]
pub(super) struct Listener {
    port: u16,
    record: Arc<Mutex<Vec<Exchange>>>,
    serving: JoinHandle<()>,
}

impl Request {
    /// The token behind `Authorization: Bearer`.
    pub(super) fn bearer(&self) -> Option<&str> {
        self.header(AUTHORIZATION.as_str())?.strip_prefix("Bearer ")
    }

    /// A header that is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as an HTML form.
    pub(super) fn form(&self) -> BTreeMap<String, String> {
        fields(&String::from_utf8_lossy(&self.body))
    }

    /// The body as JSON, `null` when it is not.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    async fn read(request: hyper::Request<Incoming>) -> Self {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        Self {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: fields(parts.uri.query().unwrap_or_default()),
            headers: parts.headers,
            body,
        }
    }
}

impl Reply {
    /// The answer to a request that is granted.
    pub(super) fn accepted(status: u16, body: Value) -> Self {
        Self::new(status, Body::Json(body))
    }

    /// The answer to a request that is refused, with the service's code for the reason.
    pub(super) fn refused(status: u16, code: impl ToString, body: Value) -> Self {
        Self::new(status, Body::Json(body)).because(&code.to_string())
    }

    /// An answer in XML.
    pub(super) fn xml(status: u16, text: String) -> Self {
        Self::new(status, Body::Xml(text))
    }

    /// An answer of any media type.
    pub(super) fn bytes(status: u16, media: &str, bytes: Bytes) -> Self {
        Self::new(status, Body::Bytes { media: media.to_owned(), bytes })
    }

    fn new(status: u16, body: Body) -> Self {
        Self { status, body, verdict: "accepted".to_owned(), token_id: None, headers: Vec::new() }
    }

    /// The same answer with one more header.
    pub(super) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// The same answer as a refusal, with the service's code for the reason.
    pub(super) fn because(self, code: &str) -> Self {
        Self { verdict: code.to_owned(), ..self }
    }

    /// The same answer, recorded with the id of an identity token.
    pub(super) fn about(mut self, token: &str) -> Self {
        self.token_id = token_id(token);
        self
    }

    /// The same answer, recorded with an id that is known already.
    pub(super) fn about_id(mut self, id: &str) -> Self {
        self.token_id = Some(id.to_owned());
        self
    }
}

impl Listener {
    /// Starts to serve with a certificate of the authority.
    pub(super) async fn start(ca: &CertificateAuthority, service: impl Service) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let record = Arc::default();
        let serving = serve(listener, acceptor(ca)?, Arc::new(service), Arc::clone(&record));
        Ok(Self { port, record, serving: tokio::spawn(serving) })
    }

    /// The address, without a path.
    pub(super) fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// Every request so far, oldest first.
    pub(super) fn record(&self) -> Vec<Exchange> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Listener {
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

async fn serve(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    service: Arc<impl Service>,
    record: Arc<Mutex<Vec<Exchange>>>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, service, record) = (acceptor.clone(), Arc::clone(&service), Arc::clone(&record));
        tokio::spawn(async move {
            // A client that goes away ends its own connection only.
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let answer = service_fn(|request| {
                let (service, record) = (Arc::clone(&service), Arc::clone(&record));
                async move { Ok::<_, Infallible>(exchange(&*service, &record, request).await) }
            });
            let connection = hyper::server::conn::http1::Builder::new();
            let _closed = connection.serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

async fn exchange(
    service: &impl Service,
    record: &Mutex<Vec<Exchange>>,
    request: hyper::Request<Incoming>,
) -> Response<Full<Bytes>> {
    let request = Request::read(request).await;
    let line = format!("{} {}", request.method, request.path);
    let Reply { status, body, verdict, token_id, headers } = service.answer(request).await;
    // Written before the answer leaves, so that whoever has the answer finds the entry.
    let entry = Exchange { request: line, token_id, status, verdict };
    record.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    let (media, bytes) = match body {
        Body::Json(body) => ("application/json".to_owned(), Bytes::from(body.to_string())),
        Body::Xml(text) => ("text/xml".to_owned(), Bytes::from(text)),
        Body::Bytes { media, bytes } => (media, bytes),
    };
    let mut response = Response::builder().status(status).header(CONTENT_TYPE, media);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(Full::new(bytes)).expect("stand-ins use headers and statuses that are valid")
}

fn fields(text: &str) -> BTreeMap<String, String> {
    let address = reqwest::Url::parse(&format!("https://localhost/?{text}"));
    address.map(|address| address.query_pairs().into_owned().collect()).unwrap_or_default()
}
