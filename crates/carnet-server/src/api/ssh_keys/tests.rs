use serde_json::{Value, json};

use crate::api::tests::Site;

const KEYS: &str = "/api/v2/organizations/acme/ssh-keys";
const SECRET: &str = "-----BEGIN OPENSSH PRIVATE KEY----- very-secret";

fn with(attributes: Value) -> Value {
    json!({ "data": { "type": "ssh-keys", "attributes": attributes } })
}

#[tokio::test]
async fn a_value_is_written_and_never_shown() {
    let site = Site::new().await;
    let body = with(json!({ "name": "deploy", "value": SECRET }));
    let made = site.server.call("POST", KEYS, &site.owner, body.clone()).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let path = format!("/api/v2/ssh-keys/{}", made.json()["data"]["id"].as_str().expect("an id"));
    let renamed = site.server.call("PATCH", &path, &site.owner, with(json!({ "name": "fetch" }))).await;
    assert_eq!(renamed.json()["data"]["attributes"]["name"], "fetch");
    let listed = site.server.call("GET", KEYS, &site.owner, Value::Null).await;
    let shown = site.server.call("GET", &path, &site.owner, Value::Null).await;
    for answer in [&made, &renamed, &listed, &shown] {
        assert!(!answer.text().contains("secret"), "{}", answer.text());
    }
    assert!(!site.server.holds("very-secret").await);
    assert_eq!(site.server.request("GET", &path, &site.stranger, Value::Null).await.0, 404);
    assert_eq!(site.server.request("DELETE", &path, &site.owner, Value::Null).await.0, 204);
    assert_eq!(site.server.request("GET", &path, &site.owner, Value::Null).await.0, 404);
}

#[tokio::test]
async fn wrong_keys_are_refused_without_their_value() {
    let site = Site::new().await;
    for attributes in [
        json!({ "value": SECRET }),
        json!({ "name": "x" }),
        json!({ "name": "x", "value": " " }),
        json!({ "name": ["very-secret"], "value": SECRET }),
    ] {
        let answer = site.server.call("POST", KEYS, &site.owner, with(attributes)).await;
        assert_eq!(answer.status, 422, "{}", answer.text());
        assert!(!answer.text().contains("very-secret"));
    }
    let (_, member) = site.member("mia").await;
    let body = with(json!({ "name": "x", "value": SECRET }));
    assert_eq!(site.server.request("POST", KEYS, &member, body).await.0, 403);
}

#[tokio::test]
async fn a_workspace_uses_a_key_of_its_organization() {
    let site = Site::new().await;
    let (_, made) =
        site.server.request("POST", KEYS, &site.owner, with(json!({ "name": "k", "value": SECRET }))).await;
    let id = made["data"]["id"].clone();
    let path = site.workspace_path("/relationships/ssh-key");
    let assign = |id: Value| json!({ "data": { "type": "workspaces", "attributes": { "id": id } } });
    let (status, used) = site.server.request("PATCH", &path, &site.owner, assign(id.clone())).await;
    assert_eq!(status, 200, "{used}");
    assert_eq!(
        (&used["data"]["type"], &used["data"]["relationships"]["ssh-key"]["data"]["id"]),
        (&json!("workspaces"), &id)
    );
    assert_eq!(site.server.request("PATCH", &path, &site.owner, assign(json!("sshkey-1"))).await.0, 422);
    let (_, unused) = site.server.request("PATCH", &path, &site.owner, assign(Value::Null)).await;
    assert_eq!(unused["data"]["relationships"]["ssh-key"]["data"], Value::Null);
    assert_eq!(site.server.request("PATCH", &path, &site.stranger, assign(id)).await.0, 404);
}
