use serde_json::{Value, json};

use crate::api::tests::Site;

#[tokio::test]
async fn access_to_a_project_opens_its_workspaces() {
    let site = Site::new().await;
    let (_, token) = site.member("mia").await;
    let team = site.team("builders", json!({}), &["mia"]).await;
    let project = site.organization.default_project_id.to_string();
    let all = "/api/v2/team-projects";
    let grant = |attributes: Value| {
        json!({ "data": { "attributes": attributes, "relationships": {
            "team": { "data": { "type": "teams", "id": team } },
            "project": { "data": { "type": "projects", "id": project } },
        } } })
    };
    let (status, made) =
        site.server.request("POST", all, &site.owner, grant(json!({ "access": "write" }))).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(made["data"]["attributes"]["workspace-access"]["locking"], true);
    assert_eq!(made["data"]["attributes"]["project-access"]["settings"], "read");
    assert_eq!(site.server.request("GET", &site.workspace_path(""), &token, Value::Null).await.0, 200);
    assert_eq!(
        site.server.request("PATCH", &site.workspace_path(""), &token, json!({ "data": {} })).await.0,
        403
    );
    let variable = json!({ "data": { "attributes": { "key": "a", "category": "env" } } });
    assert_eq!(site.server.request("POST", &site.workspace_path("/vars"), &token, variable).await.0, 201);

    let path = format!("{all}/{}", made["data"]["id"].as_str().expect("an id"));
    let others = site.team("others", json!({ "visibility": "organization" }), &[]).await;
    let mut other = grant(json!({ "access": "read" }));
    other["data"]["relationships"]["team"]["data"]["id"] = json!(others);
    let (_, other) = site.server.request("POST", all, &site.owner, other).await;
    let other = format!("{all}/{}", other["data"]["id"].as_str().expect("an id"));
    let listed = format!("{all}?filter%5Bproject%5D%5Bid%5D={project}");
    let count = async |token: &str| {
        let (status, list) = site.server.request("GET", &listed, token, Value::Null).await;
        assert_eq!(status, 200, "{list}");
        list["data"].as_array().expect("a list").len()
    };
    assert_eq!((count(&site.owner).await, count(&token).await), (2, 1), "one's own teams");
    assert_eq!(site.server.request("GET", &path, &token, Value::Null).await.0, 200);
    assert_eq!(site.server.request("GET", &other, &token, Value::Null).await.0, 404);
    let custom = json!({ "data": { "attributes": { "access": "custom",
        "project-access": { "settings": "update", "teams": "read" }, "workspace-access": { "runs": "none" } } } });
    let (status, changed) = site.server.request("PATCH", &path, &site.owner, custom).await;
    assert_eq!(
        (status, &changed["data"]["attributes"]["project-access"]["settings"]),
        (200, &json!("update"))
    );
    assert_eq!(count(&token).await, 2, "who may see all");
    assert_eq!(site.server.request("GET", &other, &token, Value::Null).await.0, 200);
    assert_eq!(site.server.request("GET", &site.workspace_path("/runs"), &token, Value::Null).await.0, 403);
    assert_eq!(site.server.request("GET", &listed, &site.stranger, Value::Null).await.0, 404);
    assert_eq!(site.server.request("DELETE", &path, &site.owner, Value::Null).await.0, 204);
    assert_eq!(site.server.request("GET", &site.workspace_path(""), &token, Value::Null).await.0, 404);
}
