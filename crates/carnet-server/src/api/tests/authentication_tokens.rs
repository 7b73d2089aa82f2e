use std::time::Duration;

use serde_json::{Value, json};

use crate::testing::TestServer;

fn document(attributes: &Value) -> Value {
    json!({ "data": { "type": "authentication-tokens", "attributes": attributes } })
}

#[tokio::test]
async fn a_token_is_shown_once_and_works_until_it_is_revoked() {
    let server = TestServer::new().await;
    let (user, first) = server.user("olga").await;
    let path = format!("/api/v2/users/{user}/authentication-tokens");
    let (status, made) =
        server.request("POST", &path, &first, document(&json!({ "description": "ci" }))).await;
    assert_eq!(status, 201, "{made}");
    let attributes = &made["data"]["attributes"];
    assert_eq!(attributes["description"], "ci");
    assert_eq!(attributes["expired-at"], "2028-01-05T10:00:00Z");
    assert_eq!(made["data"]["relationships"]["created-by"]["data"]["id"], user.as_str());
    let token = attributes["token"].as_str().expect("text").to_owned();

    let one = format!("/api/v2/authentication-tokens/{}", made["data"]["id"].as_str().expect("text"));
    let (status, shown) = server.request("GET", &one, &token, Value::Null).await;
    assert_eq!((status, &shown["data"]["attributes"]["token"]), (200, &Value::Null));
    let (_, list) = server.request("GET", &path, &token, Value::Null).await;
    assert_eq!(list["meta"]["pagination"]["total-count"], 2);
    assert!(!list.to_string().contains(&token));

    assert_eq!(server.request("DELETE", &one, &first, Value::Null).await.0, 204);
    assert_eq!(server.request("GET", &path, &token, Value::Null).await.0, 401);
    assert_eq!(server.request("GET", &one, &first, Value::Null).await.0, 404);
    assert_eq!(server.request("DELETE", &one, &first, Value::Null).await.0, 404);
}

#[tokio::test]
async fn a_token_ends_when_its_maker_says() {
    let server = TestServer::new().await;
    let (user, first) = server.user("olga").await;
    let path = format!("/api/v2/users/{user}/authentication-tokens");
    let until = document(&json!({ "expired-at": "2026-01-05T11:00:00Z" }));
    let (_, made) = server.request("POST", &path, &first, until).await;
    let token = made["data"]["attributes"]["token"].as_str().expect("text");
    assert_eq!(server.request("GET", &path, token, Value::Null).await.0, 200);
    server.advance(Duration::from_secs(3600));
    assert_eq!(server.request("GET", &path, token, Value::Null).await.0, 401);
    let past = document(&json!({ "expired-at": "2026-01-05T11:00:00Z" }));
    assert_eq!(server.request("POST", &path, &first, past).await.0, 422);
    let long = document(&json!({ "description": "x".repeat(256) }));
    assert_eq!(server.request("POST", &path, &first, long).await.0, 422);
}

#[tokio::test]
async fn tokens_of_others_are_not_there() {
    let server = TestServer::new().await;
    let (olga, token) = server.user("olga").await;
    let (_, stranger) = server.user("stefan").await;
    let path = format!("/api/v2/users/{olga}/authentication-tokens");
    let (_, list) = server.request("GET", &path, &token, Value::Null).await;
    let one = format!("/api/v2/authentication-tokens/{}", list["data"][0]["id"].as_str().expect("text"));
    for caller in [&*stranger, &*server.agent_token] {
        assert_eq!(server.request("GET", &path, caller, Value::Null).await.0, 404);
        assert_eq!(server.request("POST", &path, caller, document(&json!({}))).await.0, 404);
        assert_eq!(server.request("GET", &one, caller, Value::Null).await.0, 404);
        assert_eq!(server.request("DELETE", &one, caller, Value::Null).await.0, 404);
    }
    assert_eq!(server.request("GET", &one, &token, Value::Null).await.0, 200);
}

#[tokio::test]
async fn a_token_that_only_reads_was_used_too() {
    let server = TestServer::new().await;
    let (id, token) = server.user("alice").await;
    let path = format!("/api/v2/users/{id}/authentication-tokens");
    let used = async || {
        // It is noted behind the answer.
        for _ in 0..1000 {
            let (_, list) = server.request("GET", &path, &token, Value::Null).await;
            let used = list["data"][0]["attributes"]["last-used-at"].clone();
            if used == server.app.now().to_string() {
                return true;
            }
        }
        false
    };
    assert!(used().await);
    server.advance(std::time::Duration::from_secs(60));
    assert!(used().await);
}
