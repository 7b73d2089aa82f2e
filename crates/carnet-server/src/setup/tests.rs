use carnet_store::TokenHash;
use secrecy::SecretString;
use serde_json::Value;

use super::SETUP_CODE;
use crate::testing::{Answer, TestServer};

const FORM: [(&str, &str); 1] = [("content-type", "application/x-www-form-urlencoded")];

/// A server whose setup address ends in `code`.
async fn server() -> TestServer {
    let server = TestServer::new().await;
    let hash = TokenHash::of(&SecretString::from("code"));
    let mut tx = server.app.store.write().await.expect("a transaction");
    tx.set_meta(SETUP_CODE, Some(hash.as_hex())).await.expect("stored");
    tx.commit().await.expect("committed");
    server
}

async fn submit(server: &TestServer, code: &str, form: &str) -> Answer {
    let path = format!("/setup/{code}");
    server.send_with("POST", &path, "", &FORM, form.as_bytes().to_vec()).await
}

#[track_caller]
fn check_page(answer: &Answer, status: u16, expected: &[&str]) {
    let text = answer.text();
    assert_eq!(answer.status, status, "{text}");
    assert!(answer.headers.contains_key("content-security-policy"));
    for part in expected {
        assert!(text.contains(part), "{part:?} is missing in {text}");
    }
}

#[tokio::test]
async fn what_was_typed_stays_in_a_form_that_is_refused() {
    let server = server().await;
    let form = "username=alice&email=a%40example.com&organization=no+%22spaces%22";
    let answer = submit(&server, "code", form).await;
    let fields = ["value=\"alice\"", "value=\"a@example.com\"", "role=\"alert\"", "Organization: "];
    check_page(&answer, 422, &fields);
    assert!(answer.text().contains("no &#34;spaces&#34;"), "{}", answer.text());
    let answer = submit(&server, "code", "username=alice&email=a%40example.com&organization=acme").await;
    check_page(
        &answer,
        200,
        &["Welcome, alice", "token = \"carnet-", "hostname     = \"carnet.example.com\""],
    );
}

#[tokio::test]
async fn an_address_that_was_used_or_is_wrong_says_what_to_do() {
    let server = server().await;
    let explained = [
        "This address has been used, or never was valid",
        "create-user NAME",
        "--site-admin",
        "CARNET_BOOTSTRAP_TOKEN",
    ];
    let form = "username=alice&email=a%40example.com&organization=acme";
    check_page(&server.call("GET", "/setup/code", "", Value::Null).await, 200, &["Make the first user"]);
    check_page(&server.call("GET", "/setup/wrong", "", Value::Null).await, 404, &explained);
    check_page(&submit(&server, "wrong", form).await, 404, &explained);
    assert_eq!(submit(&server, "code", form).await.status, 200);
    check_page(&server.call("GET", "/setup/code", "", Value::Null).await, 404, &explained);
    check_page(&submit(&server, "code", form).await, 404, &explained);
}

#[tokio::test]
async fn the_first_organization_is_an_entry_of_its_audit_trail() {
    let server = server().await;
    let form = "username=alice&email=a%40example.com&organization=acme";
    assert_eq!(submit(&server, "code", form).await.status, 200);
    let mut tx = server.app.store.read().await.expect("a transaction");
    let made = tx.organization(&"acme".parse().expect("a name")).await.expect("read").expect("there");
    let (events, _) = tx.audit_events(&made.id, None, (0, 10)).await.expect("read");
    let event = events.first().expect("an entry");
    let act = &event.act;
    assert_eq!((act.resource_type.as_str(), act.action.as_str()), ("organization", "create"));
    assert_eq!(act.resource_id.as_deref(), Some(made.id.as_str()));
    assert_eq!((event.actor_kind.as_str(), event.description.as_str()), ("setup", "alice"));
}
