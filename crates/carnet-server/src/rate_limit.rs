//! How many requests a second one caller gets an answer to.
//!
//! Everything below `/api/` counts, and the pages that take a token, by the token that is presented: a bucket holds as many requests as a
//! second allows and fills at that rate. A token that was never seen to work has no bucket; it takes from that of its peer's
//! address, and so do requests without a token: whoever tries tokens, or floods the server with wrong ones, is stopped by
//! address, and nobody who holds a token is stopped by what others do with theirs. Behind a proxy all have one address, unless the
//! operator says that the proxy names the client's. The numbers are this process's own: two servers behind a balancer allow twice
//! as much.
//!
//! Not counted by token, for these reasons:
//! - The job protocol, below `/api/agent/`: operators hand its tokens out, each is good for its own jobs only, and an agent that is
//!   told to wait while a phase runs would lose its lease. It is counted by address until its token has worked once.
//! - Addresses that are capabilities (logs, uploads): they hold no token; who guesses at 256 bits finds nothing, and each guess
//!   is one look-up in an index. Readers of one address share a bucket that is ten times as large.
//! - Documents for everybody (discovery, keys, health): small, cached, and relying parties must never be turned away.
//!
//! Memory is bounded: there are at most [`CAPACITY`] buckets, of which those that are full are forgotten first.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use carnet_model::Timestamp;
use carnet_store::TokenHash;

use crate::app::App;
use crate::error::ApiError;
use crate::extract::bearer_of;

/// The most buckets that are kept.
const CAPACITY: usize = 16 * 1024;

/// How much more readers and writers of capabilities may do than callers without a token.
const CAPABILITY_FACTOR: u32 = 10;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// The address at the other end of the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Whether the token of a request has turned out to work.
#[derive(Debug, Clone, Default)]
struct Proof(Arc<AtomicBool>);

/// Notes that the token of a request works. Belongs to every place that checks a token.
pub(crate) fn note_proof(parts: &Parts) {
    if let Some(Proof(proof)) = parts.extensions.get() {
        proof.store(true, Ordering::Relaxed);
    }
}

/// What a bucket is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Caller {
    Token(String),
    /// A token on the job protocol, of which only those of agents and jobs are proven.
    Agent(String),
    Address(Option<IpAddr>),
    Capabilities(Option<IpAddr>),
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// How many requests are left.
    level: f64,
    /// When that was so.
    at: Timestamp,
    /// Whether the token is known to work.
    is_proven: bool,
}

/// The buckets of all callers.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    per_second: u32,
    buckets: Mutex<HashMap<Caller, Bucket>>,
}

/// What is left in a bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Verdict {
    is_allowed: bool,
    remaining: u32,
    /// Seconds until the next request is allowed; zero when it is already.
    reset: f64,
}

/// How the requests of a path are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counting {
    ByToken,
    ByAddressUntilProven,
    ByCapability,
    Not,
}

impl Counting {
    fn of(path: &str) -> Self {
        if path.starts_with("/api/agent/") {
            Self::ByAddressUntilProven
        } else if ["/api/", "/oauth/", "/trust"].iter().any(|start| path.starts_with(start)) {
            Self::ByToken
        } else if ["/_logs/", "/_uploads/", "/setup/"].iter().any(|start| path.starts_with(start)) {
            Self::ByCapability
        } else {
            Self::Not
        }
    }
}

impl RateLimiter {
    /// `per_second` is how many requests a caller may make; zero is without a limit.
    pub(crate) fn new(per_second: u32) -> Self {
        Self { per_second, buckets: Mutex::default() }
    }

    fn with<T>(&self, caller: &Caller, now: Timestamp, act: impl FnOnce(&mut Bucket, f64) -> T) -> T {
        let rate = f64::from(match caller {
            Caller::Token(_) | Caller::Agent(_) | Caller::Address(_) => self.per_second,
            Caller::Capabilities(_) => self.per_second.saturating_mul(CAPABILITY_FACTOR),
        });
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= CAPACITY && !buckets.contains_key(caller) {
            make_room(&mut buckets, rate, now);
        }
        let bucket =
            buckets.entry(caller.clone()).or_insert(Bucket { level: rate, at: now, is_proven: false });
        bucket.level = filled(bucket, rate, now);
        bucket.at = now;
        act(bucket, rate)
    }

    fn take(&self, caller: &Caller, now: Timestamp) -> Verdict {
        self.with(caller, now, |bucket, rate| {
            let is_allowed = bucket.level >= 1.0;
            if is_allowed {
                bucket.level -= 1.0;
            }
            verdict(bucket, rate, is_allowed)
        })
    }

    /// Asking leaves no trace: tokens that do not work must not take the room of those that do.
    fn is_proven(&self, caller: &Caller) -> bool {
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.get(caller).is_some_and(|bucket| bucket.is_proven)
    }

    /// The token works: it gets a bucket, and its peer gets back what the attempt has cost.
    fn prove(&self, caller: &Caller, address: &Caller, now: Timestamp) {
        self.with(caller, now, |bucket, _| {
            bucket.is_proven = true;
            bucket.level -= 1.0;
        });
        self.with(address, now, |bucket, rate| bucket.level = (bucket.level + 1.0).min(rate));
    }
}

fn filled(bucket: &Bucket, rate: f64, now: Timestamp) -> f64 {
    // A clock that was set back fills nothing.
    let passed = now.duration_since(bucket.at).as_secs_f64().max(0.0);
    (bucket.level + passed * rate).min(rate)
}

/// Forgets those who have not asked for a while; when everybody has, all start anew.
fn make_room(buckets: &mut HashMap<Caller, Bucket>, rate: f64, now: Timestamp) {
    buckets.retain(|_, bucket| filled(bucket, rate, now) < rate);
    if buckets.len() >= CAPACITY {
        buckets.clear();
    }
}

fn verdict(bucket: &Bucket, rate: f64, is_allowed: bool) -> Verdict {
    let reset = if bucket.level >= 1.0 { 0.0 } else { (1.0 - bucket.level) / rate };
    Verdict { is_allowed, remaining: bucket.level as u32, reset }
}

/// IPv6 networks are handed out as /64: one caller has all addresses of it.
pub(crate) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

/// The client that a proxy names: the last entry is the proxy's own, those before it are the client's to choose.
fn forwarded_for(headers: &HeaderMap) -> Option<Peer> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    last.rsplit(',').next()?.trim().parse().ok().map(Peer)
}

/// Answers 429 to callers who ask for too much, and tells all others how much is left.
pub(crate) async fn limit(
    State((app, limiter)): State<(Arc<App>, Arc<RateLimiter>)>,
    mut request: Request,
    next: Next,
) -> Response {
    if app.settings.trusts_forwarded_for
        && let Some(client) = forwarded_for(request.headers())
    {
        request.extensions_mut().insert(client);
    }
    let counting = Counting::of(request.uri().path());
    if limiter.per_second == 0 || counting == Counting::Not {
        return next.run(request).await;
    }
    let now = app.now();
    let network = request.extensions().get::<Peer>().map(|peer| network_of(peer.0));
    let address = Caller::Address(network);
    let token = match bearer_of(request.headers()) {
        Ok(token) if counting != Counting::ByCapability => {
            let hash = TokenHash::of(&token).as_hex().to_owned();
            let is_of_agent = counting == Counting::ByAddressUntilProven;
            Some(if is_of_agent { Caller::Agent(hash) } else { Caller::Token(hash) })
        }
        _ => None,
    };
    let is_proven = token.as_ref().is_some_and(|token| limiter.is_proven(token));
    let verdict = match (counting, &token) {
        (Counting::ByCapability, _) => limiter.take(&Caller::Capabilities(network), now),
        (_, None) => limiter.take(&address, now),
        (Counting::ByAddressUntilProven, Some(_)) if is_proven => return next.run(request).await,
        (_, Some(token)) if is_proven => limiter.take(token, now),
        (_, Some(_)) => limiter.take(&address, now),
    };
    if !verdict.is_allowed {
        let mut response = ApiError::TooManyRequests.into_response();
        tell(response.headers_mut(), limiter.per_second, verdict);
        let seconds = verdict.reset.ceil().max(1.0);
        if let Ok(value) = HeaderValue::from_str(&format!("{seconds:.0}")) {
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        return response;
    }
    let proof = Proof::default();
    request.extensions_mut().insert(proof.clone());
    let mut response = next.run(request).await;
    if let Some(token) = token.filter(|_| !is_proven && proof.0.load(Ordering::Relaxed)) {
        limiter.prove(&token, &address, now);
    }
    if counting == Counting::ByToken {
        tell(response.headers_mut(), limiter.per_second, verdict);
    }
    response
}

fn tell(headers: &mut HeaderMap, per_second: u32, verdict: Verdict) {
    headers.insert(LIMIT, HeaderValue::from(per_second));
    headers.insert(REMAINING, HeaderValue::from(verdict.remaining));
    // Clients parse it as a floating-point number, and some fail on anything else.
    if let Ok(reset) = HeaderValue::from_str(&format!("{:.3}", verdict.reset)) {
        headers.insert(RESET, reset);
    }
}

#[cfg(test)]
mod tests;
