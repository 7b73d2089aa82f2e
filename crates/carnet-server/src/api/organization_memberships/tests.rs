use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::api::tests::Site;
use crate::create_user;

const MEMBERSHIPS: &str = "/api/v2/organizations/acme/organization-memberships";

fn invitation(email: &str) -> Value {
    json!({ "data": { "type": "organization-memberships", "attributes": { "email": email } } })
}

#[tokio::test]
async fn an_unknown_address_is_invited_and_a_known_one_joins() {
    let site = Site::new().await;
    let (status, new) =
        site.server.request("POST", MEMBERSHIPS, &site.owner, invitation("New@example.com")).await;
    assert_eq!(status, 201, "{new}");
    assert_eq!(new["data"]["attributes"]["status"], "invited");
    assert_eq!(new["data"]["attributes"]["email"], "new@example.com");
    assert!(new["data"]["relationships"]["user"]["data"]["id"].is_string());
    let (status, known) =
        site.server.request("POST", MEMBERSHIPS, &site.owner, invitation("stefan@example.com")).await;
    assert_eq!((status, &known["data"]["attributes"]["status"]), (201, &json!("active")));
    assert_eq!(site.server.request("GET", MEMBERSHIPS, &site.stranger, Value::Null).await.0, 200);
    for email in ["new@example.com", "nobody", ""] {
        let (status, _) = site.server.request("POST", MEMBERSHIPS, &site.owner, invitation(email)).await;
        assert_eq!(status, 422, "{email}");
    }
    let (_, found) = site
        .server
        .request(
            "GET",
            &format!("{MEMBERSHIPS}?filter%5Bstatus%5D=invited&include=user"),
            &site.owner,
            Value::Null,
        )
        .await;
    assert_eq!(found["meta"]["pagination"]["total-count"], 1);
    assert_eq!(found["included"][0]["type"], "users");
    let (_, found) =
        site.server.request("GET", &format!("{MEMBERSHIPS}?q=STEF"), &site.owner, Value::Null).await;
    assert_eq!(found["data"][0]["attributes"]["username"], "stefan");
}

#[tokio::test]
async fn who_leaves_loses_every_team() {
    let site = Site::new().await;
    let (_, token) = site.member("mia").await;
    let access = json!({ "organization-access": { "manage-workspaces": true } });
    site.team("builders", access, &["mia"]).await;
    assert_eq!(site.server.request("GET", &site.workspace_path(""), &token, Value::Null).await.0, 200);
    let (_, own) = site.server.request("GET", "/api/v2/organization-memberships", &token, Value::Null).await;
    let path = format!("/api/v2/organization-memberships/{}", own["data"][0]["id"].as_str().expect("an id"));
    assert_eq!(site.server.request("DELETE", &path, &site.stranger, Value::Null).await.0, 404);
    assert_eq!(site.server.request("DELETE", &path, &site.owner, Value::Null).await.0, 204);
    assert_eq!(site.server.request("GET", &site.workspace_path(""), &token, Value::Null).await.0, 404);
}

#[tokio::test]
async fn the_last_owner_does_not_leave() {
    let site = Site::new().await;
    let (_, own) =
        site.server.request("GET", "/api/v2/organization-memberships", &site.owner, Value::Null).await;
    let path = format!("/api/v2/organization-memberships/{}", own["data"][0]["id"].as_str().expect("an id"));
    assert_eq!(site.server.request("DELETE", &path, &site.owner, Value::Null).await.0, 403);
}

#[tokio::test]
async fn an_account_accepts_the_invitations_to_its_address() {
    let site = Site::new().await;
    let (_, invited) =
        site.server.request("POST", MEMBERSHIPS, &site.owner, invitation("new@example.com")).await;
    let store = &site.server.app.store;
    let now = site.server.app.now();
    let token = create_user(store, "nina", "NEW@example.com", false, now).await.expect("an account");
    let path = format!(
        "/api/v2/organization-memberships/{}?include=user",
        invited["data"]["id"].as_str().expect("an id")
    );
    let (status, own) = site.server.request("GET", &path, token.expose_secret(), Value::Null).await;
    assert_eq!((status, &own["data"]["attributes"]["status"]), (200, &json!("active")));
    assert_eq!(own["included"][0]["attributes"]["username"], "nina");
    for (name, email) in
        [("other", "new@example.com"), ("nina", "other@example.com"), ("a/b", "c@example.com")]
    {
        assert!(create_user(store, name, email, false, now).await.is_err(), "{name} {email}");
    }
}
