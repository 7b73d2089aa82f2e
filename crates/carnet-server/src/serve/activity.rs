//! Whether a connection is of use: who opens one and asks for nothing must not keep it from others.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use http_body_util::BodyExt as _;

/// The requests of one connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Activity(Arc<Requests>);

#[derive(Debug, Default)]
struct Requests {
    begun: AtomicU64,
    ended: AtomicU64,
}

/// A request that is not answered to the last byte yet.
#[derive(Debug)]
pub(super) struct Ongoing(Arc<Requests>);

impl Drop for Ongoing {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

impl Activity {
    pub(super) fn begin(&self) -> Ongoing {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        Ongoing(Arc::clone(&self.0))
    }

    /// Completes when nothing was asked at all within `patience`, or later nothing was under way from one `idle` to the next.
    pub(super) async fn ceases(&self, patience: Duration, idle: Duration) {
        tokio::time::sleep(patience).await;
        let mut before = 0;
        loop {
            let (begun, ended) = (self.0.begun.load(Ordering::Relaxed), self.0.ended.load(Ordering::Relaxed));
            if begun == before && begun == ended {
                return;
            }
            before = begun;
            tokio::time::sleep(idle).await;
        }
    }
}

impl Ongoing {
    /// The body, to the last byte of which the request goes on.
    pub(super) fn until_the_end_of(self, body: Body) -> Body {
        Body::new(body.map_frame(move |frame| {
            let _ongoing = &self;
            frame
        }))
    }
}

/// How many connections each peer has.
#[derive(Debug, Clone, Default)]
pub(super) struct Peers(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// A place of a peer, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    peers: Peers,
    peer: IpAddr,
}

impl Peers {
    /// A place for one more connection of the peer; `None` when it has `limit` of them.
    pub(super) fn enter(&self, peer: IpAddr, limit: usize) -> Option<Place> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(peer).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(Place { peers: self.clone(), peer })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.peers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.peer);
            }
        }
    }
}
