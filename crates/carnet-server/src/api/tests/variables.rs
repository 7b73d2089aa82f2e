use serde_json::{Value, json};

use super::Site;

fn variable(key: &str, value: &str, category: &str, sensitive: bool) -> Value {
    json!({ "data": { "type": "vars", "attributes":
        { "key": key, "value": value, "category": category, "sensitive": sensitive } } })
}

async fn create(site: &Site, body: Value) -> (u16, Value) {
    site.server.request("POST", &site.workspace_path("/vars"), &site.owner, body).await
}

#[tokio::test]
async fn a_sensitive_value_is_never_answered_again() {
    let site = Site::new().await;
    let (status, made) = create(&site, variable("TOKEN", "hunter2-hunter2", "env", true)).await;
    assert_eq!((status, &made["data"]["attributes"]["value"]), (201, &Value::Null));
    let id = made["data"]["id"].as_str().expect("an id");
    let path = site.workspace_path(&format!("/vars/{id}"));
    for (name, value) in [("sensitive", json!(false)), ("key", json!("OTHER")), ("hcl", json!(true))] {
        let body = json!({ "data": { "attributes": { name: value } } });
        assert_eq!(site.server.request("PATCH", &path, &site.owner, body).await.0, 422, "{name}");
    }
    let body = json!({ "data": { "attributes": { "description": "d" } } });
    let changed = site.server.call("PATCH", &path, &site.owner, body).await;
    let listed = site.server.call("GET", &site.workspace_path("/vars"), &site.owner, Value::Null).await;
    let shown = site.server.call("GET", &path, &site.owner, Value::Null).await;
    for answer in [changed, listed, shown] {
        assert_eq!(answer.status, 200);
        assert!(!answer.text().contains("hunter2"));
    }
}

#[tokio::test]
async fn a_version_changes_with_every_update() {
    let site = Site::new().await;
    let (_, made) = create(&site, variable("a", "1", "terraform", false)).await;
    let path = site.workspace_path(&format!("/vars/{}", made["data"]["id"].as_str().expect("an id")));
    let body = json!({ "data": { "attributes": { "value": "2" } } });
    let (_, changed) = site.server.request("PATCH", &path, &site.owner, body).await;
    assert_eq!(changed["data"]["attributes"]["value"], "2");
    assert_ne!(changed["data"]["attributes"]["version-id"], made["data"]["attributes"]["version-id"]);
}

#[tokio::test]
async fn a_key_is_unique_in_its_category() {
    let site = Site::new().await;
    assert_eq!(create(&site, variable("a", "1", "terraform", false)).await.0, 201);
    assert_eq!(create(&site, variable("a", "1", "env", false)).await.0, 201);
    let (status, error) = create(&site, variable("a", "2", "env", false)).await;
    assert_eq!((status, &error["errors"][0]["detail"]), (422, &json!("Key has already been taken")));
}

#[tokio::test]
async fn bad_variables_are_refused_with_the_place() {
    let site = Site::new().await;
    for (key, category, pointer) in [
        ("", "env", "/data/attributes/key"),
        ("a b", "env", "/data/attributes/key"),
        ("9a", "terraform", "/data/attributes/key"),
        ("a=b", "env", "/data/attributes/key"),
        ("a-b", "env", "/data/attributes/key"),
        ("a", "policy-set", "/data/attributes/category"),
    ] {
        let (status, error) = create(&site, variable(key, "v", category, false)).await;
        assert_eq!(status, 422, "{key}");
        assert_eq!(error["errors"][0]["source"]["pointer"], pointer);
    }
    assert_eq!(create(&site, variable("a", &"x".repeat(256 * 1024 + 1), "env", false)).await.0, 422);
    assert_eq!(create(&site, variable("a", "x\0y", "env", false)).await.0, 422);
}
