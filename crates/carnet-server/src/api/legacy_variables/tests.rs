use serde_json::{Value, json};

use crate::api::tests::Site;

const VARS: &str = "/api/v2/vars";
const LIST: &str = "/api/v2/vars?filter%5Borganization%5D%5Bname%5D=acme&filter%5Bworkspace%5D%5Bname%5D=net";

fn variable(site: &Site, relation: &str) -> Value {
    let workspace = json!({ "data": { "type": "workspaces", "id": site.workspace.id.as_str() } });
    json!({ "data": {
        "type": "vars",
        "attributes": { "key": "region", "value": "eu", "category": "terraform" },
        "relationships": { relation: workspace },
    } })
}

#[tokio::test]
async fn variables_are_made_and_changed_without_the_path_of_their_workspace() {
    let site = Site::new().await;
    let (status, made) = site.server.request("POST", VARS, &site.owner, variable(&site, "workspace")).await;
    assert_eq!(status, 201, "{made}");
    let id = made["data"]["id"].as_str().expect("an id");
    let one = format!("{VARS}/{id}");
    let change = json!({ "data": { "id": id, "type": "vars", "attributes": { "value": "us" } } });
    let (status, changed) = site.server.request("PATCH", &one, &site.owner, change).await;
    assert_eq!((status, &changed["data"]["attributes"]["value"]), (200, &json!("us")));
    let (_, listed) = site.server.request("GET", LIST, &site.owner, Value::Null).await;
    assert_eq!(listed["data"], json!([changed["data"]]));
    let (_, same) = site.server.request("GET", &site.workspace_path("/vars"), &site.owner, Value::Null).await;
    assert_eq!(same["data"], listed["data"]);
    assert_eq!(site.server.request("GET", &one, &site.owner, Value::Null).await.0, 200);
    assert_eq!(site.server.request("DELETE", &one, &site.owner, Value::Null).await.0, 204);
    assert_eq!(site.server.request("GET", &one, &site.owner, Value::Null).await.0, 404);
    let (status, _) = site.server.request("POST", VARS, &site.owner, variable(&site, "configurable")).await;
    assert_eq!(status, 201);
}

#[tokio::test]
async fn a_workspace_must_be_named() {
    let site = Site::new().await;
    let body = json!({ "data": { "attributes": { "key": "region", "category": "terraform" } } });
    assert_eq!(site.server.request("POST", VARS, &site.owner, body).await.0, 422);
    for filters in ["", "?filter%5Borganization%5D%5Bname%5D=acme", "?filter%5Bworkspace%5D%5Bname%5D=net"] {
        let (status, refused) =
            site.server.request("GET", &format!("{VARS}{filters}"), &site.owner, Value::Null).await;
        assert_eq!(status, 400, "{refused}");
    }
    let unknown = LIST.replace("=net", "=other");
    assert_eq!(site.server.request("GET", &unknown, &site.owner, Value::Null).await.0, 404);
}

#[tokio::test]
async fn strangers_find_nothing_and_sets_keep_their_variables() {
    let site = Site::new().await;
    let (_, made) = site.server.request("POST", VARS, &site.owner, variable(&site, "workspace")).await;
    let one = format!("{VARS}/{}", made["data"]["id"].as_str().expect("an id"));
    let change = json!({ "data": { "attributes": { "value": "us" } } });
    for (method, path, body) in [
        ("GET", LIST, Value::Null),
        ("POST", VARS, variable(&site, "workspace")),
        ("GET", &one, Value::Null),
        ("PATCH", &one, change.clone()),
        ("DELETE", &one, Value::Null),
    ] {
        assert_eq!(site.server.request(method, path, &site.stranger, body).await.0, 404, "{method} {path}");
    }
    let set = json!({ "data": { "attributes": { "name": "set" }, "relationships": { "vars": { "data": [
        { "type": "vars", "attributes": { "key": "k", "value": "v", "category": "env" } } ] } } } });
    let (_, set) = site.server.request("POST", "/api/v2/organizations/acme/varsets", &site.owner, set).await;
    let id = set["data"]["relationships"]["vars"]["data"][0]["id"].as_str().expect("an id");
    assert_eq!(site.server.request("PATCH", &format!("{VARS}/{id}"), &site.owner, change).await.0, 404);
}
