use serde_json::{Value, json};

use super::{REDIRECT, Site, form, location, request, with};
use crate::testing::{Answer, TestServer};

#[track_caller]
fn check_refused(answer: &Answer, expected: &str) {
    let text = answer.text();
    assert_eq!(answer.status, 400, "{text}");
    assert!(text.contains("Nothing was approved") && text.contains(expected), "{text}");
    assert!(!answer.headers.contains_key("location"));
}

#[tokio::test]
async fn discovery_names_the_client_and_its_ports() {
    let server = TestServer::new().await;
    let (_, services) = server.request("GET", "/.well-known/terraform.json", "", Value::Null).await;
    let expected = json!({
        "client": "terraform-cli",
        "grant_types": ["authz_code"],
        "authz": "/oauth/authorize",
        "token": "/oauth/token",
        "ports": [10_000, 10_010],
    });
    assert_eq!(services["login.v1"], expected);
}

#[tokio::test]
async fn the_page_says_who_asks_and_cannot_be_framed_or_kept() {
    let site = Site::new().await;
    let answer = site.open(&request()).await;
    assert_eq!(answer.status, 200);
    let text = answer.text();
    for expected in
        ["<code>terraform-cli</code>", "carnet.example.com", "<code>10003</code>", "Approve", "Deny"]
    {
        assert!(text.contains(expected), "{expected:?} is missing in {text}");
    }
    assert_eq!(answer.headers["x-frame-options"], "DENY");
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["referrer-policy"], "no-referrer");
    let policy = answer.headers["content-security-policy"].to_str().expect("text");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(policy.ends_with("form-action 'self' http://localhost:10003"), "{policy}");
    let cookie = answer.headers["set-cookie"].to_str().expect("text");
    assert!(cookie.starts_with("__Host-carnet-login="), "{cookie}");
    for attribute in ["Secure", "HttpOnly", "SameSite=Strict", "Path=/;"] {
        assert!(cookie.contains(attribute), "{attribute} is missing in {cookie}");
    }
}

#[tokio::test]
async fn only_the_command_line_on_this_machine_gets_an_answer() {
    let site = Site::new().await;
    for client in ["", "another", "terraform-cli "] {
        let answer = site.open(&with(request(), "client_id", client)).await;
        check_refused(&answer, "not known to this server");
    }
    for redirect in [
        "",
        "https://localhost:10003/login",
        "http://localhost:9999/login",
        "http://localhost:10011/login",
        "http://localhost:+10003/login",
        "http://localhost:010003/login",
        "http://localhost/login",
        "http://localhost:10003/login/",
        "http://localhost:10003/other",
        "http://localhost:10003@evil.example/login",
        "http://127.0.0.1:10003/login",
        "http://evil.example:10003/login",
        "http://localhost:10003/login?x=/login",
    ] {
        let answer = site.open(&with(request(), "redirect_uri", redirect)).await;
        check_refused(&answer, "not the one of Terraform");
    }
    for port in [10_000, 10_010] {
        let redirect = format!("http://localhost:{port}/login");
        assert_eq!(site.open(&with(request(), "redirect_uri", &redirect)).await.status, 200);
    }
}

#[tokio::test]
async fn a_request_that_lacks_something_goes_back_as_an_error() {
    let site = Site::new().await;
    for (name, value, expected) in [
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "", "unsupported_response_type"),
        ("state", "", "invalid_request"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
    ] {
        let (address, parameters) = location(&site.open(&with(request(), name, value)).await);
        assert_eq!(address, REDIRECT);
        assert_eq!(parameters[0], ("error".to_owned(), expected.to_owned()), "{name}={value}");
        let state = parameters.iter().find(|(name, _)| name == "state");
        assert_eq!(state.is_some(), name != "state");
    }
    let mut twice = request();
    twice.push(("state", "another".to_owned()));
    check_refused(&site.open(&twice).await, "broken");
}

#[tokio::test]
async fn a_form_counts_only_with_its_cookie() {
    let site = Site::new().await;
    let (cookie, csrf) = site.opened().await;
    let (newer, _) = site.opened().await;
    let approved = form(&csrf, "approve", &site.token);
    let twice = format!("{cookie}; {cookie}");
    for wrong in ["", "__Host-carnet-login=", "__Host-carnet-login=guess", "other=1", &*newer, &*twice] {
        check_refused(&site.submit(wrong, &approved).await, "not the newest one");
    }
    for field in ["", "guess"] {
        check_refused(
            &site.submit(&cookie, &with(approved.clone(), "csrf", field)).await,
            "not the newest one",
        );
    }
    check_refused(&site.submit("__Host-carnet-login=", &form("", "approve", &site.token)).await, "newest");
    assert_eq!(site.submit(&format!("a=b; {cookie}"), &approved).await.status, 303);
}

#[tokio::test]
async fn a_form_is_checked_like_the_address_of_the_page() {
    let site = Site::new().await;
    let (cookie, csrf) = site.opened().await;
    let approved = form(&csrf, "approve", &site.token);
    let elsewhere = with(approved.clone(), "redirect_uri", "https://evil.example/login");
    check_refused(&site.submit(&cookie, &elsewhere).await, "not the one of Terraform");
    check_refused(&site.submit(&cookie, &with(approved.clone(), "client_id", "x")).await, "not known");
    let (_, parameters) = location(&site.submit(&cookie, &with(approved, "state", "")).await);
    assert_eq!(parameters[0].1, "invalid_request");
}

#[tokio::test]
async fn only_a_working_token_of_a_user_signs_in() {
    let site = Site::new().await;
    for token in ["", "wrong", &site.server.agent_token] {
        let answer = site.decide("approve", token).await;
        let text = answer.text();
        assert_eq!(answer.status, 422, "{text}");
        assert!(text.contains("not the API token of a user"), "{text}");
        assert!(token.is_empty() || !text.contains(&format!("\"{token}\"")), "the token is shown again");
    }
    let spaced = format!(" {}\n", site.token);
    assert_eq!(site.decide("approve", &spaced).await.status, 303);
    let answer = site.decide("", &site.token).await;
    assert_eq!(answer.status, 422);
    assert!(answer.text().contains("Approve or deny."));
}

#[tokio::test]
async fn a_denial_needs_no_token_and_makes_none() {
    let site = Site::new().await;
    let answer = site.decide("deny", "").await;
    let (address, parameters) = location(&answer);
    assert_eq!(address, REDIRECT);
    assert_eq!(parameters[0], ("error".to_owned(), "access_denied".to_owned()));
    assert_eq!(parameters[1].0, "state");
    assert!(answer.headers["set-cookie"].to_str().expect("text").contains("Max-Age=0"));
    assert_eq!(site.tokens().await, ["tests"]);
}
