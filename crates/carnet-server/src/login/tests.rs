mod approving;
mod exchanging;

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carnet_model::UserId;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::testing::{Answer, FORM, TestServer, encoded, form_secret};

const REDIRECT: &str = "http://localhost:10003/login";
const VERIFIER: &str = "c7f0a1a6-3b39-4f4b-9b0c-2f6a7d1f1c55.123456789";

/// Pairs of a query or a form.
type Fields = Vec<(&'static str, String)>;

/// A server with a user, and what the user's terminal asks for.
struct Site {
    server: TestServer,
    user: UserId,
    token: String,
}

impl Site {
    async fn new() -> Self {
        let server = TestServer::new().await;
        let (user, token) = server.user("olga").await;
        // Lists begin with the oldest.
        server.advance(Duration::from_secs(1));
        Self { server, user, token }
    }

    async fn open(&self, request: &Fields) -> Answer {
        self.server.call("GET", &format!("/oauth/authorize?{}", encoded(request)), "", Value::Null).await
    }

    /// Opens the page; yields the cookie and the field that belongs to it.
    async fn opened(&self) -> (String, String) {
        form_secret(&self.open(&request()).await)
    }

    async fn submit(&self, cookie: &str, form: &Fields) -> Answer {
        let body = encoded(form).into_bytes();
        self.server.send_with("POST", "/oauth/authorize", "", &[FORM, ("cookie", cookie)], body).await
    }

    /// Opens the page and submits it.
    async fn decide(&self, decision: &str, token: &str) -> Answer {
        let (cookie, csrf) = self.opened().await;
        self.submit(&cookie, &form(&csrf, decision, token)).await
    }

    /// Approves; yields the code.
    async fn code(&self) -> String {
        let answer = self.decide("approve", &self.token).await;
        let (address, parameters) = location(&answer);
        assert_eq!(address, REDIRECT);
        assert_eq!(parameters[1], ("state".to_owned(), "a/state of=its&own".to_owned()));
        assert_eq!(parameters[0].0, "code");
        parameters[0].1.clone()
    }

    async fn exchange(&self, fields: &Fields) -> Answer {
        self.server.send_with("POST", "/oauth/token", "", &[FORM], encoded(fields).into_bytes()).await
    }

    /// The error of an exchange that is refused.
    #[track_caller]
    fn error(answer: &Answer) -> String {
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.headers["content-type"], "application/json");
        let body = answer.json();
        assert!(body.get("access_token").is_none());
        body["error"].as_str().expect("text").to_owned()
    }

    /// The descriptions of the user's tokens.
    async fn tokens(&self) -> Vec<String> {
        let path = format!("/api/v2/users/{}/authentication-tokens", self.user);
        let (_, list) = self.server.request("GET", &path, &self.token, Value::Null).await;
        let tokens = list["data"].as_array().expect("a list").iter();
        tokens.map(|token| token["attributes"]["description"].as_str().expect("text").to_owned()).collect()
    }
}

/// What the command line asks for.
fn request() -> Fields {
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()));
    vec![
        ("response_type", "code".to_owned()),
        ("client_id", "terraform-cli".to_owned()),
        ("redirect_uri", REDIRECT.to_owned()),
        ("state", "a/state of=its&own".to_owned()),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256".to_owned()),
    ]
}

fn form(csrf: &str, decision: &str, token: &str) -> Fields {
    let own = [("csrf", csrf), ("decision", decision), ("token", token)];
    request().into_iter().chain(own.map(|(name, value)| (name, value.to_owned()))).collect()
}

/// What the command line sends for the code.
fn trade(code: &str) -> Fields {
    vec![
        ("client_id", "terraform-cli".to_owned()),
        ("code", code.to_owned()),
        ("code_verifier", VERIFIER.to_owned()),
        ("grant_type", "authorization_code".to_owned()),
        ("redirect_uri", REDIRECT.to_owned()),
    ]
}

/// The fields with one of another value; without it when the value is empty.
fn with(fields: Fields, name: &str, value: &str) -> Fields {
    let changed = fields.into_iter().filter_map(|(found, old)| match (found == name, value) {
        (false, _) => Some((found, old)),
        (true, "") => None,
        (true, value) => Some((found, value.to_owned())),
    });
    changed.collect()
}

/// Where an answer sends the browser, and with which parameters.
#[track_caller]
fn location(answer: &Answer) -> (String, Vec<(String, String)>) {
    assert_eq!(answer.status, 303, "{}", answer.text());
    let location = answer.headers["location"].to_str().expect("text");
    let (address, query) = location.split_once('?').expect("a query");
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().expect("text").into_owned();
    let pairs = query.split('&').map(|pair| pair.split_once('=').expect("a pair"));
    (address.to_owned(), pairs.map(|(name, value)| (decoded(name), decoded(value))).collect())
}
