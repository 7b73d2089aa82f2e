use serde_json::{Value, json};

use crate::api::tests::Site;

const KEYS: &str = "/api/v2/organizations/acme/reserved-tag-keys";

fn with(attributes: Value) -> Value {
    json!({ "data": { "type": "reserved-tag-keys", "attributes": attributes } })
}

#[tokio::test]
async fn a_key_is_reserved_changed_and_let_go() {
    let site = Site::new().await;
    let (status, made) = site.server.request("POST", KEYS, &site.owner, with(json!({ "key": "env" }))).await;
    assert_eq!(status, 201, "{made}");
    let attributes = &made["data"]["attributes"];
    assert_eq!((&attributes["key"], &attributes["disable-overrides"]), (&json!("env"), &json!(false)));
    assert!(attributes["created_at"].is_string() && attributes["updated_at"].is_string());
    let id = made["data"]["id"].as_str().expect("an id");
    for (path, key) in [("reserved-tag-keys", "stage"), ("reserved-tags", "level")] {
        let body = with(json!({ "key": key, "disable-overrides": true }));
        let (status, changed) =
            site.server.request("PATCH", &format!("/api/v2/{path}/{id}"), &site.owner, body).await;
        assert_eq!((status, &changed["data"]["attributes"]["key"]), (200, &json!(key)));
        assert_eq!(changed["data"]["attributes"]["disable-overrides"], true);
    }
    let (_, listed) = site.server.request("GET", KEYS, &site.owner, Value::Null).await;
    assert_eq!(listed["meta"]["pagination"]["total-count"], 1);
    let one = format!("/api/v2/reserved-tags/{id}");
    assert_eq!(site.server.request("DELETE", &one, &site.stranger, Value::Null).await.0, 404);
    assert_eq!(site.server.request("DELETE", &one, &site.owner, Value::Null).await.0, 204);
    assert_eq!(site.server.request("DELETE", &one, &site.owner, Value::Null).await.0, 404);
}

#[tokio::test]
async fn wrong_and_taken_keys_are_refused() {
    let site = Site::new().await;
    assert_eq!(site.server.request("POST", KEYS, &site.owner, with(json!({ "key": "env" }))).await.0, 201);
    for (key, detail) in
        [("", "Key is invalid"), ("hc:env", "Key is invalid"), ("env", "Key has already been taken")]
    {
        let (status, refused) =
            site.server.request("POST", KEYS, &site.owner, with(json!({ "key": key }))).await;
        let error = &refused["errors"][0];
        assert_eq!(
            (status, &error["title"], &error["detail"]),
            (422, &json!("invalid attribute"), &json!(detail))
        );
    }
    let (_, member) = site.member("mia").await;
    assert_eq!(site.server.request("POST", KEYS, &member, with(json!({ "key": "x" }))).await.0, 403);
    assert_eq!(site.server.request("GET", KEYS, &member, Value::Null).await.0, 200);
}
