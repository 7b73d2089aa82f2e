//! Requests to a server on this machine, which the operator allows, and to one that nobody allows.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::net::TcpListener;

use super::*;
use crate::{
    adapter::{AdapterDefinition, CallBody},
    exchange::reachable::AllowedHosts,
};

#[path = "../../../tests/it/http.rs"]
mod http;

use http::{Answer, Request, serve_one};

const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzIn0.c2lnbmF0dXJlLXBhcnQ";

/// A server that answers what it is told to, and keeps what it was asked.
struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    async fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("has an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, mut answers) = (requests.clone(), VecDeque::from(answers));
        tokio::spawn(async move {
            while let Some(answer) = answers.pop_front() {
                let (stream, _) = listener.accept().await.expect("accepts");
                serve_one(stream, |request| {
                    seen.lock().expect("is whole").push(request.clone());
                    answer
                })
                .await;
            }
        });
        Self { address, requests }
    }

    fn call(&self) -> PreparedCall {
        call(&format!("http://{}/token", self.address))
    }

    fn settings(&self) -> HttpSettings {
        let allowed = self.address.to_string();
        settings(&[&allowed])
    }

    fn count(&self) -> usize {
        self.requests.lock().expect("is whole").len()
    }
}

fn settings(allowed: &[&str]) -> HttpSettings {
    let allowed_hosts = AllowedHosts::parse(allowed.iter().copied()).expect("are hosts");
    HttpSettings { retry_pause: Duration::ZERO, allowed_hosts, ..HttpSettings::default() }
}

fn call(url: &str) -> PreparedCall {
    PreparedCall {
        method: "POST".to_owned(),
        url: url.to_owned(),
        headers: vec![("X-Key".to_owned(), "key".into())],
        body: Some((CallBody::Form, format!("token={TOKEN}").into())),
        secrets: vec![TOKEN.into()],
    }
}

fn described() -> AdapterDefinition {
    let document = r#"
        name = "acme"
        title = "Acme"
        source = "https://acme.example/docs"
        token = "login"
        env = { TOKEN = "{{ answer.token }}" }
        [settings]
        enable = { name = "TFC_ACME_AUTH", doc = "d" }
        audience = { name = "TFC_ACME_AUDIENCE", default = "a", doc = "d" }
        [exchange]
        url = "https://acme.example/"
        form = { token = "{{ token }}" }
        expires_in = "/expires_in"
        answer = { token = "/access_token" }
    "#;
    AdapterDefinition::parse(document).expect("is valid")
}

async fn traded(server: &Server) -> Result<Traded, CallFailure> {
    let (definition, now) = (described(), Timestamp::from_second(1_700_000_000).expect("is a moment"));
    let described = definition.exchange().expect("is there");
    trade(&server.settings(), &server.call(), described, &TOKEN.into(), now).await
}

#[track_caller]
fn check_refused(failure: &CallFailure, server: &Server, expected: &str) {
    assert_eq!(failure.to_string(), format!("POST http://{}/token {expected}", server.address));
}

const GRANTED: &str = r#"{"access_token": "T", "expires_in": 900}"#;

#[tokio::test]
async fn a_token_is_traded() {
    let server = Server::start(vec![Answer::new(200, GRANTED)]).await;
    let traded = traded(&server).await.expect("is traded");
    assert_eq!(traded.parts["token"].expose_secret(), "T");
    assert_eq!(traded.ends_at.map(Timestamp::as_second), Some(1_700_000_900));
    let request = server.requests.lock().expect("is whole")[0].clone();
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/token"));
    assert_eq!(request.headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(request.headers["x-key"], "key");
    assert_eq!(request.body, format!("token={TOKEN}"));
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    let answers = vec![Answer::new(429, ""), Answer::new(503, ""), Answer::new(200, GRANTED)];
    let server = Server::start(answers).await;
    traded(&server).await.expect("is traded");
    assert_eq!(server.count(), 3);
}

#[tokio::test]
async fn what_does_not_pass_is_told_after_four_attempts() {
    let server = Server::start((0..9).map(|_| Answer::new(500, "down\nfor now")).collect()).await;
    let failure = traded(&server).await.expect_err("fails");
    check_refused(&failure, &server, "returned 500: down for now");
    assert_eq!((server.count(), failure.is_transient()), (4, true));
}

#[tokio::test]
async fn a_refusal_is_told_once_and_without_the_token() {
    let payload = TOKEN.split('.').nth(1).expect("is there");
    let said =
        format!("{{\"error\": \"bad token {TOKEN} ({payload})\",\n\"hint\": \"{}\"}}", "x".repeat(400));
    let server = Server::start(vec![Answer::new(401, said)]).await;
    let failure = traded(&server).await.expect_err("fails");
    let shown = "{\"error\": \"bad token (identity token) ((identity token))\", \"hint\": \"";
    let expected = format!("returned 401: {shown}{}", "x".repeat(SHOWN - shown.len()));
    check_refused(&failure, &server, &expected);
    assert!(!failure.is_transient());
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_token_at_the_end_of_what_is_shown_is_not_cut_in_half() {
    let said = format!("{}{TOKEN}", "x".repeat(SHOWN - 30));
    let server = Server::start(vec![Answer::new(400, said)]).await;
    let failure = traded(&server).await.expect_err("fails");
    assert!(!failure.to_string().contains("eyJ"), "{failure}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = Server::start(vec![Answer::new(200, GRANTED)]).await;
    let mut answer = Answer::new(307, "");
    answer.headers.push(("location".to_owned(), format!("http://{}/token", target.address)));
    let server = Server::start(vec![answer]).await;
    let failure = traded(&server).await.expect_err("fails");
    check_refused(&failure, &server, "returned 307: (no explanation)");
    assert_eq!(target.count(), 0);
}

#[tokio::test]
async fn an_answer_is_no_longer_than_one_mebibyte() {
    let server = Server::start(vec![Answer::new(200, " ".repeat(LONGEST_ANSWER + 1))]).await;
    let failure = traded(&server).await.expect_err("fails");
    check_refused(&failure, &server, "gave an unexpected answer: it is longer than 1 MiB");
}

#[tokio::test]
async fn a_credential_is_taken_back() {
    let answers = vec![Answer::new(204, ""), Answer::new(404, "no such token"), Answer::new(403, "no: key")];
    let server = Server::start(answers).await;
    let call = PreparedCall { secrets: vec!["key".into(), "".into()], ..server.call() };
    revoke(&server.settings(), &call).await.expect("is taken back");
    let failure = revoke(&server.settings(), &call).await.expect_err("is gone");
    assert!(failure.is_gone());
    let failure = revoke(&server.settings(), &call).await.expect_err("is refused");
    assert!(!failure.is_gone());
    check_refused(&failure, &server, "returned 403: no: (secret)");
}

#[tokio::test]
async fn this_machine_is_not_reached_unless_it_is_allowed() {
    let server = Server::start(vec![Answer::new(200, GRANTED)]).await;
    let port = server.address.port();
    for url in [
        format!("http://127.0.0.1:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        format!("https://localhost:{port}/"),
        format!("https://[::ffff:127.0.0.1]:{port}/"),
    ] {
        let failure = revoke(&settings(&["127.0.0.1:1"]), &call(&url)).await.expect_err("is refused");
        let text = failure.to_string();
        assert!(text.contains("not allowed") || text.contains("only https is allowed"), "{text}");
        // Not what the layers between here and there say about it.
        assert!(text.starts_with(&format!("POST {url} may not be reached: ")), "{text}");
        assert!(!failure.is_transient(), "{text}");
    }
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn a_name_that_moves_to_this_machine_is_not_followed() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    listener.set_nonblocking(true).expect("is set");
    let port = listener.local_addr().expect("has an address").port();
    let looked_up = Arc::new(AtomicUsize::new(0));
    let counter = looked_up.clone();
    // Nothing at first, so that the request is tried again; then this machine.
    let resolver = FilteringResolver::new(Arc::new(move |_| {
        let addresses = match counter.fetch_add(1, Ordering::SeqCst) {
            0 => Vec::new(),
            _ => vec![SocketAddr::from(([127, 0, 0, 1], 0)), "[::1]:0".parse().expect("is one")],
        };
        Box::pin(async move { Ok(addresses) })
    }));
    let call = call(&format!("https://rebound.example:{port}/"));
    let sender = Sender::with_resolver(&settings(&[]), &call, None, resolver).expect("is ready");
    let failure = sender.send().await.expect_err("is refused");
    assert!(
        failure
            .to_string()
            .contains("/ may not be reached: rebound.example (127.0.0.1) is an address of this machine"),
        "{failure}"
    );
    assert_eq!(looked_up.load(Ordering::SeqCst), 2);
    assert_eq!(listener.accept().expect_err("nobody came").kind(), std::io::ErrorKind::WouldBlock);
}
