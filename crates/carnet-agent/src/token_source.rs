//! A loopback address where the processes of a run fetch a fresh identity token whenever they need one.
//!
//! It speaks what clients of GitHub's and Azure's request URLs expect: `GET` with a bearer, an `audience` in the query if
//! they like, and `{"value": TOKEN}` as the answer. The bearer is made for one phase. Only the tokens of the phase's own
//! configurations are served, each for its own audience.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, PoisonError, RwLock},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use carnet_creds::{ServedToken, TokenSourceAddress};
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use subtle::ConstantTimeEq;
use tokio::{net::TcpListener, task::JoinHandle};

/// How many bytes of randomness a bearer has.
const SECRET_BYTES: usize = 32;

/// A source that listens until it is dropped.
pub(crate) struct TokenSource {
    address: TokenSourceAddress,
    content: Arc<Content>,
    serving: JoinHandle<()>,
}

struct Content {
    secret: SecretString,
    tokens: RwLock<BTreeMap<String, ServedToken>>,
}

impl TokenSource {
    /// Listens on a free port of the loopback interface; there is nothing to serve yet.
    pub(crate) async fn start() -> io::Result<Self> {
        let mut entropy = [0; SECRET_BYTES];
        getrandom::fill(&mut entropy).map_err(io::Error::other)?;
        let secret = SecretString::from(BASE64_URL_SAFE_NO_PAD.encode(entropy));
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let content = Arc::new(Content { secret: secret.clone(), tokens: RwLock::default() });
        let serving = tokio::spawn(serve(listener, content.clone()));
        Ok(Self { address: TokenSourceAddress { url, secret }, content, serving })
    }

    /// Where it listens, and what a request must present.
    pub(crate) fn address(&self) -> TokenSourceAddress {
        self.address.clone()
    }

    /// Serves these from now on, instead of what was served at their paths.
    pub(crate) fn replace(&self, tokens: &[ServedToken]) {
        let mut served = self.content.tokens.write().unwrap_or_else(PoisonError::into_inner);
        served.extend(tokens.iter().map(|token| (token.path.clone(), token.clone())));
    }
}

impl Drop for TokenSource {
    fn drop(&mut self) {
        self.serving.abort();
        self.content.tokens.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

async fn serve(listener: TcpListener, content: Arc<Content>) {
    loop {
        // Out of file descriptors, for example: the next connection may find some.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let content = content.clone();
        tokio::spawn(async move {
            let service = service_fn(|request: Request<Incoming>| {
                let response = content.answer(&request);
                async move { Ok::<_, Infallible>(response) }
            });
            // A client that goes away ends its own connection only.
            let _ = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

impl Content {
    fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let bearer = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer = bearer.and_then(|value| value.split_once(' '));
        let is_ours = bearer.is_some_and(|(scheme, bearer)| {
            scheme.eq_ignore_ascii_case("bearer")
                && bool::from(bearer.trim().as_bytes().ct_eq(self.secret.expose_secret().as_bytes()))
        });
        if !is_ours {
            return refusal(StatusCode::UNAUTHORIZED, "the bearer is not the one of this phase");
        }
        if request.method() != Method::GET {
            return refusal(StatusCode::METHOD_NOT_ALLOWED, "only GET is understood");
        }
        let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
        let Some(served) = tokens.get(request.uri().path().trim_start_matches('/')) else {
            return refusal(StatusCode::NOT_FOUND, "no configuration of this phase has this address");
        };
        match audience(request.uri().query().unwrap_or_default()) {
            Some(audience) if audience != served.audience => {
                let text = format!("this address serves tokens for audience {} only", served.audience);
                refusal(StatusCode::FORBIDDEN, &text)
            }
            Some(_) | None => respond(StatusCode::OK, &json!({"value": served.token.expose_secret()})),
        }
    }
}

fn audience(query: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.filter(|(name, _)| *name == "audience").map(|(_, value)| value).next()?;
    let spaced = value.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8().ok().map(|text| text.into_owned())
}

fn refusal(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    respond(status, &json!({"error": text}))
}

fn respond(status: StatusCode, body: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, hyper::header::HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content() -> Content {
        let token = ServedToken {
            path: "azure-A".to_owned(),
            audience: "api://AzureADTokenExchange".to_owned(),
            token: "j.w.t".into(),
        };
        let tokens = RwLock::new(BTreeMap::from([("azure-A".to_owned(), token)]));
        Content { secret: "s3cret".into(), tokens }
    }

    fn ask(method: &str, path: &str, bearer: &str) -> u16 {
        let request = Request::builder().method(method).uri(path).header(AUTHORIZATION, bearer);
        content().answer(&request.body(()).unwrap()).status().as_u16()
    }

    #[test]
    fn a_token_is_served_for_its_own_path_audience_and_bearer_only() {
        let good = "Bearer s3cret";
        for path in ["/azure-A", "/azure-A?api-version=1&audience=api%3A%2F%2FAzureADTokenExchange"] {
            assert_eq!(ask("GET", path, good), 200, "{path}");
        }
        assert_eq!(ask("GET", "/azure-A?audience=sts.amazonaws.com", good), 403);
        assert_eq!(ask("GET", "/azure", good), 404);
        assert_eq!(ask("POST", "/azure-A", good), 405);
        for bearer in ["", "Bearer", "Bearer s3cre", "Bearer s3cret2", "Basic s3cret", "s3cret"] {
            assert_eq!(ask("GET", "/azure-A", bearer), 401, "{bearer}");
        }
    }

    #[tokio::test]
    async fn nothing_is_served_after_the_end() {
        let source = TokenSource::start().await.unwrap();
        let address = source.address();
        assert!(address.url.starts_with("http://127.0.0.1:") && address.secret.expose_secret().len() >= 43);
        let other = TokenSource::start().await.unwrap();
        assert_ne!(address.secret.expose_secret(), other.address().secret.expose_secret());
    }
}
