use serde_json::{Value, json};

use crate::api::tests::Site;

const TAGS: &str = "/api/v2/organizations/acme/tags";

async fn tagged(names: &[&str]) -> Site {
    let site = Site::new().await;
    let data: Vec<Value> =
        names.iter().map(|name| json!({ "type": "tags", "attributes": { "name": name } })).collect();
    let path = site.workspace_path("/relationships/tags");
    assert_eq!(site.server.request("POST", &path, &site.owner, json!({ "data": data })).await.0, 204);
    site
}

async fn list(site: &Site, query: &str) -> Value {
    let (status, found) =
        site.server.request("GET", &format!("{TAGS}{query}"), &site.owner, Value::Null).await;
    assert_eq!(status, 200, "{found}");
    found
}

#[tokio::test]
async fn tags_are_searched_and_paged() {
    let site = tagged(&["app", "net_1", "netx1"]).await;
    let found = list(&site, "").await;
    assert_eq!(found["meta"]["pagination"]["total-count"], 3);
    assert_eq!(found["data"][0]["attributes"]["instance-count"], 1);
    assert_eq!(found["data"][0]["relationships"]["organization"]["data"]["id"], "acme");
    assert_eq!(list(&site, "?q=NET_").await["data"][0]["attributes"]["name"], "net_1");
    assert_eq!(list(&site, "?page[size]=2&page[number]=2").await["data"][0]["attributes"]["name"], "netx1");
    let excluded = format!("?filter[exclude][taggable][id]={}", site.workspace.id);
    assert_eq!(list(&site, &excluded).await["data"], json!([]));
    assert_eq!(site.server.request("GET", TAGS, &site.stranger, Value::Null).await.0, 404);
}

#[tokio::test]
async fn a_deleted_tag_leaves_its_workspaces() {
    let site = tagged(&["app", "net"]).await;
    let id = list(&site, "?q=app").await["data"][0]["id"].clone();
    let body = json!({ "data": [{ "type": "tags", "id": id }] });
    let (_, member) = site.member("mia").await;
    assert_eq!(site.server.request("DELETE", TAGS, &member, body.clone()).await.0, 403);
    assert_eq!(site.server.request("DELETE", TAGS, &site.owner, body.clone()).await.0, 204);
    assert_eq!(site.server.request("DELETE", TAGS, &site.owner, body).await.0, 404);
    let (_, left) =
        site.server.request("GET", &site.workspace_path("/tag-bindings"), &site.owner, Value::Null).await;
    assert_eq!(left["meta"]["pagination"]["total-count"], 1);
}

#[tokio::test]
async fn a_tag_is_put_on_workspaces() {
    let site = tagged(&["app"]).await;
    let other = site.server.workspace(&site.organization, "other").await;
    let id = list(&site, "").await["data"][0]["id"].as_str().expect("an id").to_owned();
    let path = format!("/api/v2/tags/{id}/relationships/workspaces");
    let body = json!({ "data": [{ "type": "workspaces", "id": other.id.as_str() }] });
    assert_eq!(site.server.request("POST", &path, &site.stranger, body.clone()).await.0, 404);
    let (_, member) = site.member("mia").await;
    assert_eq!(site.server.request("POST", &path, &member, body.clone()).await.0, 404);
    assert_eq!(site.server.request("POST", &path, &site.owner, body).await.0, 204);
    assert_eq!(list(&site, "").await["data"][0]["attributes"]["instance-count"], 2);
}
