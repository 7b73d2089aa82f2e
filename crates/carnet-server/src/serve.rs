//! The accept loop: TLS, limits of connections, graceful stop.

mod activity;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{self, GracefulShutdown};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use self::activity::{Activity, Peers};
use crate::rate_limit::{Peer, network_of};

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

/// How many connections there may be, and how long they may last without use.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// The most connections at a time.
    connections: usize,
    /// Those of one peer.
    of_peer: usize,
    /// How long a client may take for the TLS handshake, for its first request, and for the headers of each.
    patience: Duration,
    /// How long a connection lasts on which nothing is asked.
    idle: Duration,
}

const LIMITS: Limits = Limits {
    connections: 4096,
    of_peer: 1024,
    patience: Duration::from_secs(15),
    // Longer than clients keep connections that they do not use: they should be the ones to end them.
    idle: Duration::from_secs(120),
};

/// How long open connections may go on after the stop was asked for.
const FAREWELL: Duration = Duration::from_secs(5);

/// Serves until `stop` completes, then lets open requests end.
pub async fn serve(
    listener: TcpListener,
    tls: Tls,
    router: Router,
    stop: impl Future<Output = ()>,
) -> Result<(), std::io::Error> {
    serve_within(LIMITS, listener, tls, router, stop).await
}

async fn serve_within(
    limits: Limits,
    listener: TcpListener,
    tls: Tls,
    router: Router,
    stop: impl Future<Output = ()>,
) -> Result<(), std::io::Error> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.patience);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(256);
    let builder = Arc::new(builder);
    let places = Arc::new(Semaphore::new(limits.connections));
    let peers = Peers::default();
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
        let Some(place_of_peer) = peers.enter(network_of(peer.ip()), limits.of_peer) else {
            tracing::debug!(peer = %peer.ip(), "a peer has too many connections");
            continue;
        };
        let connection = Connection {
            stream,
            peer: Peer(peer.ip()),
            tls: tls.clone(),
            builder: Arc::clone(&builder),
            router: router.clone(),
            watcher: graceful.watcher(),
        };
        tokio::spawn(async move {
            let _places = (place, place_of_peer);
            connection.serve(limits).await;
        });
    }
    drop(listener);
    let _ = timeout(FAREWELL, graceful.shutdown()).await;
    Ok(())
}

struct Connection {
    stream: TcpStream,
    peer: Peer,
    tls: Tls,
    builder: Arc<Builder<TokioExecutor>>,
    router: Router,
    watcher: graceful::Watcher,
}

impl Connection {
    async fn serve(self, limits: Limits) {
        let activity = Activity::default();
        let served = self.answer(activity.clone(), limits);
        let ended = tokio::select! {
            ended = served => ended,
            () = activity.ceases(limits.patience, limits.idle) => Err("nothing was asked on it".into()),
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    }

    async fn answer(
        self,
        activity: Activity,
        limits: Limits,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let Self { stream, peer, tls, builder, router, watcher } = self;
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(tower::service_fn(move |mut request: Request<Incoming>| {
            let ongoing = activity.begin();
            request.extensions_mut().insert(peer);
            let router = router.clone();
            async move {
                router.oneshot(request).await.map(|answer| answer.map(|body| ongoing.until_the_end_of(body)))
            }
        }));
        match tls {
            Tls::Off => {
                watcher.watch(builder.serve_connection(TokioIo::new(stream), service).into_owned()).await
            }
            Tls::On(config) => {
                let stream = timeout(limits.patience, TlsAcceptor::from(config).accept(stream)).await??;
                watcher.watch(builder.serve_connection(TokioIo::new(stream), service).into_owned()).await
            }
        }
    }
}

#[cfg(test)]
mod tests;
