use serde_json::{Value, json};

use super::Site;

const ROLE: &str = "TFC_AWS_RUN_ROLE_ARN";

fn variable(key: &str, category: &str) -> Value {
    json!({ "data": { "type": "vars", "attributes": { "key": key, "value": "v", "category": category } } })
}

/// A member whose team has custom access: to variables, and as told to those of credentials.
async fn writer(site: &Site, credential_variables: Option<&str>) -> String {
    let (id, token) = site.member("walt").await;
    let team = site.team("writers", json!({}), &["walt"]).await;
    assert!(!id.as_str().is_empty());
    let mut attributes = json!({ "access": "custom", "variables": "write" });
    if let Some(access) = credential_variables {
        attributes["credential-variables"] = json!(access);
    }
    let body = json!({ "data": { "attributes": attributes, "relationships": {
        "team": { "data": { "type": "teams", "id": team } },
        "workspace": { "data": { "type": "workspaces", "id": site.workspace.id.as_str() } },
    } } });
    let (status, made) = site.server.request("POST", "/api/v2/team-workspaces", &site.owner, body).await;
    assert_eq!(status, 201, "{made}");
    let shown = &made["data"]["attributes"]["credential-variables"];
    assert_eq!(shown, credential_variables.unwrap_or("follows"));
    token
}

async fn reserve(site: &Site) {
    let body = json!({ "data": { "attributes": { "credential-variables-need-admin": true } } });
    let (status, answer) =
        site.server.request("PATCH", "/api/v2/organizations/acme", &site.owner, body).await;
    assert_eq!(
        (status, &answer["data"]["attributes"]["credential-variables-need-admin"]),
        (200, &json!(true))
    );
}

async fn made(site: &Site, token: &str, key: &str, category: &str) -> u16 {
    let path = site.workspace_path("/vars");
    site.server.request("POST", &path, token, variable(key, category)).await.0
}

#[tokio::test]
async fn without_the_permission_no_way_leads_to_a_credential_variable() {
    let site = Site::new().await;
    let token = writer(&site, Some("none")).await;
    let path = site.workspace_path("/vars");
    let (status, answer) = site.server.request("POST", &path, &token, variable(ROLE, "env")).await;
    assert_eq!(status, 403);
    let detail = answer["errors"][0]["detail"].as_str().expect("a text");
    assert!(detail.starts_with("TFC_AWS_RUN_ROLE_ARN decides which identity runs ask for"), "{detail}");
    for key in [
        "TFC_WORKLOAD_IDENTITY_AUDIENCE",
        "TFC_WORKLOAD_IDENTITY_AUDIENCE_BLUE",
        "TFC_DEFAULT_VAULT_ADDR",
        "TFC_VAULT_RUN_ROLE_X",
        "TFC_SNOWFLAKE_PROVIDER_AUTH",
    ] {
        assert_eq!(made(&site, &token, key, "env").await, 403, "{key}");
    }
    // Other variables, and those that only look alike, are free.
    assert_eq!(made(&site, &token, "AWS_REGION", "env").await, 201);
    assert_eq!(made(&site, &token, ROLE, "terraform").await, 201);
    // By the older path, too.
    let mut body = variable(ROLE, "env");
    body["data"]["relationships"] =
        json!({ "workspace": { "data": { "type": "workspaces", "id": site.workspace.id.as_str() } } });
    assert_eq!(site.server.request("POST", "/api/v2/vars", &token, body).await.0, 403);
    // Another variable cannot become one, and one cannot become another.
    let (_, all) = site.server.request("GET", &path, &token, Value::Null).await;
    let id_of = |all: &Value, key: &str| {
        let found = all["data"]
            .as_array()
            .expect("a list")
            .iter()
            .find(|one| one["attributes"]["key"] == key && one["attributes"]["category"] == "env");
        found.expect("there")["id"].as_str().expect("an id").to_owned()
    };
    let region = id_of(&all, "AWS_REGION");
    let rename = |key: &str| json!({ "data": { "attributes": { "key": key } } });
    for at in [format!("{path}/{region}"), format!("/api/v2/vars/{region}")] {
        assert_eq!(site.server.request("PATCH", &at, &token, rename(ROLE)).await.0, 403, "{at}");
    }
    assert_eq!(made(&site, &site.owner, ROLE, "env").await, 201);
    let (_, all) = site.server.request("GET", &path, &token, Value::Null).await;
    let role = id_of(&all, ROLE);
    for at in [format!("{path}/{role}"), format!("/api/v2/vars/{role}")] {
        assert_eq!(site.server.request("PATCH", &at, &token, rename("OTHER")).await.0, 403, "{at}");
        let value = json!({ "data": { "attributes": { "value": "admin" } } });
        assert_eq!(site.server.request("PATCH", &at, &token, value).await.0, 403, "{at}");
        assert_eq!(site.server.request("DELETE", &at, &token, Value::Null).await.0, 403, "{at}");
    }
    assert_eq!(
        site.server.request("DELETE", &format!("{path}/{role}"), &site.owner, Value::Null).await.0,
        204
    );
}

#[tokio::test]
async fn as_long_as_nobody_reserves_them_they_are_like_other_variables() {
    let site = Site::new().await;
    let token = writer(&site, None).await;
    assert_eq!(made(&site, &token, ROLE, "env").await, 201);
    reserve(&site).await;
    assert_eq!(made(&site, &token, "TFC_AWS_PROVIDER_AUTH", "env").await, 403);
    let (_, shown) = site.server.request("GET", &site.workspace_path(""), &token, Value::Null).await;
    let permissions = &shown["data"]["attributes"]["permissions"];
    assert_eq!(permissions["can-update-variable"], true);
    assert_eq!(permissions["can-update-credential-variable"], false);
    assert_eq!(made(&site, &site.owner, "TFC_AWS_PROVIDER_AUTH", "env").await, 201);
}

#[tokio::test]
async fn a_team_that_is_granted_them_by_name_keeps_them_when_they_are_reserved() {
    let site = Site::new().await;
    let token = writer(&site, Some("write")).await;
    reserve(&site).await;
    assert_eq!(made(&site, &token, ROLE, "env").await, 201);
}

#[tokio::test]
async fn a_variable_set_with_credential_variables_is_left_alone() {
    let site = Site::new().await;
    let (_, token) = site.member("walt").await;
    let team = site.team("sets", json!({}), &["walt"]).await;
    let project = site.workspace.project_id.to_string();
    let body = json!({ "data": { "attributes": {
        "access": "custom", "project-access": { "variable-sets": "write" },
        "workspace-access": { "variables": "write", "credential-variables": "none" },
    }, "relationships": {
        "team": { "data": { "type": "teams", "id": team } },
        "project": { "data": { "type": "projects", "id": project } },
    } } });
    let (status, answer) = site.server.request("POST", "/api/v2/team-projects", &site.owner, body).await;
    assert_eq!(status, 201, "{answer}");
    let set = |name: &str, key: &str| {
        json!({ "data": { "attributes": { "name": name }, "relationships": {
            "parent": { "data": { "type": "projects", "id": project } },
            "vars": { "data": [{ "type": "vars", "attributes": { "key": key, "value": "v", "category": "env" } }] },
        } } })
    };
    let sets = "/api/v2/organizations/acme/varsets";
    assert_eq!(site.server.request("POST", sets, &token, set("mine", ROLE)).await.0, 403);
    let (status, made) = site.server.request("POST", sets, &token, set("mine", "AWS_REGION")).await;
    assert_eq!(status, 201, "{made}");
    let mine = format!("/api/v2/varsets/{}", made["data"]["id"].as_str().expect("an id"));
    let vars = format!("{mine}/relationships/vars");
    assert_eq!(site.server.request("POST", &vars, &token, variable(ROLE, "env")).await.0, 403);
    let (status, made) = site.server.request("POST", sets, &site.owner, set("theirs", ROLE)).await;
    assert_eq!(status, 201, "{made}");
    let theirs = format!("/api/v2/varsets/{}", made["data"]["id"].as_str().expect("an id"));
    let here = json!({ "data": [{ "type": "workspaces", "id": site.workspace.id.as_str() }] });
    let first = json!({ "data": { "attributes": { "priority": true } } });
    for (method, path, body, mine_too) in [
        ("POST", "/relationships/workspaces", &here, 204),
        ("DELETE", "/relationships/workspaces", &here, 204),
        ("PATCH", "", &first, 200),
        ("DELETE", "", &Value::Null, 204),
    ] {
        let refused = site.server.request(method, &format!("{theirs}{path}"), &token, body.clone()).await;
        assert_eq!(refused.0, 403, "{method} {path}: {}", refused.1);
        let free = site.server.request(method, &format!("{mine}{path}"), &token, body.clone()).await;
        assert_eq!(free.0, mine_too, "{method} {path}: {}", free.1);
    }
    assert_eq!(site.server.request("DELETE", &theirs, &site.owner, Value::Null).await.0, 204);
}
