use std::time::Duration;

use serde_json::{Value, json};

use super::{FORM, Site, trade, with};
use crate::testing::ADMIN;

#[tokio::test]
async fn a_code_becomes_a_token_that_is_listed_and_revocable() {
    let site = Site::new().await;
    let answer = site.exchange(&trade(&site.code().await)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["pragma"], "no-cache");
    assert_eq!(answer.headers["content-type"], "application/json");
    let body = answer.json();
    assert_eq!(body["token_type"], "bearer");
    let token = body["access_token"].as_str().expect("text");
    assert_ne!(token, site.token);
    let (_, account) = site.server.request("GET", "/api/v2/account/details", token, Value::Null).await;
    assert_eq!(account["data"]["attributes"]["username"], "olga");
    assert_eq!(site.tokens().await, ["tests", "terraform login"]);

    let path = account["data"]["relationships"]["authentication-tokens"]["links"]["related"].as_str();
    let path = path.expect("text");
    let (_, list) = site.server.request("GET", path, &site.token, Value::Null).await;
    let id = list["data"][1]["id"].as_str().expect("text");
    let one = format!("/api/v2/authentication-tokens/{id}");
    assert_eq!(site.server.request("DELETE", &one, &site.token, Value::Null).await.0, 204);
    assert_eq!(site.server.request("GET", "/api/v2/account/details", token, Value::Null).await.0, 401);
}

#[tokio::test]
async fn neither_the_code_nor_the_token_is_stored() {
    let site = Site::new().await;
    let code = site.code().await;
    let answer = site.exchange(&trade(&code)).await.json();
    let token = answer["access_token"].as_str().expect("text");
    for secret in [&*code, token, &*site.token] {
        assert!(!site.server.holds(secret).await, "a secret is stored");
    }
}

#[tokio::test]
async fn a_code_counts_only_for_the_request_it_was_given_to() {
    let site = Site::new().await;
    for (name, value, expected) in [
        ("code_verifier", "another-verifier-another-verifier-another-verifier", "invalid_grant"),
        ("redirect_uri", "http://localhost:10004/login", "invalid_grant"),
        ("code", "guess", "invalid_grant"),
        ("client_id", "another", "invalid_client"),
        ("grant_type", "password", "unsupported_grant_type"),
        ("code_verifier", "", "invalid_request"),
        ("redirect_uri", "", "invalid_request"),
        ("code", "", "invalid_request"),
        ("client_id", "", "invalid_request"),
        ("grant_type", "", "invalid_request"),
    ] {
        let code = site.code().await;
        let answer = site.exchange(&with(trade(&code), name, value)).await;
        assert_eq!(Site::error(&answer), expected, "{name}={value}");
    }
    assert_eq!(site.tokens().await, ["tests"]);
}

#[tokio::test]
async fn a_wrong_verifier_uses_the_code_up() {
    let site = Site::new().await;
    let code = site.code().await;
    let guess = with(trade(&code), "code_verifier", "guess");
    assert_eq!(Site::error(&site.exchange(&guess).await), "invalid_grant");
    assert_eq!(Site::error(&site.exchange(&trade(&code)).await), "invalid_grant");
    assert_eq!(site.tokens().await, ["tests"]);
}

#[tokio::test]
async fn a_second_use_takes_the_token_away() {
    let site = Site::new().await;
    let code = site.code().await;
    let answer = site.exchange(&trade(&code)).await.json();
    let token = answer["access_token"].as_str().expect("text");
    assert_eq!(Site::error(&site.exchange(&trade(&code)).await), "invalid_grant");
    assert_eq!(site.server.request("GET", "/api/v2/account/details", token, Value::Null).await.0, 401);
    assert_eq!(Site::error(&site.exchange(&trade(&code)).await), "invalid_grant");
    assert_eq!(site.tokens().await, ["tests"]);
}

#[tokio::test]
async fn a_code_lives_a_minute() {
    let site = Site::new().await;
    let (early, late) = (site.code().await, site.code().await);
    site.server.advance(Duration::from_secs(59));
    assert_eq!(site.exchange(&trade(&early)).await.status, 200);
    site.server.advance(Duration::from_secs(1));
    assert_eq!(Site::error(&site.exchange(&trade(&late)).await), "invalid_grant");
    // Used and expired: refused, and whoever finds it in the history of a browser takes nothing away.
    assert_eq!(Site::error(&site.exchange(&trade(&early)).await), "invalid_grant");
    assert_eq!(site.tokens().await, ["tests", "terraform login"]);
}

#[tokio::test]
async fn a_code_counts_no_longer_than_the_token_that_approved_it() {
    let site = Site::new().await;
    let code = site.code().await;
    let path = format!("/api/v2/users/{}/authentication-tokens", site.user);
    let (_, list) = site.server.request("GET", &path, ADMIN, Value::Null).await;
    let one = format!("/api/v2/authentication-tokens/{}", list["data"][0]["id"].as_str().expect("text"));
    assert_eq!(site.server.request("DELETE", &one, &site.token, Value::Null).await.0, 204);
    assert_eq!(Site::error(&site.exchange(&trade(&code)).await), "invalid_grant");
    let (_, list) = site.server.request("GET", &path, ADMIN, Value::Null).await;
    assert_eq!(list["meta"]["pagination"]["total-count"], 0);
}

#[tokio::test]
async fn a_token_that_ends_within_the_minute_ends_its_codes() {
    let mut site = Site::new().await;
    let path = format!("/api/v2/users/{}/authentication-tokens", site.user);
    let body = json!({ "data": { "attributes": { "expired-at": "2026-01-05T10:00:31Z" } } });
    let (status, made) = site.server.request("POST", &path, &site.token, body).await;
    assert_eq!(status, 201, "{made}");
    site.token = made["data"]["attributes"]["token"].as_str().expect("shown once").to_owned();
    let (early, late) = (site.code().await, site.code().await);
    assert_eq!(site.exchange(&trade(&early)).await.status, 200);
    site.server.advance(Duration::from_secs(30));
    assert_eq!(Site::error(&site.exchange(&trade(&late)).await), "invalid_grant");
}

#[tokio::test]
async fn who_is_suspended_neither_signs_in_nor_gets_a_token_for_a_code() {
    let site = Site::new().await;
    let code = site.code().await;
    let suspend = format!("/api/v2/admin/users/{}/actions/suspend", site.user);
    assert_eq!(site.server.request("POST", &suspend, ADMIN, Value::Null).await.0, 200);
    assert_eq!(Site::error(&site.exchange(&trade(&code)).await), "invalid_grant");
    assert_eq!(site.decide("approve", &site.token).await.status, 422);
}

#[tokio::test]
async fn what_is_no_form_is_an_invalid_request() {
    let site = Site::new().await;
    let answer = site.server.send("POST", "/oauth/token", "", b"{}".to_vec()).await;
    assert_eq!(Site::error(&answer), "invalid_request");
    let mut twice = trade(&site.code().await);
    twice.push(("code", "another".to_owned()));
    assert_eq!(Site::error(&site.exchange(&twice).await), "invalid_request");
    let broken = site.server.send_with("POST", "/oauth/token", "", &[FORM], b"\xff=%zz".to_vec()).await;
    assert_eq!(Site::error(&broken), "invalid_request");
}
