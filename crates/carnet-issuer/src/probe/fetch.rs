//! Fetching one document as a relying party does: look the name up, connect, shake hands, ask, read.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use carnet_model::Timestamp;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::header::{ACCEPT, HOST, HeaderMap, HeaderName, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::ProtocolVersion;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::connection::{Seen, Trust};
use super::{Look, Report};

/// The most bytes that are read of a document.
pub(super) const SIZE_LIMIT: usize = 1024 * 1024;

/// A document and how it came.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) host: String,
    pub(super) address: SocketAddr,
    /// `None` over plain HTTP.
    pub(super) tls: Option<TlsSeen>,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// From the question for the name to the last byte.
    pub(super) took: Duration,
    /// Our clock when the answer began.
    pub(super) answered_at: Timestamp,
}

#[derive(Debug)]
pub(super) struct TlsSeen {
    pub(super) seen: Seen,
    pub(super) protocol: Option<ProtocolVersion>,
}

/// Why there is no document.
#[derive(Debug)]
pub(super) enum FetchError {
    Url,
    Name(io::Error),
    Connect(SocketAddr, io::Error),
    Handshake(io::Error),
    Http(String),
    TooLarge,
    Late(&'static str, Duration),
}

impl FetchError {
    /// Writes down what is wrong.
    pub(super) fn report(self, name: &str, url: &str, report: &mut Report) {
        let everybody = &["every relying party"];
        let (check, what, way_out) = match self {
            Self::Url => {
                ("url", format!("{url} is no address"), "put jwks_uri of the discovery document right")
            }
            Self::Name(error) => (
                "dns",
                format!("the host of {url} has no address: {error}"),
                "publish the name in the public DNS; names of a private zone are unknown to clouds",
            ),
            Self::Connect(address, error) => (
                "connect",
                format!("{address} does not take connections: {error}"),
                "open the port to the world, or publish the documents elsewhere: carnet issuer publish",
            ),
            Self::Handshake(error) => (
                "tls",
                format!("the TLS handshake failed: {error}"),
                "the server must speak TLS 1.2 or 1.3 with a certificate for its name",
            ),
            Self::Http(error) => {
                ("http", format!("there was no answer in HTTP: {error}"), "look at what serves the address")
            }
            Self::TooLarge => (
                "size",
                format!("more than {SIZE_LIMIT} bytes"),
                "only the issuer's own document belongs there",
            ),
            Self::Late(what, limit) => (
                "latency",
                format!("{what} took longer than {limit:?}"),
                "AWS gives up after five seconds: put a cache in front, or publish to a bucket with carnet issuer publish",
            ),
        };
        report.fail(&format!("{name}.{check}"), what, everybody, way_out);
    }
}

/// Fetches documents.
pub(super) struct Fetcher<'a> {
    trust: Trust,
    look: &'a Look<'a>,
}

impl<'a> Fetcher<'a> {
    pub(super) fn new(look: &'a Look<'a>) -> Result<Self, rustls::Error> {
        Ok(Self { trust: Trust::new(look.ca_pem)?, look })
    }

    pub(super) async fn get(&self, url: &str) -> Result<Exchange, FetchError> {
        let url = url::Url::parse(url).map_err(|_| FetchError::Url)?;
        let host = url.host_str().ok_or(FetchError::Url)?.trim_matches(['[', ']']).to_owned();
        let port = url.port_or_known_default().ok_or(FetchError::Url)?;
        let start = Instant::now();
        let address = self.within("looking the name up", lookup(&host, port)).await?;
        let connecting =
            async { TcpStream::connect(address).await.map_err(|error| FetchError::Connect(address, error)) };
        let stream = self.within("connecting", connecting).await?;
        let (tls, (parts, body)) = if url.scheme() == "https" {
            let watched =
                self.trust.watched().map_err(|error| FetchError::Handshake(io::Error::other(error)))?;
            let name = ServerName::try_from(host.clone()).map_err(|_| FetchError::Url)?;
            let connector = tokio_rustls::TlsConnector::from(Arc::clone(&watched.config));
            let shaking = async { connector.connect(name, stream).await.map_err(FetchError::Handshake) };
            let stream = self.within("the TLS handshake", shaking).await?;
            let protocol = stream.get_ref().1.protocol_version();
            let answer = self.within("the answer", ask(stream, &url, self.look)).await?;
            (Some(TlsSeen { seen: watched.seen(), protocol }), answer)
        } else {
            (None, self.within("the answer", ask(stream, &url, self.look)).await?)
        };
        let (status, headers, answered_at) = parts;
        Ok(Exchange { host, address, tls, status, headers, body, took: start.elapsed(), answered_at })
    }

    async fn within<T>(
        &self,
        what: &'static str,
        action: impl Future<Output = Result<T, FetchError>>,
    ) -> Result<T, FetchError> {
        let limit = self.look.limits.patience;
        tokio::time::timeout(limit, action).await.unwrap_or(Err(FetchError::Late(what, limit)))
    }
}

async fn lookup(host: &str, port: u16) -> Result<SocketAddr, FetchError> {
    let mut found =
        tokio::net::lookup_host((host, port)).await.map_err(FetchError::Name)?.collect::<Vec<_>>();
    // Clouds ask over IPv4 first.
    found.sort_by_key(SocketAddr::is_ipv6);
    found.first().copied().ok_or_else(|| FetchError::Name(io::Error::other("it has none")))
}

type Answer = ((StatusCode, HeaderMap, Timestamp), Bytes);

async fn ask(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    url: &url::Url,
    look: &Look<'_>,
) -> Result<Answer, FetchError> {
    let http = |error: hyper::Error| FetchError::Http(error.to_string());
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(http)?;
    let authority = url.authority();
    let request = Request::get(&url[url::Position::BeforePath..url::Position::AfterQuery])
        .header(HOST, authority)
        .header(ACCEPT, "application/json")
        .header(USER_AGENT, "carnet-issuer-verify")
        .body(Empty::<Bytes>::new())
        .map_err(|_| FetchError::Url)?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(http)?;
        let answered_at = (look.clock)();
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, SIZE_LIMIT).collect().await;
        let body = body.map_err(|error| match error.downcast::<http_body_util::LengthLimitError>() {
            Ok(_) => FetchError::TooLarge,
            Err(other) => FetchError::Http(other.to_string()),
        })?;
        Ok(((parts.status, parts.headers, answered_at), body.to_bytes()))
    };
    let mut exchange = std::pin::pin!(exchange);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        answer = &mut exchange => answer,
        ended = &mut connection => match ended {
            // What came before the end may still be read.
            Ok(()) => exchange.await,
            Err(error) => Err(http(error)),
        },
    }
}

/// The text of a header.
pub(super) fn header<'a>(exchange: &'a Exchange, name: &HeaderName) -> Option<&'a str> {
    exchange.headers.get(name).and_then(|value| value.to_str().ok())
}
