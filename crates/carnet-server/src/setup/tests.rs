use carnet_store::TokenHash;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{SETUP_CODE, SetupError, create_site_admin, create_user};
use crate::testing::{ADMIN, Answer, TestServer};

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
async fn the_first_user_has_an_address() {
    let server = server().await;
    for email in ["", "nobody", "a%40b%40c"] {
        let form = format!("username=alice&email={email}&organization=acme");
        check_page(&submit(&server, "code", &form).await, 422, &["Email is not an address"]);
    }
}

#[tokio::test]
async fn a_bootstrap_token_stands_for_an_administrator_of_the_site_only() {
    let server = TestServer::new().await;
    let (mia, token) = server.user("mia").await;
    let (store, now) = (&server.app.store, server.app.now());
    let rename = async |name: &str, token: &str| {
        let body = json!({ "data": { "attributes": { "username": name } } });
        server.request("PATCH", "/api/v2/account/update", token, body).await.0
    };
    let bootstrap = SecretString::from("another-bootstrap-token");
    create_site_admin(store, &bootstrap, now).await.expect("the administrator has the name");
    // The administrator may take another name, and nobody else takes the one that is free.
    assert_eq!(rename("root", ADMIN).await, 401, "the token that was replaced");
    assert_eq!(rename("root", "another-bootstrap-token").await, 200);
    for name in ["admin", "Admin", "ADMIN"] {
        assert_eq!(rename(name, &token).await, 422, "{name}");
    }
    let made = create_user(store, "Admin", "a@example.com", false, now).await;
    assert!(matches!(made, Err(SetupError::NameReserved)), "{made:?}");
    create_site_admin(store, &bootstrap, now).await.expect("the token works already");

    // Somebody has had the name from before it was reserved.
    let mut tx = store.write().await.expect("a transaction");
    let mut user = tx.user(&mia).await.expect("read").expect("there");
    user.username = "admin".parse().expect("a name");
    tx.update_user(&user).await.expect("stored");
    tx.commit().await.expect("committed");
    let third = SecretString::from("a-third-bootstrap-token");
    for token in [&third, &SecretString::from(token)] {
        let made = create_site_admin(store, token, now).await;
        assert!(matches!(made, Err(SetupError::NotAdministrator)), "{made:?}");
    }
    let (status, _) =
        server.request("GET", "/api/v2/account/details", "a-third-bootstrap-token", Value::Null).await;
    assert_eq!(status, 401);
}

#[tokio::test]
async fn nobody_is_called_like_somebody_else_in_other_letters() {
    let server = TestServer::new().await;
    let (_, mia) = server.user("mia").await;
    server.user("Olga").await;
    let rename = async |name: &str| {
        let body = json!({ "data": { "attributes": { "username": name } } });
        let (status, answer) = server.request("PATCH", "/api/v2/account/update", &mia, body).await;
        (status, answer["errors"][0]["detail"].clone())
    };
    for name in ["olga", "OLGA", "Olga"] {
        assert_eq!(rename(name).await, (422, json!("Username has already been taken")), "{name}");
    }
    for name in ["API-me", "Invited-me"] {
        assert_eq!(rename(name).await, (422, json!("Username is reserved")), "{name}");
    }
    assert_eq!(rename("MIA").await.0, 200, "one's own name in other letters");
    let made = create_user(&server.app.store, "oLGA", "o@example.com", true, server.app.now()).await;
    assert!(matches!(made, Err(SetupError::NameTaken)), "{made:?}");
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
