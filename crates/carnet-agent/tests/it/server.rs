//! A server of the job protocol, in memory.

use std::{
    collections::{BTreeMap, VecDeque},
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use carnet_api::job::{
    BASE, Finish, HeartbeatReply, IdentityTokenReply, JobDocument, LogPosition, Registered, WireSecret,
};
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, Response, StatusCode, body::Bytes, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};

/// What a test waits for comes within this time, or never.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const AGENT_TOKEN: &str = "agent-token-value";
pub(crate) const CONTROL_TOKEN: &str = "control-token-value";
pub(crate) const DELIVERY_TOKEN: &str = "delivery-token-value";
pub(crate) const RUN_TOKEN: &str = "run-token-value";
pub(crate) const IDENTITY_TOKEN: &str = "eyJhbGciOi.identity-token-value.c2ln";

/// Everything the server knows.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) jobs: VecDeque<JobDocument>,
    pub(crate) configuration: Vec<u8>,
    pub(crate) log: Vec<u8>,
    pub(crate) artifacts: BTreeMap<String, Vec<u8>>,
    pub(crate) states: Vec<Vec<u8>>,
    pub(crate) finishes: Vec<Finish>,
    pub(crate) signal: &'static str,
    /// The server answers 503 to everything.
    pub(crate) is_away: bool,
    /// The lease of the job ran out.
    pub(crate) is_lost: bool,
    /// What is stored is newer than any state that comes.
    pub(crate) has_newer_state: bool,
    /// The next pieces of the log are stored, and the answer is lost.
    pub(crate) lost_answers: u32,
    pub(crate) minted: Vec<String>,
    pub(crate) requests: Vec<String>,
}

pub(crate) struct Server {
    pub(crate) url: String,
    state: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Shared::default());
        state.state.lock().unwrap().signal = "none";
        let shared = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = shared.clone();
                let service = service_fn(move |request| {
                    let shared = shared.clone();
                    async move { Ok::<_, Infallible>(shared.answer(request).await) }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Self { url, state, task }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.state.lock().unwrap()
    }

    /// Waits until `holds`; it is looked at after every request.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&State) -> bool) {
        let wait = async {
            loop {
                let changed = self.state.changed.notified();
                if holds(&self.state()) {
                    return;
                }
                changed.await;
            }
        };
        if tokio::time::timeout(PATIENCE, wait).await.is_err() {
            panic!("{what} did not happen; the log is:\n{}", self.log());
        }
    }

    /// Waits for the end of the phase.
    pub(crate) async fn finish(&self) -> Finish {
        self.until("the end of the job", |state| !state.finishes.is_empty()).await;
        self.state().finishes.remove(0)
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&self.state().log).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Answer = Response<Full<Bytes>>;

fn empty(status: u16) -> Answer {
    answer(status, Vec::new())
}

fn answer(status: u16, body: impl Into<Bytes>) -> Answer {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

fn json(status: u16, value: &impl serde::Serialize) -> Answer {
    answer(status, serde_json::to_vec(value).unwrap())
}

impl Shared {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let token = parts.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or("");
        let token = token.trim_start_matches("Bearer ").to_owned();
        let path = parts.uri.path().trim_start_matches(BASE).trim_start_matches('/').to_owned();
        let query = parts.uri.query().unwrap_or("").to_owned();
        if path.ends_with("/claim") {
            let answer = self.claim(&token).await;
            self.changed.notify_waiters();
            return answer;
        }
        let answer = self.route(&parts.method, &path, &query, &token, &body);
        self.changed.notify_waiters();
        answer
    }

    async fn claim(&self, token: &str) -> Answer {
        if token != AGENT_TOKEN {
            return empty(401);
        }
        loop {
            let changed = self.changed.notified();
            {
                let mut state = self.state.lock().unwrap();
                if state.is_away {
                    return empty(503);
                }
                if let Some(job) = state.jobs.pop_front() {
                    return json(200, &job);
                }
            }
            if tokio::time::timeout(Duration::from_millis(100), changed).await.is_err() {
                return empty(204);
            }
        }
    }

    fn route(&self, method: &Method, path: &str, query: &str, token: &str, body: &Bytes) -> Answer {
        let mut state = self.state.lock().unwrap();
        state.requests.push(format!("{method} {path}"));
        if state.is_away {
            return empty(503);
        }
        let parts: Vec<&str> = path.split('/').collect();
        let expected = match parts[..] {
            ["agents"] | ["agents", _, "stop"] => AGENT_TOKEN,
            ["jobs", _, "state"] if method == Method::PUT => DELIVERY_TOKEN,
            _ => CONTROL_TOKEN,
        };
        if token != expected {
            return empty(401);
        }
        if state.is_lost && expected == CONTROL_TOKEN {
            return empty(410);
        }
        match (method.as_str(), &parts[..]) {
            ("POST", ["agents"]) => json(201, &Registered { agent_id: "agent-1".to_owned() }),
            ("POST", ["agents", _, "stop"]) => empty(204),
            ("POST", [_, _, "heartbeat"]) => json(
                200,
                &HeartbeatReply { signal: state.signal.to_owned(), lease_expires_at: jiff::Timestamp::MAX },
            ),
            ("POST", [_, _, "identity-tokens"]) => state.mint(body),
            ("GET", [_, _, "configuration"]) => answer(200, state.configuration.clone()),
            ("PUT", [_, _, "log"]) => state.append(query, body),
            ("PUT", [_, _, "artifacts", name]) => {
                state.artifacts.insert((*name).to_owned(), body.to_vec());
                empty(204)
            }
            ("GET", [_, _, "artifacts", name]) => match state.artifacts.get(*name) {
                Some(content) => answer(200, content.clone()),
                None => empty(404),
            },
            ("GET", [_, _, "state"]) => match state.states.last() {
                Some(content) => answer(200, content.clone()),
                None => empty(204),
            },
            ("PUT", [_, _, "state"]) if state.has_newer_state => answer(
                409,
                r#"{"errors":[{"status":"409","title":"conflict","detail":"a newer state is there"}]}"#,
            ),
            ("PUT", [_, _, "state"]) => {
                state.states.push(body.to_vec());
                empty(204)
            }
            ("POST", [_, _, "finish"]) => {
                state.finishes.push(serde_json::from_slice(body).unwrap());
                empty(204)
            }
            _ => empty(404),
        }
    }
}

impl State {
    fn append(&mut self, query: &str, body: &[u8]) -> Answer {
        let offset: u64 = query.trim_start_matches("offset=").parse().unwrap();
        let length = self.log.len() as u64;
        if offset != length {
            return json(409, &LogPosition { length });
        }
        self.log.extend_from_slice(body);
        if self.lost_answers > 0 {
            self.lost_answers -= 1;
            return empty(502);
        }
        empty(204)
    }

    fn mint(&mut self, body: &[u8]) -> Answer {
        let wanted: serde_json::Value = serde_json::from_slice(body).unwrap();
        self.minted.push(wanted["audience"].as_str().unwrap().to_owned());
        let now = jiff::Timestamp::UNIX_EPOCH;
        let token = WireSecret(IDENTITY_TOKEN.to_owned().into());
        json(
            201,
            &IdentityTokenReply {
                token,
                jti: "jti-1".to_owned(),
                issued_at: now,
                expires_at: jiff::Timestamp::MAX,
            },
        )
    }
}
