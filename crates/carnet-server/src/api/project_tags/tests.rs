use serde_json::{Value, json};

use crate::api::tests::Site;

fn bindings(pairs: &[(&str, &str)]) -> Value {
    let data: Vec<Value> = pairs
        .iter()
        .map(|(key, value)| json!({ "type": "tag-bindings", "attributes": { "key": key, "value": value } }))
        .collect();
    json!({ "data": data })
}

fn pairs(answer: &Value) -> Vec<(String, String)> {
    let text = |one: &Value, name: &str| one["attributes"][name].as_str().expect("a text").to_owned();
    let data = answer["data"].as_array().expect("a list");
    data.iter().map(|one| (text(one, "key"), text(one, "value"))).collect()
}

fn project(site: &Site) -> String {
    format!("/api/v2/projects/{}", site.organization.default_project_id)
}

#[tokio::test]
async fn bindings_are_added_by_key() {
    let site = Site::new().await;
    let path = format!("{}/tag-bindings", project(&site));
    let (status, made) =
        site.server.request("PATCH", &path, &site.owner, bindings(&[("env", "dev"), ("team", "a")])).await;
    assert_eq!(status, 200, "{made}");
    let (_, changed) = site.server.request("PATCH", &path, &site.owner, bindings(&[("env", "prod")])).await;
    let expected = vec![("env".to_owned(), "prod".to_owned()), ("team".to_owned(), "a".to_owned())];
    assert_eq!(pairs(&changed), expected);
    assert_eq!(made["data"][0]["id"], changed["data"][0]["id"], "a binding keeps its id");
    let effective = format!("{}/effective-tag-bindings", project(&site));
    let (_, effective) = site.server.request("GET", &effective, &site.owner, Value::Null).await;
    assert_eq!(
        (pairs(&effective), &effective["data"][0]["type"]),
        (expected, &json!("effective-tag-bindings"))
    );
    assert_eq!(site.server.request("GET", &path, &site.stranger, Value::Null).await.0, 404);
    let shown = format!("{}?include=effective-tag-bindings", project(&site));
    let (_, shown) = site.server.request("GET", &shown, &site.owner, Value::Null).await;
    assert_eq!(shown["included"][0]["attributes"]["key"], "env");
    assert_eq!(
        shown["data"]["relationships"]["effective-tag-bindings"]["data"][0]["id"],
        shown["included"][0]["id"]
    );
}

#[tokio::test]
async fn a_project_is_made_with_bindings_and_changed_with_others() {
    let site = Site::new().await;
    let body = |name: &str, given: Value| json!({ "data": { "attributes": { "name": name }, "relationships": { "tag-bindings": given } } });
    let (status, made) = site
        .server
        .request(
            "POST",
            "/api/v2/organizations/acme/projects",
            &site.owner,
            body("tagged", bindings(&[("a", "1")])),
        )
        .await;
    assert_eq!(status, 201, "{made}");
    let path = format!("/api/v2/projects/{}", made["data"]["id"].as_str().expect("an id"));
    site.server.request("PATCH", &path, &site.owner, body("tagged", bindings(&[("b", "2")]))).await;
    let (_, found) =
        site.server.request("GET", &format!("{path}/tag-bindings"), &site.owner, Value::Null).await;
    assert_eq!(pairs(&found), [("b".to_owned(), "2".to_owned())]);
}

#[tokio::test]
async fn workspaces_inherit_and_override() {
    let site = Site::new().await;
    let on_project = bindings(&[("env", "prod"), ("owner", "net")]);
    site.server.request("PATCH", &format!("{}/tag-bindings", project(&site)), &site.owner, on_project).await;
    let own = site.workspace_path("/tag-bindings");
    let (status, _) =
        site.server.request("PATCH", &own, &site.owner, bindings(&[("env", "dev"), ("flat", "")])).await;
    assert_eq!(status, 200);
    let effective = site.workspace_path("/effective-tag-bindings");
    let (_, found) = site.server.request("GET", &effective, &site.owner, Value::Null).await;
    let expected = [("env", "dev"), ("flat", ""), ("owner", "net")];
    assert_eq!(pairs(&found), expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    assert_eq!(found["data"][0]["links"], Value::Null, "its own");
    assert_eq!(found["data"][2]["links"]["inherited-from"], project(&site));

    let reserve = json!({ "data": { "attributes": { "key": "env", "disable-overrides": true } } });
    let keys = "/api/v2/organizations/acme/reserved-tag-keys";
    assert_eq!(site.server.request("POST", keys, &site.owner, reserve).await.0, 201);
    let (_, found) = site.server.request("GET", &effective, &site.owner, Value::Null).await;
    let expected = [("env", "prod"), ("flat", ""), ("owner", "net")];
    assert_eq!(pairs(&found), expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    let (status, refused) =
        site.server.request("PATCH", &own, &site.owner, bindings(&[("env", "test")])).await;
    assert_eq!(status, 422, "{refused}");
    assert_eq!(site.server.request("PATCH", &own, &site.owner, bindings(&[("env", "prod")])).await.0, 200);
}
