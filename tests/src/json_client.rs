//! HTTP with JSON bodies, as tests want it: any status is an answer.

use std::time::Duration;

use anyhow::Context;
use reqwest::{
    Certificate, Client, Method,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde_json::Value;

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body: `null` when it is empty, a string when it is not JSON.
    pub body: Value,
    /// When to ask again, of an answer that refuses because there were too many requests.
    pub(crate) reset: Option<Duration>,
}

impl Answer {
    /// The body of an answer that must be a success.
    pub fn success(self) -> anyhow::Result<Value> {
        anyhow::ensure!((200..300).contains(&self.status), "the answer was {}: {}", self.status, self.body);
        Ok(self.body)
    }
}

/// A client of one server.
#[derive(Debug, Clone)]
pub struct JsonClient {
    http: Client,
    base: String,
    headers: HeaderMap,
}

impl JsonClient {
    /// Makes a client of the server at `base` that trusts nothing but `ca_pem`.
    pub fn new(base: &str, ca_pem: Option<&str>) -> anyhow::Result<Self> {
        // Over HTTP/2 a server that stops waits for an answer of the client, which a fixture that is dropped cannot give.
        let mut builder = Client::builder().no_proxy().http1_only();
        if let Some(pem) = ca_pem {
            builder = builder.tls_certs_only(Certificate::from_pem_bundle(pem.as_bytes())?);
        }
        let http = builder.build().context("the HTTP client cannot be made")?;
        Ok(Self { http, base: base.trim_end_matches('/').to_owned(), headers: HeaderMap::new() })
    }

    /// The same client with one more header on every request.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        let mut value = HeaderValue::from_str(value).expect("tests use values that fit into a header");
        value.set_sensitive(true);
        self.headers.insert(HeaderName::from_static(name), value);
        self
    }

    /// The address of the server.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Sends a request; `path` starts with a slash or is a whole address.
    pub async fn request(&self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Answer> {
        let mut request = self.builder(method, path)?;
        if let Some(body) = body {
            request = request.body(serde_json::to_vec(body)?);
        }
        answer(request).await
    }

    /// Sends a form.
    pub async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> anyhow::Result<Answer> {
        answer(self.builder("POST", path)?.form(fields)).await
    }

    /// Sends bytes.
    pub async fn put_bytes(&self, path: &str, bytes: Vec<u8>) -> anyhow::Result<Answer> {
        answer(self.builder("PUT", path)?.body(bytes)).await
    }

    fn builder(&self, method: &str, path: &str) -> anyhow::Result<reqwest::RequestBuilder> {
        let address = if path.starts_with('/') { format!("{}{path}", self.base) } else { path.to_owned() };
        Ok(self.http.request(Method::from_bytes(method.as_bytes())?, address).headers(self.headers.clone()))
    }
}

async fn answer(request: reqwest::RequestBuilder) -> anyhow::Result<Answer> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    let reset = response.headers().get("x-ratelimit-reset").filter(|_| status == 429);
    let reset = reset.and_then(|seconds| seconds.to_str().ok()?.parse().ok().map(Duration::from_secs_f64));
    let bytes = response.bytes().await?;
    let body = match serde_json::from_slice(&bytes) {
        Ok(body) => body,
        Err(_) if bytes.is_empty() => Value::Null,
        Err(_) => Value::String(String::from_utf8_lossy(&bytes).into_owned()),
    };
    Ok(Answer { status, body, reset })
}
