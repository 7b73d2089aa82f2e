use std::time::Duration;

use axum::http::HeaderMap;
use serde_json::Value;

use super::*;
use crate::app::Settings;
use crate::testing::{ADMIN, TestServer, URL};

const ACCOUNT: &str = "/api/v2/account/details";

async fn limited(rate_limit: u32) -> TestServer {
    TestServer::with_settings(Settings { rate_limit, ..Settings::new(URL) }).await
}

fn header(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).map_or_else(String::new, |value| value.to_str().expect("text").to_owned())
}

#[tokio::test]
async fn a_token_is_told_what_is_left_and_stopped_at_the_end() {
    let server = limited(3).await;
    let (_, other) = server.user("olga").await;
    for remaining in ["2", "1", "0"] {
        let answer = server.call("GET", ACCOUNT, ADMIN, Value::Null).await;
        assert_eq!(
            (answer.status, header(&answer.headers, "x-ratelimit-remaining").as_str()),
            (200, remaining)
        );
        assert_eq!(header(&answer.headers, "x-ratelimit-limit"), "3");
        header(&answer.headers, "x-ratelimit-reset").parse::<f64>().expect("a number");
    }
    let answer = server.call("GET", ACCOUNT, ADMIN, Value::Null).await;
    assert_eq!(answer.status, 429);
    assert_eq!(answer.json()["errors"][0]["status"], "429");
    assert_eq!(header(&answer.headers, "content-type"), "application/vnd.api+json");
    assert_eq!(header(&answer.headers, "x-ratelimit-reset"), "0.333");
    assert_eq!(header(&answer.headers, "retry-after"), "1");
    assert_eq!(header(&answer.headers, "tfp-api-version"), "2.6");
    assert_eq!(server.call("GET", ACCOUNT, &other, Value::Null).await.status, 200, "another token");
    server.advance(Duration::from_millis(400));
    assert_eq!(server.call("GET", ACCOUNT, ADMIN, Value::Null).await.status, 200, "after a while");
}

#[tokio::test]
async fn wrong_tokens_are_counted_by_address_and_keep_no_holder_of_a_token_away() {
    let server = limited(3).await;
    assert_eq!(server.call("GET", ACCOUNT, ADMIN, Value::Null).await.status, 200);
    let mut statuses = Vec::new();
    for number in 0..5 {
        statuses.push(server.call("GET", ACCOUNT, &format!("wrong-{number}"), Value::Null).await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 429, 429]);
    assert_eq!(server.call("GET", "/api/v2/ping", "", Value::Null).await.status, 429, "without a token");
    assert_eq!(server.call("GET", "/api/agent/v1/jobs", "wrong", Value::Null).await.status, 429, "agents");
    assert_eq!(server.call("GET", ACCOUNT, ADMIN, Value::Null).await.status, 200, "a token that works");
}

#[tokio::test]
async fn a_route_for_everybody_proves_no_token() {
    let server = limited(3).await;
    let mut statuses = Vec::new();
    for number in 0..5 {
        statuses
            .push(server.call("GET", "/api/v2/ping", &format!("wrong-{number}"), Value::Null).await.status);
    }
    assert_eq!(statuses, [204, 204, 204, 429, 429]);
}

#[tokio::test]
async fn agents_with_a_token_that_works_are_never_stopped() {
    let server = limited(2).await;
    let token = server.agent_token.clone();
    for _ in 0..8 {
        let body = serde_json::json!({ "name": "a", "version": "1" });
        let answer = server.call("POST", "/api/agent/v1/agents", &token, body).await;
        assert_ne!(answer.status, 429);
        assert!(answer.headers.get("x-ratelimit-limit").is_none());
    }
}

#[tokio::test]
async fn documents_for_everybody_are_not_counted_and_zero_is_no_limit() {
    let server = limited(1).await;
    for _ in 0..5 {
        assert_eq!(server.call("GET", "/.well-known/jwks", "", Value::Null).await.status, 200);
    }
    let server = limited(0).await;
    for _ in 0..5 {
        let answer = server.call("GET", ACCOUNT, ADMIN, Value::Null).await;
        assert_eq!(answer.status, 200);
        assert!(answer.headers.get("x-ratelimit-limit").is_none());
    }
}

#[test]
fn memory_is_bounded_and_networks_are_one_caller() {
    let limiter = RateLimiter::new(5);
    let now: Timestamp = "2026-01-05T10:00:00Z".parse().expect("a time");
    for number in 0..CAPACITY * 2 {
        limiter.take(&Caller::Token(number.to_string()), now);
    }
    assert!(limiter.buckets.lock().expect("not poisoned").len() <= CAPACITY);
    let network = |text: &str| network_of(text.parse().expect("an address"));
    assert_eq!(network("2001:db8::1"), network("2001:db8::2"));
    assert_ne!(network("2001:db8:0:1::1"), network("2001:db8::1"));
    assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
}

#[test]
fn a_clock_that_goes_back_gives_nothing() {
    let limiter = RateLimiter::new(1);
    let now: Timestamp = "2026-01-05T10:00:00Z".parse().expect("a time");
    let caller = Caller::Address(None);
    assert!(limiter.take(&caller, now).is_allowed);
    let before = now.checked_sub(Duration::from_secs(60)).expect("a time");
    assert!(!limiter.take(&caller, before).is_allowed);
}

#[tokio::test]
async fn tokens_that_do_not_work_take_no_room() {
    let limiter = RateLimiter::new(1);
    let now = "2026-01-05T10:00:00Z".parse().expect("a time");
    let address = Caller::Address(None);
    let token = |number: usize| Caller::Token(number.to_string());
    limiter.prove(&token(0), &address, now);
    for number in 1..2 * CAPACITY {
        assert!(!limiter.is_proven(&token(number)));
    }
    assert!(limiter.is_proven(&token(0)));
}

#[tokio::test]
async fn a_user_is_no_agent() {
    let server = limited(3).await;
    assert_eq!(server.call("GET", ACCOUNT, ADMIN, Value::Null).await.status, 200);
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(server.call("GET", "/api/agent/v1/jobs", ADMIN, Value::Null).await.status);
    }
    assert_eq!(statuses[3..], [429, 429], "{statuses:?}");
}

#[test]
fn the_client_is_the_one_that_the_proxy_names_last() {
    let named = |values: &[&str]| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("x-forwarded-for", value.parse().expect("a value"));
        }
        forwarded_for(&headers).map(|peer| peer.0.to_string())
    };
    assert_eq!(named(&["198.51.100.7"]).as_deref(), Some("198.51.100.7"));
    assert_eq!(named(&["10.0.0.1, 198.51.100.7", "10.0.0.2,  2001:db8::1"]).as_deref(), Some("2001:db8::1"));
    assert_eq!(named(&["198.51.100.7, unknown"]), None);
    assert_eq!(named(&[]), None);
}

#[tokio::test]
async fn clients_behind_a_proxy_that_is_trusted_are_told_apart() {
    for (trusts_forwarded_for, expected) in [(true, 204), (false, 429)] {
        let settings = Settings { rate_limit: 2, trusts_forwarded_for, ..Settings::new(URL) };
        let server = TestServer::with_settings(settings).await;
        let from = async |client: &str| {
            let headers = [("x-forwarded-for", client)];
            server.send_with("GET", "/api/v2/ping", "", &headers, Vec::new()).await.status
        };
        for _ in 0..4 {
            from("198.51.100.7").await;
        }
        assert_eq!(from("198.51.100.7").await, 429);
        assert_eq!(from("198.51.100.8").await, expected);
    }
}
