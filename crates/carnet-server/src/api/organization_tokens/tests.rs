use serde_json::{Value, json};

use crate::api::tests::Site;

const TOKEN: &str = "/api/v2/organizations/acme/authentication-token";

async fn made(site: &Site, path: &str) -> String {
    let (status, made) = site.server.request("POST", path, &site.owner, Value::Null).await;
    assert_eq!(status, 201, "{made}");
    made["data"]["attributes"]["token"].as_str().expect("shown once").to_owned()
}

#[tokio::test]
async fn an_organization_token_sets_up_and_never_runs() {
    let site = Site::new().await;
    let token = made(&site, TOKEN).await;
    let workspace = json!({ "data": { "attributes": { "name": "new" } } });
    let workspaces = "/api/v2/organizations/acme/workspaces";
    assert_eq!(site.server.request("POST", workspaces, &token, workspace).await.0, 201);
    let team = json!({ "data": { "attributes": { "name": "new" } } });
    assert_eq!(site.server.request("POST", "/api/v2/organizations/acme/teams", &token, team).await.0, 201);
    for (method, path, body) in [
        ("POST", site.workspace_path("/configuration-versions"), json!({ "data": {} })),
        ("POST", site.workspace_path("/state-versions"), json!({ "data": {} })),
        ("POST", TOKEN.to_owned(), Value::Null),
        ("GET", "/api/v2/organizations/other".to_owned(), Value::Null),
    ] {
        let (status, answer) = site.server.request(method, &path, &token, body).await;
        assert_eq!(status, 404, "{method} {path}: {answer}");
    }
    assert_eq!(site.server.request("DELETE", TOKEN, &site.owner, Value::Null).await.0, 204);
    assert_eq!(site.server.request("GET", workspaces, &token, Value::Null).await.0, 401);
}

#[tokio::test]
async fn a_token_for_the_audit_trail_opens_nothing_else() {
    let site = Site::new().await;
    let token = made(&site, &format!("{TOKEN}?token=audit-trails")).await;
    for path in
        ["/api/v2/organizations/acme", "/api/v2/account/details", "/api/v2/organizations/acme/workspaces"]
    {
        assert_eq!(site.server.request("GET", path, &token, Value::Null).await.0, 404, "{path}");
    }
    assert_eq!(
        site.server.request("GET", TOKEN, &site.owner, Value::Null).await.0,
        404,
        "they are two tokens"
    );
    let (status, _) =
        site.server.request("POST", &format!("{TOKEN}?token=else"), &site.owner, Value::Null).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn only_owners_handle_it() {
    let site = Site::new().await;
    let (_, token) = site.member("mia").await;
    for method in ["GET", "POST", "DELETE"] {
        assert_eq!(site.server.request(method, TOKEN, &token, Value::Null).await.0, 403, "{method}");
        assert_eq!(site.server.request(method, TOKEN, &site.stranger, Value::Null).await.0, 404, "{method}");
    }
}
