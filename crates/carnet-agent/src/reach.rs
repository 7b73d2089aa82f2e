//! Whether the server is reached, and what the operator is told about it.

use std::time::{Duration, Instant};

use carnet_api::client::ClientError;

use crate::retry::Backoff;

/// While the server stays away, the operator is told again after this time.
const SAID_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// The way to one server: how long to wait before the next attempt, and when something is worth saying.
#[derive(Debug)]
pub(crate) struct Reach<'a> {
    server_url: &'a str,
    backoff: Backoff,
    said_at: Option<Instant>,
}

impl<'a> Reach<'a> {
    pub(crate) fn new(server_url: &'a str) -> Self {
        Self { server_url, backoff: Backoff::default(), said_at: None }
    }

    /// Notes a failure that may pass; returns how long to wait.
    pub(crate) fn failed(&mut self, error: &ClientError, now: Instant) -> Duration {
        if self.is_worth_saying(now) {
            tracing::warn!(
                server = self.server_url,
                error = chain(error),
                "the server is not reached; trying again{}",
                hint(self.server_url, error)
            );
        }
        self.backoff.next()
    }

    /// Notes an answer.
    pub(crate) fn succeeded(&mut self) {
        self.backoff = Backoff::default();
        if self.said_at.take().is_some() {
            tracing::info!(server = self.server_url, "the server is reached again");
        }
    }

    fn is_worth_saying(&mut self, now: Instant) -> bool {
        let is_due = self.said_at.is_none_or(|said_at| now.duration_since(said_at) >= SAID_AGAIN_AFTER);
        if is_due {
            self.said_at = Some(now);
        }
        is_due
    }
}

fn chain(error: &ClientError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

/// What probably helps; starts with a separator or is empty.
fn hint(server_url: &str, error: &ClientError) -> &'static str {
    let text = chain(error);
    let is_plain = server_url.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"));
    if text.contains("UnknownIssuer") {
        return ". Trust the server's authority with --ca-file (it is DATA/tls/ca.pem on the server)";
    }
    if text.contains("NotValidForName") {
        return ". Its certificate is for another name: use that name in --server";
    }
    if !is_plain && text.contains("InvalidContentType") {
        return ". It probably speaks http and not https: start the address in --server with http://";
    }
    if is_plain && text.contains("SendRequest") {
        return ". It probably speaks https and not http: start the address in --server with https://";
    }
    if text.contains("tcp connect error") || text.contains("dns error") {
        return ". Check that the server runs and that name and port in --server are right";
    }
    ""
}

#[cfg(test)]
mod tests {
    use carnet_api::client::{AgentClient, ClientSettings};
    use carnet_api::job::Registration;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn an_absence_is_told_at_once_then_every_minute_and_anew_after_a_return() {
        let mut reach = Reach::new("https://carnet.example.com");
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let told: Vec<u64> = [0, 1, 59, 60, 61, 119, 120]
            .into_iter()
            .filter(|&seconds| reach.is_worth_saying(at(seconds)))
            .collect();
        assert_eq!(told, [0, 60, 120]);
        reach.succeeded();
        assert!(reach.is_worth_saying(at(121)));
    }

    /// The error of registering at an address.
    async fn error_at(server_url: &str) -> ClientError {
        let settings = ClientSettings {
            base_url: server_url.to_owned(),
            ca_pem: None,
            timeout: Duration::from_secs(20),
        };
        let client = AgentClient::new(&settings, "token".to_owned().into()).unwrap();
        let registration = Registration { name: "a".to_owned(), version: "1".to_owned() };
        client.register(&registration).await.unwrap_err()
    }

    /// A server that answers whatever it is sent with these bytes and hangs up.
    async fn server(answer: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream.write_all(answer).await;
        });
        address.to_string()
    }

    #[track_caller]
    fn check_hint(server_url: &str, error: &ClientError, expected: &str) {
        let found = hint(server_url, error);
        assert!(found.contains(expected), "{expected:?} is not in {found:?} for {}", chain(error));
    }

    #[tokio::test]
    async fn http_and_https_are_told_apart() {
        let url = format!("https://{}", server(b"HTTP/1.1 400 Bad Request\r\n\r\n").await);
        check_hint(&url, &error_at(&url).await, "start the address in --server with http://");
        // The alert of a TLS server that was sent plain text.
        let url = format!("http://{}", server(b"\x15\x03\x03\x00\x02\x02\x0a").await);
        check_hint(&url, &error_at(&url).await, "start the address in --server with https://");
    }

    #[tokio::test]
    async fn a_port_that_nobody_listens_on_is_named_with_the_cause() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        drop(listener);
        let error = error_at(&url).await;
        assert!(chain(&error).contains("Connection refused"), "{}", chain(&error));
        check_hint(&url, &error, "Check that the server runs");
    }

    #[test]
    fn an_authority_that_is_not_trusted_points_to_the_option() {
        let detail = "client error (Connect): invalid peer certificate: UnknownIssuer".to_owned();
        let error = ClientError::Unavailable { detail };
        check_hint("https://carnet.example.com", &error, "--ca-file (it is DATA/tls/ca.pem on the server)");
    }
}
