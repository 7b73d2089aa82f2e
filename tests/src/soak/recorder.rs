//! Stands in front of the token service of SeaweedFS and keeps a record of the identity tokens that go in.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    header::CONTENT_TYPE,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

/// How much earlier than the session's end the client hears that it ends.
///
/// SeaweedFS refuses a session from its last second on and the AWS SDK signs with it up to that second: a request that
/// is on its way just then would fail, whoever started Terraform.
const MARGIN: Duration = Duration::from_secs(1);

/// One request for a role session.
#[derive(Debug, Clone)]
pub(super) struct Assumption {
    /// The `jti` of the identity token, if one could be read.
    pub(super) token_id: Option<String>,
    /// The status of the answer.
    pub(super) status: u16,
}

/// A running recorder.
#[derive(Debug)]
pub(super) struct Recorder {
    url: String,
    record: Arc<Mutex<Vec<Assumption>>>,
    serving: JoinHandle<()>,
}

struct Relay {
    target: String,
    http: reqwest::Client,
    record: Arc<Mutex<Vec<Assumption>>>,
}

impl Recorder {
    /// Starts to pass requests on to the token service at `target`.
    pub(super) async fn start(target: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://127.0.0.1:{}", listener.local_addr()?.port());
        let record = Arc::default();
        let http = reqwest::Client::builder().no_proxy().http1_only().build()?;
        let relay = Relay { target: format!("{target}/"), http, record: Arc::clone(&record) };
        Ok(Self { url, record, serving: tokio::spawn(serve(listener, Arc::new(relay))) })
    }

    /// The address, as `AWS_ENDPOINT_URL_STS` takes it.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Every request so far, oldest first.
    pub(super) fn record(&self) -> Vec<Assumption> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, relay: Arc<Relay>) {
    while let Ok((stream, _)) = listener.accept().await {
        let relay = Arc::clone(&relay);
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let relay = Arc::clone(&relay);
                async move { Ok::<_, Infallible>(relay.pass_on(request).await) }
            });
            let connection = hyper::server::conn::http1::Builder::new();
            // A client that goes away ends its own connection only.
            let _closed = connection.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

impl Relay {
    async fn pass_on(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let form = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let token_id = token_id(&form);
        let (status, answer) = self.ask(form).await.unwrap_or_else(|error| (502, error.to_string()));
        self.record.lock().unwrap_or_else(PoisonError::into_inner).push(Assumption { token_id, status });
        Response::builder()
            .status(status)
            .header(CONTENT_TYPE, "text/xml")
            .body(Full::new(Bytes::from(ending_earlier(&answer).unwrap_or(answer))))
            .expect("the header is a constant and statuses are valid")
    }

    async fn ask(&self, form: Bytes) -> reqwest::Result<(u16, String)> {
        let request =
            self.http.post(&self.target).header("content-type", "application/x-www-form-urlencoded");
        let response = request.body(form).send().await?;
        Ok((response.status().as_u16(), response.text().await?))
    }
}

fn token_id(form: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(form);
    let address = reqwest::Url::parse(&format!("https://localhost/?{text}")).ok()?;
    let fields: BTreeMap<_, _> = address.query_pairs().into_owned().collect();
    let payload = fields.get("WebIdentityToken")?.split('.').nth(1)?;
    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    Some(claims["jti"].as_str()?.to_owned())
}

/// The same answer with a session that ends a moment earlier.
fn ending_earlier(answer: &str) -> Option<String> {
    let (before, rest) = answer.split_once("<Expiration>")?;
    let (end, after) = rest.split_once("</Expiration>")?;
    let end = end.parse::<Timestamp>().ok()? - MARGIN;
    Some(format!("{before}<Expiration>{end}</Expiration>{after}"))
}
