use serde_json::{Value, json};

use crate::api::tests::Site;

fn binding(key: &str, value: &str) -> Value {
    json!({ "type": "tag-bindings", "attributes": { "key": key, "value": value } })
}

#[tokio::test]
async fn bindings_have_limits() {
    let site = Site::new().await;
    let path = site.workspace_path("/tag-bindings");
    for one in [
        binding("", "x"),
        binding(&"k".repeat(129), "x"),
        binding("k", &"v".repeat(257)),
        binding("hc:env", "x"),
        binding("hcp:env", "x"),
        json!({ "attributes": { "key": 7 } }),
        json!({ "type": "tag-bindings" }),
    ] {
        let (status, refused) =
            site.server.request("PATCH", &path, &site.owner, json!({ "data": [one] })).await;
        assert_eq!(status, 422, "{refused}");
    }
    let ten: Vec<Value> = (0..10).map(|place| binding(&format!("key-{place}"), "x")).collect();
    assert_eq!(site.server.request("PATCH", &path, &site.owner, json!({ "data": ten })).await.0, 200);
    let eleventh = json!({ "data": [binding("one-more", "x")] });
    assert_eq!(site.server.request("PATCH", &path, &site.owner, eleventh).await.0, 422);
    let again = json!({ "data": [binding("key-3", "y")] });
    assert_eq!(site.server.request("PATCH", &path, &site.owner, again).await.0, 200);
}

#[tokio::test]
async fn flat_tags_differ_by_more_than_letter_case() {
    let site = Site::new().await;
    let path = site.workspace_path("/relationships/tags");
    let named = |name: &str| json!({ "data": [{ "type": "tags", "attributes": { "name": name } }] });
    for name in ["Prod", "prod", "PROD"] {
        assert_eq!(site.server.request("POST", &path, &site.owner, named(name)).await.0, 204);
    }
    let (_, found) = site.server.request("GET", &path, &site.owner, Value::Null).await;
    assert_eq!(found["meta"]["pagination"]["total-count"], 1);
    assert_eq!(found["data"][0]["attributes"]["name"], "Prod");
    assert_eq!(found["data"][0]["attributes"]["instance-count"], 1);
    assert!(found["data"][0]["attributes"]["created-at"].as_str().expect("a time").ends_with('Z'));
    assert_eq!(site.server.request("DELETE", &path, &site.owner, named("pROD")).await.0, 204);
    let (_, found) = site.server.request("GET", &path, &site.owner, Value::Null).await;
    assert_eq!(found["data"], json!([]));
}

#[tokio::test]
async fn a_flat_tag_does_not_take_the_value_of_its_key() {
    let site = Site::new().await;
    let bindings = site.workspace_path("/tag-bindings");
    site.server.request("PATCH", &bindings, &site.owner, json!({ "data": [binding("env", "prod")] })).await;
    let flat = json!({ "data": [{ "type": "tags", "attributes": { "name": "env" } }] });
    let path = site.workspace_path("/relationships/tags");
    assert_eq!(site.server.request("POST", &path, &site.owner, flat).await.0, 204);
    let (_, found) = site.server.request("GET", &bindings, &site.owner, Value::Null).await;
    assert_eq!(found["data"][0]["attributes"], json!({ "key": "env", "value": "prod" }));
}
