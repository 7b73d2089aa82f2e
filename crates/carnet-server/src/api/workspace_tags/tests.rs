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
async fn tags_are_listed_in_pages_and_by_a_part_of_their_names() {
    let site = Site::new().await;
    let path = site.workspace_path("/relationships/tags");
    let tag = |name: &str| json!({ "type": "tags", "attributes": { "name": name } });
    let body = json!({ "data": [tag("net-a"), tag("net-b"), tag("web")] });
    assert_eq!(site.server.request("POST", &path, &site.owner, body).await.0, 204);
    for (query, names, total) in [
        ("page%5Bsize%5D=2", vec!["net-a", "net-b"], 3),
        ("page%5Bnumber%5D=2&page%5Bsize%5D=2", vec!["web"], 3),
        ("page%5Bnumber%5D=9", vec![], 3),
        ("q=NET", vec!["net-a", "net-b"], 2),
    ] {
        let (_, found) =
            site.server.request("GET", &format!("{path}?{query}"), &site.owner, Value::Null).await;
        let data = found["data"].as_array().expect("a list");
        let found_names: Vec<&str> =
            data.iter().map(|one| one["attributes"]["name"].as_str().expect("a name")).collect();
        assert_eq!(found_names, names, "{query}");
        assert_eq!(found["meta"]["pagination"]["total-count"], total, "{query}");
    }
    let first = format!("{path}?page%5Bsize%5D=1&q=NET&page%5Bnumber%5D=1");
    let (_, found) = site.server.request("GET", &first, &site.owner, Value::Null).await;
    let next = found["links"]["next"].as_str().expect("an address");
    assert_eq!(next, format!("{path}?q=NET&page%5Bnumber%5D=2&page%5Bsize%5D=1"), "links keep filters");
    let (_, found) = site.server.request("GET", next, &site.owner, Value::Null).await;
    assert_eq!(
        (&found["data"][0]["attributes"]["name"], &found["links"]["next"]),
        (&json!("net-b"), &Value::Null)
    );
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
