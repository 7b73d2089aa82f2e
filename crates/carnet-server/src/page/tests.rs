use serde_json::Value;

use crate::testing::TestServer;

#[tokio::test]
async fn the_root_says_what_this_is() {
    let server = TestServer::new().await;
    let answer = server.call("GET", "/", "", Value::Null).await;
    assert_eq!(answer.status, 200);
    assert!(
        answer.headers["content-security-policy"].to_str().expect("text").starts_with("default-src 'none'")
    );
    let text = answer.text();
    for expected in [
        "This is a Carnet server",
        env!("CARGO_PKG_VERSION"),
        "hostname     = \"carnet.example.com\"",
        "href=\"/.well-known/openid-configuration\"",
        "no web interface for runs",
        "href=\"/trust\"",
        "href=\"/trust-check\"",
    ] {
        assert!(text.contains(expected), "{expected:?} is missing in {text}");
    }
}

#[tokio::test]
async fn addresses_of_runs_say_where_to_look_instead() {
    let server = TestServer::new().await;
    let answer = server.call("GET", "/app/acme/net/runs/run-1", "", Value::Null).await;
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains("There is no page here yet"));
}
