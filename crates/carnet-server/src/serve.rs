//! The accept loop: TLS, header timeout, graceful stop.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use crate::rate_limit::Peer;

/// How connections are protected.
#[derive(Clone)]
pub enum Tls {
    /// Not at all: behind a proxy that does it, or on loopback.
    Off,
    /// With this configuration.
    On(Arc<rustls::ServerConfig>),
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Off => "Off",
            Self::On(_) => "On",
        })
    }
}

/// The most connections at a time.
const MAX_CONNECTIONS: usize = 4096;

/// How long a client may take for the TLS handshake, and for the headers of a request.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long open connections may go on after the stop was asked for.
const FAREWELL: Duration = Duration::from_secs(5);

/// Serves until `stop` completes, then lets open requests end.
pub async fn serve(
    listener: TcpListener,
    tls: Tls,
    router: Router,
    stop: impl Future<Output = ()>,
) -> Result<(), std::io::Error> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(256);
    let builder = Arc::new(builder);
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    tokio::pin!(stop);
    loop {
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place,
            () = &mut stop => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: others must end first.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (tls, builder, router, watcher) =
            (tls.clone(), Arc::clone(&builder), router.clone(), graceful.watcher());
        tokio::spawn(async move {
            let _place = place;
            connection((stream, Peer(peer.ip())), tls, &builder, router, watcher).await;
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(FAREWELL, graceful.shutdown()).await;
    Ok(())
}

async fn connection(
    (stream, peer): (TcpStream, Peer),
    tls: Tls,
    builder: &Builder<TokioExecutor>,
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let _ = stream.set_nodelay(true);
    let service = TowerToHyperService::new(router.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        request
    }));
    let ended: Result<(), Box<dyn std::error::Error + Send + Sync>> = match tls {
        Tls::Off => watcher.watch(builder.serve_connection(TokioIo::new(stream), service).into_owned()).await,
        Tls::On(config) => {
            match tokio::time::timeout(PATIENCE, TlsAcceptor::from(config).accept(stream)).await {
                Ok(Ok(stream)) => {
                    watcher.watch(builder.serve_connection(TokioIo::new(stream), service).into_owned()).await
                }
                Ok(Err(error)) => Err(error.into()),
                Err(late) => Err(late.into()),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
