use serde_json::{Value, json};

use super::Site;
use crate::testing::ADMIN;

#[tokio::test]
async fn discovery_is_relative_and_ends_in_a_slash() {
    let site = Site::new().await;
    let (status, services) = site.server.request("GET", "/.well-known/terraform.json", "", Value::Null).await;
    assert_eq!(status, 200);
    for (name, url) in services.as_object().expect("an object") {
        let expected = match name.as_str() {
            "login.v1" => continue,
            "modules.v1" => "/api/registry/v1/modules/",
            "providers.v1" => "/api/registry/v1/providers/",
            _ => "/api/v2/",
        };
        assert_eq!(url, expected, "{name}");
    }
}

#[tokio::test]
async fn a_new_organization_has_a_default_project() {
    let site = Site::new().await;
    let body = json!({ "data": { "type": "organizations", "attributes": { "name": "beta", "email": "b@example.com" } } });
    let (status, made) =
        site.server.request("POST", "/api/v2/organizations", &site.stranger, body.clone()).await;
    assert_eq!((status, &made["data"]["id"]), (201, &json!("beta")));
    let (_, projects) =
        site.server.request("GET", "/api/v2/organizations/beta/projects", &site.stranger, Value::Null).await;
    assert_eq!(projects["data"][0]["attributes"]["name"], "Default Project");
    assert_eq!(projects["data"][0]["id"], made["data"]["relationships"]["default-project"]["data"]["id"]);
    let (status, again) = site.server.request("POST", "/api/v2/organizations", &site.owner, body).await;
    assert_eq!(status, 422);
    assert_eq!(again["errors"][0]["detail"], "Name has already been taken");
}

#[tokio::test]
async fn a_user_lists_only_organizations_of_its_own() {
    let site = Site::new().await;
    for (token, count) in [(site.owner.as_str(), 1), (&site.stranger, 0), (ADMIN, 1)] {
        let (_, found) = site.server.request("GET", "/api/v2/organizations", token, Value::Null).await;
        assert_eq!(found["meta"]["pagination"]["total-count"], count);
    }
}

#[tokio::test]
async fn names_that_could_forge_a_subject_are_refused() {
    let site = Site::new().await;
    for name in ["a:b", "ab", "acme:project:x", "a/b", ""] {
        let body = json!({ "data": { "attributes": { "name": name, "email": "e@example.com" } } });
        let (status, _) = site.server.request("POST", "/api/v2/organizations", &site.owner, body).await;
        assert_eq!(status, 422, "{name}");
        for kind in ["projects", "workspaces"] {
            let body = json!({ "data": { "attributes": { "name": format!("{name}:x") } } });
            let path = format!("/api/v2/organizations/acme/{kind}");
            let (status, _) = site.server.request("POST", &path, &site.owner, body).await;
            assert_eq!(status, 422, "{kind} {name}");
        }
    }
}

#[tokio::test]
async fn a_project_that_is_needed_stays() {
    let site = Site::new().await;
    let default = format!("/api/v2/projects/{}", site.organization.default_project_id);
    assert_eq!(site.server.request("DELETE", &default, &site.owner, Value::Null).await.0, 403);
    let body = json!({ "data": { "attributes": { "name": "platform" } } });
    let (status, made) =
        site.server.request("POST", "/api/v2/organizations/acme/projects", &site.owner, body).await;
    assert_eq!(status, 201);
    let id = made["data"]["id"].as_str().expect("an id").to_owned();
    let moved =
        json!({ "data": { "attributes": {}, "relationships": { "project": { "data": { "id": id } } } } });
    let (status, workspace) =
        site.server.request("PATCH", &site.workspace_path(""), &site.owner, moved).await;
    assert_eq!((status, &workspace["data"]["relationships"]["project"]["data"]["id"]), (200, &json!(id)));
    let path = format!("/api/v2/projects/{id}");
    assert_eq!(site.server.request("DELETE", &path, &site.owner, Value::Null).await.0, 403);
    assert_eq!(
        site.server.request("DELETE", &site.workspace_path(""), &site.owner, Value::Null).await.0,
        204
    );
    assert_eq!(site.server.request("DELETE", &path, &site.owner, Value::Null).await.0, 204);
}

#[tokio::test]
async fn a_project_of_another_organization_takes_no_workspace() {
    let site = Site::new().await;
    let body = json!({ "data": { "attributes": { "name": "beta", "email": "b@example.com" } } });
    let (_, other) = site.server.request("POST", "/api/v2/organizations", &site.stranger, body).await;
    let project = &other["data"]["relationships"]["default-project"]["data"]["id"];
    let moved = json!({ "data": { "relationships": { "project": { "data": { "id": project } } } } });
    assert_eq!(site.server.request("PATCH", &site.workspace_path(""), &site.owner, moved).await.0, 422);
}
