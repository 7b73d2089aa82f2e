use serde_json::{Value, json};

use crate::api::tests::Site;

fn grant(team: &str, workspace: &str, attributes: Value) -> Value {
    json!({ "data": { "attributes": attributes, "relationships": {
        "team": { "data": { "type": "teams", "id": team } },
        "workspace": { "data": { "type": "workspaces", "id": workspace } },
    } } })
}

#[tokio::test]
async fn access_opens_a_workspace_as_far_as_it_says() {
    let site = Site::new().await;
    let (_, token) = site.member("mia").await;
    let team = site.team("readers", json!({}), &["mia"]).await;
    let all = "/api/v2/team-workspaces";
    assert_eq!(site.server.request("GET", &site.workspace_path(""), &token, Value::Null).await.0, 404);
    let body = grant(&team, site.workspace.id.as_str(), json!({ "access": "read" }));
    let (status, made) = site.server.request("POST", all, &site.owner, body.clone()).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(made["data"]["attributes"]["runs"], "read");
    assert_eq!(site.server.request("POST", all, &site.owner, body).await.0, 422);
    assert_eq!(site.server.request("GET", &site.workspace_path(""), &token, Value::Null).await.0, 200);
    let (status, refused) =
        site.server.request("POST", &site.workspace_path("/actions/lock"), &token, json!({})).await;
    assert_eq!(status, 403);
    let detail = refused["errors"][0]["detail"].as_str().expect("a text");
    assert!(detail.contains("may not lock the workspace"), "{detail}");

    let path = format!("{all}/{}", made["data"]["id"].as_str().expect("an id"));
    let patch = |attributes: Value| json!({ "data": { "attributes": attributes } });
    let (status, refused) =
        site.server.request("PATCH", &path, &site.owner, patch(json!({ "runs": "apply" }))).await;
    assert_eq!(status, 422);
    assert_eq!(
        refused["errors"][0]["detail"],
        "Runs is read-only when access level is 'read'; use the 'custom' access level to set this attribute."
    );
    let custom = patch(json!({ "access": "custom", "workspace-locking": true, "variables": "none" }));
    let (status, changed) = site.server.request("PATCH", &path, &site.owner, custom).await;
    assert_eq!((status, &changed["data"]["attributes"]["runs"]), (200, &json!("read")));
    assert_eq!(
        site.server.request("POST", &site.workspace_path("/actions/lock"), &token, json!({})).await.0,
        200
    );
    assert_eq!(site.server.request("GET", &site.workspace_path("/vars"), &token, Value::Null).await.0, 403);
    assert_eq!(site.server.request("DELETE", &path, &token, Value::Null).await.0, 403);
    assert_eq!(site.server.request("DELETE", &path, &site.owner, Value::Null).await.0, 204);
    assert_eq!(site.server.request("GET", &site.workspace_path(""), &token, Value::Null).await.0, 404);
}

#[tokio::test]
async fn access_needs_a_level_a_team_and_a_workspace() {
    let site = Site::new().await;
    let team = site.team("readers", json!({}), &[]).await;
    let id = site.workspace.id.to_string();
    for body in [
        grant(&team, &id, json!({})),
        grant(&team, &id, json!({ "access": "everything" })),
        json!({ "data": { "attributes": { "access": "read" } } }),
    ] {
        let (status, answer) =
            site.server.request("POST", "/api/v2/team-workspaces", &site.owner, body).await;
        assert_eq!(status, 422, "{answer}");
    }
    assert_eq!(site.server.request("GET", "/api/v2/team-workspaces", &site.owner, Value::Null).await.0, 400);
    let path = format!("/api/v2/team-workspaces?filter%5Bworkspace%5D%5Bid%5D={id}");
    assert_eq!(site.server.request("GET", &path, &site.owner, Value::Null).await.0, 200);
    assert_eq!(site.server.request("GET", &path, &site.stranger, Value::Null).await.0, 404);
}
